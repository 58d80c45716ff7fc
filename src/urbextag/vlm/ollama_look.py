"""Looks at an Ollama server before it is asked: what it is, what the model can do, and what a refusal means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from urbextag.config import EndpointConfig, is_loopback
from urbextag.vlm.records import EndpointError, Probed, ServerFault
from urbextag.vlm.said import context_numbers, count
from urbextag.vlm.transport import PROBE_SECONDS, Http, HttpRefused, unexplained

_SHOWN_AT_MOST = 16
"""Models of a server that are asked whether they can see, when the right one is missing."""


class Look:
    """One look at a server.

    Args:
        endpoint: the server and the model.
        http: the way to it.
        context_tokens: the context that will be asked for.
    """

    def __init__(self, endpoint: EndpointConfig, http: Http, context_tokens: int) -> None:
        self.endpoint = endpoint
        self.context_tokens = context_tokens
        self._http = http

    def probed(self) -> Probed:
        """What the server says of itself and of the model.

        Raises:
            ServerFault: no word came, for a reason that may pass.
            EndpointError: no Ollama, no such model, no vision, or the model is run elsewhere without leave.
            HttpRefused: a request was refused; see `explained`.
        """
        version = self._version()
        tags = entries(self._get("/api/tags"))
        listed = tags.get(full_name(self.endpoint.model))
        if listed is None:
            raise self._missing(tags)
        shown = self._show(self.endpoint.model)
        loaded = entries(self._get("/api/ps")).get(full_name(self.endpoint.model))
        abilities = self._abilities(shown)
        notes = [*self._elsewhere(listed, shown), *_on_cpu(loaded)]
        if "thinking" in abilities:
            notes.append("the model may reason before it answers, which takes long: an instruct build is quicker")
        most = _context_length(shown)
        if most is not None and most < self.context_tokens:
            notes.append(f"the model's context is {most} tokens, not the {self.context_tokens} asked for")
        digest = listed.get("digest")
        return Probed(
            kind="ollama",
            version=version,
            model=str(listed["name"]),
            digest=digest if isinstance(digest, str) and digest else None,
            thinking="thinking" in abilities,
            context=min(self.context_tokens, most or self.context_tokens),
            notes=tuple(notes),
        )

    def _get(self, path: str) -> Any:
        return self._http.get(path, seconds=PROBE_SECONDS)

    def _show(self, model: str) -> dict[str, Any]:
        shown = self._http.post("/api/show", {"model": model}, seconds=PROBE_SECONDS).json
        if not isinstance(shown, dict):
            raise ServerFault(f"{self.endpoint.url} answered something that describes no model")
        return shown

    def _version(self) -> str:
        """The server's version.

        Raises:
            EndpointError: this is no Ollama.
        """
        try:
            said = self._get("/api/version")
        except HttpRefused as refused:
            if refused.status not in (404, 405):
                raise
            said = None
        version = said.get("version") if isinstance(said, dict) else None
        if isinstance(version, str):
            return version
        raise self._no_ollama()

    def _no_ollama(self) -> EndpointError:
        """What is at this address in place of Ollama, and how to say so in the settings."""
        url = self.endpoint.url
        for tail in ("/v1", "/api"):
            if url.endswith(tail) and self._speaks(url.removesuffix(tail), "/api/version"):
                return EndpointError(f"{url} is not Ollama's own address", f'Write url = "{url.removesuffix(tail)}"')
        if self._speaks(url.removesuffix("/v1"), "/v1/models"):
            return EndpointError(
                f"{url} is no Ollama, but a server of the OpenAI kind",
                f'Write kind = "openai" and url = "{url.removesuffix("/v1")}/v1"',
            )
        return EndpointError(f"{url} answers, but is no Ollama", "Mend url or kind in [[vlm.endpoints]]")

    def _speaks(self, url: str, path: str) -> bool:
        """Whether a path is there; one behind a key is."""
        try:
            Http(url, None, answer_seconds=PROBE_SECONDS).get(path)
        except HttpRefused as refused:
            return refused.status == 401
        except ServerFault:
            return False
        return True

    def _abilities(self, shown: Mapping[str, Any]) -> list[str]:
        """What the model can do.

        Raises:
            EndpointError: it cannot see, or the server is too old to say.
        """
        abilities = shown.get("capabilities")
        if not isinstance(abilities, list):
            raise EndpointError(
                f"the Ollama at {self.endpoint.url} is too old to say what its models can do",
                "Bring it up to date: https://ollama.com/download",
            )
        if "vision" not in abilities:
            raise EndpointError(
                f"the model {self.endpoint.model} at {self.endpoint.url} cannot see photos",
                "Name a model with vision, such as qwen3-vl:8b-instruct",
            )
        return abilities

    def _elsewhere(self, listed: Mapping[str, Any], shown: Mapping[str, Any]) -> list[str]:
        """A note if the server only passes the photos on to another (Ollama's cloud models).

        Raises:
            EndpointError: it does, and photos may not leave.
        """
        host = next((str(what["remote_host"]) for what in (listed, shown) if what.get("remote_host")), None)
        if host is None and not re.search(r"[:-]cloud$", self.endpoint.model):
            return []
        said = f"the model {self.endpoint.model} is not run there but at {self._http.cleaned(host or 'ollama.com')}"
        if not self.endpoint.allow_remote:
            raise EndpointError(
                f"{said}, and photos would be sent to it",
                "Name a model that the server runs itself, or set allow_remote = true in [[vlm.endpoints]]",
            )
        return [said]

    def _missing(self, tags: Mapping[str, Mapping[str, Any]]) -> EndpointError:
        """What to do about a model that is not there, with the names of those there that can see."""
        seeing = []
        for name in [str(entry["name"]) for entry in tags.values()][:_SHOWN_AT_MOST]:
            try:
                abilities = self._show(name).get("capabilities")
            except HttpRefused:  # removed in this very moment
                continue
            if isinstance(abilities, list) and "vision" in abilities:
                seeing.append(self._http.cleaned(name))
        instead = f", or name one that is there and can see: {', '.join(seeing)}" if seeing else ""
        where = "" if is_loopback(urlsplit(self.endpoint.url).hostname or "") else " on that machine"
        return EndpointError(
            f"{self.endpoint.url} has no model {self.endpoint.model}",
            f"Run{where}: ollama pull {self.endpoint.model}{instead}",
        )


@contextmanager
def explained(endpoint: EndpointConfig) -> Iterator[None]:
    """Turns a refusal into what the user can do about it."""
    try:
        yield
    except HttpRefused as refused:
        raise _explanation(endpoint, refused) from refused


def _explanation(endpoint: EndpointConfig, refused: HttpRefused) -> EndpointError:
    url, model = endpoint.url, endpoint.model
    told = f": {refused.said}" if refused.said else ""
    numbers = context_numbers(refused.raw)
    if refused.status == 400 and numbers is not None:
        needed, there = (str(number) if number is not None else "?" for number in numbers)
        return EndpointError(
            f"a photo and its prompt are {needed} tokens, and the context of {model} at {url} holds {there}",
            "Raise vlm.context_tokens or lower vlm.longest_px in urbextag.toml",
        )
    match refused.status:
        case 401 | 403:
            return EndpointError(f"{url} wants a key, or another one{told}", f"Set {_key_name(endpoint)}")
        case 404 if "model" in refused.said:
            return EndpointError(f"{url} has no model {model}{told}", f"Run there: ollama pull {model}")
        case 404 | 405:
            return EndpointError(f"{url} is not the address of an Ollama{told}", "Mend url in [[vlm.endpoints]]")
        case 413:
            return EndpointError(
                f"{url} does not take requests of this size{told}",
                "Lower vlm.longest_px in urbextag.toml, or raise the limit of the proxy",
            )
    return unexplained(url, refused)


def _key_name(endpoint: EndpointConfig) -> str:
    """Where the key belongs."""
    name = endpoint.key_env
    return f"the environment variable {name} to the server's key" if name else "key_env in [[vlm.endpoints]]"


def full_name(model: str) -> str:
    """A model's name as Ollama compares it: with its tag, whatever the case."""
    return (model if ":" in model.rpartition("/")[2] else f"{model}:latest").casefold()


def entries(said: Any) -> dict[str, dict[str, Any]]:
    """The models of `/api/tags` or `/api/ps` by full name.

    Raises:
        ServerFault: the answer lists none in the way that Ollama does.
    """
    models = said.get("models") if isinstance(said, dict) else None
    entries = [] if models is None and isinstance(said, dict) and "models" in said else models  # Go's empty list: null
    if not isinstance(entries, list) or not all(
        isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries
    ):
        raise ServerFault("the server's list of models cannot be read")
    return {full_name(entry["name"]): entry for entry in entries}


def _on_cpu(loaded: Mapping[str, Any] | None) -> list[str]:
    """A note if part of a loaded model does not fit into the graphics memory."""
    size, held = (count(loaded.get(name)) for name in ("size", "size_vram")) if loaded else (None, None)
    if not size or held is None or held >= size:
        return []
    return [f"{100 * (size - held) / size:.0f} % of the model runs on the CPU, which is slow: a smaller one may fit"]


def _context_length(shown: Mapping[str, Any]) -> int | None:
    """The longest context that a model was made for, in tokens, from `/api/show`."""
    info = shown.get("model_info")
    if not isinstance(info, dict):
        return None
    return count(info.get(f"{info.get('general.architecture')}.context_length")) or None
