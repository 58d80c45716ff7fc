"""What an owner says of a place in a form: derived at once, cleared, renamed; hero, focal point, suggestions."""

from __future__ import annotations

import pytest

from actions_kit import DERIVER, WARD, make, state
from places import TAXONOMY, Shot
from urbextag.actions import places, suggestions
from urbextag.actions.places import PlaceForm
from urbextag.archive import opened
from urbextag.errors import UsageError
from urbextag.store import locations
from urbextag.store.locations import LocationFacts

BEDS = (
    *(Shot(f"ward {number}.jpg", ("a hospital ward with a gurney",)) for number in range(3)),
    *(Shot(f"front {number}.jpg", ("a facade of a hospital",), "exterior") for number in range(3)),
)


@pytest.fixture
def ward(tmp_path):
    shas = make(tmp_path, *WARD, type="Medical", stype="hospital", address_state="NY")
    with opened(tmp_path) as archive:
        yield archive, shas


@pytest.fixture
def beds(tmp_path):
    make(tmp_path, *BEDS)
    with opened(tmp_path) as archive:
        yield archive


def row(archive, name="The Ward"):
    return locations.find(archive.db, name)


def fingerprints(archive):
    return {line[0] for line in archive.db.execute("SELECT derived_fingerprint FROM ut_photos")}


def right(archive, name="The Ward"):
    """Whether all photos were derived with what is known of their place today."""
    return fingerprints(archive) == {DERIVER.fingerprint(locations.context(row(archive, name)))}


def test_facts_are_set_and_the_photos_derived_at_once(ward):
    archive, shas = ward
    locid, heard = row(archive)["locid"], []
    facts = places.place_facts(TAXONOMY, "mill", "Troy", "new york", "1870-1910")
    assert facts == LocationFacts("Industrial", "mill", "Troy", "NY", "1870-1910", "range")
    assert places.set_facts(archive, DERIVER, locid, facts, heard.append) == 4
    assert heard[-1] == 4 and right(archive)
    assert places.set_facts(archive, DERIVER, locid, facts) == 0
    assert places.set_facts(archive, DERIVER, locid, LocationFacts()) == 0
    assert row(archive)["address_city"] == "Troy"
    assert places.location_photos(archive, locid) == sorted(shas)


def test_a_form_clears_what_it_leaves_empty_and_renames(ward):
    archive, _ = ward
    locid = row(archive)["locid"]
    said = PlaceForm(" The Mill ", kind="mill", era="1887")
    assert places.replace_facts(archive, DERIVER, locid, said) == 4
    after = row(archive, "the mill")
    assert places.form_of(after) == PlaceForm("The Mill", "mill", "", "", "1887")
    assert (after["type"], after["built_type"], after["address_state"]) == ("Industrial", "year", None)
    assert right(archive, "The Mill")
    assert places.replace_facts(archive, DERIVER, locid, said) == 0
    assert places.replace_facts(archive, DERIVER, locid, PlaceForm("The Mill")) == 4
    assert [row(archive, locid)[key] for key in ("type", "stype", "built_year", "built_type")] == [None] * 4


def test_a_form_keeps_to_the_letter_what_it_did_not_change(ward):
    """The application allows kinds of place and years that are none here."""
    archive, _ = ward
    strange = {"type": "Kirkbride", "stype": None, "built_year": "c. 1887, enlarged", "built_type": "date"}
    columns = ", ".join(f"{name} = :{name}" for name in strange)
    archive.db.execute(f"UPDATE locs SET {columns}", strange)
    shown = places.form_of(row(archive))
    places.replace_facts(archive, DERIVER, row(archive)["locid"], PlaceForm(**_fields(shown) | {"city": "Utica"}))
    after = row(archive)
    assert {name: after[name] for name in strange} == strange and after["address_city"] == "Utica"


def _fields(form):
    return {name: getattr(form, name) for name in PlaceForm.__slots__}


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (PlaceForm("  "), "needs a name"),
        (PlaceForm("elsewhere"), "another location is called 'elsewhere'"),
        (PlaceForm("The Ward", kind="hospitle"), "no kind of place.*Did you mean"),
        (PlaceForm("The Ward", state="Atlantis"), "Atlantis"),
        (PlaceForm("The Ward", era="long ago"), "long ago"),
    ],
)
def test_a_form_that_makes_no_sense_changes_nothing(ward, form, why):
    archive, _ = ward
    locations.find_or_make(archive.db, "Elsewhere")
    before = tuple(row(archive))
    with pytest.raises(UsageError, match=why):
        places.replace_facts(archive, DERIVER, row(archive)["locid"], form)
    assert tuple(row(archive)) == before


