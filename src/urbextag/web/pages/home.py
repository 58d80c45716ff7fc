"""Home: how the archive stands, how far the work is, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from urbextag.store import job_lists, jobs, locations
from urbextag.web.render import page
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    import sqlite3

router = APIRouter()


class Stage(NamedTuple):
    """One of the two queues, as a bar."""

    title: str
    done: int
    total: int
    waiting: int
    per_minute: float | None
    seconds_left: float | None
    set_aside: int
    missing: int


@router.get("/")
def home(request: Request, site: TheSite) -> HTMLResponse:
    """The page."""
    from urbextag.actions.status import archive_status

    with site.opened() as archive:
        status = archive_status(archive)
        stages = stages_of(archive.db, status)
        given_up = job_lists.given_up(archive.db)
        endpoints = archive.config.vlm.endpoints
        places = sorted({row["locnam"] for row in locations.all_rows(archive.db)})
        kinds = sorted(c.label for c in site.taxonomy(archive).concepts.values() if c.facet == "place")
    return page(
        request, "home.html", status=status, stages=stages, worker=site.worker.report(), endpoints=endpoints,
        places=places, kinds=kinds, given_up=given_up,
    )  # fmt: skip


def stages_of(db: sqlite3.Connection, status: Mapping[str, Any]) -> list[Stage]:
    """How far looking at photos is, and describing them."""
    tagging, vlm = status["jobs"], status["to_describe"]
    again = tagging["queued"] + tagging["running"]
    stages = [
        Stage(
            "Scene, tags, text and quality", min(status["tagged"], status["photos"] - again), status["photos"], again,
            job_lists.per_minute(db), status["seconds_left"], tagging["set_aside"], tagging["missing"],
        )
    ]  # fmt: skip
    if any(vlm.values()):
        waiting = vlm["queued"] + vlm["running"]
        stages.append(
            Stage(
                "Description by a VLM", vlm["done"], vlm["done"] + waiting + vlm["set_aside"] + vlm["missing"], waiting,
                job_lists.per_minute(db, jobs.VLM), status["seconds_left_to_describe"], vlm["set_aside"],
                vlm["missing"],
            )
        )  # fmt: skip
    return stages
