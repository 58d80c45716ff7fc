"""Texts from photos, models and people stay texts on every page, and no page gives away a secret or asks elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

import web_photos
from urbextag.web import pages, render
from urbextag.web.app import make_app
from web_kit import API, Web, web_of
from web_photos import KEY_ENV, PAYLOAD, SECRET, Kept

TOKEN = "the-token-of-this-server"
STATIC = Path(make_app.__code__.co_filename).with_name("static")
LOADS = {
    "src",
    "href",
    "action",
    "formaction",
    "poster",
    "data",
    "srcset",
    "xlink:href",
    "background",
    "ping",
    "manifest",
}
"""Attributes that hold an address."""
REFLECTED = f"?q={quote(PAYLOAD)}&tag={quote(PAYLOAD)}&place={quote(PAYLOAD)}&show={quote(PAYLOAD)}"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return web_photos.make(tmp_path_factory.mktemp("web") / "archive")


@pytest.fixture(scope="module")
def web(kept: Kept) -> Iterator[Web]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(KEY_ENV, SECRET)
        with web_of(kept.root, token=TOKEN) as web:
            web.client.headers["authorization"] = f"Bearer {TOKEN}"
            yield web


@dataclass
class Seen(HTMLParser):
    """What a browser would make of a page."""

    texts: list[str] = field(default_factory=list)
    """Texts and values of attributes."""
    faults: list[str] = field(default_factory=list)
    """What the content security policy would have to stop."""
    addresses: list[tuple[str, str, str]] = field(default_factory=list)
    """(element, attribute, address)."""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.texts += [value for value in given.values() if value]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.faults.append(f"<{tag}> in the page")
        self.faults += [f"<{tag} {name}>" for name in given if name.startswith("on") or name in ("style", "srcdoc")]
        if tag in ("iframe", "object", "embed", "base") or given.get("http-equiv"):
            self.faults.append(f"<{tag}>")
        self.addresses += [(tag, name, given[name] or "") for name in given if name in LOADS]
        if "data-action" in given:
            self.addresses.append((tag, "data-action", (given["data-action"] or "").partition(" ")[2]))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def foreign(self) -> list[tuple[str, str, str]]:
        """Addresses that lead elsewhere; a plain link to read more may, where it is https."""
        return [
            (tag, name, address)
            for tag, name, address in self.addresses
            if urlsplit(address).scheme or address.startswith(("//", "\\"))
            if not (tag == "a" and name == "href" and urlsplit(address).scheme == "https")
        ]


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    parser.close()
    return parser


def paths(kept: Kept) -> list[str]:
    """Every page of the app; one with a new kind of id must be given one here."""
    ids = {"sha": [kept.hostile, kept.sha], "locid": [kept.locid, kept.mill], "concept": ["object/fixture/boiler"]}
    found: list[str] = []
    for router in pages.ROUTERS:
        for route in router.routes:
            path = getattr(route, "path", "")
            if "GET" not in getattr(route, "methods", ()):
                continue
            names = re.findall(r"{(\w+)", path)
            assert len(names) <= 1 and set(names) <= set(ids), f"{path}: name an id for it"
            values = ids[names[0]] if names else [""]
            found += [re.sub(r"{.*}", value, path) for value in values]
    return found


def walk(web: Web, kept: Kept) -> Iterator[tuple[str, str]]:
    """Every page as it is, with hostile values in its address, and the page of an error."""
    for path in [*paths(kept), "/nowhere", f"/photos/{quote(PAYLOAD)}"]:
        for address in (path, path + REFLECTED, path + "?show=aside", path + f"?q={quote(PAYLOAD)}"):
            answer = web.client.get(address, headers={"accept": "text/html"})
            assert answer.status_code < 500, f"{address}: {answer.status_code}"
            assert answer.headers["content-type"].startswith("text/html"), address
            yield address, answer.text


def test_pages_hold_nothing_inline_and_lead_nowhere_else(web: Web, kept: Kept) -> None:
    assert len(paths(kept)) > 5
    statics = set()
    for address, html in walk(web, kept):
        page = seen(html)
        assert not page.faults, (address, page.faults)
        assert not page.foreign(), (address, page.foreign())
        statics |= {urlsplit(one).path for _, _, one in page.addresses if one.startswith("/static/")}
    assert {web.client.get(path).status_code for path in statics} == {200}


def test_hostile_texts_are_shown_as_they_are(web: Web, kept: Kept) -> None:
    shown = {address for address, html in walk(web, kept) if any(PAYLOAD in text for text in seen(html).texts)}
    for path in (f"/photos/{kept.hostile}", f"/locations/{kept.locid}", "/locations", "/jobs?show=aside", "/search"):
        assert any(address.startswith(path) for address in shown), f"{path} does not show the hostile text"


def test_without_escaping_they_would_be_scripts(web: Web, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    render.environment.cache_clear()
    monkeypatch.setattr(render.environment(), "autoescape", False)
    try:
        html = web.page(f"/photos/{kept.hostile}")
    finally:
        render.environment.cache_clear()
    assert "<script> in the page" in seen(html).faults and "<img onerror>" in seen(html).faults


def test_no_page_and_no_answer_gives_a_secret_away(web: Web, kept: Kept) -> None:
    texts = dict(walk(web, kept))
    ids = {"sha": kept.hostile, "locid": kept.locid}
    for path, methods in web.get("/openapi.json")["paths"].items():
        if "get" in methods and path != f"{API}/events":
            address = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], "0" * 12), path)
            texts[address] = web.client.get(address).text
    assert len(texts) > 30
    for address, text in texts.items():
        assert SECRET not in text and TOKEN not in text, address


def test_scripts_make_no_html_of_texts_and_load_nothing_from_elsewhere() -> None:
    dangerous = r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|setHTML|\beval\(|new Function"
    inline = r"javascript:|setAttribute\(\s*[\"'](?:on|style)|createContextualFragment"
    files = [file for file in STATIC.rglob("*") if file.is_file()]
    assert len(files) > 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.findall(r"(?<!www\.w3\.org)(?:https?:)?//(?!www\.w3\.org)[a-z0-9.-]+\.[a-z]{2,}", text), file.name
        if file.suffix == ".js":
            assert not re.findall(dangerous, text), file.name
            assert not re.findall(inline, text), file.name
            for module in re.findall(r"(?:from|import)\s*\(?[\"']([^\"']+)", text):
                assert module.startswith("./") and (STATIC / module).is_file(), (file.name, module)
        if file.suffix == ".css":
            assert not re.findall(r"@import|url\((?![\"']?(?:/static/|#))", text), file.name
