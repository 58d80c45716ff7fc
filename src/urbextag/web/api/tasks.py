"""Long work that a person started: its progress, and how to stop it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from urbextag.web.api.common import ERRORS, TaskReport
from urbextag.web.site import TheSite

router = APIRouter(prefix="/tasks", tags=["tasks"], responses=ERRORS)

TaskId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="the task's id, as the answer that began it says")]


@router.get("", response_model=list[TaskReport])
def every(site: TheSite) -> list[dict[str, Any]]:
    """The tasks that run, and the last that ended, the latest first."""
    return [task.report() for task in site.tasks.all()]


@router.get("/{task_id}", response_model=TaskReport)
def one(site: TheSite, task_id: TaskId) -> dict[str, Any]:
    """How far one is, and what came of it."""
    return site.tasks.get(task_id).report()


@router.post("/{task_id}/stop", response_model=TaskReport)
def stop(site: TheSite, task_id: TaskId) -> dict[str, Any]:
    """Have it end after the step it is at; what it has done stands."""
    site.tasks.stop(task_id)
    return site.tasks.get(task_id).report()
