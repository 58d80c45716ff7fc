"""A list of photos as an address tells it: `?tag=room/kitchen&view=interior&sort=quality`, read and written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from urbextag.errors import UsageError
from urbextag.records import VIEW_TYPES
from urbextag.store.listing import BANDS, SORTS, STATES, PhotoFilter, Sort
from urbextag.taxonomy.condition import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import QueryParams

DEFAULT_SORT: Final[Sort] = "added"
MOST_TAGS = 20
LONGEST = 200
"""Letters of a value."""


def _text(name: str, value: str) -> str:
    if len(value) > LONGEST:
        raise UsageError(f"{name} is too long", f"At most {LONGEST} letters")
    return value


def _one_of(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in choices:
            raise UsageError(f"{name} cannot be {value[:40]!r}", f"One of: {', '.join(choices)}")
        return value

    return read


def _share(name: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(f"{name} cannot be {value[:40]!r}", "A number from 0 to 1")
    return share


def _yes_or_no(name: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise UsageError(f"{name} cannot be {value[:40]!r}", "One of: yes, no")
    return value == "yes"


@dataclass(frozen=True, slots=True)
class _Name:
    """A name in the address, with the field of `PhotoFilter` that it sets."""

    field: str
    read: Callable[[str, str], Any]


NAMES: Final = {
    "exact": _Name("exact", _yes_or_no),
    "band": _Name("band", _one_of(BANDS)),
    "location": _Name("locid", _text),
    "sub": _Name("subid", _text),
    "view": _Name("view", _one_of(VIEW_TYPES)),
    "place": _Name("place_type", _text),
    "condition": _Name("condition", _one_of(LEVELS)),
    "quality": _Name("quality_min", _share),
    "text": _Name("has_text", _yes_or_no),
    "described": _Name("described", _yes_or_no),
    "state": _Name("state", _one_of(STATES)),
    "reviewed": _Name("reviewed", _yes_or_no),
    "hidden": _Name("with_hidden", _yes_or_no),
}  # fmt: skip
"""Besides `tag`, which may come several times, and `sort`. `PhotoFilter.shas` has no name: no address holds a list."""

Query = list[tuple[str, str]]
"""Names and values of an address, in order."""


def wanted(params: QueryParams) -> tuple[PhotoFilter, Sort]:
    """The list that an address asks for; names that are not of a list are passed over, empty values mean any.

    Raises:
        UsageError: a value has no meaning.

    """
    tags = tuple(dict.fromkeys(_text("tag", tag.strip()) for tag in params.getlist("tag") if tag.strip()))
    if len(tags) > MOST_TAGS:
        raise UsageError(f"{len(tags)} tags are too many", f"At most {MOST_TAGS}")
    found = {name.field: name.read(key, value) for key, name in NAMES.items() if (value := params.get(key, "").strip())}
    sort = params.get("sort", "").strip() or DEFAULT_SORT
    _one_of(SORTS)("sort", sort)
    return PhotoFilter(tags=tags, **found), next(one for one in SORTS if one == sort)


def query_of(listed: PhotoFilter, sort: Sort = DEFAULT_SORT) -> Query:
    """What an address says to ask for this list, for `urllib.parse.urlencode`: `wanted` of it gives the same back.

    What asks for nothing is left out, and `shas`.
    """
    query = [("tag", tag) for tag in listed.tags]
    for key, name in NAMES.items():
        value = getattr(listed, name.field)
        if isinstance(value, bool):
            plain = name.field in ("exact", "with_hidden")  # these say nothing where they are false
            query += [(key, "yes" if value else "no")] if value or not plain else []
        elif value is not None:
            query.append((key, str(value)))
    return query + ([("sort", sort)] if sort != DEFAULT_SORT else [])
