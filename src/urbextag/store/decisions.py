"""A person's word on a photo's tags: kept for ever, and heeded by whatever derives them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from urbextag.store.db import now

Verdict = Literal["accept", "reject", "add", "clear"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's latest word on one concept of one photo."""

    concept: str
    label: str
    verdict: Verdict


def decide(db: sqlite3.Connection, sha: str, concept: str, label: str, verdict: Verdict) -> None:
    """Keep a person's word for ever and put it into effect. Call it inside `db.write`; derive the photo afterwards.

    `clear` takes an earlier word back.
    """
    db.execute(
        "INSERT INTO ut_decisions (sha, concept, label, verdict, at) VALUES (?, ?, ?, ?, ?)",
        (sha, concept, label, verdict, now()),
    )


def of(db: sqlite3.Connection, sha: str) -> list[Decision]:
    """The latest decision on each concept of a photo, oldest first; cleared ones left out."""
    return of_each(db, [sha]).get(sha, [])


def of_each(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, list[Decision]]:
    """`of` several photos; those without decisions are left out."""
    marks = ",".join("?" * len(shas))
    rows = db.execute(
        f"""SELECT sha, concept, label, verdict FROM ut_decisions WHERE id IN
            (SELECT max(id) FROM ut_decisions WHERE sha IN ({marks}) GROUP BY sha, concept) AND verdict <> 'clear'
        ORDER BY id""",
        tuple(shas),
    )
    found: dict[str, list[Decision]] = {}
    for sha, *decision in rows:
        found.setdefault(sha, []).append(Decision(*decision))
    return found


def rulings(decisions: Sequence[Decision]) -> Mapping[str, bool]:
    """Decisions as `taxonomy.derive` takes them: {concept: whether it is there}, in their order."""
    return {decision.concept: decision.verdict != "reject" for decision in decisions}


def latest(db: sqlite3.Connection) -> int:
    """Number of the last decision on any photo; 0 before the first."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM ut_decisions").fetchone()[0])


def decided_since(db: sqlite3.Connection, number: int, shas: Sequence[str]) -> set[str]:
    """Those of the photos that a person spoke about after decision `number`."""
    marks = ",".join("?" * len(shas))
    rows = db.execute(f"SELECT sha FROM ut_decisions WHERE id > ? AND sha IN ({marks})", (number, *shas))
    return {sha for (sha,) in rows}
