"""What is known of a place, beside what its photos say: as `locations show --json`, the API and the page tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urbextag.actions.suggestions import dismissed

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive

KNOWN = ("locid", "locnam", "type", "stype", "address_city", "address_state", "built_year", "hero_imgsha")
"""Columns of `locs`."""


def known_of(archive: Archive, row: sqlite3.Row, sub: str | None = None) -> dict[str, Any]:
    """The object `location` of `urbextag locations show --json`.

    Args:
        archive: the archive.
        row: the place's row of `locs`.
        sub: the sub-location that was asked for, as it was named.

    """
    return {key: row[key] for key in KNOWN} | {"sub": sub, "dismissed": dismissed(archive, row["locid"])}
