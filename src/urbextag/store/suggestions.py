"""What became of suggestions: applied on the owner's word, taken back, dismissed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from urbextag.rollup.records import SuggestionKind
from urbextag.store.db import now

COLUMNS: Mapping[SuggestionKind, tuple[str, ...]] = {"type": ("type", "stype"), "era": ("built_year", "built_type")}
"""Of `locs`: all that applying a suggestion of each kind may set."""


def dismissed(db: sqlite3.Connection, locid: str, kind: SuggestionKind) -> list[str]:
    """The values that are not to be suggested again, in order."""
    rows = db.execute("SELECT value FROM ut_dismissals WHERE locid = ? AND kind = ? ORDER BY value", (locid, kind))
    return [row["value"] for row in rows]


def dismiss(db: sqlite3.Connection, locid: str, kind: SuggestionKind, value: str) -> bool:
    """Keep that a value is not to be suggested again. Call it inside `db.write`. Returns whether that is news."""
    return bool(
        db.execute("INSERT OR IGNORE INTO ut_dismissals VALUES (?, ?, ?, ?)", (locid, kind, value, now())).rowcount
    )


def recall(db: sqlite3.Connection, locid: str, kind: SuggestionKind, value: str | None = None) -> list[str]:
    """Let a dismissed value, or all of a kind, be suggested again. Call it inside `db.write`. Returns which."""
    values = [one for one in dismissed(db, locid, kind) if value in (None, one)]
    db.executemany(
        "DELETE FROM ut_dismissals WHERE locid = ? AND kind = ? AND value = ?", [(locid, kind, one) for one in values]
    )
    return values


def apply(db: sqlite3.Connection, locid: str, kind: SuggestionKind, columns: Mapping[str, str]) -> bool:
    """Set what a suggestion says where the owner has set nothing. Call it inside `db.write`.

    What stood there before is kept, for `undo`. Returns False, and changes nothing, where one of the columns has been
    set meanwhile.
    """
    before = _columns(db, locid, kind)
    if any(before[name] for name in columns if name != "built_type"):  # which without a year says nothing
        return False
    _set(db, locid, {**before, **columns})
    db.execute(
        "INSERT OR REPLACE INTO ut_applied VALUES (?, ?, ?, ?, ?)",
        (locid, kind, json.dumps(before), json.dumps(_columns(db, locid, kind)), now()),
    )
    return True


def applied(db: sqlite3.Connection, locid: str) -> list[SuggestionKind]:
    """The kinds of suggestions that were applied and not taken back."""
    return [row["kind"] for row in db.execute("SELECT kind FROM ut_applied WHERE locid = ? ORDER BY kind", (locid,))]


def still_applied(db: sqlite3.Connection, locid: str, kind: SuggestionKind) -> tuple[dict[str, str | None], bool]:
    """What applying a kind has set, and whether it still stands. It was applied (`applied`)."""
    row = db.execute("SELECT after FROM ut_applied WHERE locid = ? AND kind = ?", (locid, kind)).fetchone()
    after: dict[str, str | None] = json.loads(row["after"])
    return after, after == _columns(db, locid, kind)


def undo(db: sqlite3.Connection, locid: str, kind: SuggestionKind) -> bool:
    """Set back what applying a kind has set. Call it inside `db.write`.

    Returns False, and changes nothing, where it does not stand any more: then it is the owner's own.
    """
    row = db.execute("SELECT before, after FROM ut_applied WHERE locid = ? AND kind = ?", (locid, kind)).fetchone()
    if row is None or json.loads(row["after"]) != _columns(db, locid, kind):
        return False
    _set(db, locid, json.loads(row["before"]))
    db.execute("DELETE FROM ut_applied WHERE locid = ? AND kind = ?", (locid, kind))
    return True


def _columns(db: sqlite3.Connection, locid: str, kind: SuggestionKind) -> dict[str, str | None]:
    row = db.execute(f"SELECT {', '.join(COLUMNS[kind])} FROM locs WHERE locid = ?", (locid,)).fetchone()
    return dict(zip(COLUMNS[kind], row, strict=True))


def _set(db: sqlite3.Connection, locid: str, columns: Mapping[str, str | None]) -> None:
    """Only these columns of `locs`, and `locup`, which tells when the row was last changed."""
    names = ", ".join(f"{name} = :{name}" for name in columns)
    db.execute(
        f"UPDATE locs SET {names}, locup = :locup WHERE locid = :locid", {**columns, "locup": now(), "locid": locid}
    )
