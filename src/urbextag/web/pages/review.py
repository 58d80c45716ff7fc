"""Review: every tag of the archive, and the photos of one, the least sure first."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from urbextag.actions import rulings
from urbextag.store import listing
from urbextag.web import filters
from urbextag.web.render import page
from urbextag.web.site import TheSite

router = APIRouter()

PER_PAGE = 60
TAGS_SHOWN = 200
ORDERS = {"undecided": "most left to decide", "photos": "most photos", "name": "name"}


@router.get("/review")
def review(
    request: Request,
    site: TheSite,
    find: Annotated[str, Query(max_length=200)] = "",
    order: Annotated[str, Query(pattern="^(undecided|photos|name)$")] = "undecided",
) -> HTMLResponse:
    """The tags to choose from."""
    with site.opened() as archive:
        every = listing.tag_list(archive.db)
        history = rulings.batches(archive)
    wanted = find.strip().lower()
    found = [one for one in every if wanted in one.label.lower() or wanted in one.concept]
    keys = {
        "undecided": lambda one: (-(one.possible + one.likely), one.label),
        "photos": lambda one: (-one.photos, one.label),
        "name": lambda one: one.label,
    }
    found.sort(key=keys[order])
    return page(
        request, "review.html", tags=found[:TAGS_SHOWN], more=max(0, len(found) - TAGS_SHOWN), find=find,
        order=order, orders=ORDERS, history=history, any=bool(every),
    )  # fmt: skip


@router.get("/review/tag")
def review_tag(
    request: Request,
    site: TheSite,
    tag: Annotated[str, Query(max_length=200)],
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> HTMLResponse:
    """The photos of one tag, the least sure first; the filters of a search narrow them down."""
    wanted, _ = filters.wanted(request.query_params)
    wanted = replace(wanted, tags=(tag,), exact=True)
    with site.opened() as archive:
        numbers = listing.numbers_of(archive.db, tag)
        found = listing.page(archive.db, wanted, "uncertain", after, PER_PAGE)
        concept = site.taxonomy(archive).concepts.get(tag)
    label = concept.label if concept else numbers.label if numbers else tag
    listed = urlencode(filters.query_of(wanted, "uncertain"))
    return page(
        request, "review_tag.html", tag=tag, label=label, numbers=numbers, found=found, concept=concept,
        listed=listed, wanted=wanted,
    )  # fmt: skip
