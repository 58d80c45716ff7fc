"""Our tables and columns as guests in the application's database: let in, and its photos taken up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal

from urbextag.files import FileStamp
from urbextag.guest.legacy_tags import is_text
from urbextag.store import grid, jobs, photos
from urbextag.store.db import any_bytes, columns_of, migrate, missing_columns, now, write, write_in_slices
from urbextag.store.migrations import PUBLISHED

KeyKind = Literal["sha256", "other", "unknown"]
"""Whether the keys of `imgs` are the SHA-256 of the content; unknown: no file was there to try it on."""
NEVER = FileStamp(-1, -1)
"""Of a file that was never looked at."""
SUFFIX_FORMATS = {"jpg": "jpeg", "jpe": "jpeg", "tif": "tiff", "heif": "heic", "hif": "heic", "jp2": "jpeg2000"}


@dataclass(frozen=True, slots=True)
class Guest:
    """What is noted of our stay in the application's database."""

    at: str
    added: dict[str, list[str]] = field(default_factory=dict)
    """The columns that were added to its tables, by table."""
    keys: KeyKind = "unknown"
    adopted: bool = False
    """All its photos have been taken up once."""
    leaving: Literal["", "columns", "tables"] = ""
    """What a `detach` that was begun is at."""


def guest(db: sqlite3.Connection) -> Guest | None:
    """What is noted of our stay; None where the database is our own, or not attached."""
    if "value" not in columns_of(db, "ut_settings"):
        return None
    row = db.execute("SELECT value FROM ut_settings WHERE key = 'attached'").fetchone()
    return Guest(**json.loads(row[0])) if row else None


def note(db: sqlite3.Connection, stay: Guest) -> None:
    """Keep what is to be known of our stay. Call it inside `write`."""
    db.execute("INSERT OR REPLACE INTO ut_settings VALUES ('attached', ?)", (json.dumps(asdict(stay)),))


def let_in(db: sqlite3.Connection) -> None:
    """Make our tables, and add the columns that are missing, all at once or not at all.

    Columns are added without constraints and at the end, which rewrites no row.
    """
    with write(db):
        missing = missing_columns(db)
        for table, column, kind in missing:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        migrate(db, given=("0001-archive",))
        stay = guest(db) or Guest(now())
        added = dict(stay.added)
        for table in {table for table, _, _ in missing}:
            # A table that lost some of ours was rebuilt: those of ours that it has all the same are the application's
            added[table] = [column for name, column, _ in missing if name == table]
        note(db, replace(stay, added=added))


def unadopted(db: sqlite3.Connection) -> list[str]:
    """The photos of the application that are not known here yet."""
    return [row[0] for row in db.execute("SELECT imgsha FROM imgs WHERE imgsha NOT IN (SELECT sha FROM ut_photos)")]


def adopt(db: sqlite3.Connection, shas: Sequence[str], done: Callable[[int], None] = lambda count: None) -> None:
    """Take photos of the application up, in short transactions; `done` hears how many so far."""
    write_in_slices(db, shas, lambda part: take_up(db, part), done)


