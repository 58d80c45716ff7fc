"""What the photos suggest: the kind of place and the era, with both sides, and what was dismissed."""

from dataclasses import replace

import pytest

from places import TAXONOMY, alone, photo
from urbextag.records import EraHint
from urbextag.rollup import Known
from urbextag.rollup.suggest import suggest_era, suggest_type, suggestions


def kind(*photos, **known):
    return suggest_type(alone(*photos), TAXONOMY, Known(**known))


def hospital(count=3):
    return [photo(f"h{number}", "hospital", "gurney") for number in range(count)]


def test_the_kind_of_place_follows_from_what_the_photos_show():
    found = kind(photo("a", "hospital"), photo("b", "gurney"), photo("c", "tree"))
    assert (found.value, found.columns) == ("hospital", {"type": "Medical", "stype": "hospital"})
    assert [(voice.name, voice.shows) for voice in found.supporting] == [
        ("a.jpg", ("hospital",)),
        ("b.jpg", ("gurney",)),
    ]
    assert (found.agree, found.tell, found.share, found.contradicting) == (2, 2, 1.0, ())
    assert 0.3 < found.confidence < 0.9


def test_photos_that_show_another_place_contradict_and_are_named():
    found = kind(*hospital(4), photo("x", "church", "pew"))
    assert found.value == "hospital"
    assert [(voice.name, voice.shows) for voice in found.contradicting] == [("x.jpg", ("church", "pew"))]
    assert (found.agree, found.tell) == (4, 5) and 0.7 < found.share < 0.9


def test_more_views_make_it_surer_and_a_contradiction_less_sure():
    few, many = kind(*hospital(2)), kind(*hospital(9))
    assert few.confidence < many.confidence < 1
    assert kind(*hospital(9), photo("x", "church")).confidence < many.confidence


def test_classes_that_disagree_leave_the_category():
    found = kind(photo("a", "asylum"), photo("b", "hospital"), photo("c", "clinic"))
    assert (found.value, found.columns) == ("medical", {"type": "Medical"})
    assert (found.agree, found.contradicting) == (3, ())


def test_rooms_that_many_places_have_speak_for_their_category():
    wards = [photo(f"w{number}", "ward") for number in range(6)]
    found = kind(*wards)
    assert found.columns["type"] == "Medical" and found.agree == 6


def test_the_finer_class_stands_for_the_coarser_where_most_say_so():
    assert (
        kind(photo("a", "mill"), *(photo(f"t{number}", "textile mill") for number in range(5))).value == "textile mill"
    )
    assert kind(photo("a", "textile mill"), *(photo(f"t{number}", "mill") for number in range(5))).value == "mill"


def test_one_weak_hint_suggests_nothing():
    assert kind(photo("a", "gurney")) is None
    assert kind() is None


def test_a_document_counts_less_than_a_photo():
    page = photo("a", "church", view="document")
    assert kind(page) is None
    assert kind(page, *hospital(1)).value == "hospital"


def test_two_photos_of_one_name_are_two_voices():
    found = kind(*(replace(photo(sha, "hospital"), name="IMG_1.JPG") for sha in ("a", "b")))
    assert [voice.name for voice in found.supporting] == ["IMG_1.JPG", "IMG_1.JPG"]


def test_what_the_owner_has_set_is_not_suggested():
    assert kind(*hospital(), type="Medical", stype="hospital") is None
    assert kind(*hospital(), type="Medical").columns == {"stype": "hospital"}
    assert kind(*hospital(), type="Faith") is None
    assert kind(*hospital(), stype="hospital").columns == {"type": "Medical"}
    assert kind(*hospital(), type="A place of my own") is None


def test_what_was_dismissed_gives_way_to_the_next_best():
    photos = [*hospital(5), photo("x", "asylum"), photo("y", "asylum")]
    assert kind(*photos).value == "hospital"
    second = kind(*photos, dismissed_types=frozenset({"hospital"}))
    assert second is None or second.value in ("medical", "asylum")
    assert kind(*hospital(5), dismissed_types=frozenset({"medical"})) is None
    nested = [photo(f"c{number}", "children's hospital") for number in range(5)]
    assert kind(*nested).value == "children's hospital"
    assert kind(*nested, dismissed_types=frozenset({"hospital"})).value == "medical"


DECO = EraHint((1920, 1940), "era/art-deco", "built", 0.8, ("florence: art deco",))
OLD = EraHint((1837, 1901), "era/victorian", "built", 0.6)
PHONE = EraHint((1890, 1910), "object/phone", "used", 0.5)


def era(*photos, **known):
    return suggest_era(alone(*photos), Known(**known))


def dated(*hints):
    return [photo(f"p{number}", era=(hint,)) for number, hint in enumerate(hints)]


def test_the_era_has_both_sides():
    found = era(*dated(DECO, DECO, DECO, OLD, PHONE))
    assert (found.value, found.columns) == ("1920-1940", {"built_year": "1920-1940", "built_type": "range"})
    assert [voice.shows for voice in found.supporting] == [("art deco (built 1920-1940)",)] * 3
    assert {voice.shows for voice in found.contradicting} == {
        ("victorian (built 1837-1901)",),
        ("phone (used 1890-1910)",),
    }
    assert (found.agree, found.tell) == (3, 5)
    assert found.share == pytest.approx(2.4 / 3.5)


def test_a_single_year_is_written_as_one():
    stone = EraHint((1887, 1887), "1887", "built", 0.7)
    assert era(*dated(stone)).columns == {"built_year": "1887", "built_type": "year"}


def test_no_era_is_suggested_where_it_is_set_or_little_tells():
    assert era(*dated(DECO), built_year="1910") is None
    assert era(*dated(PHONE)) is None
    assert era(*dated(replace(DECO, confidence=0.1))) is None
    assert era(*dated(replace(DECO, years=(1700, 1900)))) is None
    assert era() is None


def test_a_dismissed_era_gives_way_to_the_next_best():
    photos = dated(DECO, DECO, OLD, OLD)
    assert era(*photos).value == "1920-1940"
    second = era(*photos, dismissed_eras=frozenset({"1920-1940"}))
    assert second is None or second.value == "1837-1901"
    assert era(*photos, dismissed_eras=frozenset({"1920-1940", "1837-1901"})) is None


def test_both_kinds_come_together():
    photos = [replace(one, era=(DECO,)) for one in hospital()]
    assert [one.kind for one in suggestions(alone(*photos), TAXONOMY, Known())] == ["type", "era"]
