"""What the endpoints share: bodies that allow nothing unknown, and the answers of changes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from urbextag.web.lookup import ID
from urbextag.web.tasks import Task

PhotoId = Annotated[str, Field(pattern=ID)]
PhotoIds = Annotated[list[PhotoId], Field(min_length=1, max_length=5000)]
"""Photos that a request names."""


class Body(BaseModel):
    """What a request says; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What is wrong, and what to do about it."""

    message: str
    remedy: str


class Error(BaseModel):
    """The answer where something is wrong."""

    error: Problem


class Said(BaseModel):
    """The answer of a change: a sentence for people."""

    message: str


class TaskReport(BaseModel):
    """Long work: how far it is and what came of it."""

    id: str
    kind: str
    title: str
    state: str
    done: int
    total: int
    note: str
    started_at: str
    finished_at: str | None
    seconds_left: float | None
    result: dict[str, Any]
    error: Problem | None


class Started(BaseModel):
    """The answer where long work was begun."""

    task: TaskReport


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "An argument has no meaning here"},
    401: {"model": Error, "description": "A token is needed"},
    403: {"model": Error, "description": "The request comes from another site"},
    404: {"model": Error, "description": "Not in this archive"},
    409: {"model": Error, "description": "The settings or models do not allow it"},
    413: {"model": Error, "description": "The request is too long"},
    421: {"model": Error, "description": "This server is not called that"},
    422: {"model": Error, "description": "The request is not valid, or the photo cannot be read"},
    503: {"model": Error, "description": "The database cannot be used at this moment"},
}
"""What every endpoint may answer besides."""


def started(task: Task) -> dict[str, Any]:
    """The answer for a task that has begun."""
    return {"task": task.report()}


class Plan(BaseModel):
    """What a change of many rows would do; `text` asks for it."""

    photos: int
    seconds: float
    text: str
    nothing: bool
    """There is nothing to do; `text` says so."""
