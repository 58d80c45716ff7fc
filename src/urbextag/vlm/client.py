"""What the runner asks of a VLM server, whatever it speaks, and which adapter speaks it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from urbextag.config import EndpointConfig, VlmConfig
from urbextag.vlm.records import EndpointError, Probed, Reply, Request


class Client(Protocol):
    """One VLM server and the model to ask there."""

    path: str
    """What is appended to the endpoint's url for a question."""

    @property
    def endpoint(self) -> EndpointConfig:
        """The settings that it was made of."""

    def probe(self) -> Probed:
        """What the server says of itself and of the model.

        Raises:
            ServerFault: no word came, for a reason that may pass.
            EndpointError: this server cannot answer as it is set up.
        """

    def body(self, request: Request) -> dict[str, Any]:
        """Exactly the JSON that `ask` sends."""

    def ask(self, request: Request, stop: Callable[[], bool]) -> Reply:
        """The server's answer, unbelieved; `stop` is asked at least every 0.25 s.

        Raises:
            ServerFault: no answer came, for a reason that may pass.
            EndpointError: asking again would not mend it.
            Abandoned: `stop()` turned true; the connection is closed, so that the server ends its work.
        """


def make_client(endpoint: EndpointConfig, config: VlmConfig) -> Client:
    """The adapter for an endpoint; nothing is sent yet.

    Raises:
        EndpointError: the environment variable of the key is not set, or holds what no header can carry.
    """
    key = key_of(endpoint)
    if endpoint.kind == "ollama":
        from urbextag.vlm.ollama import Ollama

        return Ollama(endpoint, config, key)
    from urbextag.vlm.openai import OpenAi

    return OpenAi(endpoint, config, key)


def key_of(endpoint: EndpointConfig) -> str | None:
    """The server's key from the environment, None where none is named."""
    if endpoint.key_env is None:
        return None
    key = os.environ.get(endpoint.key_env, "").strip()
    if not key:
        raise EndpointError(
            f"the environment variable {endpoint.key_env}, which holds the key of {endpoint.url}, is not set",
            "Set it, or take key_env out of [[vlm.endpoints]]",
        )
    if not (key.isascii() and key.isprintable()):
        raise EndpointError(
            f"the environment variable {endpoint.key_env} holds no key: there are characters in it that no key has",
            "Set it to the server's key",
        )
    return key
