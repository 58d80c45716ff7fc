"""The models of the profiles: which there are, which are here; fetch one, prove one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import BaseModel

from urbextag.actions import models as actions
from urbextag.actions.settings import model_names
from urbextag.choices import Precision
from urbextag.web.api.common import ERRORS, Started, started
from urbextag.web.site import Site, TheSite
from urbextag.web.tasks import Report

if TYPE_CHECKING:
    from urbextag.models.catalogue import ModelSpec

router = APIRouter(prefix="/models", tags=["models"], responses=ERRORS)

Name = Annotated[str, InPath(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
MEGA = 10**6


class Model(BaseModel):
    """`urbextag models list --json`."""

    name: str
    title: str
    family: str
    role: str
    licence: str
    repository: str | None
    checkpoint: str | None
    revision: str | None
    bytes: dict[Precision, int | None]
    here: list[Precision]
    damaged: bool
    used: Precision | None


class Models(BaseModel):
    """Every known model."""

    models: list[Model]


@router.get("", response_model=Models)
def models(site: TheSite) -> dict[str, Any]:
    """Every model: what it is, how large, what of it is here, which are set."""
    from urbextag.models.installed import models_folder

    with site.opened() as archive:
        config = archive.config
    lines = actions.lines(models_folder(config.models), model_names(config))
    return {"models": [actions.as_json(one) for one in lines]}


@router.post("/{name}/{precision}/pull", status_code=202, response_model=Started)
def pull(site: TheSite, name: Name, precision: Precision) -> dict[str, Any]:
    """Fetch a model. Stopped or interrupted it goes on where it was; what is here and whole is kept."""
    _known(site, name).wanted(precision)
    title = f"Fetching {name} {precision} (MB)"
    return started(site.tasks.start(f"model {name}", title, lambda report: _pull(site, name, precision, report)))


@router.post("/{name}/{precision}/verify", status_code=202, response_model=Started)
def verify(site: TheSite, name: Name, precision: Precision) -> dict[str, Any]:
    """Hash every file of a model again."""
    _known(site, name)
    title = f"Proving {name} {precision} (MB)"
    return started(site.tasks.start(f"model {name}", title, lambda report: _verify(site, name, precision, report)))


def _known(site: Site, name: str) -> ModelSpec:
    """The model of that name; raises ModelError."""
    from urbextag.models.catalogue import find
    from urbextag.models.installed import models_folder

    with site.opened() as archive:
        return find(models_folder(archive.config.models), name)


def _heard(report: Report) -> actions.Heard:
    return lambda done, total, note: report(done // MEGA, total // MEGA or None, note)


def _pull(site: Site, name: str, precision: Precision, report: Report) -> dict[str, Any]:
    with site.opened() as archive:
        config = archive.config
    message = actions.pull(config, name, precision, _heard(report))
    used = (name, precision) in model_names(config).values()
    if used and site.worker.state == "failed":  # for want of this model, maybe
        site.restarts.ask()
    return {"message": message, "url": "/settings"}


def _verify(site: Site, name: str, precision: Precision, report: Report) -> dict[str, Any]:
    with site.opened() as archive:
        config = archive.config
    return {"message": actions.verify(config, name, precision, _heard(report))}
