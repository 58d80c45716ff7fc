"""The settings: read, changed in the one TOML with its comments kept; VLM servers tried; thresholds tried."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, create_model

from urbextag.actions import settings as actions
from urbextag.actions.thresholds import Preview, preview
from urbextag.choices import Facet, ServerKind
from urbextag.config import TaxonomyConfig, Threshold
from urbextag.web.api.common import ERRORS, Body
from urbextag.web.site import Site, TheSite

router = APIRouter(prefix="/settings", tags=["settings"], responses=ERRORS)

MOST_SERVERS = 16
MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
MOST_LETTERS = 40
"""Of a setting that is a text."""
Url = Annotated[str, Field(min_length=1, max_length=300)]
KeyName = Annotated[str, Field(min_length=1, max_length=100, pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
"""Of the environment variable that holds a server's key."""
Parallel = Annotated[int, Field(ge=1, le=64)]
"""Requests to a server at a time."""


class Saved(BaseModel):
    """What became of a change."""

    message: str
    changed: bool
    restarting: bool
    """The worker reads the settings afresh; it finishes the photos in hand first."""


class Endpoint(Body):
    """One VLM server."""

    url: Url
    kind: ServerKind = "ollama"
    model: str = Field(min_length=1, max_length=200)
    allow_remote: bool = False
    key_env: KeyName | None = None
    parallel: Parallel = 1


class WantedEndpoint(Endpoint):
    """One VLM server as it shall stand in the settings."""

    was: str | None = Field(None, max_length=300)
    """The url under which it stands there; null: it is added."""


class Endpoints(Body):
    """All servers: one that is not named is taken out."""

    endpoints: list[WantedEndpoint] = Field(max_length=MOST_SERVERS)


class EndpointsReport(BaseModel):
    """The servers of the settings."""

    endpoints: list[Endpoint]


class Connection(Body):
    """A server to be tried."""

    url: Url
    kind: ServerKind = "ollama"
    model: str | None = Field(None, max_length=200)
    """Null or empty: only its list of models is asked for."""
    allow_remote: bool = False
    key_env: KeyName | None = None
    parallel: Parallel = 1


class ModelThere(BaseModel):
    """One model of a server."""

    name: str
    sees: bool | None
    elsewhere: bool


class Tried(BaseModel):
    """What a server said."""

    works: bool
    detail: str
    notes: list[str]
    message: str
    remedy: str
    models: list[ModelThere]
    seconds: float


class Thresholds(Body):
    """How sure a tag must be to be shown; null: as it is without the owner's word."""

    threshold: Threshold | None = None
    thresholds: dict[Facet, Threshold] = Field(default_factory=dict)


def _checked(annotation: Any, metadata: list[Any]) -> Any:
    """A type with the bounds that the settings give it; None brings the default back."""
    for one in metadata:
        annotation = Annotated[annotation, one]
    return annotation | None


def _section(section: str) -> type[Body]:
    """What may be changed of a section, by the bounds of the settings themselves."""
    fields: dict[str, Any] = {}
    for name in actions.CHANGEABLE[section]:
        info = actions.section_model(section).model_fields[name]
        bounds: dict[str, Any] = {"allow_inf_nan": False} if info.annotation is float else {}
        if info.annotation in (str, str | None):
            bounds = {"pattern": MODEL_NAME} if section == "models" else {"max_length": MOST_LETTERS}
        fields[name] = _checked(info.annotation, info.metadata), Field(None, description=info.description, **bounds)
    return create_model(f"{section.title().replace('_', '') or 'Top'}Change", __base__=Body, **fields)


def _change() -> type[Body]:
    """Every section with what may be changed of it; what is not named stays."""
    fields: dict[str, Any] = {section: (_section(section) | None, None) for section in actions.CHANGEABLE if section}
    return create_model("SettingsChange", __base__=_section(""), **fields)


if TYPE_CHECKING:
    SettingsChange = Body
else:
    SettingsChange = _change()


@router.get("", response_model=list[actions.Setting])
def settings(site: TheSite) -> list[dict[str, Any]]:
    """Every setting that can be changed here: value, default, bounds, choices and what it does."""
    with site.opened() as archive:
        return [asdict(one) for one in actions.described(archive.config)]


@router.patch("", response_model=Saved)
def change(site: TheSite, wanted: SettingsChange) -> Saved:
    """Write settings into urbextag.toml: its comments stay. Null brings a default back; what is not named stays."""
    named = wanted.model_dump(exclude_unset=True)
    changes = {section: values for section, values in named.items() if isinstance(values, dict)}
    if top := {name: value for name, value in named.items() if name in actions.CHANGEABLE[""]}:
        changes[""] = top
    return _saved(site, actions.change(site.root, changes))


def _saved(site: Site, changed: bool) -> Saved:
    """The answer; the worker is told where something has changed."""
    if not changed:
        return Saved(message="All of it stood there already.", changed=False, restarting=False)
    restarting = site.restarts.ask()
    more = "The worker reads it afresh." if restarting else "A worker that runs elsewhere reads it at its next start."
    return Saved(message=f"Saved. {more}", changed=True, restarting=restarting)


@router.get("/endpoints", response_model=EndpointsReport)
def endpoints(site: TheSite) -> dict[str, Any]:
    """The VLM servers of the settings. A key is never shown: only the name of the variable that holds it."""
    with site.opened() as archive:
        return {"endpoints": [one.model_dump() for one in archive.config.vlm.endpoints]}


@router.put("/endpoints", response_model=Saved)
def set_endpoints(site: TheSite, wanted: Endpoints) -> Saved:
    """Let the settings name these servers and no others; none = no photo is described by a VLM."""
    pairs = [(one.was, _sparse(one)) for one in wanted.endpoints]
    return _saved(site, actions.change_endpoints(site.root, pairs))


def _sparse(one: WantedEndpoint) -> dict[str, Any]:
    """Its settings, those left out that are the default anyway."""
    usual = {"allow_remote": False, "parallel": 1}
    values = one.model_dump(exclude={"was"})
    return {name: None if name in usual and value == usual[name] else value for name, value in values.items()}


@router.post("/test-connection", response_model=Tried)
def test_connection(site: TheSite, server: Connection) -> dict[str, Any]:
    """Try a VLM server within 10 seconds, saved or not: does it answer, can its model see, which models has it?"""
    from urbextag.actions.connection import try_server

    values = server.model_dump()
    with site.opened() as archive:
        config = archive.config.vlm
    endpoint = actions.endpoint(values | {"model": server.model or None}, config.endpoints)
    return asdict(try_server(endpoint, config, model_named=bool(server.model)))


@router.post("/thresholds/preview", response_model=Preview)
def preview_thresholds(site: TheSite, wanted: Thresholds) -> dict[str, Any]:
    """Tags that would appear and vanish with other thresholds, on a sample of photos spread over the archive."""
    asked = TaxonomyConfig(threshold=wanted.threshold, thresholds=wanted.thresholds)
    with site.opened() as archive:
        return asdict(preview(archive, site.deriver(archive), asked.wanted))
