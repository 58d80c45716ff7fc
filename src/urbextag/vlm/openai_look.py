"""Looks at an OpenAI-compatible server before it is asked: whose it is, and what the model can do.

`/v1/models` is all that such servers share, and it says little beyond names. What else there is to know each kind says
in its own place: llama-server in the list itself and at `/props`, vLLM at `/version`, LM Studio at `/api/v0/models`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from urbextag.config import EndpointConfig, VlmConfig
from urbextag.vlm.records import EndpointError, Probed, ServerFault
from urbextag.vlm.said import count
from urbextag.vlm.transport import PROBE_SECONDS, Http, HttpRefused

_NAMED_AT_MOST = 8
"""Models named in a message."""


def blind(endpoint: EndpointConfig) -> EndpointError:
    """The fault of a model without vision."""
    return EndpointError(
        f"the model {endpoint.model} at {endpoint.url} cannot see photos",
        "Start llama-server with --mmproj and the model's projector, or name a model with vision",
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed."""

    probed: Probed
    names: frozenset[str]
    """All names of the model that is to be asked."""
    others: frozenset[str]
    """Names of the other models there."""
    exact: bool
    """Whether an answer always gives one of these names."""


@dataclass(slots=True)
class _Told:
    """What one kind of server said beyond names; None = not said."""

    version: str | None = None
    sees: bool | None = None
    context: int | None = None
    thinking: bool = False
    slots: int | None = None


