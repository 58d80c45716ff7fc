"""One bounded HTTP exchange with a VLM server: it can be abandoned, and every fault comes out as one of three kinds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from urbextag.event_loop import run_to_end
from urbextag.vlm.records import Abandoned, EndpointError, ServerFault
from urbextag.vlm.said import error_in, reason, retry_after

if TYPE_CHECKING:
    import ssl

    import httpx2

MAX_BODY = 4 << 20
"""Bytes of an answer that are read at most; the largest honest one is some 100 KiB."""
PROBE_SECONDS = 15.0
"""Longest wait for one answer of a probe; none of them needs the model."""
TICK = 0.1
"""Seconds between two looks at `stop` and the clock."""
_MAY_PASS = frozenset({408, 425, 429, 499})
_SAID_CHARACTERS = 300
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons, by version, when the other side answers in plain HTTP."""
_NO_SUCH_PATH = "Unexpected endpoint or method"
"""How LM Studio words, with status 200, what is a 404 elsewhere."""


class HttpRefused(Exception):
    """The server refused this very request, and would again; the adapter knows what to do about it.

    Args:
        status: the HTTP status, 300 to 499.
        said: what the server gave as its reason, one line of printable text without the key; may be empty.
        raw: the whole body as text, without the key.
    """

    def __init__(self, status: int, said: str, raw: str) -> None:
        super().__init__(f"HTTP {status}: {said}")
        self.status = status
        self.said = said
        self.raw = raw


def unexplained(url: str, refused: HttpRefused) -> EndpointError:
    """A refusal that means the same whatever the server speaks, or that nothing is known of."""
    told = f": {refused.said}" if refused.said else ""
    if refused.status < 400:
        return EndpointError(f"{url} points to another address{told}", "Write that address in [[vlm.endpoints]]")
    return EndpointError(f"{url} refuses the request ({refused.status}){told}", "See the log of the server")


@dataclass(frozen=True, slots=True)
class Answered:
    """A complete answer with status 2xx whose body is JSON and no error."""

    json: Any
    raw: str
    seconds: float
    """Wall clock from before the connection to the body's end."""


@dataclass(frozen=True, slots=True)
class _Body:
    status: int
    headers: Mapping[str, str]
    content: bytes


