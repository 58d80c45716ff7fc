"""Fetches one photo from the web: from public addresses only, within limits of size, time and redirects."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from urbextag import __version__, images
from urbextag.config import WebConfig
from urbextag.errors import PhotoError, UsageError
from urbextag.event_loop import run_to_end
from urbextag.fetch.public_address import private_kind

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 15.0
LOOK_IN_BROWSER = "Open the address in a browser and copy the address of the picture itself"
_HEAD = 64
"""Bytes that tell a photo's format."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port; raises OSError."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A download that is whole."""

    final_url: str
    media_type: str | None


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's name service gives, in its order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked(url: str) -> str:
    """An address in its plain form, without the part after `#`.

    Raises:
        UsageError: it is not http or https, has no host, or holds a name and password.

    """
    import httpx2

    try:
        parts = httpx2.URL(url.strip())
        port = urlsplit(str(parts)).port
    except (httpx2.InvalidURL, ValueError) as error:
        raise UsageError(f"{url!r} is no web address: {error}", "Copy it from the browser") from error
    if parts.scheme not in ("http", "https") or not parts.host or port == 0:
        raise UsageError(f"{url!r} is no http:// or https:// address", "Copy it from the browser")
    if parts.userinfo:
        shown = parts.copy_with(userinfo=b"")
        raise UsageError(f"{shown} was given with a name or password", "Download it yourself and add the file")
    return str(parts.copy_with(fragment=None))


def fetch(url: str, into: IO[bytes], limits: WebConfig, resolve: Resolve = system_resolve) -> Fetched:
    """Write what an address holds into a file, within the limits.

    Every hop is looked up once, all its addresses must be public (unless `allow_private`), and the connection goes to
    the address that was looked at. No cookies are kept, no proxies of the environment used: a proxy would look the name
    up for itself.

    Raises:
        PhotoError: it cannot be had, breaks a limit, or is no photo by its first bytes.
        OSError: the file cannot be written.

    """
    import httpx2

    try:
        return run_to_end(_within(limits.seconds, _follow(url, into, limits, resolve)))
    except TimeoutError as error:
        raise PhotoError(
            f"was not here whole within {limits.seconds:g} s", "Try again, or raise web.seconds in urbextag.toml"
        ) from error
    except httpx2.InvalidURL as error:
        raise PhotoError(f"leads to what is no web address: {error}", LOOK_IN_BROWSER) from error
    except httpx2.RemoteProtocolError as error:
        raise PhotoError("broke off before it was whole, or the server speaks no HTTP", "Try again later") from error
    except httpx2.HTTPError as error:
        raise PhotoError(f"the connection failed ({error or type(error).__name__})", "Try again later") from error


async def _within(seconds: float, work: Coroutine[Any, Any, Value]) -> Value:
    async with asyncio.timeout(seconds):
        return await work


async def _follow(url: str, into: IO[bytes], limits: WebConfig, resolve: Resolve) -> Fetched:
    """Follow the redirects to the photo."""
    seen: set[str] = set()
    while len(seen) <= limits.max_redirects:
        if url in seen:
            raise PhotoError("its redirects go in a circle", LOOK_IN_BROWSER)
        seen.add(url)
        answer = await _hop(url, into, limits, resolve)
        if isinstance(answer, Fetched):
            return answer
        try:
            url = checked(answer)
        except UsageError as error:
            raise PhotoError(f"is redirected to what cannot be fetched: {error.message}", LOOK_IN_BROWSER) from error
    raise PhotoError(
        f"is redirected more than {limits.max_redirects} times",
        "Raise web.max_redirects in urbextag.toml if that is right",
    )


async def _hop(url: str, into: IO[bytes], limits: WebConfig, resolve: Resolve) -> Fetched | str:
    """Ask one address: the whole photo, or the address that it is redirected to."""
    import httpx2

    target = httpx2.URL(url)
    host, port = target.raw_host.decode("ascii"), target.port or (443 if target.scheme == "https" else 80)
    addresses = await _addresses(host, port, limits, resolve)
    async with httpx2.AsyncClient(
        verify=await _trust(target.scheme), trust_env=False, timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS)
    ) as client:
        for number, address in enumerate(addresses, start=1):
            request = httpx2.Request(
                "GET",
                target.copy_with(host=address),
                headers={
                    "Host": target.netloc.decode("ascii"),
                    "User-Agent": f"urbextag/{__version__}",
                    "Accept": "image/*, */*;q=0.5",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                },
                extensions={"sni_hostname": host, "timeout": client.timeout.as_dict()},
            )
            try:
                response = await client.send(request, stream=True, follow_redirects=False)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if number == len(addresses):
                    raise
                continue
            try:
                return await _read(url, response, into, limits)
            finally:
                await response.aclose()
    raise AssertionError("a host has at least one address")


async def _addresses(host: str, port: int, limits: WebConfig, resolve: Resolve) -> Sequence[str]:
    """The addresses of a host, all of them public unless others are allowed."""
    try:
        found = await asyncio.get_running_loop().run_in_executor(None, resolve, host, port)
    except (OSError, UnicodeError) as error:
        raise PhotoError(f"{host} cannot be found ({error})", "Look at the address and at the network") from error
    if not found:
        raise PhotoError(f"{host} has no address", "Look at the address")
    for address in found if not limits.allow_private else ():
        if kind := private_kind(address):
            raise PhotoError(
                f"{host} is no public address but {kind} ({address})",
                "If that is meant, set allow_private = true below [web] in urbextag.toml",
            )
    return found


async def _trust(scheme: str) -> Any:
    """What certificates are trusted; for plain http a context that trusts nobody, which costs nothing to make."""
    import ssl

    import httpx2

    return httpx2.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _read(url: str, response: httpx2.Response, into: IO[bytes], limits: WebConfig) -> Fetched | str:
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS and "location" in headers:
        import httpx2

        return str(httpx2.URL(url).join(headers["location"]))
    if status != 200:
        raise PhotoError(f"the server answered {status} {response.reason_phrase}".rstrip(), LOOK_IN_BROWSER)
    most = int(limits.max_megabytes * 1e6)
    too_large = PhotoError(
        f"is larger than {limits.max_megabytes:g} MB", "Raise web.max_megabytes in urbextag.toml if that is right"
    )
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    head, size = b"", 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise too_large
        into.write(chunk)
        if len(head) < _HEAD:
            head += chunk[:_HEAD]
            if len(head) >= _HEAD:
                into.flush()
                _must_be_photo(Path(into.name), head)
    into.flush()
    _must_be_photo(Path(into.name), head)
    return Fetched(url, headers.get("content-type", "").partition(";")[0].strip().lower() or None)


def _must_be_photo(path: Path, head: bytes) -> None:
    """Look at the first bytes: whatever the server calls it, the content tells what it is."""
    if not head:
        raise PhotoError("the server sent nothing", LOOK_IN_BROWSER)
    if images.sniff(path) is None:
        page = head.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))
        raise PhotoError("is a web page, no photo" if page else "is of no photo format known here", LOOK_IN_BROWSER)
