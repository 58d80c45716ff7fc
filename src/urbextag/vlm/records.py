"""What crosses the rooms of the VLM stage: what is known, what is asked, what came back, what a server is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from urbextag.choices import ServerKind
from urbextag.errors import ModelError
from urbextag.records import ViewType, Years

Finish = Literal["stop", "length", "other"]
Outcome = Literal["done", "set_aside", "missing", "failed"]
"""What becomes of a photo. `failed`: its file could not be read, and is tried once more."""
Kind = Literal["resting", "out", "back", "note"] | Outcome

POLL_SECONDS = 0.25
"""How often the threads of a run look round."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a photo before a VLM looks at it: facts to be told and not to be repeated."""

    view_type: ViewType = "unknown"
    location_name: str | None = None
    location_type: str | None = None
    """`hospital`, or `medical building` where only the category is known."""
    era: Years | None = None
    city: str | None = None
    state: str | None = None
    """Written out."""
    tags: tuple[str, ...] = ()
    """Labels of the tags of the stages before, surest first; none that a VLM itself gave."""
    lines: tuple[str, ...] = ()
    """What the OCR stage read. Never told to the model: its reading is compared with this one."""


@dataclass(frozen=True, slots=True)
class Request:
    """All that one photo's request says; a server's adapter puts it into the server's own form."""

    system: str
    prompt: str
    jpeg: bytes
    schema: Mapping[str, Any]
    """JSON schema of the answer."""
    known: Known
    template: str
    """Version of the template and the schema that it was made with."""
    max_tokens: int
    temperature: float
    seed: int
    context_tokens: int
    keep_alive: str

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the model would be told or asked anything else about the same photo."""
        return fingerprint(self.system, self.prompt, self.template)


def fingerprint(system: str, prompt: str, template: str) -> str:
    """16 hex digits of what a model is told and asked."""
    return hashlib.sha256(json.dumps([system, prompt, template]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, before anybody believes it."""

    content: str
    thinking: str
    """Reasoning that the server gave beside the content; empty where it gave none."""
    finish: Finish
    raw: str
    """The body of the response as it came, as text."""
    seconds: float
    prompt_tokens: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """What a server said of itself and of the model that is to be asked."""

    kind: ServerKind
    version: str | None
    model: str
    """Name as the server gives it."""
    digest: str | None
    """What tells this very build of the model from another of the same name; None where the server does not say."""
    thinking: bool
    """Whether the model reasons unless told not to."""
    context: int | None
    """Tokens of its context as it is served, None where the server does not say."""
    notes: tuple[str, ...] = ()
    """What is not wrong but worth knowing, a sentence each: part of the model runs on the CPU."""


class ServerFault(Exception):
    """The server's or the network's fault, which may pass: costs the photo nothing, and the endpoint rests a while."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asked to be left alone."""


class EndpointError(ModelError):
    """A fault that asking again does not mend: no such model, no vision, wrong key, context too small."""


class Abandoned(Exception):
    """The request in flight was given up because the work is to stop at once."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, for people. `resting`: a server failed and is left alone a while; `out`: it cannot be used."""

    kind: Kind
    endpoint: str
    """Its address, empty where it is about none."""
    sha: str = ""
    message: str = ""
    seconds: float = 0.0
    """From request to saved answer."""