class Http:
    """The exchanges with one server; holds no connection between them, so it may be used from any thread.

    Args:
        url: address that the paths are appended to.
        key: sent as `Authorization: Bearer`, and kept out of every message.
        connect_seconds: longest wait for a connection.
        answer_seconds: wall clock of a whole exchange, model loading included.

    Raises:
        EndpointError: the address cannot be one.
    """

    def __init__(self, url: str, key: str | None, connect_seconds: float = 5.0, answer_seconds: float = 300.0) -> None:
        self.url = url.rstrip("/")
        try:
            urlsplit(self.url).port  # noqa: B018 - reading it is what checks it
        except ValueError as error:
            raise self._no_address(error) from error
        self.connect_seconds = connect_seconds
        self.answer_seconds = answer_seconds
        self._key = key

    def get(self, path: str, seconds: float | None = None) -> Any:
        """The decoded JSON at a path, within `seconds` (None = `answer_seconds`).

        Raises:
            ServerFault: no JSON came, for a reason that may pass.
            HttpRefused: a status from 300 to 499 that asking again does not mend.
            EndpointError: the address is none, speaks no TLS, or its certificate is not trusted.
        """
        return self._exchange("GET", path, None, lambda: False, seconds).json

    def post(
        self, path: str, body: object, stop: Callable[[], bool] = lambda: False, seconds: float | None = None
    ) -> Answered:
        """Send a JSON body and wait for the answer; `stop` is asked every 0.1 s.

        Raises:
            ServerFault: no JSON came, for a reason that may pass.
            HttpRefused: a status from 300 to 499 that asking again does not mend.
            EndpointError: the address is none, speaks no TLS, or its certificate is not trusted.
            Abandoned: `stop()` turned true; the connection is closed.
        """
        return self._exchange("POST", path, json.dumps(body, allow_nan=False).encode(), stop, seconds)

    def _exchange(
        self, method: str, path: str, content: bytes | None, stop: Callable[[], bool], seconds: float | None
    ) -> Answered:
        import httpx2

        limit = self.answer_seconds if seconds is None else seconds
        begun = time.monotonic()
        try:
            body = run_to_end(self._watched(method, path, content, stop, begun + limit))
        except httpx2.TransportError as error:
            raise self._fault(error) from error
        except httpx2.InvalidURL as error:
            raise self._no_address(error) from error
        except TimeoutError as error:
            raise ServerFault(f"{self.url} gave no whole answer within {limit:g} s") from error
        return self._judged(body, time.monotonic() - begun)

    async def _watched(
        self, method: str, path: str, content: bytes | None, stop: Callable[[], bool], until: float
    ) -> _Body:
        """The body, unless `stop` or the clock comes first; then the connection is closed before this returns."""
        if stop():
            raise Abandoned
        task = asyncio.create_task(self._send(method, path, content))
        try:
            while not (await asyncio.wait({task}, timeout=max(0.0, min(TICK, until - time.monotonic()))))[0]:
                if stop():
                    raise Abandoned
                if time.monotonic() >= until:
                    raise TimeoutError
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)  # the connection is closed by the task's own end

    async def _send(self, method: str, path: str, content: bytes | None) -> _Body:
        import httpx2

        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        async with (
            httpx2.AsyncClient(
                verify=self._trust(), trust_env=False, timeout=httpx2.Timeout(None, connect=self.connect_seconds)
            ) as client,
            client.stream(method, self.url + path, headers=headers, content=content) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY:
                    raise ServerFault(f"{self.url} sent more than {MAX_BODY >> 20} MiB, which is no answer of a model")
            return _Body(response.status_code, response.headers, bytes(body))

    def _trust(self) -> ssl.SSLContext:
        """What certificates are trusted. Loading the roots costs 20 to 50 ms, which plain http:// need not pay.

        The empty context in its place trusts nobody, so that a mistake here refuses and never leaks.
        """
        import ssl

        import httpx2

        https = urlsplit(self.url).scheme == "https"
        return httpx2.create_ssl_context() if https else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _no_address(self, error: Exception) -> EndpointError:
        return EndpointError(f"{self.url} is no web address: {error}", "Mend url in [[vlm.endpoints]]")

    def _fault(self, error: httpx2.TransportError) -> Exception:
        """What a failed exchange means, in words for people."""
        import ssl

        import httpx2

        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return EndpointError(
                    f"the certificate of {self.url} is not trusted: {cause.verify_message}",
                    "Give the server a certificate that this machine trusts, or name it in SSL_CERT_FILE",
                )
            if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
                return EndpointError(f"{self.url} speaks no TLS", "Write http:// for https:// in [[vlm.endpoints]]")
            cause = cause.__cause__ or cause.__context__
        match error:
            case httpx2.UnsupportedProtocol():
                return self._no_address(error)
            case httpx2.ConnectTimeout():
                return ServerFault(f"{self.url} cannot be reached: no connection within {self.connect_seconds:g} s")
            case httpx2.ConnectError():
                return ServerFault(f"{self.url} cannot be reached ({self.cleaned(str(error))})")
            case httpx2.RemoteProtocolError():
                return ServerFault(f"{self.url} ended its answer too early or speaks no HTTP")
        return ServerFault(f"the connection to {self.url} broke off")

    def _judged(self, body: _Body, seconds: float) -> Answered:
        """The answer if it is one.

        Raises:
            ServerFault: it is none for a reason that may pass.
            HttpRefused: the request was refused for good.
        """
        text = body.content.decode("utf-8", errors="replace")
        said = self.cleaned(reason(text))
        told = f": {said}" if said else ""
        if 300 <= body.status < 500 and body.status not in _MAY_PASS:
            raise HttpRefused(
                body.status, said or self.cleaned(body.headers.get("location", "")), self._without_key(text)
            )
        if not 200 <= body.status < 300:
            wait = retry_after(body.headers.get("retry-after"), time.time())
            raise ServerFault(f"{self.url} answered {body.status}{told}", wait)
        if error := error_in(text):
            if error.startswith(_NO_SUCH_PATH):
                raise HttpRefused(404, said, self._without_key(text))
            raise ServerFault(f"{self.url} reported an error{told}")
        try:
            value = json.loads(body.content.decode("utf-8"))
        except (ValueError, RecursionError) as fault:  # not UTF-8, not JSON, an integer of 5000 digits, nested too deep
            raise ServerFault(f"{self.url} answered something that is no JSON{told}") from fault
        return Answered(value, text, seconds)

    def cleaned(self, said: str) -> str:
        """A stranger's words fit for one line of a terminal: printable, short, without the key."""
        line = " ".join("".join(c if c.isprintable() else " " for c in self._without_key(said)).split())
        return line if len(line) <= _SAID_CHARACTERS else line[: _SAID_CHARACTERS - 1] + "…"

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text
