"""Lists the models of a VLM server to choose from, each with what the server says of its eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.errors import UrbextagError
from urbextag.vlm.client import key_of
from urbextag.vlm.records import ServerFault
from urbextag.vlm.transport import Http, HttpRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from urbextag.config import EndpointConfig

MOST = 200
"""Models that are listed."""
ASKED = 24
"""Models that are asked one by one whether they can see."""
SECONDS = 5.0
"""Longest wait for one answer."""


@dataclass(frozen=True, slots=True)
class ModelThere:
    """One model of a server."""

    name: str
    sees: bool | None
    """Whether it can look at a photo; None where the server does not say."""
    elsewhere: bool = False
    """Whether the server passes photos on to another machine for it."""


def models_there(endpoint: EndpointConfig) -> tuple[ModelThere, ...]:
    """The models of a server, those that can see first; the endpoint's own model plays no part.

    Raises:
        EndpointError: it is no such server, or wants another key.
        UrbextagError: no word came.

    """
    from urbextag.vlm import ollama_look, openai

    http = Http(endpoint.url, key_of(endpoint), answer_seconds=SECONDS)
    explained = ollama_look.explained if endpoint.kind == "ollama" else openai.explained
    try:
        with explained(endpoint):
            found = _ollama(http) if endpoint.kind == "ollama" else _openai(http)
    except ServerFault as fault:
        raise UrbextagError(fault.message, "Start it") from fault
    return tuple(sorted(found, key=lambda one: (one.sees is not True, one.sees is False, one.name.casefold())))


def _ollama(http: Http) -> list[ModelThere]:
    from urbextag.vlm.ollama_look import entries

    listed = list(entries(http.get("/api/tags")).values())[:MOST]
    return [
        ModelThere(http.cleaned(str(entry["name"])), _sees(http, entry) if number < ASKED else None, _elsewhere(entry))
        for number, entry in enumerate(listed)
    ]


def _sees(http: Http, entry: Mapping[str, Any]) -> bool | None:
    try:
        shown = http.post("/api/show", {"model": entry["name"]}).json
    except (HttpRefused, ServerFault):  # removed in this very moment, or a server that does not say
        return None
    abilities = shown.get("capabilities") if isinstance(shown, dict) else None
    return "vision" in abilities if isinstance(abilities, list) else None


def _elsewhere(entry: Mapping[str, Any]) -> bool:
    """Ollama's cloud models, as `ollama_look` tells them."""
    return bool(entry.get("remote_host")) or str(entry["name"]).endswith(("-cloud", ":cloud"))


def _openai(http: Http) -> list[ModelThere]:
    from urbextag.vlm.openai_look import entries

    listed = entries(http.get("/models"))
    if listed is None:
        raise ServerFault(f"{http.url} answered something that is no list of models")
    return [ModelThere(http.cleaned(str(entry["id"])), None) for entry in listed[:MOST]]
