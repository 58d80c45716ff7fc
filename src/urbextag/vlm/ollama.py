"""Asks a model of an Ollama server: `/api/chat`, one picture, one answer, no stream.

Fields and their meaning: https://github.com/ollama/ollama/blob/main/docs/api.md and `api/types.go` there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from urbextag.config import EndpointConfig, VlmConfig
from urbextag.vlm.ollama_look import Look, explained, full_name
from urbextag.vlm.records import EndpointError, Finish, Probed, Reply, Request, ServerFault
from urbextag.vlm.said import count
from urbextag.vlm.transport import Http

_FINISH: Mapping[str, Finish] = {"stop": "stop", "length": "length"}


class Ollama:
    """One Ollama server and the model to ask there.

    Args:
        endpoint: the server.
        config: how it is asked.
        key: for a proxy before it; Ollama itself has none.
    """

    path = "/api/chat"

    def __init__(self, endpoint: EndpointConfig, config: VlmConfig, key: str | None = None) -> None:
        self.endpoint = endpoint
        self._config = config
        self._http = Http(endpoint.url, key, answer_seconds=config.answer_seconds)
        self._probed: Probed | None = None

    def probe(self) -> Probed:
        """Version, model, digest and abilities, in four small requests.

        Raises:
            ServerFault: no word came, for a reason that may pass.
            EndpointError: no Ollama, no such model, no vision, or the model is run elsewhere without leave.
        """
        with explained(self.endpoint):
            self._probed = Look(self.endpoint, self._http, self._config.context_tokens).probed()
        return self._probed

    def body(self, request: Request) -> dict[str, Any]:
        """Exactly the JSON that `ask` sends; whether `think` is in it is known after the first probe.

        `truncate` and `shift` are off: left on, Ollama cuts a prompt that is too long from its front, picture and
        all, and answers as if nothing were missing.
        """
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.prompt, "images": [base64.b64encode(request.jpeg).decode()]},
            ],
            "format": dict(request.schema),
            "stream": False,
            "truncate": False,
            "shift": False,
            "keep_alive": _duration(request.keep_alive),
            "options": {
                "num_ctx": request.context_tokens,
                "num_predict": request.max_tokens,
                "temperature": request.temperature,
                "seed": request.seed,
            },
        }
        if self._probed is not None and self._probed.thinking:
            body["think"] = False
        return body

    def ask(self, request: Request, stop: Callable[[], bool]) -> Reply:
        """The model's answer as it came; the server is probed first where that has not been done.

        Raises:
            ServerFault: no answer came, for a reason that may pass.
            EndpointError: asking again would not mend it.
            Abandoned: `stop()` turned true; the connection is closed, and Ollama ends its work.
        """
        if self._probed is None:
            self.probe()
        with explained(self.endpoint):
            answered = self._http.post(self.path, self.body(request), stop)
        return self._reply(answered.json, answered.raw, answered.seconds)

    def _reply(self, said: Any, raw: str, seconds: float) -> Reply:
        url, asked = self.endpoint.url, self.endpoint.model
        message = said.get("message") if isinstance(said, dict) else None
        if not isinstance(message, dict):
            raise ServerFault(f"{url} answered something that is no chat")
        model = said.get("model")
        if isinstance(model, str) and full_name(model) != full_name(asked):
            raise EndpointError(
                f"{url} answered with the model {self._http.cleaned(model)}, not with {asked}",
                "See what stands between here and Ollama, or name that model in [[vlm.endpoints]]",
            )
        content, thinking = message.get("content") or "", message.get("thinking") or ""
        if not (isinstance(content, str) and isinstance(thinking, str)):
            raise ServerFault(f"{url} answered something that is no chat")
        reason = said.get("done_reason")
        if not isinstance(reason, str) or not reason or said.get("done") is not True:
            raise ServerFault(f"{url} broke off its answer: what runs the model there has ended")
        if reason in ("load", "unload"):
            raise ServerFault(f"{url} has only {reason}ed the model and made no answer")
        return Reply(
            content=content,
            thinking=thinking,
            finish=_FINISH.get(reason, "other"),
            raw=raw,
            seconds=seconds,
            prompt_tokens=count(said.get("prompt_eval_count")),
            tokens=count(said.get("eval_count")),
        )


def _duration(keep_alive: str) -> int | str:
    """`keep_alive` in a form that Ollama takes: bare seconds must be a number, `10m` a string."""
    return int(keep_alive) if re.fullmatch(r"-?\d{1,9}", keep_alive, re.ASCII) else keep_alive
