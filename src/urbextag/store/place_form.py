"""What the owner fills in about a place: its row as the form says, which may also take back what was known."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from urbextag.errors import UsageError
from urbextag.store.db import now
from urbextag.store.locations import LocationFacts


def replace(db: sqlite3.Connection, locid: str, name: str, facts: LocationFacts) -> bool:
    """Let a place have this name and exactly these facts; None clears. Call it inside `db.write`.

    Returns whether anything changed (its photos' tags then want deriving again).

    Raises:
        UsageError: the name is empty, or another place has it.

    """
    name = refuse_name(db, locid, name)
    said = {"locnam": name, **asdict(facts)}
    columns = ", ".join(f"{column} = :{column}" for column in said)
    differs = " OR ".join(f"{column} IS NOT :{column}" for column in said)
    return bool(
        db.execute(
            f"UPDATE locs SET {columns}, locup = :locup WHERE locid = :locid AND ({differs})",
            said | {"locup": now(), "locid": locid},
        ).rowcount
    )


def refuse_name(db: sqlite3.Connection, locid: str, name: str) -> str:
    """The name as a place may have it; raises UsageError where it is empty or another place's."""
    name = name.strip()
    if not name:
        raise UsageError("a location needs a name", "Give it one")
    if db.execute(
        "SELECT 1 FROM locs WHERE locid <> ?1 AND (locid = ?2 OR loc12 = ?2 OR locnam = ?2 COLLATE NOCASE)",
        (locid, name),
    ).fetchone():
        raise UsageError(f"another location is called {name!r}", "Choose another name")
    return name


def set_focal_point(db: sqlite3.Connection, locid: str, point: tuple[float, float] | None) -> bool:
    """Keep which point of its hero photo a place is shown by. Call it inside `db.write`.

    Args:
        db: the archive's database.
        locid: the place.
        point: shares of width and height in [0, 1], from the left and from the top; None = nothing is said.

    """
    x, y = point or (None, None)
    return bool(
        db.execute(
            """UPDATE locs SET hero_focal_x = ?1, hero_focal_y = ?2, locup = ?3
            WHERE locid = ?4 AND (hero_focal_x IS NOT ?1 OR hero_focal_y IS NOT ?2)""",
            (x, y, now(), locid),
        ).rowcount
    )
