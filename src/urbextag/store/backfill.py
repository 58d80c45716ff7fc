"""Taking over the tags that another program left, and giving them back: what is written, many photos at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from urbextag.guest.legacy_tags import LegacySource
from urbextag.records import LEGACY_STAGE, Evidence
from urbextag.store import grid, jobs
from urbextag.store.db import now
from urbextag.store.legacy import COLUMNS, LegacyRow

_DERIVED = (
    "view_confidence", "condition_score", "condition_label", "era", "derived_fingerprint", "condition_elements",
    "view_conflict", "published", "published_at",
)  # fmt: skip
"""Of `ut_photos`: what deriving writes."""
FROM_KEPT = 2
"""`ut_backfill.taken` of photos whose columns held our tags already; 1: theirs; 0: not taken over, only kept."""


def keep(db: sqlite3.Connection, rows: Sequence[LegacyRow], made: Mapping[str, Sequence[int]]) -> None:
    """Keep the columns as they were, and the decisions that were made of them. Call it inside `db.write`.

    Of a photo that is taken over again, because the other program tagged it again, the first columns are kept.
    """
    marks = ",".join("?" * len(rows))
    before = db.execute(f"SELECT sha, decisions FROM ut_backfill WHERE sha IN ({marks})", [row.sha for row in rows])
    earlier = {sha: json.loads(decisions) for sha, decisions in before}
    moment = now()
    db.executemany(
        """INSERT INTO ut_backfill (sha, source, columns, decisions, queued, taken, at) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (sha) DO UPDATE SET
            source = excluded.source, queued = max(queued, excluded.queued), at = excluded.at,
            taken = CASE taken WHEN 0 THEN excluded.taken ELSE taken END, decisions = excluded.decisions""",
        [
            (
                row.sha, row.source, json.dumps(row.columns),
                json.dumps([*earlier.get(row.sha, ()), *made.get(row.sha, ())]), row.to_queue,
                FROM_KEPT if row.kept else 1, moment,
            )
            for row in rows
        ],
    )  # fmt: skip


def adopt(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Note photos that another program put into `imgs` of an archive of its own. Call it inside `db.write`."""
    marks = ",".join("?" * len(shas))
    db.execute(
        f"INSERT OR IGNORE INTO ut_photos (sha, format) SELECT imgsha, 'unknown' FROM imgs WHERE imgsha IN ({marks})",
        tuple(shas),
    )
    db.execute(
        f"""INSERT OR IGNORE INTO ut_paths SELECT imgloc, imgsha, -1, -1, ? FROM imgs
        WHERE imgsha IN ({marks}) AND imgsha NOT IN (SELECT sha FROM ut_paths)""",
        (now(), *shas),
    )
    grid.put(db, shas)


def set_evidence(db: sqlite3.Connection, said: Mapping[str, Sequence[Evidence]]) -> None:
    """Put down what the other tagger said of photos, in place of what it said before. Call it inside `db.write`."""
    moment = now()
    db.executemany(
        "INSERT OR REPLACE INTO ut_results VALUES (?, ?, ?, '{}', ?)",
        [(sha, LEGACY_STAGE, json.dumps([_plain(one) for one in pieces]), moment) for sha, pieces in said.items()],
    )


def _plain(piece: Evidence) -> dict[str, Any]:
    """`asdict`, which takes ten times as long."""
    return {"source": piece.source, "label": piece.label, "score": piece.score, "box": piece.box}


def copy_tags(db: sqlite3.Connection, rows: Sequence[LegacyRow]) -> None:
    """Copy `auto_tags` to `auto_tags_legacy`; an older copy that is there stays."""
    db.executemany(
        "UPDATE imgs SET auto_tags_legacy = coalesce(auto_tags_legacy, ?) WHERE imgsha = ?",
        [(row.columns["auto_tags"], row.sha) for row in rows],
    )


def purge(db: sqlite3.Connection, rows: Sequence[LegacyRow]) -> None:
    """Empty the tag columns of inventions."""
    db.executemany(
        """UPDATE imgs SET auto_tags = NULL, auto_tags_source = NULL, auto_tags_confidence = NULL, auto_tags_at = NULL
        WHERE imgsha = ?""",
        [(row.sha,) for row in rows],
    )


def decided(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, set[str]]:
    """The concepts of each photo that a person ever spoke of, taken back or not."""
    found: dict[str, set[str]] = {sha: set() for sha in shas}
    marks = ",".join("?" * len(shas))
    for sha, concept in db.execute(f"SELECT sha, concept FROM ut_decisions WHERE sha IN ({marks})", tuple(shas)):
        found[sha].add(concept)
    return found


def decide(db: sqlite3.Connection, words: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, list[int]]:
    """Put down a person's words on photos (concept, label) as added tags. Returns the ids of the decisions."""
    number = int(db.execute("SELECT coalesce(max(id), 0) FROM ut_decisions").fetchone()[0])
    made: dict[str, list[int]] = {sha: [] for sha in words}
    moment = now()
    rows = []
    for sha, said in words.items():
        for concept, label in said:
            number += 1
            made[sha].append(number)
            rows.append((number, sha, concept, label, moment))
    db.executemany(
        "INSERT INTO ut_decisions (id, sha, concept, label, verdict, at) VALUES (?, ?, ?, ?, 'add', ?)", rows
    )
    return made


