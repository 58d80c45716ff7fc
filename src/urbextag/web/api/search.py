"""Search: photos by words and filters, and how many photos each further filter would leave."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from urbextag.store import listing
from urbextag.web import filters
from urbextag.web.api.common import ERRORS
from urbextag.web.found import LONGEST_QUERY, PER_PAGE, answering, find
from urbextag.web.site import TheSite

router = APIRouter(prefix="/search", tags=["search"], responses=ERRORS)


class TagFound(BaseModel):
    """A tag of a photo."""

    concept: str
    label: str
    confidence: float
    origin: str
    band: str


class PhotoFound(BaseModel):
    """A photo of a list."""

    id: str
    name: str
    locid: str | None
    location: str | None
    view_type: str | None
    quality: float | None
    width: int | None
    height: int | None
    taken: str | None
    tagged: bool
    job: str | None
    hidden: bool
    tags: list[TagFound]
    matched_tags: int | None = None
    """How many of the concepts that the words name it is tagged with."""
    sigma: float | None = None
    """How far its picture stands out for the words, in standard deviations."""
    stands_out: bool | None = None


class SearchAnswer(BaseModel):
    """A page of photos."""

    photos: list[PhotoFound]
    total: int
    capped: bool
    """There are more than `total`."""
    next: str | None
    previous: str | None
    """For `after`."""
    concepts: list[str]
    """Ids of the concepts that the words name."""
    pictures: int | None
    """Embeddings that were compared."""


class ChoiceFound(BaseModel):
    """A value that narrows a list down."""

    value: str
    label: str
    photos: int


Words = Annotated[str, Query(max_length=LONGEST_QUERY, description="what is to be seen, in your own words")]


@router.get("", response_model=SearchAnswer)
def search(
    request: Request,
    site: TheSite,
    q: Words = "",
    after: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = PER_PAGE,
) -> dict[str, Any]:
    """Photos by words and filters, the best or first of the order first.

    Filters, all of which hold: `tag` (several; a concept's id, what lies below it counts too), `location` and `sub`
    (ids), `view`, `place` (a kind of place), `condition`, `quality` (at least), `text` (yes, no), `described` (yes,
    no), `band`, `state` (tagged, untagged, set_aside, missing), `reviewed` (yes, no). `sort`: added, taken, quality,
    uncertain, name; words have an order of their own.
    """
    wanted, sort = filters.wanted(request.query_params)
    with site.opened() as archive:
        shown = find(site, archive, q, wanted, sort, after, limit)
    photos = []
    for tile, answer in zip(shown.tiles, shown.answers, strict=True):
        why = {"matched_tags": answer.tags, "sigma": answer.sigma, "stands_out": answer.stands_out} if answer else {}
        photo = asdict(tile)
        photos.append({"id": photo.pop("sha")} | photo | why)
    return {
        "photos": photos, "total": shown.photos, "capped": shown.capped, "next": shown.next,
        "previous": shown.previous, "concepts": [concept.id for concept in shown.concepts],
        "pictures": shown.pictures,
    }  # fmt: skip


@router.get("/facets", response_model=dict[str, list[ChoiceFound]])
def facets(request: Request, site: TheSite, q: Words = "") -> dict[str, list[dict[str, Any]]]:
    """How many photos each further filter would leave; takes the words and filters of `/search`."""
    wanted, _ = filters.wanted(request.query_params)
    with site.opened() as archive:
        found = listing.facets(archive.db, answering(site, archive, q, wanted))
    return {name: [asdict(choice) for choice in choices] for name, choices in found.items()}