def take_up(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Note photos with their paths, and what stood in the columns that will be written. Call it inside `write`.

    Photos that are known already stay as they are.
    """
    stay = guest(db)
    if stay is None:
        return
    theirs = [column for column in PUBLISHED if column not in stay.added.get("imgs", ())]
    with any_bytes(db):
        rows = db.execute(
            f"""SELECT imgsha, imgloc, {", ".join((*theirs, "NULL"))} FROM imgs
            WHERE imgsha IN ({",".join("?" * len(shas))}) AND imgsha NOT IN (SELECT sha FROM ut_photos)""",
            tuple(shas),
        ).fetchall()
    moment = now()
    db.executemany(
        "INSERT INTO ut_photos (sha, format) VALUES (?, ?)", [(row[0], _format(str(row[1]))) for row in rows]
    )
    db.executemany(
        "INSERT OR IGNORE INTO ut_paths VALUES (?, ?, ?, ?, ?)",
        [(row[1], row[0], NEVER.size, NEVER.mtime_ns, moment) for row in rows if is_text(row[1])],
    )
    stood = {
        row[0]: dict(zip(theirs, tuple(row)[2:], strict=False)) for row in rows if any(v is not None for v in row[2:])
    }
    db.executemany(
        "INSERT OR REPLACE INTO ut_originals VALUES (?, ?)",
        [(sha, json.dumps(columns, default=lambda blob: {"hex": blob.hex()})) for sha, columns in stood.items()],
    )
    grid.put(db, [row[0] for row in rows])


def _format(path: str) -> str:
    """What a file's suffix promises, until a stage looks at it."""
    suffix = PureWindowsPath(path).suffix.lower().removeprefix(".")
    return SUFFIX_FORMATS.get(suffix, suffix or "unknown")


def seen(db: sqlite3.Connection, sha: str, path: str, stamp: FileStamp) -> None:
    """Note that a photo's file lies at a path, and what it is like. Call it inside `write`."""
    db.execute(
        """INSERT INTO ut_paths VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET
            sha = excluded.sha, size = excluded.size, mtime_ns = excluded.mtime_ns""",
        (path, sha, stamp.size, stamp.mtime_ns, now()),
    )


def is_content_key(db: sqlite3.Connection, key: object) -> bool:
    """Whether a key is the SHA-256 of the content: one by its looks, in an archive where such keys are that."""
    stay = guest(db)
    return is_hex64(key) and (stay is None or stay.keys != "other")


def is_hex64(key: object) -> bool:
    """Whether a key looks like a SHA-256 as it is written here: 64 hex digits in lower case."""
    return isinstance(key, str) and len(key) == 64 and set(key) <= set("0123456789abcdef")


def link_pairs(db: sqlite3.Connection, raw_formats: frozenset[str]) -> None:
    """Link the RAW files that were taken up and never looked at with their developed pictures."""
    rows = db.execute(
        f"""SELECT path FROM ut_paths JOIN ut_photos USING (sha)
        WHERE mtime_ns = {NEVER.mtime_ns} AND pair_sha IS NULL AND format IN ({",".join("?" * len(raw_formats))})""",
        sorted(raw_formats),
    ).fetchall()

    def link(part: Sequence[str]) -> None:
        photos.link_pairs(db, part, raw_formats)

    write_in_slices(db, [row[0] for row in rows], link)


def forget_gone(db: sqlite3.Connection) -> int:
    """Forget the photos that the application has removed and that no stage ever looked at. Returns how many.

    What was made of the others stays: it was dear, and the application may bring them back.
    """
    rows = db.execute(
        "SELECT sha FROM ut_photos WHERE tagged_at IS NULL AND sha NOT IN (SELECT imgsha FROM imgs)"
    ).fetchall()

    def forget(part: Sequence[str]) -> None:
        each = [(sha,) for sha in part]
        for table in ("ut_photos", "ut_paths", "ut_originals", "ut_vlm_jobs"):
            db.executemany(f"DELETE FROM {table} WHERE sha = ?", each)
        db.executemany("DELETE FROM ut_jobs WHERE sha = ? AND state <> 'running'", each)

    write_in_slices(db, [row[0] for row in rows], forget)
    return len(rows)


def set_missing(db: sqlite3.Connection, shas: Sequence[str], request: str) -> None:
    """Set photos down as missing under a request, without a claim and at no cost to them."""

    def enter(part: Sequence[str]) -> None:
        jobs.enqueue(db, part, jobs.Priority.PERSON, request)
        db.execute(
            f"""UPDATE ut_jobs SET state = 'missing', reason = 'is not where the database says', finished_at = ?
            WHERE sha IN ({",".join("?" * len(part))}) AND state = 'queued'""",
            (now(), *part),
        )

    write_in_slices(db, shas, enter)


def sample(db: sqlite3.Connection, limit: int) -> list[tuple[str, str]]:
    """(key, path) of at most `limit` photos, spread over the archive."""
    low, high = db.execute("SELECT min(rowid), max(rowid) FROM imgs").fetchone()
    if low is None:
        return []
    step = max(1, (high - low + 1) // limit)
    found = {}
    for start in range(low, high + 1, step):
        row = db.execute("SELECT imgsha, imgloc FROM imgs WHERE rowid >= ? ORDER BY rowid LIMIT 1", (start,)).fetchone()
        found[row[0]] = str(row[1])
    return list(found.items())


def paths_of_each(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, list[str]]:
    """Where each photo may lie: by the application's word first, then at other paths at which it was seen."""
    marks = ",".join("?" * len(shas))
    rows = db.execute(
        f"""SELECT imgsha, imgloc FROM imgs WHERE imgsha IN ({marks})
        UNION ALL SELECT sha, path FROM ut_paths WHERE sha IN ({marks})""",
        (*shas, *shas),
    )
    found: dict[str, list[str]] = {}
    for sha, path in rows:
        found.setdefault(sha, []).append(str(path))
    return found


def keeps_relative_paths(db: sqlite3.Connection) -> bool:
    """Whether the application keeps paths relative to a folder, going by its first photo."""
    row = db.execute("SELECT imgloc FROM imgs LIMIT 1").fetchone()
    return bool(row) and not (PurePosixPath(row[0]).is_absolute() or PureWindowsPath(row[0]).drive)
