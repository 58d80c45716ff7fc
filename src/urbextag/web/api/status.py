"""How the archive stands, the worker that this server runs, and the health of the VLM servers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from urbextag.web.api.common import ERRORS, Said, Started, started
from urbextag.web.site import TheSite

router = APIRouter(tags=["status"], responses=ERRORS)


class WorkerReport(BaseModel):
    """The worker that this server started."""

    state: str
    since: str
    message: str
    pid: int | None


class StatusReport(BaseModel):
    """`urbextag status --json`, and the worker."""

    archive: str
    profile: str
    photos: int
    tagged: int
    locations: int
    without_location: int
    unreadable_files: int
    decisions: int
    jobs: dict[str, int]
    to_describe: dict[str, int]
    paused_since: str | None
    last_finished: str | None
    seconds_per_photo: float | None
    seconds_left: float | None
    seconds_left_to_describe: float | None
    unreadable: list[dict[str, Any]]
    worker: WorkerReport


class EndpointHealth(BaseModel):
    """A VLM server of the settings."""

    url: str
    model: str
    ready: bool
    detail: str
    remedy: str


@router.get("/status", response_model=StatusReport)
def status(site: TheSite) -> dict[str, Any]:
    """Where the archive stands."""
    from urbextag.actions.status import archive_status

    with site.opened() as archive:
        return archive_status(archive) | {"worker": site.worker.report()}


@router.get("/status/endpoints", response_model=list[EndpointHealth])
def endpoints(site: TheSite) -> list[dict[str, Any]]:
    """Whether each VLM server of the settings answers and can see; asked at most every 30 seconds."""
    return site.health.of(site)


@router.post("/worker/start", response_model=Said)
def start(site: TheSite) -> dict[str, str]:
    """Start the worker of this server where it does not run."""
    site.worker.start()
    return {"message": "The worker is running."}


@router.post("/worker/stop", status_code=202, response_model=Started)
def stop(site: TheSite) -> dict[str, Any]:
    """Stop the worker of this server after the photos in hand."""
    return started(site.tasks.start("worker-stop", "Stopping the worker", lambda report: _stop(site)))


def _stop(site: TheSite) -> dict[str, Any]:
    site.worker.stop()
    return {"message": "The worker has stopped."}
