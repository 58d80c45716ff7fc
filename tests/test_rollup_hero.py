"""The photo that introduces a place, what of the place has been photographed, and its documents."""

from dataclasses import replace

from places import TAXONOMY, alone, embedded, photo
from urbextag.rollup import Known, SubLocation, summarise
from urbextag.rollup.coverage import coverage, documents
from urbextag.rollup.hero import heroes
from urbextag.rollup.views import distinct_views


def ranked(*photos, embeddings=None):
    return heroes(distinct_views(photos, embeddings))


def test_the_hero_is_an_exterior_even_if_an_interior_is_better():
    inside, outside = photo("in", quality=0.8), photo("out", view="exterior", quality=0.45)
    assert [one.sha for one in ranked(inside, outside)] == ["out", "in"]
    assert ranked(outside)[0].reasons == ("an exterior view", "fair quality (0.45)")


def test_an_exterior_that_is_not_worth_showing_gives_way():
    assert ranked(photo("in", quality=0.95), photo("out", view="exterior", quality=0.0))[0].sha == "in"


def test_an_exterior_that_shows_the_whole_goes_before_one_that_does_not():
    part, whole = photo("a", view="exterior"), photo("b", "hospital", "facade", view="exterior")
    found = ranked(part, whole)
    assert [one.sha for one in found] == ["b", "a"]
    assert found[0].reasons[:2] == ("an exterior view, one of 2", "shows the whole: facade, hospital")


def test_never_a_document_a_historic_photograph_or_a_hidden_one():
    scan, old = photo("scan", view="document", quality=1.0), photo("old", "archival photograph", view="exterior")
    hidden = photo("hidden", view="exterior", hidden=True)
    assert ranked(scan, old, hidden) == ()
    assert [one.sha for one in ranked(scan, old, hidden, photo("in"))] == ["in"]


def test_a_raw_gives_way_to_its_developed_picture():
    developed = photo("a", view="exterior", quality=0.3)
    assert [one.sha for one in ranked(developed, replace(developed, sha="r", pair_sha="a", quality=0.9))] == ["a"]


def test_the_best_photo_of_a_view_is_taken_and_each_view_once():
    views = [photo(f"e{number}", view="exterior", quality=number / 10) for number in range(4)]
    found = ranked(*views, photo("x"), embeddings=embedded(e0=0.0, e1=0.0, e2=0.0, e3=0.0, x=1.5))
    assert [one.sha for one in found] == ["e3", "x"]
    assert "the best of 4 photos of this view" in found[0].reasons


def test_the_next_best_are_unlike_those_before():
    fronts = [photo(f"f{number}", "facade", view="exterior", quality=0.6) for number in range(6)]
    ward = photo("ward", "ward", quality=0.6)
    found = ranked(*fronts, ward)
    assert len(found) == 5 and found[0].view_type == "exterior"
    assert "ward" in [one.sha for one in found[1:3]]


def test_the_owner_s_hero_is_shown_beside_ours():
    summary = summarise([photo("a"), photo("b", view="exterior")], TAXONOMY, Known(hero_sha="a"))
    assert (summary.locked_hero.name, summary.hero.sha) == ("a.jpg", "b")
    assert summarise([], TAXONOMY, Known(hero_sha="a")).locked_hero.sha == "a"


def covered(*photos, kind=None, **known):
    return coverage(alone(*photos), TAXONOMY, Known(**known), kind)


def test_views_that_are_missing_are_said():
    assert covered(photo("a")).missing_views == ("exterior", "aerial")
    assert covered(photo("a", "archival photograph", view="aerial")).missing_views == ("exterior", "interior", "aerial")


def test_rooms_seen_and_rooms_that_such_places_have():
    found = covered(photo("a", "ward"), photo("b", "ward", "autopsy room"), kind="hospital")
    assert found.rooms == {"ward": 2, "autopsy room": 1}
    assert found.rooms_of == "hospital"
    assert {"operating theater", "x-ray room"} <= set(found.unseen_rooms)
    assert not {"ward", "morgue", "autopsy room"} & set(found.unseen_rooms)
    assert "operating theater" in covered(kind="children's hospital").unseen_rooms
    for kind in (None, "medical", "no such kind"):
        assert (covered(kind=kind).unseen_rooms, covered(kind=kind).rooms_of) == ((), None)


def test_parts_without_photos_or_without_an_exterior_are_said():
    subs = (SubLocation("n", "North", 2), SubLocation("s", "South", 0), SubLocation("w", "West", 1))
    found = covered(photo("a", subid="n"), photo("b", view="exterior", subid="w"), subs=subs)
    assert (found.subs_without_photos, found.subs_without_exterior) == (("South",), ("North",))


def test_documents_are_listed_one_by_one_with_how_their_text_begins():
    text = ("  WILLARD   ASYLUM ", "", "x" * 100, "third", "fourth")
    page = photo("a", "newspaper", "document scan", view="document", text=text)
    again = replace(page, sha="b", name="b.jpg", text=())
    old, plain = photo("c", "archival photograph"), photo("d", view="document")
    views = distinct_views([page, again, old, plain, photo("e")], embedded(a=0.0, b=0.0, c=1.0, d=2.0, e=3.0))
    assert [(one.kind, one.name) for one in documents(views, TAXONOMY)] == [
        ("document", "d.jpg"),
        ("historic photograph", "c.jpg"),
        ("newspaper", "a.jpg"),
        ("newspaper", "b.jpg"),
    ]
    assert documents(views, TAXONOMY)[2].lines == ("WILLARD ASYLUM", "x" * 79 + "…", "third")
