"""Suggestions on real archives: applied on the owner's word alone, derived again, taken back, dismissed."""

from contextlib import closing

import pytest

from places import Shot, fill
from urbextag.archive import opened
from urbextag.deriver import Deriver
from urbextag.rederive import stale
from urbextag.store import locations, suggestions
from urbextag.store.db import write

PHOTOS = (
    *(Shot(f"ward {number}.jpg", ("a hospital ward with a gurney",)) for number in range(3)),
    Shot("pews.jpg", ("rows of pews in a church",)),
    *(Shot(f"deco {number}.jpg", ("an art deco facade of a hospital",), "exterior") for number in range(3)),
)
COLUMNS = ("type", "stype", "built_year", "built_type")


@pytest.fixture
def place(box):
    fill(box, "Willard", *PHOTOS)
    return box


def row(box):
    with closing(box.database()) as db:
        return dict(locations.find(db, "Willard"))


def known(box):
    return {name: row(box)[name] for name in COLUMNS if row(box)[name]}


def suggested(box):
    summary = box.ok("locations", "show", "Willard", "--json").json["summary"]
    return {one["kind"]: one["value"] for one in summary["suggestions"]}


def confidences(box):
    with closing(box.database()) as db:
        return {tuple(row) for row in db.execute("SELECT sha, concept, confidence FROM ut_tags")}


def up_to_date(box):
    """Deriving once more would change nothing."""
    with opened(box.root) as archive:
        return stale(archive.db, Deriver(archive.load_taxonomy()), "f") == []


def test_nothing_is_applied_by_itself_or_without_an_answer(place):
    assert suggested(place) == {"type": "hospital", "era": "1920-1940"}
    ran = place.ok("locations", "apply", "Willard", code=2)
    assert "Would set type = Medical, stype = hospital (6 of 7 views for it, 1 against)" in ran.out
    assert "7 photos would be derived again" in ran.out and "--yes" in ran.err
    assert known(place) == {}


def test_apply_sets_what_was_not_set_and_derives_again(place):
    before, whole = confidences(place), row(place)
    done = place.ok("locations", "apply", "Willard", "--yes", "--json").json
    assert (done["applied"], done["derived"]) == (["type", "era"], 7)
    assert known(place) == {
        "type": "Medical",
        "stype": "hospital",
        "built_year": "1920-1940",
        "built_type": "range",
    }
    changed = {name for name, value in row(place).items() if value != whole[name]}
    assert changed == {*COLUMNS, "locup"}
    assert confidences(place) != before
    assert up_to_date(place)
    assert suggested(place) == {}
    assert "nothing is suggested" in place.ok("locations", "apply", "Willard", "--yes", code=2).err


def test_undo_takes_back_what_still_stands(place):
    before = confidences(place)
    place.ok("locations", "apply", "Willard", "type", "--yes")
    assert known(place) == {"type": "Medical", "stype": "hospital"}
    assert "Would take back: type Medical, hospital" in place.ok("locations", "apply", "Willard", "--undo", "--yes").out
    assert known(place) == {} and confidences(place) == before
    assert suggested(place) == {"type": "hospital", "era": "1920-1940"}
    assert "nothing that was applied" in place.ok("locations", "apply", "Willard", "--undo", "--yes", code=2).err


def test_undo_leaves_what_the_owner_changed_since(place):
    place.ok("locations", "apply", "Willard", "--yes")
    with closing(place.database()) as db:
        db.execute("UPDATE locs SET stype = 'asylum'")
    ran = place.ok("locations", "apply", "Willard", "--undo", "--yes")
    assert "Changed since, stays: type" in ran.out
    assert known(place) == {"type": "Medical", "stype": "asylum"}
    assert "changed since" in place.ok("locations", "apply", "Willard", "--undo", "--yes", code=2).err


def test_a_class_is_suggested_within_the_owner_s_category(place):
    with closing(place.database()) as db:
        db.execute("UPDATE locs SET type = 'Medical'")
    place.ok("locations", "apply", "Willard", "type", "--yes")
    assert known(place) == {"type": "Medical", "stype": "hospital"}
    place.ok("locations", "apply", "Willard", "type", "--undo", "--yes")
    assert known(place) == {"type": "Medical"}


def test_what_was_set_meanwhile_is_left(place):
    with closing(place.database()) as db, write(db):
        locid = locations.find(db, "Willard")["locid"]
        db.execute("UPDATE locs SET stype = 'church', built_type = 'year'")
        assert not suggestions.apply(db, locid, "type", {"type": "Medical", "stype": "hospital"})
        assert suggestions.apply(db, locid, "era", {"built_year": "1887", "built_type": "year"})
        assert not suggestions.apply(db, locid, "era", {"built_year": "1888", "built_type": "year"})
    assert known(place) == {"stype": "church", "built_year": "1887", "built_type": "year"}


def test_what_is_dismissed_stays_dismissed(place):
    assert "dismissed: type hospital" in place.ok("locations", "dismiss", "Willard", "type").out
    assert suggested(place).get("type") != "hospital"
    place.ok("review", "add", "pews.jpg", "hospital")
    assert suggested(place).get("type") != "hospital"
    assert "type: hospital" in place.ok("locations", "show", "Willard").out
    place.ok("locations", "dismiss", "Willard", "type", "hospital", "--undo")
    assert suggested(place)["type"] == "hospital"


def test_a_value_can_be_dismissed_that_is_not_suggested_yet(place):
    done = place.ok("locations", "dismiss", "Willard", "type", "Medical", "--json").json
    assert done["dismissed"] == {"type": ["medical"], "era": []}
    place.ok("locations", "dismiss", "Willard", "era", "1920s")
    assert suggested(place)["era"] == "1920-1940"
    place.ok("locations", "dismiss", "Willard", "era")
    assert suggested(place) == {}
    assert place.ok("locations", "dismiss", "Willard", "--undo", "--json").json["dismissed"] == {"type": [], "era": []}
    assert suggested(place) == {"type": "hospital", "era": "1920-1940"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dismiss", "Willard", "type", "hosptial"), "Did you mean hospital"),
        (("dismiss", "Willard", "era", "long ago"), "1870-1910"),
        (("dismiss", "Willard", "colour"), "'type', 'era'"),
        (("apply", "Nowhere"), "locations list"),
        (("apply", "Empty"), "nothing is suggested for Empty"),
        (("dismiss", "Empty", "era"), "no era is suggested for Empty"),
    ],
)
def test_errors_name_their_remedy(place, arguments, said):
    fill(place, "Empty")
    assert said in place.ok("locations", *arguments, code=2).err
