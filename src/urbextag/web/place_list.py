"""The list of locations as a person narrows it down, sorts it and turns its pages; page and API read it alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from fastapi import Query

if TYPE_CHECKING:
    from urbextag.store.cards import Card

PAGE = 60
MOST_PAGES = 10**6
Sort = Literal["name", "photos", "condition", "coverage", "changed"]
"""By name, most photos first, worst first, least covered first, changed last first."""
SORTS: tuple[Sort, ...] = get_args(Sort)
Level = Literal["", "sound", "worn", "decayed", "ruined"]
LEVELS: tuple[Level, ...] = ("sound", "worn", "decayed", "ruined")
UNSEEN_VIEW = 10
"""How many rooms that nobody photographed weigh as much as a view type that is missing."""

Text = Annotated[str, Query(max_length=200)]


class PlaceQuery:
    """Which locations are asked for; an empty text means any. A dependency of endpoints, by the names in addresses."""

    def __init__(
        self,
        text: Text = "",
        type: Text = "",
        state: Text = "",
        condition: Level = "",
        untagged: bool = False,
        suggested: bool = False,
        sort: Sort = "name",
        page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
    ) -> None:
        self.text = text.strip()
        self.type = type.strip()
        self.state = state.strip()
        self.condition = condition
        self.untagged = untagged
        self.suggested = suggested
        self.sort = sort
        self.page = page

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.type or self.state or self.condition or self.untagged or self.suggested)


@dataclass(frozen=True, slots=True)
class PlacePage:
    """A page of the list."""

    cards: tuple[Card, ...]
    total: int
    """Locations that fit."""
    every: int
    """Locations of the archive."""
    page: int
    pages: int
    types: tuple[str, ...]
    """Kinds that locations of the archive have, for the choice."""
    states: tuple[str, ...]


def choose(cards: Sequence[Card], query: PlaceQuery) -> PlacePage:
    """The page of the cards that a query asks for; one beyond the last is the last."""
    found = _sorted((card for card in cards if _fits(card, query)), query.sort)
    pages = max(1, math.ceil(len(found) / PAGE))
    page = min(query.page, pages)
    kinds = {kind for card in cards for kind in (card.type, card.stype) if kind}
    return PlacePage(
        tuple(found[(page - 1) * PAGE : page * PAGE]), len(found), len(cards), page, pages,
        tuple(sorted(kinds, key=str.casefold)), tuple(sorted({card.state for card in cards if card.state})),
    )  # fmt: skip


def _fits(card: Card, query: PlaceQuery) -> bool:
    made = card.sum
    names = f"{card.name} {card.city or ''} {card.state or ''}".casefold()
    return (
        all(word in names for word in query.text.casefold().split())
        and (not query.type or query.type.casefold() in {(card.type or "").casefold(), (card.stype or "").casefold()})
        and (not query.state or query.state.casefold() == (card.state or "").casefold())
        and (not query.condition or (made is not None and made.condition == query.condition))
        and (not query.untagged or card.tagged < card.photos)
        and (not query.suggested or (made is not None and bool(made.suggestions)))
    )


def gaps(card: Card) -> float:
    """How much of a place nobody has photographed, as far as is known; -1 where that was never summed up."""
    if card.sum is None:
        return -1.0
    return UNSEEN_VIEW * len(card.sum.missing_views) + card.sum.unseen_rooms


def _sorted(cards: Iterable[Card], sort: Sort) -> list[Card]:
    """In the order that is asked for; equal ones by name."""

    def condition(card: Card) -> float:
        score = card.sum.condition_score if card.sum else None
        return -1.0 if score is None else score

    found = sorted(cards, key=lambda card: (card.name.casefold(), card.locid))
    if sort == "photos":
        found.sort(key=lambda card: card.photos, reverse=True)
    elif sort == "condition":
        found.sort(key=condition, reverse=True)
    elif sort == "coverage":
        found.sort(key=gaps, reverse=True)
    elif sort == "changed":
        found.sort(key=lambda card: card.changed or "", reverse=True)
    return found
