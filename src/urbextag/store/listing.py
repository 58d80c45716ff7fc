"""Photos as pages of tiles: filtered, sorted, counted, and which comes before and after one.

Each question is one scan of `ut_grid` (see `store.grid`), whatever is asked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from urbextag.errors import UsageError
from urbextag.records import ViewType
from urbextag.store import grid
from urbextag.store.db import any_bytes
from urbextag.store.facets import Choice, TagNumbers, facets, numbers_of, tag_list
from urbextag.store.photo_filter import BANDS, STATES, Band, PhotoFilter, State, condition, items

__all__ = [
    "BANDS", "SORTS", "STATES", "Band", "Choice", "Page", "PhotoFilter", "Sort", "State", "TagNumbers", "Tile",
    "TileTag", "Total", "facets", "ids", "neighbours", "numbers_of", "page", "tag_list", "tiles", "total",
]  # fmt: skip

Sort = Literal["added", "taken", "quality", "uncertain", "name"]
"""Latest first, latest first, best first, least sure tag first, by name."""
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True, slots=True)
class TileTag:
    """A tag on a tile."""

    concept: str
    label: str
    confidence: float
    origin: Literal["model", "accepted", "added"]
    band: Band


@dataclass(frozen=True, slots=True)
class Tile:
    """What a grid shows of a photo."""

    sha: str
    name: str
    locid: str | None
    location: str | None
    """Name of its location."""
    view_type: ViewType | None
    quality: float | None
    width: int | None
    height: int | None
    """Pixels, orientation applied; None where the owner's application has not noted them."""
    taken: str | None
    tagged: bool
    job: str | None
    """State of its last job: queued, running, done, set_aside, missing, cancelled; None = it never had one."""
    hidden: bool
    tags: tuple[TileTag, ...]
    """Those asked for, else the surest few."""

    @property
    def missing(self) -> bool:
        """Whether no file was where the archive says when it was looked for last."""
        return self.job == "missing"


@dataclass(frozen=True, slots=True)
class Page:
    """Some photos of a list, in its order."""

    tiles: tuple[Tile, ...]
    next: str | None
    """For `after` of the page that follows; None = this is the last. Letters that may stand in an address."""
    previous: str | None
    """For `after` of the page before; None = this is the first."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many photos there are, as far as was counted."""

    photos: int
    capped: bool
    """There are more."""


TILE_TAGS: Final = 4
"""Tags of a tile where none is asked for."""


class _Order(NamedTuple):
    """What photos are sorted by, before their ids."""

    key: str
    """In SQL; never NULL."""
    descending: bool
    collation: str = ""


class _Place(NamedTuple):
    """A place in a list: beside a photo, with the key that it had."""

    forward: bool
    key: str | float
    sha: str


def page(db: sqlite3.Connection, wanted: PhotoFilter, sort: Sort, after: str | None = None, limit: int = 60) -> Page:
    """A page of photos.

    Args:
        db: the archive.
        wanted: which photos.
        sort: in which order; photos without the value come last, equal ones by id.
        after: `next` or `previous` of another page of the same list, None for the first. It holds its place though
            the photo that it was made of leaves the list.
        limit: photos of a page.

    Raises:
        UsageError: `after` is of no page.

    """
    grid.ready(db)
    place = _read(after) if after else None
    forward = place is None or place.forward
    with any_bytes(db):
        rows = _rows(db, wanted, sort, place, limit + 1)
        more = len(rows) > limit
        rows = rows[:limit] if forward else rows[:limit][::-1]
        if not rows:
            return Page((), None, None)
        tiles = _tiles(db, wanted, [sha for sha, _ in rows])
    onward = _write(_Place(True, rows[-1][1], rows[-1][0])) if more or not forward else None
    back = _write(_Place(False, rows[0][1], rows[0][0])) if (place if forward else more) else None
    return Page(tiles, onward, back)


def total(db: sqlite3.Connection, wanted: PhotoFilter, at_most: int = 10_000) -> Total:
    """How many photos there are, counted to `at_most`."""
    grid.ready(db)
    where, values = condition(db, wanted)
    (found,) = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM ut_grid WHERE {where} LIMIT ?)", (*values, at_most + 1)
    ).fetchone()
    return Total(min(found, at_most), found > at_most)


def neighbours(db: sqlite3.Connection, wanted: PhotoFilter, sort: Sort, sha: str) -> tuple[str | None, str | None]:
    """The photos before and after one in a list, None where there is none.

    The one need not be in the list itself: it is looked for where it would be.
    """
    grid.ready(db)
    order = _order(db, wanted, sort)
    with any_bytes(db):
        row = db.execute(f"SELECT coalesce({order.key}, '') FROM ut_grid WHERE sha = ?", (sha,)).fetchone()
        if row is None:
            return None, None
        found = [_rows(db, wanted, sort, _Place(forward, row[0], sha), 1) for forward in (False, True)]
    before, after = (rows[0][0] if rows else None for rows in found)
    return before, after


def ids(db: sqlite3.Connection, wanted: PhotoFilter) -> list[str]:
    """Every photo that is wanted, in no order."""
    grid.ready(db)
    where, values = condition(db, wanted)
    # one text: a row for each would be a step of SQLite each, between which other threads take turns
    (found,) = db.execute(f"SELECT json_group_array(sha) FROM ut_grid WHERE {where}", values).fetchone()
    shas: list[str] = json.loads(found)
    return shas


