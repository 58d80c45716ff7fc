"""From the id in an address to its row: what is not there is a page or answer 404, never a guess."""

from __future__ import annotations

import sqlite3
from typing import Annotated

from fastapi import Path

from urbextag.archive import Archive
from urbextag.errors import UsageError
from urbextag.store import locations, photos

ID = r"^[0-9A-Za-z_-]{1,128}$"
"""Of photos and locations: a hash, or the key that the application uses."""
PhotoId = Annotated[str, Path(pattern=ID, description="the photo's id: SHA-256 in hex")]
LocationId = Annotated[str, Path(pattern=ID, description="the location's id")]


class NotHere(UsageError):
    """An id that the archive does not know."""


def photo(archive: Archive, sha: str) -> sqlite3.Row:
    """A photo's row of `imgs`; raises NotHere."""
    row = photos.by_id(archive.db, sha)
    if row is None:
        raise NotHere(f"there is no photo {sha[:12]}", "It may have been replaced; look for it: /search")
    return row


def location(archive: Archive, locid: str) -> sqlite3.Row:
    """A location's row of `locs`; raises NotHere."""
    row = locations.by_id(archive.db, locid)
    if row is None:
        raise NotHere(f"there is no location {locid[:12]}", "See all: /locations")
    return row
