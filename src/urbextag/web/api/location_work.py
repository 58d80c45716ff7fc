"""Work on one location: queue its photos to be tagged or described, and the owner's word on what they suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from urbextag.rollup.records import SuggestionKind
from urbextag.web import lookup, plans
from urbextag.web.api.common import ERRORS, Body, Plan, Said, Started, started
from urbextag.web.lookup import LocationId
from urbextag.web.place_tasks import in_place
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.actions import Done
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver

router = APIRouter(prefix="/locations/{locid}", tags=["locations"], responses=ERRORS)


class Kind(Body):
    """Which suggestions are meant."""

    kind: SuggestionKind | None = None
    """All where none is named."""


class Suggested(Body):
    """What was suggested."""

    kind: SuggestionKind
    value: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """A kind of place ("hospital", "medical") or years ("1880-1900")."""


class Which(Body):
    """Which photos are to be described."""

    only_missing: bool = False
    """Those alone that no VLM has described."""


@router.get("/retag", response_model=Plan)
def retag_plan(site: TheSite, locid: LocationId) -> Plan:
    """How many photos tagging all of a location is about, and how long it takes."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.to_tag(site, archive, "location", locid)[0]


@router.post("/retag", response_model=Said)
def retag(site: TheSite, locid: LocationId) -> dict[str, str]:
    """Queue all photos of a location to be tagged again."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.tag(site, archive, "location", locid)


@router.get("/queue-untagged", response_model=Plan)
def untagged_plan(site: TheSite, locid: LocationId) -> Plan:
    """How many photos of a location were never tagged, and how long that takes."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.to_tag(site, archive, "missing", at=locid)[0]


@router.post("/queue-untagged", response_model=Said)
def queue_untagged(site: TheSite, locid: LocationId) -> dict[str, str]:
    """Queue the photos of a location that were never tagged, before all that was queued by itself."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.tag(site, archive, "missing", at=locid)


@router.get("/enhance", response_model=Plan)
def enhance_plan(site: TheSite, locid: LocationId, only_missing: Annotated[bool, Query()] = False) -> Plan:
    """How many photos of a location would be described by a VLM, and how long that takes."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.to_describe(site, archive, "missing" if only_missing else "location", locid, at=locid)[0]


@router.post("/enhance", response_model=Said)
def enhance(site: TheSite, locid: LocationId, which: Which) -> dict[str, str]:
    """Queue the photos of a location to be described by a VLM."""
    with site.opened() as archive:
        lookup.location(archive, locid)
        return plans.describe(site, archive, "missing" if which.only_missing else "location", locid, at=locid)


@router.post("/apply", response_model=Started, status_code=202)
def apply(site: TheSite, locid: LocationId, which: Kind) -> dict[str, Any]:
    """Set what the photos suggest; their tags are derived again at once."""
    from urbextag.actions import suggestions
    from urbextag.numbers import count

    with site.opened() as archive:
        row = lookup.location(archive, locid)
        found = suggestions.waiting(archive, site.taxonomy(archive), row, which.kind)
    values = ", ".join(one.value for one in found)

    def work(archive: Archive, deriver: Deriver, done: Done) -> str:
        outcome = suggestions.apply(archive, deriver, row, found, done)
        return f"{row['locnam']}: {values}. The tags of {count(outcome.derived, 'photo')} were derived again."

    return started(in_place(site, locid, f"Applying {values} to {row['locnam']}", work))


@router.post("/undo", response_model=Started, status_code=202)
def undo(site: TheSite, locid: LocationId, which: Kind) -> dict[str, Any]:
    """Take back what applying a suggestion has set, as far as it still stands."""
    from urbextag.actions import suggestions
    from urbextag.numbers import count

    with site.opened() as archive:
        row = lookup.location(archive, locid)
        kinds = suggestions.to_undo(archive, row, which.kind)

    def work(archive: Archive, deriver: Deriver, done: Done) -> str:
        outcome = suggestions.undo(archive, deriver, row, kinds, done)
        return f"Taken back. The tags of {count(outcome.derived, 'photo')} were derived again."

    return started(in_place(site, locid, f"Taking back {', '.join(kinds)} of {row['locnam']}", work))


@router.post("/dismiss", response_model=Said)
def dismiss(site: TheSite, locid: LocationId, which: Suggested) -> dict[str, str]:
    """Keep that something is not to be suggested again; the next best is suggested."""
    from urbextag.actions import suggestions

    with site.opened() as archive:
        lookup.location(archive, locid)
        value = suggestions.value_of(site.taxonomy(archive), which.kind, which.value)
        done = suggestions.dismiss(archive, locid, [(which.kind, value)])
    return {"message": f"{value} is not suggested again." if done else f"{value} was dismissed before."}


@router.post("/recall", response_model=Said)
def recall(site: TheSite, locid: LocationId, which: Suggested) -> dict[str, str]:
    """Let something that was dismissed be suggested again."""
    from urbextag.actions import suggestions

    with site.opened() as archive:
        lookup.location(archive, locid)
        done = suggestions.recall(archive, locid, [(which.kind, which.value)])
    return {"message": f"{which.value} may be suggested again." if done else f"{which.value} was not dismissed."}
