"""Attacks on the web app: each fails, and each succeeds where the one guard against it is taken out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import web_photos
from urbextag.config import CONFIG_NAME
from urbextag.web import guards
from urbextag.web.guards import COOKIE, HEADERS, host_name, own_hosts
from urbextag.web.pages import sign_in
from web_attacks import ATTACKS, STATUS, TOKEN, Attack, answers, asked
from web_kit import API, Web, web_of
from web_photos import Kept


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return web_photos.make(tmp_path_factory.mktemp("web") / "archive")


@pytest.fixture(scope="module")
def web(kept: Kept) -> Iterator[Web]:
    """As it is served to this machine alone."""
    with web_of(kept.root) as web:
        yield web


@pytest.fixture(scope="module")
def shared(kept: Kept) -> Iterator[Web]:
    """As it is served to other machines."""
    with web_of(kept.root, token=TOKEN) as web:
        yield web


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (guards, sign_in):
        monkeypatch.setattr(place, "WRONG_TOKEN_SECONDS", 0.0)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_fails(attack: Attack, web: Web, shared: Web, kept: Kept) -> None:
    assert not attack.succeeds(shared if attack.shared else web, kept)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_succeeds_without_its_guard(
    attack: Attack, web: Web, shared: Web, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack.out(monkeypatch)
    assert attack.succeeds(shared if attack.shared else web, kept)


@pytest.mark.parametrize(
    "path", ["/static/../api/v1/status", "/sign-in/../api/v1/status", "//sign-in", "/sign-in/", "/static"]
)
def test_no_path_leads_round_the_token(shared: Web, path: str) -> None:
    status, body = asked(shared.client.app, path.encode())
    assert status in (303, 307, 401, 404) and b"paused_since" not in body


FILES = [
    f"../../{CONFIG_NAME}",
    CONFIG_NAME,
    f"..\\..\\{CONFIG_NAME}",
    "/etc/passwd",
    "\0",
    "a\0b",
    "é",
    "a" * 129,
    ".",
]


@pytest.mark.parametrize("name", FILES)
def test_no_path_from_a_client_opens_a_file(web: Web, name: str) -> None:
    for before, after in ((API + "/images/", "/picture"), ("/static/", ""), ("/photos/", ""), ("/locations/", "")):
        status, body = asked(web.client.app, (before + name + after).encode())
        assert status in (404, 422), (before, status)
        assert b"[work]" not in body and b"root:" not in body


def test_a_link_from_another_site_leads_here(web: Web) -> None:
    from_there = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert web.client.get("/", headers=from_there).status_code == 200


def test_the_content_security_policy_allows_nothing_inline_and_nothing_from_outside() -> None:
    rules = dict(rule.strip().partition(" ")[::2] for rule in HEADERS["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules.values()) == {"'none'", "'self'"}


def test_a_token_lets_in_by_header_cookie_and_address(shared: Web) -> None:
    assert shared.client.get(STATUS, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert shared.client.get(STATUS, headers={"authorization": f"bearer  {TOKEN} "}).status_code == 200
    foreign = 'theme={"a": "b;c"}; sid=@:/[]'  # cookies belong to a machine, whatever the port, so others' come along
    assert shared.client.get(STATUS, headers={"cookie": f"{foreign}; {COOKIE}={TOKEN}"}).status_code == 200
    page = shared.client.get("/jobs", headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
    assert shared.client.get(f"/sign-in?token={TOKEN}x").status_code == 401
    let_in = shared.client.get(f"/sign-in?token={TOKEN}", follow_redirects=False)
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/")
    flags = {part.strip().lower() for part in let_in.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= flags and "domain" not in str(flags)
    shared.client.cookies.clear()


@pytest.mark.parametrize("given", [{"token": "wrong"}, {"token": "\ud800"}, {"token": None}, {}, [], "x" * 3000])
def test_a_wrong_token_is_refused_whatever_it_is(shared: Web, given: Any) -> None:
    sent = json.dumps(given)
    answer = shared.client.post("/sign-in", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code in (401, 422) and "set-cookie" not in answer.headers


def test_a_bug_is_said_without_what_it_says(web: Web, kept: Kept) -> None:
    *_, page, said = answers(web, kept)
    for answer in (page, said):
        assert answer.status_code == 500 and "RuntimeError" in answer.text and web_photos.SECRET not in answer.text


def test_own_hosts() -> None:
    assert own_hosts("127.0.0.1", ("Archive.Local", "")) == {"localhost", "127.0.0.1", "::1", "archive.local"}
    everywhere = own_hosts("0.0.0.0")
    assert "" not in everywhere and "0.0.0.0" not in everywhere and "127.0.0.1" in everywhere
    assert [host_name(host) for host in ("[::1]:80", "LOCALHOST:80", "a-b_c.d", "[::1", ":80")] == [
        "::1", "localhost", "a-b_c.d", "", "",
    ]  # fmt: skip
