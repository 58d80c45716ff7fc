"""The words that were said of photos, as they were said: what the inbox of unknown terms is counted from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

LEGACY = "legacy/"
"""Begins the id of a decision on a word of a person's that no concept has yet: `legacy/<name>`."""
CHANGES = "words_changes"
"""Key in `ut_settings` of what was put into the owner's words, oldest first: what `undo` takes back."""


class Said(NamedTuple):
    """One thing that a source said of a photo."""

    sha: str
    source: str
    label: str
    score: float | None


class OwnWord(NamedTuple):
    """A word that a person gave a photo and that stands as a decision without a concept."""

    sha: str
    concept: str
    label: str


_SEEN = "sha NOT IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced')"


def photo_count(db: sqlite3.Connection) -> int:
    """How many photos something was said of."""
    return int(db.execute(f"SELECT count(DISTINCT sha) FROM ut_results WHERE {_SEEN}").fetchone()[0])


def photos(db: sqlite3.Connection) -> list[str]:
    """The photos that something was said of, by SHA-256."""
    return [sha for (sha,) in db.execute(f"SELECT DISTINCT sha FROM ut_results WHERE {_SEEN} ORDER BY sha")]


def said(db: sqlite3.Connection, unheard: Sequence[str], containing: Sequence[str] = ()) -> Iterator[Said]:
    """All evidence, photo by photo.

    Args:
        db: the archive.
        unheard: sources that are passed over.
        containing: pieces of words; a stage's words on a photo are passed over where none of these is in them.

    """
    marks = ",".join("?" * len(unheard))
    within = " OR ".join(["instr(lower(evidence), ?)"] * len(containing)) or "TRUE"
    cursor = db.cursor()
    cursor.row_factory = None  # plain tuples
    cursor.execute(
        f"""SELECT sha, piece.value ->> 'source' AS source, piece.value ->> 'label', piece.value ->> 'score'
        FROM ut_results, json_each(evidence) AS piece
        WHERE evidence <> '[]' AND {_SEEN} AND ({within}) AND source NOT IN ({marks}) ORDER BY sha""",
        (*containing, *unheard),
    )
    return map(Said._make, cursor)


def own_words(db: sqlite3.Connection) -> list[OwnWord]:
    """Every word of a person's that stands on a photo and that no concept has."""
    rows = db.execute(
        f"""SELECT sha, concept, label FROM ut_decisions WHERE id IN
            (SELECT max(id) FROM ut_decisions WHERE concept >= ? AND concept < ? GROUP BY sha, concept)
            AND verdict IN ('accept', 'add') AND {_SEEN} ORDER BY id""",
        (LEGACY, LEGACY[:-1] + chr(ord(LEGACY[-1]) + 1)),
    )
    return [OwnWord(*row) for row in rows]


def names(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, str]:
    """The file names of photos."""
    marks = ",".join("?" * len(shas))
    return dict(map(tuple, db.execute(f"SELECT imgsha, imgnam FROM imgs WHERE imgsha IN ({marks})", tuple(shas))))


def changes(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """What was put into the owner's words, oldest first."""
    row = db.execute("SELECT value FROM ut_settings WHERE key = ?", (CHANGES,)).fetchone()
    found: list[dict[str, Any]] = json.loads(row[0]) if row else []
    return found


def keep_changes(db: sqlite3.Connection, kept: Sequence[dict[str, Any]]) -> None:
    """Keep these in place of what `changes` gives. Call it inside `db.write`."""
    db.execute("INSERT OR REPLACE INTO ut_settings VALUES (?, ?)", (CHANGES, json.dumps(kept)))
