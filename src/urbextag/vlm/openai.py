"""Asks a model of a server that speaks OpenAI's `/v1/chat/completions`: llama-server, LM Studio, vLLM, Ollama.

Fields: https://platform.openai.com/docs/api-reference/chat and `tools/server/README.md` of llama.cpp.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from urbextag.config import EndpointConfig, VlmConfig
from urbextag.vlm.openai_look import Look, Seen, blind
from urbextag.vlm.records import EndpointError, Finish, Probed, Reply, Request, ServerFault
from urbextag.vlm.said import context_numbers, count
from urbextag.vlm.transport import Http, HttpRefused, unexplained

_FINISH: Mapping[str, Finish] = {"stop": "stop", "length": "length"}
_NO_VISION = "image input is not supported"
"""llama-server's word, with status 500, for a picture sent to a model without its projector."""


class OpenAi:
    """One OpenAI-compatible server and the model to ask there.

    Args:
        endpoint: the server; its url ends in `/v1`.
        config: how it is asked.
        key: the server's key, None where it wants none.
    """

    path = "/chat/completions"

    def __init__(self, endpoint: EndpointConfig, config: VlmConfig, key: str | None = None) -> None:
        self.endpoint = endpoint
        self._config = config
        self._key = key
        self._http = Http(endpoint.url, key, answer_seconds=config.answer_seconds)
        self._seen: Seen | None = None

    def probe(self) -> Probed:
        """Model, vision, context and version, as far as this kind of server says them.

        Raises:
            ServerFault: no word came, for a reason that may pass.
            EndpointError: no such server, no such model, no vision, or a wrong key.
        """
        with explained(self.endpoint):
            self._seen = Look(self.endpoint, self._config, self._http, self._key).seen()
        return self._seen.probed

    def body(self, request: Request) -> dict[str, Any]:
        """Exactly the JSON that `ask` sends.

        `chat_template_kwargs` keeps hybrid models from reasoning; servers that do not know it ignore it.
        """
        picture = "data:image/jpeg;base64," + base64.b64encode(request.jpeg).decode()
        return {
            "model": self.endpoint.model,
            "messages": [
                {"role": "system", "content": request.system},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": request.prompt},
                        {"type": "image_url", "image_url": {"url": picture}},
                    ],
                },
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "photo", "strict": True, "schema": dict(request.schema)},
            },
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "stream": False,
            "chat_template_kwargs": {"enable_thinking": False},
        }

    def ask(self, request: Request, stop: Callable[[], bool]) -> Reply:
        """The model's answer as it came; the server is probed first where that has not been done.

        Raises:
            ServerFault: no answer came, for a reason that may pass.
            EndpointError: asking again would not mend it.
            Abandoned: `stop()` turned true; the connection is closed, so that the server ends its work.
        """
        if self._seen is None:
            self.probe()
        with explained(self.endpoint):
            answered = self._http.post(self.path, self.body(request), stop)
        return self._reply(answered.json, answered.raw, answered.seconds)

    def _reply(self, said: Any, raw: str, seconds: float) -> Reply:
        self._right_model(said)
        choice = _first(said.get("choices")) if isinstance(said, dict) else None
        message = choice.get("message") if choice is not None else None
        if choice is None or not isinstance(message, dict):
            raise ServerFault(f"{self.endpoint.url} answered something that is no chat")
        content = message.get("content") or ""
        thinking = message.get("reasoning_content") or message.get("reasoning") or ""
        if not (isinstance(content, str) and isinstance(thinking, str)):
            raise ServerFault(f"{self.endpoint.url} answered something that is no chat")
        reason = choice.get("finish_reason")
        if choice.get("error") or not isinstance(reason, str) or reason in ("", "error"):
            raise ServerFault(f"{self.endpoint.url} broke off its answer")
        used = said.get("usage")
        used = used if isinstance(used, dict) else {}
        return Reply(
            content=content,
            thinking=thinking,
            finish=_FINISH.get(reason, "other"),
            raw=raw,
            seconds=seconds,
            prompt_tokens=count(used.get("prompt_tokens")),
            tokens=count(used.get("completion_tokens")),
        )

    def _right_model(self, said: Any) -> None:
        """Refuse the answer of a model that the server knows as another one.

        Servers give the longer name of the same model, too, so a name that nobody lists is only wrong where the
        server is known to give its own names back.
        """
        model = said.get("model") if isinstance(said, dict) else None
        seen = self._seen
        if seen is None or not isinstance(model, str) or not model or model in seen.names:
            return
        if model in seen.others or seen.exact:
            raise EndpointError(
                f"{self.endpoint.url} answered with the model {self._http.cleaned(model)}, not {self.endpoint.model}",
                "Start the server with that model, or name the one that it serves in [[vlm.endpoints]]",
            )


def _first(choices: Any) -> dict[str, Any] | None:
    """The first of a list of objects, None where there is none."""
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


@contextmanager
def explained(endpoint: EndpointConfig) -> Iterator[None]:
    """Turns a refusal into what the user can do about it."""
    try:
        yield
    except HttpRefused as refused:
        raise _explanation(endpoint, refused) from refused
    except ServerFault as fault:
        if _NO_VISION in fault.message:
            raise blind(endpoint) from fault
        raise


def _explanation(endpoint: EndpointConfig, refused: HttpRefused) -> EndpointError:
    url = endpoint.url
    told = f": {refused.said}" if refused.said else ""
    numbers = context_numbers(refused.raw)
    if refused.status == 400 and numbers is not None:
        needed, there = numbers
        counted = needed is not None and there is not None
        return EndpointError(
            f"a photo and its prompt are {needed} tokens, and the context of {endpoint.model} at {url} holds {there}"
            if counted
            else f"a photo and its prompt do not fit into the context of {endpoint.model} at {url}{told}",
            "Start the server with a larger context (llama-server: --ctx-size), or lower vlm.longest_px",
        )
    match refused.status:
        case 401 | 403:
            name = endpoint.key_env
            remedy = (
                f"Set the environment variable {name} to the server's key" if name else "Name its variable as key_env"
            )
            return EndpointError(f"{url} wants a key, or another one{told}", remedy)
        case 404 if "model" in refused.said:
            return EndpointError(f"{url} has no model {endpoint.model}{told}", "Load the model there")
        case 404 | 405:
            return EndpointError(
                f"{url} is not the address of an OpenAI-compatible server{told}",
                "Mend url in [[vlm.endpoints]]: it ends in /v1",
            )
        case 413:
            return EndpointError(
                f"{url} does not take requests of this size{told}",
                "Lower vlm.longest_px in urbextag.toml, or raise the limit of the server or its proxy",
            )
    return unexplained(url, refused)
