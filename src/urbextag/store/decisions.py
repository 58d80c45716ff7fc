"""A person's word on the tags of a photo or of a whole location: kept for ever, heeded by whatever derives tags."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from urbextag.store.db import now

Verdict = Literal["accept", "reject", "add", "clear"]
Mark = tuple[int, int]
"""Numbers of the last decision on a photo and of the last on a location, 0 before the first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's latest word on one concept of one photo."""

    concept: str
    label: str
    verdict: Verdict
    of_location: bool = False
    """Whether it was said of the whole location that the photo is in."""


def decide(db: sqlite3.Connection, sha: str, concept: str, label: str, verdict: Verdict) -> None:
    """Keep a person's word for ever and put it into effect. Call it inside `db.write`; derive the photo afterwards.

    `clear` takes an earlier word back.
    """
    db.execute(
        "INSERT INTO ut_decisions (sha, concept, label, verdict, at) VALUES (?, ?, ?, ?, ?)",
        (sha, concept, label, verdict, now()),
    )


def decide_location(
    db: sqlite3.Connection, locid: str, concept: str, label: str, verdict: Literal["reject", "clear"]
) -> None:
    """Keep a person's word on all photos of a location. Call it inside `db.write`; derive its photos afterwards."""
    db.execute(
        "INSERT INTO ut_location_decisions (locid, concept, label, verdict, at) VALUES (?, ?, ?, ?, ?)",
        (locid, concept, label, verdict, now()),
    )


def of_location(db: sqlite3.Connection, locid: str) -> list[Decision]:
    """What stands rejected for all photos of a location, oldest first."""
    rows = db.execute(
        """SELECT concept, label FROM ut_location_decisions WHERE id IN
            (SELECT max(id) FROM ut_location_decisions WHERE locid = ? GROUP BY concept) AND verdict = 'reject'
        ORDER BY id""",
        (locid,),
    )
    return [Decision(concept, label, "reject", of_location=True) for concept, label in rows]


def of(db: sqlite3.Connection, sha: str) -> list[Decision]:
    """The latest decision on each concept of a photo; cleared ones left out.

    Those on its location come first, then its own, each oldest first. Where the photo has one of its own on a concept,
    that outranks the location's.
    """
    return of_each(db, [sha]).get(sha, [])


def of_each(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, list[Decision]]:
    """`of` several photos; those without decisions are left out."""
    marks = ",".join("?" * len(shas))
    own = db.execute(
        f"""SELECT sha, concept, label, verdict FROM ut_decisions WHERE id IN
            (SELECT max(id) FROM ut_decisions WHERE sha IN ({marks}) GROUP BY sha, concept) AND verdict <> 'clear'
        ORDER BY id""",
        tuple(shas),
    ).fetchall()
    spoken = {(sha, concept) for sha, concept, _, _ in own}
    found: dict[str, list[Decision]] = {}
    for sha, concept, label in _of_locations(db, shas):
        if (sha, concept) not in spoken:
            found.setdefault(sha, []).append(Decision(concept, label, "reject", of_location=True))
    for sha, *decision in own:
        found.setdefault(sha, []).append(Decision(*decision))
    return found


def _of_locations(db: sqlite3.Connection, shas: Sequence[str]) -> list[tuple[str, str, str]]:
    """(SHA-256, concept, label) of what is rejected for the locations of these photos."""
    rows = db.execute(
        f"""SELECT imgsha, concept, label FROM ut_location_decisions JOIN imgs USING (locid)
        WHERE id IN (SELECT max(id) FROM ut_location_decisions GROUP BY locid, concept) AND verdict = 'reject'
            AND imgsha IN ({",".join("?" * len(shas))}) ORDER BY id""",
        tuple(shas),
    )
    return [tuple(row) for row in rows]


def rulings(decisions: Sequence[Decision]) -> Mapping[str, bool]:
    """Decisions as `taxonomy.derive` takes them: {concept: whether it is there}, in their order."""
    return {decision.concept: decision.verdict != "reject" for decision in decisions}


def latest(db: sqlite3.Connection) -> Mark:
    """Marks the last decision on any photo and on any location."""
    row = db.execute(
        """SELECT (SELECT coalesce(max(id), 0) FROM ut_decisions),
            (SELECT coalesce(max(id), 0) FROM ut_location_decisions)"""
    ).fetchone()
    return int(row[0]), int(row[1])


def decided_since(db: sqlite3.Connection, mark: Mark, shas: Sequence[str]) -> set[str]:
    """Those of the photos that a person spoke about after `mark`, by themselves or with their location."""
    marks = ",".join("?" * len(shas))
    own = db.execute(f"SELECT sha FROM ut_decisions WHERE id > ? AND sha IN ({marks})", (mark[0], *shas))
    found = {sha for (sha,) in own}
    located = db.execute(
        f"""SELECT imgsha FROM imgs WHERE imgsha IN ({marks})
            AND locid IN (SELECT locid FROM ut_location_decisions WHERE id > ?)""",
        (*shas, mark[1]),
    )
    return found | {sha for (sha,) in located}


def photos_of(db: sqlite3.Connection, locid: str) -> list[str]:
    """The photos that what is said of a location concerns."""
    rows = db.execute(
        "SELECT imgsha FROM imgs WHERE locid = ? AND hidden_reason IS NOT 'replaced' ORDER BY imgsha", (locid,)
    )
    return [sha for (sha,) in rows]


def tagged_by_models(db: sqlite3.Connection, locid: str, concepts: Sequence[str]) -> dict[str, int]:
    """How many photos of a location have each concept as a tag that no person gave them."""
    counted = {
        concept: db.execute(
            """SELECT count(*) FROM ut_tags JOIN imgs ON imgsha = sha
            WHERE locid = ? AND concept = ? AND origin = 'model' AND hidden_reason IS NOT 'replaced'""",
            (locid, concept),
        ).fetchone()[0]
        for concept in concepts
    }
    return counted


def mark_stale(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Let the tags of these photos count as derived from something else. Call it inside `db.write`."""
    db.executemany("UPDATE ut_photos SET derived_fingerprint = NULL WHERE sha = ?", [(sha,) for sha in shas])


class Standing(NamedTuple):
    """A person's latest word on a concept of a photo, or of all photos of a location."""

    key: str
    """SHA-256 of the photo, or the locid."""
    concept: str
    right: bool
    """Whether it is there."""


def standing(db: sqlite3.Connection) -> list[Standing]:
    """What stands on photos; photos that were replaced at their path are left out."""
    rows = db.execute(
        """SELECT sha, concept, verdict <> 'reject' FROM ut_decisions WHERE id IN
            (SELECT max(id) FROM ut_decisions GROUP BY sha, concept) AND verdict <> 'clear'
            AND sha NOT IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced') ORDER BY sha, id"""
    )
    return [Standing(sha, concept, bool(right)) for sha, concept, right in rows]


def standing_of_locations(db: sqlite3.Connection) -> list[Standing]:
    """What stands rejected for locations."""
    rows = db.execute(
        """SELECT locid, concept FROM ut_location_decisions WHERE id IN
            (SELECT max(id) FROM ut_location_decisions GROUP BY locid, concept) AND verdict = 'reject' ORDER BY id"""
    )
    return [Standing(locid, concept, False) for locid, concept in rows]