def labels(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags that stand for photos, as {concept: label}."""
    found: dict[str, dict[str, str]] = {sha: {} for sha in shas}
    marks = ",".join("?" * len(shas))
    for sha, concept, label in db.execute(f"SELECT sha, concept, label FROM ut_tags WHERE sha IN ({marks})", shas):
        found[sha][concept] = label
    return found


@dataclass(frozen=True, slots=True)
class Taken:
    """One photo that was taken over."""

    sha: str
    source: LegacySource
    columns: Mapping[str, Any]
    decisions: tuple[int, ...]
    queued: bool
    ours: bool
    """Its columns hold tags of this archive that do not go with the rest: stages have looked at it, or a person had."""


def taken(db: sqlite3.Connection, shas: Sequence[str] | None = None) -> Iterator[Taken]:
    """The photos that were taken over, all or those of these."""
    these = "" if shas is None else f"AND sha IN ({','.join('?' * len(shas))})"
    rows = db.execute(
        f"""SELECT sha, source, columns, decisions, queued, tagged_at IS NOT NULL OR taken = {FROM_KEPT} AS ours
        FROM ut_backfill LEFT JOIN ut_photos USING (sha) WHERE taken {these} ORDER BY sha""",
        tuple(shas or ()),
    )
    for row in rows:
        yield Taken(
            row["sha"], row["source"], json.loads(row["columns"]), tuple(json.loads(row["decisions"])),
            bool(row["queued"]), bool(row["ours"]),
        )  # fmt: skip


def taken_count(db: sqlite3.Connection) -> int:
    """How many photos have been taken over."""
    return int(db.execute("SELECT count(*) FROM ut_backfill WHERE taken").fetchone()[0])


def still_queued(db: sqlite3.Connection) -> int:
    """How many of the jobs that taking over made still wait."""
    return int(
        db.execute(
            f"""SELECT count(*) FROM ut_backfill JOIN ut_jobs USING (sha)
            WHERE taken AND queued AND state = 'queued' AND priority = {jobs.Priority.BACKFILL:d}"""
        ).fetchone()[0]
    )


def withdraw(db: sqlite3.Connection, photos: Sequence[Taken]) -> None:
    """Take out what was made of the legacy columns: evidence, decisions, jobs that still wait. Inside `db.write`."""
    shas = [(photo.sha,) for photo in photos]
    db.executemany(f"DELETE FROM ut_results WHERE sha = ? AND stage = '{LEGACY_STAGE}'", shas)
    db.executemany(
        "DELETE FROM ut_decisions WHERE id = ? AND sha = ?",
        [(number, photo.sha) for photo in photos for number in photo.decisions],
    )
    db.executemany(
        f"DELETE FROM ut_jobs WHERE sha = ? AND state = 'queued' AND priority = {jobs.Priority.BACKFILL:d}",
        [(photo.sha,) for photo in photos if photo.queued],
    )


def restore(db: sqlite3.Connection, photos: Sequence[Taken]) -> None:
    """Give photos their columns back as they were. Inside `db.write`, after they were derived again.

    Where they hold tags of ours (`Taken.ours`), these stay, and what they held before stays in `ut_backfill`, so that
    it can be taken over again.
    """
    untouched = [photo for photo in photos if not photo.ours]
    db.executemany(
        f"UPDATE imgs SET {', '.join(f'{name} = ?' for name in COLUMNS)} WHERE imgsha = ?",
        [(*(photo.columns[name] for name in COLUMNS), photo.sha) for photo in untouched],
    )
    db.executemany(
        f"UPDATE ut_photos SET {', '.join(f'{name} = NULL' for name in _DERIVED)} WHERE sha = ?",
        [(photo.sha,) for photo in untouched],
    )
    db.executemany("DELETE FROM ut_backfill WHERE sha = ?", [(photo.sha,) for photo in untouched])
    ours = [photo for photo in photos if photo.ours]
    db.executemany(
        "UPDATE imgs SET auto_tags_legacy = ? WHERE imgsha = ?",
        [(photo.columns["auto_tags_legacy"], photo.sha) for photo in ours],
    )
    db.executemany(
        "UPDATE ut_backfill SET taken = 0, queued = 0, decisions = '[]' WHERE sha = ?",
        [(photo.sha,) for photo in ours],
    )
    grid.put(db, [photo.sha for photo in photos])


def without_results(db: sqlite3.Connection, shas: Sequence[str]) -> list[str]:
    """Those of these photos of which no stage has said anything."""
    marks = ",".join("?" * len(shas))
    rows = db.execute(f"SELECT DISTINCT sha FROM ut_results WHERE sha IN ({marks})", tuple(shas))
    said = {sha for (sha,) in rows}
    return [sha for sha in shas if sha not in said]
