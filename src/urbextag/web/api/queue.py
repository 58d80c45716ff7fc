"""The queues: how they stand, hold, go on, cancel, bring back or give up what was set aside, and queue more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from urbextag.store import jobs
from urbextag.web import lookup, plans
from urbextag.web.api.common import ERRORS, Body, PhotoIds, Plan, Said
from urbextag.web.site import TheSite

router = APIRouter(prefix="/queue", tags=["queue"], responses=ERRORS)

Which = Literal["tagging", "describing"]
QUEUES: dict[Which, jobs.Queue] = {"tagging": jobs.TAGGING, "describing": jobs.VLM}
TagScope = Literal["missing", "failed", "changed", "all"]
DescribeScope = Literal["missing", "changed", "all"]


class QueueReport(BaseModel):
    """`urbextag jobs status --json`."""

    counts: dict[str, int]
    paused_since: str | None
    last_finished: str | None
    seconds_per_photo: float | None
    seconds_left: float | None
    troubled: list[dict[str, Any]]
    vlm: dict[str, Any]


class Pause(Body):
    """How to hold the work."""

    at_once: bool = False
    """Answers that a VLM server is working on are not waited for either."""


class Cancel(Body):
    """What to take off the queues."""

    queue: Which | None = None
    """Both where none is named."""
    location: str | None = Field(None, max_length=128)
    """Only the photos of this location's id."""


class Troubled(Body):
    """Photos that were set aside or are missing."""

    queue: Which = "tagging"
    photos: PhotoIds | None = None
    """All where none is named."""


class Tag(Body):
    """Which photos to queue."""

    scope: TagScope = "missing"


class Describe(Body):
    """Which photos to queue."""

    scope: DescribeScope = "missing"


@router.get("", response_model=QueueReport)
def queue(site: TheSite) -> dict[str, Any]:
    """How many photos are queued, in hand, done, set aside; what was set aside and why; how long the rest takes."""
    from urbextag.actions.status import queue_status

    with site.opened() as archive:
        return queue_status(archive)


@router.post("/pause", response_model=Said)
def pause(site: TheSite, how: Pause) -> dict[str, str]:
    """Hold the work: photos in hand are finished, none is begun."""
    with site.opened() as archive:
        jobs.pause(archive.db, at_once=how.at_once)
    return {"message": "Paused. Photos in hand are finished."}


@router.post("/resume", response_model=Said)
def resume(site: TheSite) -> dict[str, str]:
    """Let paused work go on."""
    with site.opened() as archive:
        jobs.resume(archive.db)
    return {"message": "The work goes on."}


@router.post("/cancel", response_model=Said)
def cancel(site: TheSite, what: Cancel) -> dict[str, str]:
    """Take photos off the queues; tags that stand stay."""
    with site.opened() as archive:
        locid = lookup.location(archive, what.location)["locid"] if what.location else None
        names: list[Which] = [what.queue] if what.queue else ["tagging", "describing"]
        number = sum(jobs.cancel(archive.db, locid, QUEUES[name]) for name in names)
    return {"message": f"{number:,} taken off the queue."}


@router.post("/retry", response_model=Said)
def retry(site: TheSite, which: Troubled) -> dict[str, str]:
    """Queue what was set aside or missing again, with a clean record."""
    with site.opened() as archive:
        number = jobs.retry(archive.db, which.photos, QUEUES[which.queue])
    return {"message": f"{number:,} queued again."}


@router.post("/discard", response_model=Said)
def discard(site: TheSite, which: Troubled) -> dict[str, str]:
    """Give up what was set aside or is missing: it stays in the archive, untried. Named in `retry` it comes back."""
    with site.opened() as archive:
        number = jobs.discard(archive.db, which.photos, QUEUES[which.queue])
    return {"message": f"{number:,} given up."}


@router.get("/tag", response_model=Plan)
def tag_plan(site: TheSite, scope: Annotated[TagScope, Query()] = "missing") -> Plan:
    """How many photos tagging a scope is about, and how long it takes."""
    with site.opened() as archive:
        return plans.to_tag(site, archive, scope)[0]


@router.post("/tag", response_model=Said)
def tag(site: TheSite, which: Tag) -> dict[str, str]:
    """Queue the photos of a scope to be tagged."""
    with site.opened() as archive:
        return plans.tag(site, archive, which.scope)


@router.get("/describe", response_model=Plan)
def describe_plan(site: TheSite, scope: Annotated[DescribeScope, Query()] = "missing") -> Plan:
    """How many photos describing a scope is about, and how long it takes."""
    with site.opened() as archive:
        return plans.to_describe(site, archive, scope)[0]


@router.post("/describe", response_model=Said)
def describe(site: TheSite, which: Describe) -> dict[str, str]:
    """Queue the photos of a scope to be described by a VLM."""
    with site.opened() as archive:
        return plans.describe(site, archive, which.scope)
