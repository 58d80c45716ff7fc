"""Locations: the list, what the photos of one say together, and what its owner says of it: facts, hero, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, model_validator

from urbextag.rollup.records import LocationSummary, SuggestionKind
from urbextag.store.cards import Card
from urbextag.web import lookup
from urbextag.web.api.common import ERRORS, Body, PhotoId, Plan, Said, Started, started
from urbextag.web.lookup import LocationId
from urbextag.web.place_list import PlaceQuery, choose
from urbextag.web.place_tasks import derived_again, in_place
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.actions import Done
    from urbextag.actions.rulings import Concept, LocationEffect
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.web.site import Site

router = APIRouter(prefix="/locations", tags=["locations"], responses=ERRORS)

Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A text in one line."""
TagName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Share = Annotated[float, Field(ge=0, le=1)]
Verdict = Literal["reject", "clear"]


class Cards(BaseModel):
    """A page of the list of locations."""

    total: int
    """Locations that fit."""
    page: int
    pages: int
    locations: list[Card]


class Known(BaseModel):
    """What is known of a location beside its photos."""

    locid: str
    locnam: str
    type: str | None
    stype: str | None
    address_city: str | None
    address_state: str | None
    built_year: str | None
    hero_imgsha: str | None
    sub: str | None
    dismissed: dict[SuggestionKind, list[str]]


class Rejected(BaseModel):
    """A tag that is rejected for all photos of a location."""

    concept: str
    label: str


class Summary(BaseModel):
    """`urbextag locations show --json`, and what its owner has decided."""

    location: Known
    files: int
    summary: LocationSummary
    applied: list[SuggestionKind]
    """Kinds of suggestions that were applied and not taken back."""
    rejected: list[Rejected]


class Facts(Body):
    """What is known of a location; what is left out stays, null or an empty text clears."""

    name: Line | None = None
    type: Line | None = None
    """What it was: "hospital", "medical"."""
    city: Line | None = None
    state: Line | None = None
    """Two letters or the name."""
    built: Line | None = None
    """Years: "1887" or "1870-1910"."""


class HeroChoice(Body):
    """The photo that introduces a location, and the point of it that stays in sight where it is cropped."""

    sha: PhotoId | None
    """Null leaves the choice to the roll-up."""
    focal_x: Share | None = None
    """Share of the width from the left; null says nothing."""
    focal_y: Share | None = None

    @model_validator(mode="after")
    def _whole(self) -> HeroChoice:
        if (self.focal_x is None) != (self.focal_y is None):
            raise ValueError("focal_x and focal_y come together")
        if self.sha is None and self.focal_x is not None:
            raise ValueError("a focal point needs a photo")
        return self


class Ruling(Body):
    """A word on a tag of all photos of a location."""

    tag: TagName
    """Id, label or synonym of a concept."""
    verdict: Verdict


@router.get("", response_model=Cards)
def listing(site: TheSite, query: Annotated[PlaceQuery, Depends()]) -> dict[str, Any]:
    """Locations as cards, 60 on a page. `sum` is null, or `stale` true, while a card is being made."""
    from urbextag.cards import made_with
    from urbextag.store import cards

    with site.opened() as archive:
        found = choose(cards.listing(archive.db, made_with(site.taxonomy(archive))), query)
    return {"total": found.total, "page": found.page, "pages": found.pages, "locations": found.cards}


@router.get("/{locid}", response_model=Summary)
def one(site: TheSite, locid: LocationId) -> dict[str, Any]:
    """What the photos of a location say together, and what is known of it."""
    from urbextag.actions.place_report import known_of
    from urbextag.store import decisions, suggestions

    with site.opened() as archive:
        row = lookup.location(archive, locid)
        files, summary = site.summaries.of(archive, site.taxonomy(archive), row)
        rejected = decisions.of_location(archive.db, locid)
        return {
            "location": known_of(archive, row), "files": files, "summary": summary,
            "applied": suggestions.applied(archive.db, locid),
            "rejected": [{"concept": said.concept, "label": said.label} for said in rejected],
        }  # fmt: skip


@router.patch("/{locid}", response_model=Started, status_code=202, responses={200: {"model": Said}})
def change(site: TheSite, locid: LocationId, facts: Facts) -> Any:
    """Change what is known of a location; the tags of its photos are derived again at once."""
    from dataclasses import replace

    from urbextag.actions import places

    said = {name: value or "" for name, value in facts.model_dump(exclude_unset=True).items()}
    fields = {{"type": "kind", "built": "era"}.get(name, name): value for name, value in said.items()}
    with site.opened() as archive:
        row = lookup.location(archive, locid)
        form = replace(places.form_of(row), **fields)
        if not places.would_change(archive, site.taxonomy(archive), row, form):
            return JSONResponse({"message": "Nothing has changed."})

    def work(archive: Archive, deriver: Deriver, done: Done) -> str:
        number = places.replace_facts(archive, deriver, locid, form, done)
        return derived_again(number)

    return started(in_place(site, locid, f"Saving {form.name or row['locnam']}", work))


