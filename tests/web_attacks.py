"""Attacks on the web app, each with the one guard that it is up against."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.staticfiles import StaticFiles

import web_photos
from urbextag.config import CONFIG_NAME
from urbextag.thumbnails import Thumbnails
from urbextag.web import guards, lookup
from urbextag.web.guards import COOKIE
from urbextag.web.site import Site
from web_kit import API, Web
from web_photos import Kept

TOKEN = "the-token-of-this-server"
PAUSE = API + "/queue/pause"
STATUS = API + "/status"
Out = Callable[[pytest.MonkeyPatch], None]
"""Takes one guard out."""


@dataclass(frozen=True)
class Attack:
    """Something that must not succeed."""

    name: str
    succeeds: Callable[[Web, Kept], bool]
    out: Out
    shared: bool = False
    """On a server for other machines."""


def takes_out(place: object, name: str, instead: object) -> Out:
    return lambda monkeypatch: monkeypatch.setattr(place, name, instead)


def reads(path: str, **headers: str) -> Callable[[Web, Kept], bool]:
    """Whether such a request is answered with what it asks for."""
    return lambda web, kept: web.client.get(path, headers=named(headers), follow_redirects=False).status_code == 200


def changes(**headers: str) -> Callable[[Web, Kept], bool]:
    """Whether a change that is asked for so is made."""

    def succeeds(web: Web, kept: Kept) -> bool:
        web.send("POST", "/queue/resume")
        web.client.post(PAUSE, headers=named(headers), json={})
        return web.get("/status")["paused_since"] is not None

    return succeeds


def named(headers: dict[str, str]) -> dict[str, Any]:
    return {name.replace("_", "-"): value.encode("latin-1") for name, value in headers.items()}


def sends(*parts: bytes, length: bool) -> Callable[[Web, Kept], bool]:
    """Whether a body is taken in; without its length said it comes in chunks."""

    def succeeds(web: Web, kept: Kept) -> bool:
        content = b"".join(parts) if length else iter(parts)
        headers = {"origin": "http://127.0.0.1", "content-type": "application/json"}
        return web.client.post(PAUSE, content=content, headers=headers).status_code != 413

    return succeeds


def asked(app: Any, path: bytes) -> tuple[int, bytes]:
    """GET a path as it stands: clients tidy up what a path like `/../` means. Status and body."""
    answers: list[dict[str, Any]] = []
    nothing = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not nothing:
            await asyncio.Event().wait()  # it stays on the line
        return nothing.pop()

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path.decode("latin-1"), "raw_path": path, "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return answers[0]["status"], b"".join(answer.get("body", b"") for answer in answers)


def gets_file(path: str, text: bytes) -> Callable[[Web, Kept], bool]:
    """Whether the answer to a path has what stands in some file; the path comes decoded, as the app sees it."""
    return lambda web, kept: text in asked(web.client.app, path.encode("latin-1"))[1]


def gets_thumbnail_of_nothing(web: Web, kept: Kept) -> bool:
    """An id that the archive does not know, though a link of its name lies among the thumbnails."""
    link = web.site.root / ".urbextag/thumbnails/zz/zz.small.jpg"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(kept.root / CONFIG_NAME)
    return b"[work]" in web.client.get(API + "/images/zz/picture").content


def tells_where_it_was_taken(web: Web, kept: Kept) -> bool:
    found = [web.client.get(f"{API}/images/{kept.sha}/picture?size={size}").content for size in ("small", "large")]
    assert all(picture.startswith(b"\xff\xd8") for picture in found)
    return any(mark in picture for picture in found for mark in (b"Exif", b"SpyCam", b"http://ns.adobe.com"))


def answers(web: Web, kept: Kept) -> Iterator[Any]:
    """An answer of each kind."""
    page = {"accept": "text/html"}
    for path in ("/", "/nowhere", "/sign-in", STATUS, API + "/images/%00/picture", "/static/app.js", "/static/nothing"):
        yield web.client.get(path, headers=page, follow_redirects=False)
        yield web.client.get(path, follow_redirects=False)
    yield web.client.get(f"{API}/images/{kept.sha}/picture")
    yield web.client.get("/", headers={"host": "evil.example"})
    yield web.client.post(PAUSE, headers={"origin": "null"})
    yield web.client.post(PAUSE, content=b"{", headers={"content-type": "application/json"})
    yield web.client.head("/")
    yield web.client.options("/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Site, "opened", _bug)
        yield web.client.get("/", headers=page)
        yield web.client.get(STATUS)


def _bug(site: Site) -> None:
    raise RuntimeError(web_photos.SECRET)


def lacks(name: str, *words: str) -> Callable[[Web, Kept], bool]:
    """Whether some answer is without this header, or without these words in it."""

    def succeeds(web: Web, kept: Kept) -> bool:
        found = [answer.headers.get(name, "") for answer in answers(web, kept)]
        return not all(value and all(word in value for word in words) for value in found)

    return succeeds


NO_HOSTS = takes_out(guards, "host_name", lambda host: "localhost")
NO_ORIGIN = takes_out(guards, "_same_origin", lambda host, headers: True)
NO_SITE = takes_out(guards, "_is_part_of_another_site", lambda headers: False)
NO_TOKEN = takes_out(guards, "is_token", lambda token, given: True)
NO_BOUND = takes_out(guards, "MAX_BODY_BYTES", 2**40)
NO_HEADERS = takes_out(guards, "HEADERS", {})
NO_COMMON_FOLDER = takes_out(StaticFiles, "lookup_path", lambda files, path: _anywhere(files, path))
LONG = b'{"a":"' + b"a" * guards.MAX_BODY_BYTES + b'"}'
CSP = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")


def _anywhere(files: StaticFiles, path: str) -> tuple[str, Any]:
    target = Path(str(files.directory)) / path
    return str(target), target.stat()


def _sends_originals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thumbnails, "kept", lambda *asked: None)
    monkeypatch.setattr(Thumbnails, "file", _the_original)


def _the_original(thumbnails: Thumbnails, sha: str, size: str, source: Path, **more: Any) -> Path:
    return source


def _a_row(archive: object, sha: str) -> dict[str, str]:
    return {"imgsha": sha, "imgloc": "nothing"}


ATTACKS = [
    *(
        Attack(f"another name leads here: {host!r}", reads("/", host=host), NO_HOSTS)
        for host in (
            "evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost.x",
            "127.0.0.1@evil.example", "[::1]evil.example", "127.0.0.1/evil", "127.0.0.1:80/x?y", "127.0.0.1 ", "",
            "localhost.", "127.0.0.1:80:80", "0x7f.1", "[::ffff:7f00:1]",
        )
    ),
    *(
        Attack(f"another site makes a change: {headers}", changes(**headers), NO_ORIGIN)
        for headers in (
            {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "file://"},
            {"origin": "http://127.0.0.1:9999"}, {"origin": "http://localhost"}, {"sec_fetch_site": "cross-site"},
            {"origin": "http://127.0.0.1.evil.example"}, {"origin": "http://127.0.0.1@evil.example"},
            {"sec_fetch_site": "same-site"},
            {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        )
    ),
    *(
        Attack(f"another site takes it into its page: {mode} {target}",
               reads("/jobs", sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=target), NO_SITE)
        for site, mode, target in (
            ("cross-site", "no-cors", "image"), ("same-site", "no-cors", "script"),
            ("cross-site", "navigate", "iframe"), ("cross-site", "navigate", "object"), ("cross-site", "cors", "empty"),
        )
    ),
    *(
        Attack(f"without the token: {headers}", reads(STATUS, **headers), NO_TOKEN, shared=True)
        for headers in (
            {}, {"authorization": "Bearer"}, {"authorization": "Bearer wrong-token-wrong-token"},
            {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": f"Bearer {TOKEN}x"},
            {"authorization": f"Basic {TOKEN}"}, {"authorization": "Bearer ÿ"}, {"cookie": f"other={TOKEN}"},
            {"cookie": f"{COOKIE}=wrong-token-wrong-token"}, {"cookie": f"{COOKIE}="},
        )
    ),
    Attack("the token in the address of a page", reads(f"/?token={TOKEN}"), NO_TOKEN, shared=True),
    Attack("a body that is too long", sends(LONG, length=True), NO_BOUND),
    Attack("a body that is too long, in chunks", sends(*[LONG[:9999]] * 120, length=False), NO_BOUND),
    Attack("a script in the page", lacks("content-security-policy", *CSP), NO_HEADERS),
    Attack("a script that is no script", lacks("x-content-type-options", "nosniff"), NO_HEADERS),
    Attack("a picture in another site's page", lacks("cross-origin-resource-policy", "same-origin"), NO_HEADERS),
    Attack("the address told to other sites", lacks("referrer-policy", "same-origin"), NO_HEADERS),
    Attack("an id that is a link", gets_thumbnail_of_nothing, takes_out(lookup, "photo", _a_row)),
    Attack("where a photo was taken", tells_where_it_was_taken, _sends_originals),
    *(
        Attack(f"a file of the package: {path!r}", gets_file(path, b"START HERE"), NO_COMMON_FOLDER)
        for path in ("/static/../app.py", "/static/./../app.py", "/static/x/../../app.py", "/static/..//app.py")
    ),
]  # fmt: skip