class Look:
    """One look at a server.

    Args:
        endpoint: the server and the model.
        config: how it will be asked.
        http: the way to it.
        key: its key, for what it says outside `/v1`.
    """

    def __init__(self, endpoint: EndpointConfig, config: VlmConfig, http: Http, key: str | None) -> None:
        self.endpoint = endpoint
        self._config = config
        self._http = http
        self._root = Http(endpoint.url.removesuffix("/v1"), key, answer_seconds=config.answer_seconds)

    def seen(self) -> Seen:
        """What the server says of itself and of the model.

        Raises:
            ServerFault: no word came, for a reason that may pass.
            EndpointError: no such server, no such model, or it cannot see.
            HttpRefused: the request was refused; see `openai.explained`.
        """
        said = self._models()
        listed = entries(said)
        if listed is None:
            raise ServerFault(f"{self.endpoint.url} answered something that is no list of models")
        entry = next((entry for entry in listed if self._asked() & _names(entry)), None)
        if entry is None:
            raise self._missing(listed)
        owner = str(entry.get("owned_by"))
        told = self._told(owner, entry, said)
        if told.sees is False:
            raise blind(self.endpoint)
        names = _names(entry) | {self.endpoint.model}
        probed = Probed(
            kind="openai",
            version=told.version,
            model=self._http.cleaned(str(entry["id"])),
            digest=None,
            thinking=told.thinking,
            context=told.context,
            notes=tuple(self._notes(owner, told)),
        )
        others = frozenset(name for other in listed for name in _names(other)) - names
        return Seen(probed, frozenset(names), others, exact=owner == "llamacpp")

    def _asked(self) -> set[str]:
        """The names that the model may go by: Ollama lists it with its tag."""
        return {self.endpoint.model, f"{self.endpoint.model}:latest"}

    def _models(self) -> Any:
        """What `/models` says.

        Raises:
            EndpointError: the address lacks its `/v1`.
            HttpRefused: the request was refused in another way.
            ServerFault: no word came.
        """
        try:
            return self._http.get("/models", PROBE_SECONDS)
        except HttpRefused as error:
            wrong_place = error.status in (404, 405)
            if wrong_place and not self.endpoint.url.endswith("/v1") and entries(self._aside("/v1/models")) is not None:
                raise EndpointError(
                    f"{self.endpoint.url} is not where the server speaks OpenAI's language",
                    f'Write url = "{self.endpoint.url}/v1" in [[vlm.endpoints]]',
                ) from error
            raise

    def _aside(self, path: str) -> Any:
        """What a place says that not every server has; None where it says nothing of use."""
        try:
            return self._root.get(path, PROBE_SECONDS)
        except (HttpRefused, ServerFault):  # proxies and web apps answer 502 or a page to what they do not know
            return None

    def _told(self, owner: str, entry: Mapping[str, Any], said: Any) -> _Told:
        if owner == "llamacpp":
            return self._llama(entry, said)
        if owner == "vllm":
            version = _object(self._aside("/version")).get("version")
            return _Told(self._text(version, "vLLM "), context=count(entry.get("max_model_len")))
        if owner == "library":
            version = _object(self._aside("/api/version")).get("version")
            return _Told(self._text(version, "Ollama "))
        studio = entries(self._aside("/api/v0/models")) or []
        return _studio(next((other for other in studio if other["id"] == entry["id"]), {}))

    def _llama(self, entry: Mapping[str, Any], said: Any) -> _Told:
        """Of llama-server: the context of one slot is what one request has."""
        props = _object(self._aside("/props"))
        beside = next((m for m in _objects(_object(said).get("models")) if m.get("name") in _names(entry)), {})
        abilities, looks = beside.get("capabilities"), _object(props.get("modalities")).get("vision")
        listed = "multimodal" in abilities if isinstance(abilities, list) else None
        template = props.get("chat_template")
        slot = _object(props.get("default_generation_settings")).get("n_ctx")
        return _Told(
            version=self._text(props.get("build_info"), "llama.cpp "),
            sees=looks if isinstance(looks, bool) else listed,
            context=count(slot) or count(_object(entry.get("meta")).get("n_ctx")),
            thinking=isinstance(template, str) and "<think>" in template,
            slots=count(props.get("total_slots")),
        )

    def _text(self, version: Any, product: str) -> str | None:
        return product + self._http.cleaned(version) if isinstance(version, str) and version else None

    def _notes(self, owner: str, told: _Told) -> Iterator[str]:
        if told.sees is None:
            yield "the server does not say whether the model can see"
        if told.context is None:
            yield "the server does not say how long the model's context is"
        elif told.context < self._config.context_tokens:
            yield (
                f"the context is {told.context} tokens, fewer than vlm.context_tokens = {self._config.context_tokens}: "
                "a photo, its prompt and the answer have to fit"
            )
        if told.slots is not None and told.slots < self.endpoint.parallel:
            yield f"the server answers {told.slots} at a time, so more requests in parallel wait there"
        if told.thinking:
            yield "the model can reason before it answers, which takes long: it is told not to"
        if owner == "library":
            yield 'this is an Ollama: with kind = "ollama" its context is set, and it says more of the model'

    def _missing(self, listed: list[dict[str, Any]]) -> EndpointError:
        """What to do about a model that is not there."""
        there = [self._http.cleaned(str(entry["id"])) for entry in listed]
        if not there:
            return EndpointError(
                f"{self.endpoint.url} serves no model", f"Load {self.endpoint.model} there, or start the server with it"
            )
        more = f" and {len(there) - _NAMED_AT_MOST} more" if len(there) > _NAMED_AT_MOST else ""
        return EndpointError(
            f"{self.endpoint.url} has no model {self.endpoint.model}; it has {', '.join(there[:_NAMED_AT_MOST])}{more}",
            "Load the model there, or name one of those in [[vlm.endpoints]]",
        )


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, empty where something else came."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def entries(said: Any) -> list[dict[str, Any]] | None:
    """The models of a list of models, None where it is none."""
    data = _object(said).get("data")
    if data is None and _object(said).get("object") == "list":  # Go's empty list
        return []
    return [entry for entry in _objects(data) if isinstance(entry.get("id"), str)] if isinstance(data, list) else None


def _names(entry: Mapping[str, Any]) -> set[str]:
    """All names that a listed model goes by."""
    aliases = entry.get("aliases")
    return (
        {entry["id"], *(name for name in aliases if isinstance(name, str))}
        if isinstance(aliases, list)
        else {entry["id"]}
    )


def _studio(entry: Mapping[str, Any]) -> _Told:
    """Of LM Studio: `type` is `vlm`, `llm` or `embeddings`; the loaded context is the one that counts."""
    kind = entry.get("type")
    return _Told(
        version="LM Studio" if kind else None,
        sees=kind == "vlm" if kind in ("vlm", "llm", "embeddings") else None,
        context=count(entry.get("loaded_context_length")) or count(entry.get("max_context_length")),
    )
