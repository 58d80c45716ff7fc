"""Tries a VLM server before it is saved, within seconds: does it answer, can its model see, which models has it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.errors import UrbextagError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urbextag.config import EndpointConfig, VlmConfig
    from urbextag.vlm.look import Server
    from urbextag.vlm.models_there import ModelThere

SECONDS = 10.0
AT_ONCE = threading.BoundedSemaphore(8)
"""A server that is mute holds its thread for longer than anybody waits for it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it."""

    works: bool
    detail: str
    """One line on a server that works."""
    notes: tuple[str, ...]
    message: str
    """What is wrong, without a full stop; empty where it works."""
    remedy: str
    models: tuple[ModelThere, ...]
    seconds: float


def try_server(endpoint: EndpointConfig, config: VlmConfig, *, model_named: bool, seconds: float = SECONDS) -> Tried:
    """Ask a server what it is and which models it has.

    Args:
        endpoint: as it would be saved.
        config: how it would be asked.
        model_named: whether its model is to be looked at too.
        seconds: after which it counts as mute.

    """
    began = time.monotonic()
    found: list[tuple[ModelThere, ...]] = []
    looked: list[Server] = []
    faults: list[UrbextagError] = []
    asked = [_aside(lambda: found.append(_models(endpoint)), faults)]
    if model_named:
        asked.append(_aside(lambda: looked.append(_look(endpoint, config)), faults))
    for thread in asked:
        if thread is not None:
            thread.join(max(0.0, began + seconds - time.monotonic()))
    spent = round(time.monotonic() - began, 2)
    models = found[0] if found else ()
    if None in asked:
        return Tried(False, "", (), "too many servers are being tried at the same time", "Wait a moment", models, spent)
    if looked and not looked[0].fault:
        server = looked[0]
        return Tried(True, server.detail, server.probed.notes if server.probed else (), "", "", models, spent)
    if looked:
        return Tried(False, "", (), looked[0].fault, looked[0].remedy, models, spent)
    if faults:
        return Tried(False, "", (), faults[0].message, faults[0].remedy, models, spent)
    if not model_named and found:
        return Tried(True, f"{endpoint.url} answers: {len(models)} models", (), "", "", models, spent)
    return Tried(False, "", (), f"{endpoint.url} gave no answer within {seconds:g} s", "Start it", models, spent)


def _aside(work: Callable[[], None], faults: list[UrbextagError]) -> threading.Thread | None:
    """Do it in a thread that nobody need wait for; None where too many do so already."""
    if not AT_ONCE.acquire(blocking=False):
        return None

    def run() -> None:
        try:
            work()
        except UrbextagError as error:
            faults.append(error)
        finally:
            AT_ONCE.release()

    thread = threading.Thread(target=run, name="try-server", daemon=True)
    thread.start()
    return thread


def _look(endpoint: EndpointConfig, config: VlmConfig) -> Server:
    from urbextag.vlm.look import look_at

    return look_at(endpoint, config)


def _models(endpoint: EndpointConfig) -> tuple[ModelThere, ...]:
    from urbextag.vlm.models_there import models_there

    return models_there(endpoint)
