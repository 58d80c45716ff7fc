"""Who may ask what: Host, Origin and token are looked at before any page, and every answer says what a browser may do.

Sources: OWASP cheat sheets on DNS rebinding, CSRF and Content Security Policy; Fetch Metadata Request Headers (W3C) and
the resource isolation policy that it is for (https://web.dev/articles/fetch-metadata).
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from starlette.requests import cookie_parser

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "urbextag_token"
SIGN_IN = "/sign-in"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})
"""To listen at these is to listen at all that the machine has."""
MAX_BODY_BYTES = 2**20
"""Nothing is uploaded here; the longest body names the photos of a bulk decision."""
WRONG_TOKEN_SECONDS = 1.0
"""So long a wrong token waits for its answer."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[0-9a-z._-]+))(?::[0-9]{1,5})?")
_LENGTH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may ask."""

    hosts: frozenset[str]
    """Names and addresses, lower case, under which this server may be asked for."""
    token: str | None = None
    """What everybody has to show; None where only this machine can ask."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    message: str
    kind: Literal["host", "site", "origin", "token", "size"]


def refusal(policy: Policy, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
    """Why this request is refused; None where it is not.

    Args:
        policy: who may ask.
        method: the HTTP method.
        path: the path that is asked for.
        headers: by their names in lower case.

    """
    host = headers.get("host", "")
    if host_name(host) not in policy.hosts:
        return Refusal(421, f"this server is not called {host[:200]!r}", "host")
    if method in SAFE_METHODS:
        if _is_part_of_another_site(headers):
            return Refusal(403, "another site may lead here, and show nothing of it", "site")
    elif not _same_origin(host, headers):
        return Refusal(403, "a change must come from this app's own pages", "origin")
    if policy.token and not _is_open(path) and not is_token(policy.token, given_token(headers)):
        return Refusal(401, "a token is needed", "token")
    length = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length) or int(length) > MAX_BODY_BYTES:
        return _TOO_LONG
    return None


_TOO_LONG = Refusal(413, "the request is too long", "size")


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port and brackets; "" where it is no host and port.

    Addresses are built from this header further in, so it must hold nothing but what belongs there.
    """
    found = _HOST.fullmatch(host.lower())
    return (found["v6"] or found["name"]) if found else ""


def _same_origin(host: str, headers: Mapping[str, str]) -> bool:
    """Whether a change comes from our own pages, or from a program that is no browser.

    A browser names the origin on every POST, PUT, PATCH and DELETE; where it does not, it tells the site.
    """
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_part_of_another_site(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site wants this as a picture, script or frame of its own; a link from there is none.

    It could not read the answer, but learn from its time what the archive holds, and keep the machine busy.
    """
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return False
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) != ("navigate", "document")


def _is_open(path: str) -> bool:
    """The page that asks for the token, with what it looks like, needs none."""
    return path == SIGN_IN or path.startswith("/static/")


def given_token(headers: Mapping[str, str]) -> str:
    """The token that comes along, as `Authorization: Bearer` or else as a cookie; "" where none does."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def is_token(token: str, given: str) -> bool:
    """Whether this is the token; takes equally long wherever they differ."""
    return hmac.compare_digest(token.encode(), given.encode("utf-8", "surrogatepass"))


def own_hosts(host: str, extra: tuple[str, ...] = ()) -> frozenset[str]:
    """The names under which a server that listens at this address may be asked for.

    `extra`: further names, such as one that the router gives this machine.
    """
    names = {"localhost", "127.0.0.1", "::1", *(name.lower() for name in extra if name)}
    if host not in EVERY_ADDRESS:
        return frozenset(names | {host.lower()})
    import socket

    import psutil

    own = socket.gethostname().lower()
    for addresses in psutil.net_if_addrs().values():
        names |= {one.address.partition("%")[0].lower() for one in addresses}
    return frozenset(names | {own, f"{own}.local"})


class Guard:
    """ASGI middleware that refuses by the policy, bounds what is sent, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = refusal(self.policy, scope["method"], scope["path"], headers)
        if refused is None and scope["method"] not in SAFE_METHODS:
            body = await _body(receive)
            if body is None:
                refused = _TOO_LONG
            else:
                receive = _again(body, receive)
        if refused:
            await _refuse(refused, scope, headers, send)
        else:
            await self.app(scope, receive, send)


async def _refuse(refused: Refusal, scope: Scope, headers: Mapping[str, str], send: Send) -> None:
    from starlette.responses import JSONResponse, RedirectResponse, Response

    page = "text/html" in headers.get("accept", "") and scope["method"] == "GET"
    answer: Response
    if refused.kind == "token" and given_token(headers):
        await asyncio.sleep(WRONG_TOKEN_SECONDS)
    if refused.kind == "token" and page:
        answer = RedirectResponse(SIGN_IN, 303)
    else:
        remedy = {
            "host": "Use the address that urbextag serve printed, or start it with --allow-host",
            "site": "Open it in a tab of its own",
            "origin": "Make the change in the app, or from a program that sends no Origin",
            "token": "Send it as: Authorization: Bearer TOKEN",
            "size": "Send less at a time",
        }[refused.kind]
        answer = JSONResponse({"error": {"message": refused.message, "remedy": remedy}}, refused.status)

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await answer(scope, nothing, send)


async def _body(receive: Receive) -> Message | None:
    """What was sent, as one message; None where it is too long, whatever it said of its length."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # it has hung up
            return message
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}


def _again(body: Message, receive: Receive) -> Receive:
    """Give the message that was taken already, then whatever comes."""
    waiting = [body]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _with_headers(send: Send) -> Send:
    fixed = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            keep = b"no-cache" if b"etag" in given else b"no-store"  # no-cache: it is kept, and asked about each time
            more = [] if b"cache-control" in given else [(b"cache-control", keep)]
            message = {**message, "headers": [*message["headers"], *fixed, *more]}
        await send(message)

    return with_headers
