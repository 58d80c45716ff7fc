"""Locations: all places as cards, narrowed down, sorted and found by what stands in the address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from urbextag.states import state_name
from urbextag.web.place_list import LEVELS, SORTS, PlaceQuery, choose
from urbextag.web.render import page
from urbextag.web.site import TheSite

router = APIRouter()

SORT_NAMES = dict(zip(SORTS, ("Name", "Most photos", "Worst condition", "Least covered", "Changed last"), strict=True))


@router.get("/locations")
def locations(request: Request, site: TheSite, query: Annotated[PlaceQuery, Depends()]) -> HTMLResponse:
    """The page."""
    from urbextag.cards import made_with
    from urbextag.store import cards

    with site.opened() as archive:
        found = choose(cards.listing(archive.db, made_with(site.taxonomy(archive))), query)
    states = [(code, state_name(code)) for code in found.states]
    return page(
        request, "locations.html", query=query, found=found, states=states, levels=LEVELS, sorts=SORT_NAMES.items()
    )
