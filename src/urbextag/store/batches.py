"""Decisions that a person made on many photos in one go: kept as a batch, to be taken back as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from urbextag.store import decisions
from urbextag.store.db import now

BatchVerdict = Literal["accept", "reject", "clear"]
VIEW = "view/"
"""How the ids of concepts begin that say how a photo was taken."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One word of a person's on one concept of many photos."""

    id: int
    concept: str
    label: str
    verdict: BatchVerdict
    at: str
    """When it was begun (ISO 8601)."""
    undone_at: str | None
    """When it was taken back, None where it was not."""
    photos: int
    """How many it has changed the word on."""


_BATCHES = """SELECT id, concept, label, verdict, at, undone_at,
        (SELECT count(DISTINCT sha) FROM ut_batch_decisions JOIN ut_decisions ON ut_decisions.id = decision
            WHERE batch = ut_batches.id) AS photos
    FROM ut_batches"""


def begin(db: sqlite3.Connection, concept: str, label: str, verdict: BatchVerdict) -> int:
    """Begin a batch. Call it inside `db.write`. Returns its number."""
    row = db.execute(
        "INSERT INTO ut_batches (concept, label, verdict, at) VALUES (?, ?, ?, ?) RETURNING id",
        (concept, label, verdict, now()),
    ).fetchone()
    return int(row[0])


def find(db: sqlite3.Connection, batch: int) -> Batch | None:
    """The batch of that number, None where there is none."""
    row = db.execute(f"{_BATCHES} WHERE id = ?", (batch,)).fetchone()
    return Batch(*row) if row else None


def last(db: sqlite3.Connection, limit: int) -> list[Batch]:
    """The last batches, the latest first."""
    return [Batch(*row) for row in db.execute(f"{_BATCHES} ORDER BY id DESC LIMIT ?", (limit,))]


def decide(db: sqlite3.Connection, batch: int, concept: str, label: str, verdict: BatchVerdict, sha: str) -> bool:
    """Keep a batch's word on one of its photos. Call it inside `db.write`; derive the photo afterwards.

    Returns False, and changes nothing, where the person has said as much before: then it is not the batch's to take
    back.
    """
    has = _latest(db, sha, concept)
    if (has["verdict"] if has else "clear") in _SAYS_AS_MUCH[verdict]:
        return False
    decisions.decide(db, sha, concept, label, verdict)
    _note(db, batch)
    return True


_SAYS_AS_MUCH: dict[BatchVerdict, tuple[str, ...]] = {
    "accept": ("accept", "add"),
    "reject": ("reject",),
    "clear": ("clear",),
}


def photos_of(db: sqlite3.Connection, batch: int) -> list[str]:
    """The photos of a batch, in the order of their ids; those that the application has removed are left out."""
    rows = db.execute(
        """SELECT DISTINCT sha FROM ut_batch_decisions JOIN ut_decisions ON id = decision JOIN imgs ON imgsha = sha
        WHERE batch = ? ORDER BY sha""",
        (batch,),
    )
    return [row[0] for row in rows]


def take_back(db: sqlite3.Connection, batch: Batch, shas: Sequence[str]) -> list[str]:
    """Say again on photos of a batch what a person had said before it, or nothing. Call it inside `db.write`.

    Where somebody has spoken about the photo since, that stands. What was said before by a batch that is taken back by
    this time does not count; what is said again for another batch becomes that one's word, so that batches can be taken
    back one after the other. Returns the photos that the word has changed on; derive them afterwards.
    """
    return [sha for sha in shas if _take_back(db, batch, sha)]


def _take_back(db: sqlite3.Connection, batch: Batch, sha: str) -> bool:
    said = _history(db, sha, batch.concept)
    own = [number for number, one in enumerate(said) if one["batch"] == batch.id]
    if not own or own[-1] != len(said) - 1:
        return False
    before = next((one for one in reversed(said[: own[0]]) if one["undone_at"] is None), None)
    if before is None:
        decisions.decide(db, sha, batch.concept, batch.label, "clear")
        return True
    _say(db, sha, batch.concept, before)
    if batch.concept.startswith(VIEW) and before["verdict"] in ("accept", "add"):
        for later in _views_since(db, sha, batch.concept, before["id"]):
            _say(db, sha, later["concept"], later)
    return True


def _say(db: sqlite3.Connection, sha: str, concept: str, said: sqlite3.Row) -> None:
    """Say again what was said before, for the batch that it is of."""
    decisions.decide(db, sha, concept, said["label"], said["verdict"])
    if said["batch"] is not None:
        _note(db, said["batch"])


def close(db: sqlite3.Connection, batch: int) -> None:
    """Note that a batch was taken back. Call it inside `db.write`."""
    db.execute("UPDATE ut_batches SET undone_at = ? WHERE id = ? AND undone_at IS NULL", (now(), batch))


def _note(db: sqlite3.Connection, batch: int) -> None:
    """The decision that was kept last is a batch's."""
    db.execute("INSERT INTO ut_batch_decisions VALUES (last_insert_rowid(), ?)", (batch,))


def _latest(db: sqlite3.Connection, sha: str, concept: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT verdict FROM ut_decisions WHERE sha = ? AND concept = ? ORDER BY id DESC LIMIT 1", (sha, concept)
    ).fetchone()
    return row


def _history(db: sqlite3.Connection, sha: str, concept: str) -> list[sqlite3.Row]:
    """All that was said on a concept of a photo, oldest first."""
    return db.execute(
        """SELECT said.id, said.label, said.verdict, batch, undone_at FROM ut_decisions AS said
        LEFT JOIN ut_batch_decisions ON decision = said.id LEFT JOIN ut_batches ON ut_batches.id = batch
        WHERE sha = ? AND said.concept = ? ORDER BY said.id""",
        (sha, concept),
    ).fetchall()


def _views_since(db: sqlite3.Connection, sha: str, concept: str, since: int) -> list[sqlite3.Row]:
    """The other views that a person has seen on a photo after that decision, oldest first: the last one holds."""
    return db.execute(
        """SELECT said.concept, said.label, said.verdict, batch FROM ut_decisions AS said
        LEFT JOIN ut_batch_decisions ON decision = said.id
        WHERE said.id IN (SELECT max(id) FROM ut_decisions WHERE sha = ?1 GROUP BY concept)
            AND said.id > ?2 AND said.concept <> ?3 AND said.concept GLOB ?4 AND said.verdict IN ('accept', 'add')
        ORDER BY said.id""",
        (sha, since, concept, f"{VIEW}*"),
    ).fetchall()
