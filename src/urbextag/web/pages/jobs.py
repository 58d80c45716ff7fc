"""Jobs: what is in hand, what waits, and what was set aside with its picture and reason."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from urbextag.store import job_lists
from urbextag.store.job_lists import Listed
from urbextag.web.api.queue import QUEUES, Which
from urbextag.web.pages.home import stages_of
from urbextag.web.render import page
from urbextag.web.site import TheSite

router = APIRouter()

PER_PAGE = 60
TITLES: dict[Listed, str] = {"running": "In hand", "queued": "Waiting", "aside": "Set aside or missing", "done": "Done"}


@router.get("/jobs")
def jobs(
    request: Request,
    site: TheSite,
    show: Listed = "running",
    queue: Which = "tagging",
    at: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> HTMLResponse:
    """The page."""
    from urbextag.actions.status import archive_status

    with site.opened() as archive:
        status = archive_status(archive)
        counts = status["jobs"] if queue == "tagging" else status["to_describe"]
        rows = job_lists.listed(archive.db, show, QUEUES[queue], PER_PAGE, at)
        stages = stages_of(archive.db, status)
    numbers = {name: counts[name] for name in ("running", "queued", "done")}
    numbers["aside"] = counts["set_aside"] + counts["missing"]
    return page(
        request, "jobs.html", status=status, stages=stages, worker=site.worker.report(), show=show, queue=queue,
        rows=rows, at=at, per_page=PER_PAGE, numbers=numbers, titles=TITLES, queues=get_args(Which),
        tasks=[task.report() for task in site.tasks.all()],
    )  # fmt: skip
