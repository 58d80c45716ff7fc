"""`locations` on real archives: the page of a place, its parts, its hero, and the sums being right after any change."""

from contextlib import closing
from dataclasses import replace

import pytest

from conftest import draw
from places import Shot, fill
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts
from urbextag.store import locations, photos, summaries
from urbextag.store.db import write

FRONT = Shot("front.jpg", ("the facade of an abandoned hospital",), "exterior", 0.6, angle=0.0)
WARD = Shot("ward.jpg", ("a hospital ward with a gurney and peeling paint", "a collapsed roof"), quality=0.7, angle=1.0)
SECOND = replace(WARD, name="ward 2.jpg", quality=0.5, angle=1.1)
HALL = Shot("hall.jpg", ("a corridor of a hospital",), angle=2.5)
CHURCH = Shot("pews.jpg", ("rows of pews in a church",), angle=2.0)
PAGE = Shot(
    "page.jpg", ("a newspaper clipping",), "document", 0.9, reads=("WILLARD HOSPITAL OPENS", "in 1911"), angle=3.0
)


@pytest.fixture
def place(box):
    """A place of six photos: a front, a ward from two spots, a corridor, a church, a clipping."""
    fill(box, "Willard", FRONT, WARD, SECOND, HALL, CHURCH, PAGE)
    return box


def show(box, *options):
    return box.ok("locations", "show", "willard", "--json", *options).json["summary"]


def row(box):
    with closing(box.database()) as db:
        return dict(locations.find(db, "Willard"))


def test_the_page_tells_all_that_matters(place):
    summary = show(place)
    assert (summary["photos"], summary["distinct_views"]) == (6, 5)
    assert summary["views"] == {"interior": 3, "document": 1, "exterior": 1}
    assert summary["coverage"]["missing_views"] == ["aerial"]
    (kind,) = (one for one in summary["suggestions"] if one["kind"] == "type")
    assert kind["value"] == "hospital"
    assert {voice["name"] for voice in kind["supporting"]} >= {"front.jpg", "ward.jpg"}
    assert [voice["name"] for voice in kind["contradicting"]] == ["pews.jpg"]
    assert summary["condition"]["elements"][0]["element"] == "roof"
    assert summary["hero"]["name"] == "front.jpg"
    assert [(one["kind"], one["name"], one["lines"]) for one in summary["documents"]] == [
        ("newspaper", "page.jpg", ["WILLARD HOSPITAL OPENS", "in 1911"])
    ]
    page = place.ok("locations", "show", "Willard").out
    for text in (
        "6 photos, 5 distinct views",
        "looks like hospital (Medical): 3 of 4 views",
        "pews.jpg (church, pew)",
        'locations apply "Willard" type',
        "█",
        "no aerial",
        "newspaper, page.jpg: WILLARD HOSPITAL OPENS / in 1911",
        "front.jpg: an exterior view",
        "usual for hospital: ",
    ):
        assert text in page, page


def test_the_sums_are_right_after_any_change_of_a_tag(place):
    before = {tag["label"]: tag["views"] for tag in show(place)["tags"]}
    assert "boiler" not in before and before["gurney"] == 1
    place.ok("review", "add", "pews.jpg", "boiler")
    place.ok("review", "reject", "ward.jpg", "gurney")
    after = {tag["label"]: tag["views"] for tag in show(place)["tags"]}
    assert after["boiler"] == 1 and "gurney" not in after


def test_photos_that_nobody_looked_at_but_a_person_tagged_count(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    draw(tmp_path / "b.jpg", "B")
    box.ok("add", tmp_path / "a.jpg", tmp_path / "b.jpg", "--location", "Willard")
    assert "not tagged yet" in box.ok("locations", "show", "Willard").out
    box.ok("review", "add", "a.jpg", "boiler")
    shown = box.ok("locations", "show", "Willard", "--json").json
    assert (shown["files"], shown["summary"]["photos"]) == (2, 1)
    assert shown["summary"]["views"] == {"unknown": 1}
    assert "quality not measured" in box.ok("locations", "show", "Willard").out


def test_the_owner_s_hero_is_locked_and_ours_is_never_written(place):
    assert row(place)["hero_imgsha"] is None
    ours = place.ok("locations", "hero", "Willard", "--json").json
    assert (ours["locked"], ours["ours"][0]["name"], row(place)["hero_imgsha"]) == (None, "front.jpg", None)
    assert "pews.jpg (yours, locked" in place.ok("locations", "hero", "Willard", "pews.jpg").out
    locked = row(place)
    assert locked["hero_imgsha"] and locked["locup"]
    assert "hero       pews.jpg: yours, locked" in place.ok("locations", "show", "Willard").out
    assert show(place)["hero"]["name"] == "front.jpg"
    place.ok("review", "add", "front.jpg", "boiler")
    assert row(place)["hero_imgsha"] == locked["hero_imgsha"]
    place.ok("locations", "hero", "Willard", "--auto")
    assert row(place)["hero_imgsha"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hero", "Willard", "nothing.jpg"), "no photo of the archive"),
        (("hero", "Willard", "other.jpg"), "not a photo of Willard"),
        (("hero", "Willard", "pews.jpg", "--auto"), "contradict"),
        (("show", "Willard", "--sub", "Attic"), "no sub-location 'Attic'"),
        (("hero", "Nowhere"), "locations list"),
    ],
)
def test_errors_name_their_remedy(place, arguments, said):
    fill(place, "Elsewhere", Shot("other.jpg"))
    assert said in place.ok("locations", *arguments, code=2).err