def tiles(db: sqlite3.Connection, wanted: PhotoFilter, shas: Sequence[str]) -> tuple[Tile, ...]:
    """The tiles of these photos, in their order; `wanted` says by its tags which of theirs are shown."""
    grid.ready(db)
    with any_bytes(db):
        return _tiles(db, wanted, shas)


def _order(db: sqlite3.Connection, wanted: PhotoFilter, sort: Sort) -> _Order:
    if sort == "uncertain":
        return _Order(_least_sure(wanted, items(db, wanted)), descending=False)
    orders: dict[Sort, _Order] = {
        "added": _Order("coalesce(added, '')", descending=True),
        "taken": _Order("coalesce(taken, '')", descending=True),
        "quality": _Order("coalesce(quality, -1.0)", descending=True),
        "name": _Order("coalesce(name, '')", descending=False, collation="COLLATE NOCASE"),
    }
    return orders[sort]


def _least_sure(wanted: PhotoFilter, asked: Sequence[str | None]) -> str:
    """How sure the first tag asked for is, else the least sure one: band and thousandths, as items have them.

    A photo without that tag comes first; it is in no list, but `neighbours` may begin there.
    """
    if not asked:
        return f"CASE tags WHEN '' THEN '9' ELSE substr(tags, {grid.SURE}, 4) END"
    to_sure = grid.SURE - (1 if wanted.exact else 2)
    return f"substr(tags, nullif(instr(tags, '{asked[0]}'), 0) + {to_sure}, 4)" if asked[0] else "''"


def _rows(
    db: sqlite3.Connection, wanted: PhotoFilter, sort: Sort, place: _Place | None, limit: int
) -> list[tuple[str, str | float]]:
    """(SHA-256, key) of the photos from a place onwards, or backwards, the nearest first."""
    order = _order(db, wanted, sort)
    where, values = condition(db, wanted)
    descending = order.descending == (place is None or place.forward)
    if place:
        value = place.key.encode("utf-8", "surrogateescape") if isinstance(place.key, str) else place.key
        kind = "CAST(? AS TEXT)" if isinstance(place.key, str) else "?"
        where += f" AND ({order.key} {order.collation}, sha) {'<' if descending else '>'} ({kind}, ?)"
        values += [value, place.sha]
    way = "DESC" if descending else "ASC"
    rows = db.execute(
        f"""SELECT sha, {order.key} FROM ut_grid WHERE {where}
        ORDER BY 2 {order.collation} {way}, sha {way} LIMIT ?""",
        (*values, limit),
    )
    return [(row[0], row[1]) for row in rows]


def _tiles(db: sqlite3.Connection, wanted: PhotoFilter, shas: Sequence[str]) -> tuple[Tile, ...]:
    """The tiles of these photos, in their order. Call it inside `any_bytes`."""
    these = json.dumps(shas)
    tags = _tags(db, wanted, these)
    rows = db.execute(
        """SELECT ut_grid.sha, name, ut_grid.locid, locnam, view, quality, width, height, taken, tagged,
            CASE WHEN discarded_at IS NULL THEN ut_jobs.state ELSE 'cancelled' END, hidden
        FROM json_each(?) CROSS JOIN ut_grid ON ut_grid.sha = value
        LEFT JOIN locs ON locs.locid = ut_grid.locid LEFT JOIN ut_jobs ON ut_jobs.sha = value ORDER BY key""",
        (these,),
    )
    return tuple(
        Tile(
            sha, _shown(name) or sha[:12], locid, _shown(locnam), view, quality, width, height, taken, bool(tagged),
            state, bool(hidden), tags.get(sha, ()),
        )
        for sha, name, locid, locnam, view, quality, width, height, taken, tagged, state, hidden in rows
    )  # fmt: skip


def _tags(db: sqlite3.Connection, wanted: PhotoFilter, these: str) -> dict[str, tuple[TileTag, ...]]:
    """The tags of tiles: those asked for in their order, else the surest few."""
    from urbextag.taxonomy import band

    found: dict[str, list[TileTag]] = {}
    rows = db.execute(
        """SELECT sha, concept, label, confidence, origin FROM json_each(?) CROSS JOIN ut_tags ON sha = value
        ORDER BY confidence DESC, concept""",
        (these,),
    )
    for sha, concept, label, sure, origin in rows:
        if not wanted.tags or any(_fulfils(concept, one, wanted.exact) for one in wanted.tags):
            tag = TileTag(concept, label, sure, origin, band(sure) if origin == "model" else "yours")
            found.setdefault(sha, []).append(tag)
    most = None if wanted.tags else TILE_TAGS
    return {sha: tuple(tags[:most]) for sha, tags in found.items()}


def _fulfils(concept: str, asked: str, exact: bool) -> bool:
    return concept == asked or (not exact and concept.startswith(f"{asked}/"))


def _shown(text: str | None) -> str | None:
    """A text that may be no UTF-8, as it can be written to a page."""
    return text and text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _write(place: _Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(text: str) -> _Place:
    try:
        said: Any = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
        place = _Place(*said)
    except (binascii.Error, UnicodeError, ValueError, TypeError, RecursionError):
        place = None
    if place is None or not _is_place(place):
        raise UsageError(f"{text!r} is no place in a list of photos", "Begin at the first page")
    return place


def _is_place(place: _Place) -> bool:
    forward, key, sha = place
    return isinstance(forward, bool) and isinstance(key, str | float) and isinstance(sha, str)
