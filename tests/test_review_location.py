"""Tags rejected for a whole place: heeded by all of its photos, also by those that are added later."""

import shutil
from contextlib import closing

import pytest

from conftest import Box, urbextag
from make_photos import make_jpeg
from urbextag.rederive import _overtaken, derive_chunk
from urbextag.store import decisions, locations
from urbextag.store.db import write

WORDS = [b"collapsed roof", b"peeling paint", b"interior"]
ELSEWHERE = "z.jpg"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three tagged photos of The Ward and one of another place, all with the same keywords."""
    folder = tmp_path_factory.mktemp("made")
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg", ELSEWHERE)):
        place = folder / ("other" if name == ELSEWHERE else "ward")
        place.mkdir(exist_ok=True)
        make_jpeg(place / name, (64 + number, 48), iptc=WORDS)
    assert urbextag("init", folder / "archive").code == 0
    box = Box(folder / "archive")
    box.ok("add", folder / "ward", "--location", "The Ward")
    box.ok("add", folder / "other", "--location", "Elsewhere")
    box.ok("tag")
    return box


@pytest.fixture
def tagged(made, tmp_path):
    """A copy of it to play with."""
    shutil.copytree(made.root, tmp_path / "archive")
    return Box(tmp_path / "archive")


def show(box, photo):
    return box.ok("show", photo, "--json").json


def labels(box, photo):
    return {tag["label"] for tag in show(box, photo)["tags"]}


def reject(box, *more):
    return box.ok("review", "reject", "--location", "the ward", "collapsed roof", *more)


def test_all_photos_lose_the_tag_through_every_re_run_and_get_it_back(tagged):
    before = {photo: show(tagged, photo) for photo in ("a.jpg", ELSEWHERE)}
    ran = reject(tagged, "--yes")
    assert "3 of 3 photos of The Ward lose 'collapsed roof'" in ran.out
    assert "collapsed roof: on 3 photos of The Ward before, on 0 after" in ran.out
    for rerun in ((), ("tag", "--photo", "a.jpg"), ("tag", "--scope", "all", "--yes")):
        if rerun:
            tagged.ok(*rerun)
        after = show(tagged, "a.jpg")
        assert "collapsed roof" not in {tag["label"] for tag in after["tags"]}
        assert after["rejected"] == ["collapsed roof"]
        assert after["condition"]["score"] < before["a.jpg"]["condition"]["score"]
        assert "collapsed roof" in labels(tagged, ELSEWHERE)
    answer = tagged.ok("review", "clear", "--location", "The Ward", "collapsed roof", "--yes", "--json").json
    assert answer["photos"] == 3 and [(tag["before"], tag["after"]) for tag in answer["tags"]] == [(0, 3)]
    for photo, report in before.items():
        now = show(tagged, photo)
        assert {key: now[key] for key in ("tags", "condition", "rejected")} == {
            key: report[key] for key in ("tags", "condition", "rejected")
        }


def test_a_photo_s_own_decision_outranks_the_place_s(tagged):
    tagged.ok("review", "accept", "a.jpg", "collapsed roof")
    assert "2 of 3 photos" in reject(tagged, "--yes").out
    tagged.ok("review", "add", "b.jpg", "collapsed roof")
    assert "collapsed roof" in labels(tagged, "a.jpg") & labels(tagged, "b.jpg")
    assert "collapsed roof" not in labels(tagged, "c.jpg")
    told = tagged.ok("review", "clear", "c.jpg", "collapsed roof", code=2).err
    assert "rejected for the whole of The Ward" in told and "--location" in told
    tagged.ok("review", "clear", "b.jpg", "collapsed roof")
    assert "collapsed roof" not in labels(tagged, "b.jpg")
    tagged.ok("review", "reject", "c.jpg", "collapsed roof")
    tagged.ok("review", "clear", "--location", "The Ward", "collapsed roof", "--yes")
    assert "collapsed roof" in labels(tagged, "b.jpg") and "collapsed roof" not in labels(tagged, "c.jpg")


def test_photos_added_later_heed_it(tagged, tmp_path):
    reject(tagged, "--yes")
    (tmp_path / "more").mkdir()
    make_jpeg(tmp_path / "more" / "d.jpg", (99, 48), iptc=WORDS)
    tagged.ok("add", tmp_path / "more", "--location", "The Ward")
    tagged.ok("tag")
    assert "peeling paint" in labels(tagged, "d.jpg") and "collapsed roof" not in labels(tagged, "d.jpg")


def test_it_asks_and_names_what_it_does_not_know(tagged):
    assert "Nobody is here" in tagged.ok("review", "reject", "--location", "The Ward", "collapsed roof", code=2).err
    assert "collapsed roof" in labels(tagged, "a.jpg")
    assert "no location" in tagged.ok("review", "reject", "--location", "Nowhere", "pew", "--yes", code=2).err
    assert "no concept" in tagged.ok("review", "reject", "--location", "The Ward", "qwertz", "--yes", code=2).err
    assert "PHOTO TAG" in tagged.ok("review", "reject", "a.jpg", code=2).err


def test_a_decision_on_the_place_is_noticed_by_what_was_derived_before_it(tagged):
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import load_taxonomy

    taxonomy = load_taxonomy()
    with closing(tagged.database()) as db:
        place = locations.find(db, "The Ward")["locid"]
        shas = decisions.photos_of(db, place)
        other = decisions.photos_of(db, locations.find(db, "Elsewhere")["locid"])
        derived = derive_chunk(db, Deriver(taxonomy), shas + other)
        assert _overtaken(db, derived) == set()
        with write(db):
            decisions.decide_location(db, place, taxonomy.find("collapsed roof").id, "collapsed roof", "reject")
        assert _overtaken(db, derived) == set(shas)
