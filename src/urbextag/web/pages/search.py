"""Search: photos by words and by filters, all of them in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from urbextag.store import listing
from urbextag.web import filters
from urbextag.web.found import answering, find
from urbextag.web.render import page
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.store.listing import PhotoFilter
    from urbextag.taxonomy import Taxonomy

router = APIRouter()

FACETS = {
    "view": ("view", "View"),
    "tags": ("tag", "Tags"),
    "condition": ("condition", "Condition"),
    "locid": ("location", "Location"),
    "place_type": ("place", "Kind of place"),
    "has_text": ("text", "Readable text"),
    "band": ("band", "How sure"),
}
"""Of `listing.facets`, with the name in the address and the heading."""
SORTS = {
    "added": "latest added", "taken": "latest taken", "quality": "best quality", "uncertain": "least sure",
    "name": "name",
}  # fmt: skip

FILTER_WORDS = {
    "text": {"yes": "readable text", "no": "no readable text"},
    "described": {"yes": "described", "no": "not described"},
    "reviewed": {"yes": "reviewed", "no": "not reviewed"},
    "exact": {"yes": "these very tags"},
    "hidden": {"yes": "hidden ones too"},
}
"""How people read filters whose value says yes or no, by name in the address."""


@router.get("/search")
def search(
    request: Request,
    site: TheSite,
    q: Annotated[str, Query(max_length=2000)] = "",
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> HTMLResponse:
    """The page; what narrows it down is fetched afterwards."""
    wanted, sort = filters.wanted(request.query_params)
    with site.opened() as archive:
        shown = find(site, archive, q, wanted, sort, after)
        chosen = _chosen(archive, site.taxonomy(archive), wanted)
    listed = "" if q.strip() else urlencode(filters.query_of(wanted, sort))
    return page(
        request, "search.html", shown=shown, query=" ".join(q.split()), chosen=chosen, sort=sort, sorts=SORTS,
        listed=listed, wanted=wanted,
    )  # fmt: skip


@router.get("/search/facets")
def facets(request: Request, site: TheSite, q: Annotated[str, Query(max_length=2000)] = "") -> HTMLResponse:
    """The part that narrows the page down: how many photos each further filter would leave."""
    wanted, _ = filters.wanted(request.query_params)
    with site.opened() as archive:
        found = listing.facets(archive.db, answering(site, archive, q, wanted))
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in ("after",)]

    def leads_to(name: str, value: str) -> str:
        kept = [(key, one) for key, one in query if key != name or name == "tag"]
        return f"/search?{urlencode([*kept, (name, value)])}"

    return page(request, "search_facets.html", found=found, facets=FACETS, leads_to=leads_to)


def _chosen(archive: Archive, taxonomy: Taxonomy, wanted: PhotoFilter) -> list[tuple[str, str, str]]:
    """(name in the address, value, how people read it) of each filter that is set."""
    from urbextag.store import locations

    chosen = []
    for name, value in filters.query_of(wanted):
        shown = FILTER_WORDS.get(name, {}).get(value) or value.replace("_", " ")
        if name == "tag":
            shown = taxonomy.concepts[value].label if value in taxonomy.concepts else value
        elif name == "location":
            row = locations.by_id(archive.db, value)
            shown = row["locnam"] if row else value
        elif name == "sub":
            shown = "one part of it"
        elif name == "quality":
            shown = f"quality ≥ {value}"
        chosen.append((name, value, shown))
    return chosen
