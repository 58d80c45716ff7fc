"""Which photos a page asks for, and the condition on `ut_grid` that says the same in SQL."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Final, Literal, get_args

from urbextag.records import ViewType
from urbextag.store import grid

Band = Literal["certain", "likely", "possible", "yours"]
BANDS: tuple[Band, ...] = get_args(Band)
State = Literal["tagged", "untagged", "set_aside", "missing"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class PhotoFilter:
    """Which photos are asked for; None or empty = any. Photos that were replaced at their path are never among them."""

    tags: tuple[str, ...] = ()
    """Ids of concepts, all of them; `object/furniture` asks for whatever lies below it too. A facet is no concept."""
    exact: bool = False
    """Only the concepts of `tags` themselves, not what lies below them."""
    band: Band | None = None
    """Of every tag asked for, else of any tag."""
    locid: str | None = None
    subid: str | None = None
    view: ViewType | None = None
    place_type: str | None = None
    """Category or class of the location, letter case aside."""
    condition: str | None = None
    """Label: sound, worn, decayed, ruined."""
    quality_min: float | None = None
    has_text: bool | None = None
    """Whether OCR read something on it."""
    described: bool | None = None
    """Whether a VLM has described it."""
    state: State | None = None
    """Whether the stages have looked at it, or why they could not at last."""
    reviewed: bool | None = None
    """Whether a person has spoken about its tags."""
    with_hidden: bool = False
    """Also those that the owner's application hides."""
    shas: tuple[str, ...] | None = None
    """Only these."""


_EQUAL: Final = ("locid", "subid", "view", "condition")
"""Fields that a column of the same name must equal."""


RARE: Final = 5000
_WITHIN: Final = "concept = ? OR (concept > ? || '/' AND concept < ? || '0')"
"""The tags of a concept and of all below it."""


def condition(db: sqlite3.Connection, wanted: PhotoFilter) -> tuple[str, list[object]]:
    """The condition in SQL on the rows of `ut_grid`, with its arguments."""
    said, values = ["TRUE" if wanted.with_hidden else "hidden = 0"], list[object]()

    def also(sql: str, *arguments: object) -> None:
        said.append(sql)
        values.extend(arguments)

    for name in _EQUAL:
        if (value := getattr(wanted, name)) is not None:
            also(f"{name} = ?", value)
    for concept, item in zip(wanted.tags, items(db, wanted), strict=True):
        also(f"instr(tags, '{item}') > 0" if item else "FALSE")
        if _is_rare(db, concept):
            also(f"sha IN (SELECT sha FROM ut_tags WHERE {_WITHIN})", concept, concept, concept)
    if wanted.band and not wanted.tags:
        also("instr(bands, ?) > 0", grid.BAND_DIGITS[wanted.band])
    if wanted.place_type is not None:
        kind = "SELECT locid FROM locs WHERE type = ?1 COLLATE NOCASE OR stype = ?1 COLLATE NOCASE"
        also(f"locid IN ({kind.replace('?1', '?')})", wanted.place_type, wanted.place_type)
    if wanted.quality_min is not None:
        also("quality >= ?", wanted.quality_min)
    if wanted.has_text is not None:
        also(f"lines {'>' if wanted.has_text else '='} 0")
    if wanted.described is not None:
        also("described = ?", int(wanted.described))
    if wanted.state in ("tagged", "untagged"):
        also("tagged = ?", int(wanted.state == "tagged"))
    elif wanted.state:
        also("sha IN (SELECT sha FROM ut_jobs WHERE state = ? AND discarded_at IS NULL)", wanted.state)
    if wanted.reviewed is not None:
        also(f"sha {'' if wanted.reviewed else 'NOT'} IN (SELECT sha FROM ut_decisions)")
    if wanted.shas is not None:
        also("sha IN (SELECT value FROM json_each(?))", json.dumps(wanted.shas))
    return " AND ".join(f"({one})" for one in said), values


def _is_rare(db: sqlite3.Connection, concept: str) -> bool:
    """Whether so few tags are of a concept, or below it, that they are looked up sooner than all rows are scanned."""
    found = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM ut_tags WHERE {_WITHIN} LIMIT ?)", (concept, concept, concept, RARE + 1)
    )
    return int(found.fetchone()[0]) <= RARE


def items(db: sqlite3.Connection, wanted: PhotoFilter) -> list[str | None]:
    """The part of `ut_grid.tags` that fulfils each tag asked for; None where no photo ever showed it.

    Letters, digits and a mark: it may stand in a statement.
    """
    digit = grid.BAND_DIGITS[wanted.band] if wanted.band else ""
    numbers = [grid.number_of(db, concept) for concept in wanted.tags]
    return [number and f"{grid.OWN if wanted.exact else ''}{number}{digit}" for number in numbers]