@router.post("/{locid}/reaggregate", response_model=Started, status_code=202)
def reaggregate(site: TheSite, locid: LocationId) -> dict[str, Any]:
    """Derive the tags of a location's photos again from what is kept, and sum them up anew."""
    from urbextag.actions.deriving import derive_place
    from urbextag.numbers import count

    with site.opened() as archive:
        name = lookup.location(archive, locid)["locnam"]

    def work(archive: Archive, deriver: Deriver, done: Done) -> str:
        derive_place(archive, deriver, locid, done)
        row = lookup.location(archive, locid)
        files, summary = site.summaries.of(archive, deriver.taxonomy, row)
        return f"{row['locnam']}: {count(files, 'photo')}, {count(summary.distinct_views, 'distinct view')}."

    return started(in_place(site, locid, f"Summing up {name}", work))


@router.put("/{locid}/hero", response_model=Said)
def hero(site: TheSite, locid: LocationId, choice: HeroChoice) -> dict[str, str]:
    """Lock the photo that introduces a location and the point it is shown by, or leave the choice to the roll-up."""
    from urbextag.actions import places

    with site.opened() as archive:
        lookup.location(archive, locid)
        if choice.sha is not None:
            lookup.photo(archive, choice.sha)
        changed = places.set_hero(archive, locid, choice.sha)
        moved = choice.sha is not None and places.set_focal_point(archive, locid, choice.focal_x, choice.focal_y)
    if choice.sha is None:
        return {"message": "The hero is chosen by the photos again." if changed else "No photo was locked."}
    if changed:
        return {"message": "This photo introduces the location: locked."}
    return {"message": "The focal point is kept." if moved else "Nothing has changed."}


@router.get("/{locid}/tags", response_model=Plan)
def tag_plan(
    site: TheSite,
    locid: LocationId,
    tag: Annotated[str, Query(min_length=1, max_length=200)],
    verdict: Verdict = "reject",
) -> dict[str, Any]:
    """How many photos would lose a tag that is rejected for the whole location."""
    from urbextag.actions.tagging import DERIVED_PER_SECOND
    from urbextag.numbers import count

    with site.opened() as archive:
        name, concept, effect = _ruling(site, archive, locid, tag, verdict)
    label, photos = concept[1], len(effect.shas)
    if verdict == "clear":
        text = f"Judge “{label}” photo by photo again at {name}?"
    else:
        lose = "loses" if effect.tagged[concept[0]] == 1 else "lose"
        text = (
            f"Reject “{label}” for the whole of {name}? {effect.tagged[concept[0]]:,} of {count(photos, 'photo')} "
            f"{lose} it, and photos that are added later do not get it. Photos on which you said otherwise keep it."
        )
    return {"photos": photos, "seconds": photos / DERIVED_PER_SECOND, "text": text, "nothing": False}


@router.post("/{locid}/tags", response_model=Started, status_code=202)
def rule(site: TheSite, locid: LocationId, ruling: Ruling) -> dict[str, Any]:
    """Reject a tag for all photos of a location, those that are added later included; or take that back."""
    from urbextag.actions import rulings
    from urbextag.numbers import count

    with site.opened() as archive:
        name, concept, _ = _ruling(site, archive, locid, ruling.tag, ruling.verdict)

    def work(archive: Archive, deriver: Deriver, done: Done) -> str:
        said = rulings.decide_location(archive, deriver, locid, [concept], ruling.verdict, done)
        before, after = said.before[concept[0]], said.after[concept[0]]
        return f"{concept[1]}: on {count(before, 'photo')} of {name} before, on {after:,} now."

    title = f"{'Rejecting' if ruling.verdict == 'reject' else 'Taking back'} “{concept[1]}” at {name}"
    return started(in_place(site, locid, title, work))


def _ruling(
    site: Site, archive: Archive, locid: str, tag: str, verdict: Verdict
) -> tuple[str, Concept, LocationEffect]:
    """Name of the place, the concept that is meant, and what a word on it would be about."""
    from urbextag.actions import rulings
    from urbextag.store import decisions

    row = lookup.location(archive, locid)
    said = decisions.of_location(archive.db, locid) if verdict == "clear" else []
    [concept] = rulings.find_concepts(site.taxonomy(archive), [tag], said)
    return row["locnam"], concept, rulings.location_effect(archive, locid, [concept])