def test_the_hero_is_a_photo_of_the_place_and_takes_its_focal_point_along(ward):
    archive, (a, b, *_) = ward
    locid = row(archive)["locid"]
    with pytest.raises(UsageError, match="no photo is locked"):
        places.set_focal_point(archive, locid, 0.5, 0.5)
    assert places.set_hero(archive, locid, a) and not places.set_hero(archive, locid, a)
    assert places.set_focal_point(archive, locid, 0.25, 1)
    for wrong in ((0.5, None), (1.01, 0.5), (float("nan"), 0.5)):
        with pytest.raises(UsageError, match="no point of a photo"):
            places.set_focal_point(archive, locid, *wrong)
    assert (row(archive)["hero_focal_x"], row(archive)["hero_focal_y"]) == (0.25, 1)
    places.set_hero(archive, locid, b)
    assert (row(archive)["hero_imgsha"], row(archive)["hero_focal_x"]) == (b, None)
    places.set_focal_point(archive, locid, 0, 0)
    assert places.set_focal_point(archive, locid, None, None) and row(archive)["hero_focal_y"] is None
    archive.db.execute("UPDATE imgs SET locid = NULL WHERE imgsha = ?", (a,))
    with pytest.raises(UsageError, match="is not a photo of The Ward"):
        places.set_hero(archive, locid, a)
    assert places.set_hero(archive, locid, None) and row(archive)["hero_imgsha"] is None


def test_a_suggestion_is_applied_and_taken_back(beds):
    found = suggestions.waiting(beds, TAXONOMY, row(beds), "type")
    assert [one.value for one in found] == ["hospital"]
    done = suggestions.apply(beds, DERIVER, row(beds), found)
    assert (done.kinds, done.derived, row(beds)["stype"]) == (("type",), 6, "hospital") and right(beds)
    with pytest.raises(UsageError, match="changed meanwhile"):
        suggestions.apply(beds, DERIVER, row(beds), found)
    with pytest.raises(UsageError, match="no type is suggested"):
        suggestions.waiting(beds, TAXONOMY, row(beds), "type")
    kinds = suggestions.to_undo(beds, row(beds))
    assert suggestions.undo(beds, DERIVER, row(beds), kinds).derived == 6
    assert row(beds)["stype"] is None and right(beds)
    with pytest.raises(UsageError, match="nothing that was applied"):
        suggestions.to_undo(beds, row(beds))


def test_what_the_owner_changed_since_is_not_taken_back(beds):
    suggestions.apply(beds, DERIVER, row(beds), suggestions.waiting(beds, TAXONOMY, row(beds), "type"))
    facts = places.place_facts(TAXONOMY, "asylum", None, None, None)
    places.set_facts(beds, DERIVER, row(beds)["locid"], facts)
    with pytest.raises(UsageError, match="changed since"):
        suggestions.undo(beds, DERIVER, row(beds), ["type"])
    assert row(beds)["stype"] == "asylum"


def test_a_suggestion_is_dismissed_and_recalled(beds):
    locid = row(beds)["locid"]
    value = ("type", suggestions.value_of(TAXONOMY, "type", "Hospital"))
    assert suggestions.dismiss(beds, locid, [value]) == [value] and suggestions.dismiss(beds, locid, [value]) == []
    assert suggestions.dismissed(beds, locid) == {"type": ["hospital"], "era": []}
    assert suggestions.recall(beds, locid, [value]) == [value] and suggestions.recall(beds, locid, [value]) == []
    assert [one.value for one in suggestions.waiting(beds, TAXONOMY, row(beds))] == ["hospital"]
    assert suggestions.value_of(TAXONOMY, "era", "1880-1900") == "1880-1900"


def test_decisions_of_a_person_live_through_a_changed_place(ward):
    from actions_kit import concept
    from urbextag.actions import rulings

    archive, (a, *_) = ward
    rulings.decide(archive, DERIVER, a, [concept("boiler")], "reject")
    places.replace_facts(archive, DERIVER, row(archive)["locid"], PlaceForm("The Mill", kind="mill"))
    assert "boiler" not in {tag.label for tag in state(archive, a)["tags"]}
