"""The list of locations: cards that keep up with the archive, narrowed down, sorted and turned by the address."""

import time
from contextlib import closing
from dataclasses import replace

import pytest

from conftest import Box
from places import Shot, fill
from urbextag.archive import create, opened
from urbextag.cards import refresh
from urbextag.store.cards import Card, CardSum
from urbextag.store.db import write
from urbextag.web import card_keeper
from urbextag.web.place_list import PAGE, PlaceQuery, choose
from web_kit import web_of

CHURCH = (
    Shot("nave.jpg", ("rows of pews in a church with a collapsed roof",)),
    Shot("front.jpg", ("a church with a steeple",), "exterior"),
)
WARD = tuple(Shot(f"ward {number}.jpg", ("a hospital ward with a gurney",)) for number in range(3))


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    root = tmp_path_factory.mktemp("web") / "archive"
    create(root)
    box = Box(root)
    fill(box, "<b>Holy</b> Cross", *CHURCH, address_city="Utica", address_state="NY")
    fill(box, "Willard", *WARD, type="Medical", stype="hospital", address_state="PA", built_year="1887")
    fill(box, "Empty Mill", type="Industrial")
    with opened(root) as archive:
        refresh(archive, archive.load_taxonomy())
    with web_of(root) as found:
        yield found


def names(web, query):
    return [card["name"] for card in web.get(f"/locations?{query}")["locations"]]


def test_a_card_says_what_the_place_is(web):
    page = web.page("/locations")
    assert "3 locations" in page
    assert "&lt;b&gt;Holy&lt;/b&gt; Cross" in page and "<b>Holy</b>" not in page
    for text in ("Utica, NY", "hospital · PA · 1887", "Looks like church?", "No aerial", "No photo yet", "all tagged"):
        assert text in page
    assert page.count("data-picture") == 2 and "style=" not in page


def test_the_address_narrows_down_and_sorts(web):
    church, hospital, mill = "<b>Holy</b> Cross", "Willard", "Empty Mill"
    assert names(web, "") == [church, mill, hospital]
    assert names(web, "sort=photos") == [hospital, church, mill]
    assert names(web, "sort=condition")[0] == church
    assert names(web, "sort=coverage")[0] == hospital
    assert names(web, "text=utica%20cross") == [church]
    assert names(web, "type=medical") == names(web, "type=Hospital") == names(web, "state=pa") == [hospital]
    assert names(web, "suggested=true") == [church]
    assert names(web, "untagged=true") == []
    page = web.page("/locations?type=medical&sort=photos")
    assert "1 of 3 locations" in page and "Willard" in page and "Empty Mill" not in page
    assert "<option selected>Medical</option>" in page and 'href="/locations?sort=photos"' in page
    assert "No location is like that" in web.page("/locations?text=nowhere")


@pytest.mark.parametrize("query", ["sort=size", "condition=fine", "page=0", "page=99999999999999999999", "untagged=x"])
def test_what_has_no_meaning_is_refused(web, query):
    web.get(f"/locations?{query}", 422)
    assert "<h1>" in web.page(f"/locations?{query}", 422)


def test_an_empty_archive_says_how_a_location_is_made(tmp_path):
    create(tmp_path / "archive")
    with web_of(tmp_path / "archive") as web:
        page = web.page("/locations")
        assert "no location yet" in page and 'href="/"' in page
        assert web.get("/locations") == {"total": 0, "page": 1, "pages": 1, "locations": []}


SUM = CardSum(1, 1, {"interior": 1}, (), 0, "worn", 0.3, None, None, (), (), ())
CARD = Card("id", "id12", "Mill", None, None, None, None, None, False, None, 5, 5, 0, None, SUM, False)


def card(number, **more):
    return replace(CARD, locid=f"{number:04}", name=f"Place {number:04}", **more)


def test_pages_of_many():
    cards = [card(number) for number in range(PAGE * 2 + 1)]
    assert [len(choose(cards, PlaceQuery(page=page)).cards) for page in (1, 2, 3)] == [PAGE, PAGE, 1]
    beyond = choose(cards, PlaceQuery(page=77))
    assert (beyond.page, beyond.pages, beyond.total) == (3, 3, len(cards))
    assert beyond.cards[0].name == f"Place {PAGE * 2:04}"


def test_each_order_puts_what_is_not_known_last():
    known = card(2, changed="2026-01-02T00:00:00Z", sum=replace(SUM, condition_score=0.9, missing_views=("aerial",)))
    older = card(3, changed="2025-01-02T00:00:00Z", sum=replace(SUM, condition_score=0.1, unseen_rooms=3))
    new = card(1, sum=None)
    for sort in ("condition", "coverage", "changed"):
        assert choose([new, older, known], PlaceQuery(sort=sort)).cards == (known, older, new), sort


def test_only_what_is_asked_for_is_found():
    ruined = card(1, sum=replace(SUM, condition="ruined"))
    part = card(2, tagged=4)
    made = [ruined, part, card(3, sum=None)]
    assert choose(made, PlaceQuery(condition="ruined")).cards == (ruined,)
    assert choose(made, PlaceQuery(untagged=True)).cards == (part,)
    assert choose(made, PlaceQuery(suggested=True)).cards == ()


def test_cards_are_made_beside_the_pages_and_follow_changes(tmp_path, monkeypatch):
    for name in ("FIRST_SECONDS", "LOOK_SECONDS", "REST_SECONDS"):
        monkeypatch.setattr(card_keeper, name, 0.02)
    create(tmp_path / "archive")
    box = Box(tmp_path / "archive")
    fill(box, "Holy Cross", *CHURCH)

    def until(web, fits):
        for _ in range(500):
            [one] = web.get("/locations")["locations"]
            if fits(one):
                return
            time.sleep(0.02)
        raise AssertionError(one)

    with web_of(box.root) as web:
        until(web, lambda one: one["sum"] and not one["stale"])
        with closing(box.database()) as db, write(db):
            db.execute("UPDATE locs SET type = 'Faith', stype = 'church', built_year = '1900'")
        until(web, lambda one: not one["stale"] and one["sum"]["suggestions"] == [])
    assert not web.site.cards._thread.is_alive()
