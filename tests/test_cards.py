"""The cards of locations: whatever changes a place makes its card outdated; a refresh says what the roll-up says."""

from contextlib import closing
from dataclasses import replace

import pytest

from conftest import Box
from places import TAXONOMY, Shot, fill
from urbextag import cards
from urbextag.archive import create, opened
from urbextag.deriver import Deriver
from urbextag.rederive import put_into_effect
from urbextag.store import cards as store
from urbextag.store import decisions, grid, locations, photos, suggestions, summaries
from urbextag.store.db import write

FRONT = Shot("front.jpg", ("the facade of an abandoned hospital",), "exterior", 0.6)
WARD = Shot("ward.jpg", ("a hospital ward with a gurney and peeling paint", "a collapsed roof"), quality=0.7)
PEWS = Shot("pews.jpg", ("rows of pews in a church",))
BASIS = cards.made_with(TAXONOMY)
GURNEY, BOILER = TAXONOMY.find("gurney"), TAXONOMY.find("boiler")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two places whose cards are made."""
    box = Box(tmp_path_factory.mktemp("archive"))
    create(box.root)
    fill(box, "Willard", FRONT, WARD, PEWS)
    fill(box, "Mill", replace(WARD, name="hall.jpg"))
    with opened(box.root) as archive:
        assert cards.refresh(archive, TAXONOMY) == 2
        yield archive


def listed(archive):
    return {card.name: card for card in store.listing(archive.db, BASIS)}


def place(archive, name="Willard"):
    return locations.find(archive.db, name)


def sha_of(archive, name):
    return archive.db.execute("SELECT imgsha FROM imgs WHERE imgnam = ?", (name,)).fetchone()[0]


def word(db, sha, concept, verdict):
    decisions.decide(db, sha, concept.id, concept.label, verdict)
    put_into_effect(db, Deriver(TAXONOMY), sha)


def reject_everywhere(db, archive):
    locid = place(archive)["locid"]
    decisions.decide_location(db, locid, GURNEY.id, GURNEY.label, "reject")
    for sha in decisions.photos_of(db, locid):
        put_into_effect(db, Deriver(TAXONOMY), sha)


def embed_part(db, archive):
    subid = locations.find_or_make_sub(db, place(archive)["locid"], "Attic")
    locations.put_into_sub(db, subid, ["ward.jpg"], move=True)


def edited(sql):
    """What another program does to a photo, and that it is found."""

    def change(db, archive):
        db.execute(f"UPDATE imgs SET {sql} WHERE imgsha = ?", (sha_of(archive, "front.jpg"),))
        grid.put(db, grid.outdated(db))

    return change


CHANGES = {
    "a tag is added": lambda db, a: word(db, sha_of(a, "pews.jpg"), BOILER, "add"),
    "a tag is rejected": lambda db, a: word(db, sha_of(a, "ward.jpg"), GURNEY, "reject"),
    "a word is taken back": lambda db, a: word(db, sha_of(a, "ward.jpg"), GURNEY, "clear"),
    "a word changes no tag": lambda db, a: decisions.decide(db, sha_of(a, "pews.jpg"), BOILER.id, "boiler", "clear"),
    "a tag is rejected for the place": reject_everywhere,
    "a suggestion is dismissed": lambda db, a: suggestions.dismiss(db, place(a)["locid"], "type", "hospital"),
    "it is recalled": lambda db, a: suggestions.recall(db, place(a)["locid"], "type"),
    "the hero is chosen": lambda db, a: locations.set_hero(db, place(a)["locid"], sha_of(a, "pews.jpg")),
    "the hero is left to us": lambda db, a: locations.set_hero(db, place(a)["locid"], None),
    "its kind is set": lambda db, a: locations.set_facts(
        db, place(a)["locid"], locations.LocationFacts(type="Medical", stype="hospital")
    ),
    "its year is set": lambda db, a: locations.set_facts(
        db, place(a)["locid"], locations.LocationFacts(built_year="1887", built_type="year")
    ),
    "a part is made": lambda db, a: locations.find_or_make_sub(db, place(a)["locid"], "Attic"),
    "a photo goes into a part": embed_part,
    "the application hides a photo": edited("hidden = 1"),
    "the application renames a photo": edited("imgnam = 'face.jpg'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_makes_the_card_outdated_and_a_refresh_says_what_the_roll_up_says(archive, name):
    before = store.mark(archive.db, BASIS)
    with write(archive.db):
        CHANGES[name](archive.db, archive)
    changed = {locid for locid, mark in store.mark(archive.db, BASIS).items() if mark != before[locid]}
    assert changed == {place(archive)["locid"]}
    assert [card.name for card in listed(archive).values() if card.stale] == ["Willard"]
    assert cards.refresh(archive, TAXONOMY) == 1
    _, summary = summaries.summed_up(archive.db, TAXONOMY, place(archive))
    card = listed(archive)["Willard"]
    assert not card.stale and card.sum == cards.card_of(summary)
    assert card.sum.distinct_views == summary.distinct_views and card.sum.condition == summary.condition.label
    assert [value for _, value in card.sum.suggestions] == [one.value for one in summary.suggestions]
    assert cards.refresh(archive, TAXONOMY) == 0


def test_a_photo_that_moves_changes_both_places_and_the_last_changed_goes_first(archive):
    with write(archive.db):
        photos.assign(archive.db, sha_of(archive, "pews.jpg"), place(archive, "Mill")["locid"], move=True)
    assert all(card.stale for card in listed(archive).values())
    with write(archive.db):
        word(archive.db, sha_of(archive, "hall.jpg"), BOILER, "add")
    assert store.stale(archive.db, BASIS) == [place(archive, "Mill")["locid"], place(archive)["locid"]]
    heard = []
    assert cards.refresh(archive, TAXONOMY, lambda *told: heard.append(told), stop=lambda: bool(heard)) == 1
    assert heard == [(1, 2)]
    assert {name: card.stale for name, card in listed(archive).items()} == {"Mill": False, "Willard": True}
    assert cards.refresh(archive, TAXONOMY) == 1
    assert (listed(archive)["Mill"].photos, listed(archive)["Willard"].photos) == (2, 2)


def test_another_vocabulary_makes_all_cards_outdated(archive):
    assert all(card.stale for card in store.listing(archive.db, "another"))
    other = replace(TAXONOMY, version="another")
    assert cards.refresh(archive, other) == 2
    assert cards.refresh(archive, TAXONOMY) == 2


def test_a_card_tells_what_is_known_before_it_is_made_and_leaves_with_its_place(box):
    fill(box, "Willard", FRONT, WARD, type="Medical", address_city="Ovid", address_state="NY")
    with closing(box.database()) as db, write(db):
        locations.find_or_make(db, "Empty")
    with opened(box.root) as archive:
        empty, willard = store.listing(archive.db, BASIS)
        assert (empty.name, empty.photos, empty.sum, empty.stale) == ("Empty", 0, None, True)
        assert (willard.type, willard.city, willard.state, willard.photos, willard.tagged, willard.described) == (
            "Medical", "Ovid", "NY", 2, 2, 0,
        )  # fmt: skip
        assert cards.refresh(archive, TAXONOMY) == 2
        empty, willard = store.listing(archive.db, BASIS)
        assert not empty.stale and empty.sum.hero is None and empty.sum.tags == ()
        assert willard.sum.hero == sha_of(archive, "front.jpg") and willard.sum.hero_why and not willard.hero_locked
        assert willard.sum.missing_views == ("aerial",) and len(willard.sum.tags) == 5
        with write(archive.db):
            archive.db.execute("DELETE FROM locs WHERE locnam = 'Empty'")
            archive.db.execute(
                "UPDATE locs SET hero_imgsha = ?, hero_focal_x = 0.5, hero_focal_y = 0.2",
                (sha_of(archive, "ward.jpg"),),
            )
        cards.refresh(archive, TAXONOMY)
        (card,) = store.listing(archive.db, BASIS)
        assert card.hero_locked and card.hero_focal == (0.5, 0.2)
        assert card.sum.hero == sha_of(archive, "ward.jpg") and card.sum.hero_why == ()
        assert archive.db.execute("SELECT count(*) FROM ut_cards").fetchone()[0] == 1