def test_parts_are_made_filled_and_summed_up(box, tmp_path):
    for name in "abc":
        draw(tmp_path / name / f"{name}.jpg", name.upper())
    box.ok("add", tmp_path / "a", "--location", "Willard", "--sub", "North Wing")
    box.ok("add", tmp_path / "b", "--location", "Willard", "--sub", "north wing ")
    box.ok("add", tmp_path / "c", "--location", "Willard")
    box.ok("review", "add", "a.jpg", "boiler")
    box.ok("review", "add", "c.jpg", "pew")
    (north,) = show(box)["sublocations"]
    assert (north["name"], north["photos"], north["distinct_views"], north["tags"]) == ("North Wing", 2, 1, ["boiler"])
    part = box.ok("locations", "show", "Willard", "--sub", "NORTH WING", "--json").json
    assert (part["files"], [tag["label"] for tag in part["summary"]["tags"]]) == (2, ["boiler"])
    assert "Willard / North Wing" in box.ok("locations", "show", "Willard", "--sub", "North Wing").out
    assert "no exterior of North Wing" in box.ok("locations", "show", "Willard").out
    box.ok("add", tmp_path / "a", "--location", "Willard", "--sub", "South Wing")
    assert [sub["photos"] for sub in show(box)["sublocations"]] == [2, 0]
    assert show(box)["coverage"]["subs_without_photos"] == ["South Wing"]
    box.ok("add", tmp_path / "a", "--location", "Willard", "--sub", "South Wing", "--move")
    assert [sub["photos"] for sub in show(box)["sublocations"]] == [1, 1]
    assert "no photo of" not in box.ok("locations", "show", "Willard").out


def test_a_part_goes_with_its_location_only(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    box.ok("add", tmp_path / "a.jpg", "--location", "One")
    box.ok("add", tmp_path / "a.jpg", "--location", "Two", "--sub", "Attic")
    with closing(box.database()) as db:
        assert [tuple(found) for found in db.execute("SELECT subid FROM imgs")] == [(None,)]
    box.ok("add", tmp_path / "a.jpg", "--location", "Two", "--sub", "Attic", "--move")
    with closing(box.database()) as db:
        assert db.execute("SELECT subnam FROM imgs JOIN slocs USING (subid)").fetchone()[0] == "Attic"
    box.ok("add", tmp_path / "a.jpg", "--location", "One", "--move")
    with closing(box.database()) as db:
        assert [tuple(found) for found in db.execute("SELECT subid FROM imgs")] == [(None,)]
    assert "--location NAME" in box.ok("add", tmp_path / "a.jpg", "--sub", "Attic", code=2).err
    assert "needs a name" in box.ok("add", tmp_path / "a.jpg", "--location", "One", "--sub", " ", code=2).err


def test_a_file_edited_in_place_stays_in_its_part(box, tmp_path):
    path = draw(tmp_path / "a.png", "OLD")
    box.ok("add", path, "--location", "One", "--sub", "Attic")
    draw(path, "A GOOD DEAL LONGER")
    box.ok("add", path)
    with closing(box.database()) as db:
        standing = db.execute("SELECT subnam FROM imgs JOIN slocs USING (subid) WHERE hidden_reason IS NULL").fetchall()
    assert [tuple(found) for found in standing] == [("Attic",)]


def test_embeddings_of_two_models_are_not_compared(place):
    with closing(place.database()) as db:
        db.execute(
            "UPDATE ut_embeddings SET model = 'other' WHERE sha IN (SELECT imgsha FROM imgs WHERE imgnam LIKE 'ward%')"
        )
        read = summaries.material(db, locations.find(db, "Willard"))
    assert len(read.embeddings.shas) == 4
    assert show(place)["distinct_views"] == 6


def test_a_raw_with_its_picture_is_one(box):
    (sha,) = fill(box, "Willard", WARD)
    with closing(box.database()) as db, write(db):
        seen, where = PhotoFacts("nef", 60, 40), locations.find(db, "Willard")["locid"]
        photos.add(db, "f" * 64, "ward.nef", "/ward.nef", FileStamp(1, 1), seen, where, current_gone=False, move=False)
        db.execute("UPDATE ut_photos SET pair_sha = ?, tagged_at = 'x' WHERE sha = ?", (sha, "f" * 64))
        db.execute("UPDATE imgs SET view_type = 'exterior', quality_score = 1 WHERE imgsha = ?", ("f" * 64,))
    shown = box.ok("locations", "show", "Willard", "--json").json
    assert (shown["files"], shown["summary"]["photos"], shown["summary"]["hero"]["name"]) == (2, 1, "ward.jpg")
