"""One location: its hero, what its photos say together, what its owner says of it, and the photos themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from urbextag.states import STATES
from urbextag.web import filters, lookup
from urbextag.web.lookup import LocationId
from urbextag.web.render import last_words, page
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from urbextag.archive import Archive
    from urbextag.rollup.records import LocationSummary, TagCount
    from urbextag.store.cards import Card
    from urbextag.store.listing import PhotoFilter, Sort
    from urbextag.taxonomy import Taxonomy

router = APIRouter()

AT_ONCE = 400
"""Photos of a place whose summary is made before the page is sent, in a tenth of a second; of others it follows."""
FACET_NAMES = {
    "place": "Kind of place", "room": "Rooms", "element": "Parts of buildings", "material": "Materials",
    "object": "Objects", "condition": "Condition", "nature": "Nature", "sign": "Signs", "vehicle": "Vehicles",
    "era": "Era", "hazard": "Hazards",
}  # fmt: skip
"""In the order of the page. Tags of the facet `view` are not named: the views are counted by themselves."""
SORT_NAMES: dict[Sort, str] = {
    "added": "Added last", "taken": "Taken last", "quality": "Best quality", "uncertain": "Least sure", "name": "Name",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """The photos below the place, as the address asks for them."""

    locid: str
    listed: PhotoFilter
    sort: Sort
    choosing: bool
    """Each photo can be made the hero."""

    def link(self, **changes: Any) -> str:
        """The address of the place with other photos: `tag` turns one tag on or off, others are of `PhotoFilter`."""
        tag = changes.pop("tag", None)
        if tag is not None:
            left = tuple(one for one in self.listed.tags if one != tag)
            changes["tags"] = left if tag in self.listed.tags else (*left, tag)
        sort = changes.pop("sort", self.sort)
        query = filters.query_of(replace(self.listed, locid=None, **changes), sort)
        query += [("choose", "hero")] if self.choosing else []
        return f"/locations/{self.locid}{'?' + urlencode(query) if query else ''}#photos"

    def photo(self, sha: str) -> str:
        """The address of a photo within this list."""
        return f"/photos/{sha}?{self.query}"

    @property
    def query(self) -> str:
        """The list as an address asks for it."""
        return urlencode(filters.query_of(self.listed, self.sort))

    @property
    def narrows(self) -> bool:
        """Whether it leaves photos of the place out."""
        return replace(self.listed, locid=None) != type(self.listed)()


@router.get("/locations/{locid}")
def location(request: Request, site: TheSite, locid: LocationId) -> HTMLResponse:
    """The page; what the photos of a large place say together follows by itself (`summary`)."""
    from urbextag.actions.places import form_of
    from urbextag.store import decisions, listing

    with site.opened() as archive:
        row = lookup.location(archive, locid)
        taxonomy = site.taxonomy(archive)
        shown = _shown(request, locid)
        card = _card(archive, taxonomy, locid)
        make = card.photos <= AT_ONCE
        summed = (site.summaries.of if make else site.summaries.kept)(archive, taxonomy, row)
        values = {
            "row": row, "card": card, "shown": shown, "form": form_of(row),
            "kinds": _kinds(taxonomy), "states": STATES, "endpoints": len(archive.config.vlm.endpoints),
            "rejected": decisions.of_location(archive.db, locid),
            "found": listing.page(archive.db, shown.listed, shown.sort, request.query_params.get("after") or None),
            "total": listing.total(archive.db, shown.listed), "sorts": SORT_NAMES.items(),
            "labels": {tag: _label(taxonomy, tag) for tag in shown.listed.tags},
            **_summary_values(archive, row, summed[1] if summed else None),
        }  # fmt: skip
    return page(request, "location.html", **values)


@router.get("/locations/{locid}/summary")
def summary(request: Request, site: TheSite, locid: LocationId) -> HTMLResponse:
    """The parts of the page that the summary fills; the page's script puts them in their places."""
    with site.opened() as archive:
        row = lookup.location(archive, locid)
        taxonomy = site.taxonomy(archive)
        _, found = site.summaries.of(archive, taxonomy, row)
        values = {
            "row": row, "card": _card(archive, taxonomy, locid), "shown": _shown(request, locid),
            **_summary_values(archive, row, found),
        }  # fmt: skip
    return page(request, "location_summary.html", **values)


def _shown(request: Request, locid: str) -> Shown:
    listed, sort = filters.wanted(request.query_params)
    return Shown(locid, replace(listed, locid=locid), sort, request.query_params.get("choose") == "hero")


def _card(archive: Archive, taxonomy: Taxonomy, locid: str) -> Card:
    from urbextag.cards import made_with
    from urbextag.store import cards

    found = cards.listing(archive.db, made_with(taxonomy), locid)
    if not found:  # removed by the application since its row was read
        raise lookup.NotHere(f"there is no location {locid[:12]}", "See all: /locations")
    return found[0]


def _summary_values(archive: Archive, row: sqlite3.Row, found: LocationSummary | None) -> dict[str, Any]:
    from urbextag.actions import suggestions
    from urbextag.store.suggestions import applied, still_applied

    locid = row["locid"]
    undoable = [(kind, *still_applied(archive.db, locid, kind)) for kind in applied(archive.db, locid)]
    return {
        "summary": found,
        "facets": _by_facet(found.tags) if found else [],
        "dismissed": suggestions.dismissed(archive, locid),
        "applied": [(kind, _said(values)) for kind, values, stands in undoable if stands],
    }


def _said(columns: dict[str, str | None]) -> str:
    """What applying a suggestion has set, in words."""
    return ", ".join(value for name, value in columns.items() if value and name != "built_type")


def _by_facet(tags: Sequence[TagCount]) -> list[tuple[str, list[TagCount]]]:
    """(name of the facet, its tags, the most seen first), in the facets' order."""
    found: dict[str, list[TagCount]] = {facet: [] for facet in FACET_NAMES}
    for tag in tags:
        if tag.facet in found:
            found[tag.facet].append(tag)
    return [(FACET_NAMES[facet], sorted(some, key=lambda tag: -tag.views)) for facet, some in found.items() if some]


def _kinds(taxonomy: Taxonomy) -> list[tuple[str, str, list[str]]]:
    """(label of a category, its name, labels of the classes in it) for the choice of what a place was."""
    classes: dict[str, list[str]] = {}
    for one in taxonomy.concepts.values():
        if one.facet == "place":
            within = classes.setdefault(one.category_name, [])
            if not one.category:
                within.append(one.label)
    return [(name.lower(), name, sorted(classes[name])) for name in sorted(classes)]


def _label(taxonomy: Taxonomy, tag: str) -> str:
    found = taxonomy.concepts.get(tag)
    return found.label if found else last_words(tag)
