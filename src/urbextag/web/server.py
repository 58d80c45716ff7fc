"""Listens and serves until it is stopped: the address, the token where other machines may ask, a clean end."""

from __future__ import annotations

import ctypes
import errno
import re
import secrets
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from urbextag.config import is_loopback
from urbextag.errors import UrbextagError, UsageError
from urbextag.web.guards import EVERY_ADDRESS, SIGN_IN, Policy, own_hosts

if TYPE_CHECKING:
    from urbextag.web.site import Site

PORT = 8420
GRACE_SECONDS = 3
"""At the end, requests in hand may take so long; streams of events end by themselves."""
SWITCH_SECONDS = 0.0005
ARENAS = 2
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
TOKEN_BYTES = 24
MIN_TOKEN = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What `Authorization: Bearer` can carry (RFC 6750, section 2.1); a cookie can as well."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen and who may ask."""

    host: str = "127.0.0.1"
    port: int = PORT
    """0: any that is free."""
    allow_hosts: tuple[str, ...] = ()
    token: str | None = None
    """None: one is made where other machines can ask."""


def policy_of(listen: Listen) -> Policy:
    """Who may ask a server that listens so.

    Raises:
        UsageError: the token is too short to protect anything, or cannot be sent.

    """
    token = listen.token
    if token is not None and len(token) < MIN_TOKEN:
        raise UsageError("the token is too short", f"Give at least {MIN_TOKEN} characters, or none: one is made then")
    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError("the token has characters that cannot be sent", "Use letters, digits and . _ ~ + / = -")
    if token is None and not is_loopback(listen.host):
        token = secrets.token_urlsafe(TOKEN_BYTES)
    return Policy(own_hosts(listen.host, listen.allow_hosts), token)


def bind(listen: Listen) -> socket.socket:
    """A socket at that address; raises UsageError where that cannot be."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((listen.host, listen.port))
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that can be none
        sock.close()
        reason = (isinstance(error, OSError) and error.strerror) or error
        taken = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        remedy = (
            "Choose another port: --port 0 takes a free one" if taken else "Name an address of this machine: --host"
        )
        raise UsageError(f"cannot listen at {listen.host} port {listen.port}: {reason}", remedy) from error
    return sock


def address(listen: Listen, policy: Policy, port: int) -> str:
    """What a person opens in the browser."""
    host = _reachable() if listen.host in EVERY_ADDRESS else listen.host
    host = f"[{host}]" if ":" in host else host
    path = f"{SIGN_IN}?token={quote(policy.token, safe='')}" if policy.token else "/"
    return f"http://{host}:{port}{path}"


def _reachable() -> str:
    """An address that other machines may reach; few phones can look its name up."""
    import psutil

    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not is_loopback(one.address):
                return str(one.address)
    return socket.gethostname()


def serve(root: Path, listen: Listen, *, with_worker: bool, told: Callable[[str], None]) -> None:
    """Serve an archive until SIGINT or SIGTERM; the worker ends after the photos in hand, at a second signal at once.

    Args:
        root: the archive's folder.
        listen: where, and who may ask.
        with_worker: run a worker beside.
        told: hears the address once the server is ready to answer.

    Raises:
        UrbextagError: the archive cannot be used, or nothing can listen there.

    """
    from urbextag.web.site import Site

    policy = policy_of(listen)
    _share_and_spare()
    with bind(listen) as sock:
        site = Site(root, with_worker=with_worker)
        if not _run(site, policy, sock, lambda port: told(address(listen, policy, port))):
            raise UrbextagError("the server did not start", "Its reason stands above")


def _share_and_spare() -> None:
    """Let threads take turns ten times as often, and let them share memory that was freed.

    A page reads hundreds of rows and asks for its turn again after each, while another thread may be at work on cards.
    glibc gives each of dozens of threads a store of memory of its own, which seldom shrinks.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    if sys.platform == "linux":
        limit = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if limit is not None:
            limit(_M_ARENA_MAX, ARENAS)


def _run(site: Site, policy: Policy, sock: socket.socket, ready: Callable[[int], None]) -> bool:
    """Serve until a signal; `ready` hears the port. False: it never came so far."""
    import uvicorn

    from urbextag.web.app import make_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(sock.getsockname()[1])

        def handle_exit(self, sig: int, frame: object) -> None:
            """The ordinary end, so the signal is not raised again afterwards."""
            if self.should_exit:
                self.force_exit = True
                site.worker.hurry()
            self.should_exit = True
            site.pulse.end()

    config = uvicorn.Config(
        make_app(site, policy), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS, proxy_headers=False,
    )  # fmt: skip
    server = Server(config)
    server.run([sock])
    return server.started
