"""What follows from a person's word on a photo: condition, era, view, the location, and taking it back."""

import shutil
from contextlib import closing

import pytest

from conftest import Box
from make_photos import make_jpeg
from urbextag.archive import create

KEYWORDS = [b"collapsed roof", b"peeling paint", b"art deco", b"hallway", b"interior"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive with one photo whose keywords speak of decay, an era and a view, tagged."""
    folder = tmp_path_factory.mktemp("made")
    create(folder / "archive")
    box = Box(folder / "archive")
    (folder / "p").mkdir()
    make_jpeg(folder / "p" / "a.jpg", iptc=KEYWORDS)
    box.ok("add", folder / "p", "--location", "The Ward")
    box.ok("tag")
    return box


@pytest.fixture
def tagged(made, tmp_path):
    """A copy of it to play with."""
    shutil.copytree(made.root, tmp_path / "archive")
    return Box(tmp_path / "archive")


def show(box):
    return box.ok("show", "a.jpg", "--json").json


def place(box):
    return box.ok("locations", "show", "The Ward", "--json").json["summary"]


def labels(report):
    return {tag["label"] for tag in report["tags"]}


def test_rejected_decay_and_style_take_condition_and_era_along(tagged):
    before = show(tagged)
    assert {"collapsed roof", "art deco", "peeling paint"} <= labels(before)
    assert before["condition"]["score"] > 0.6 and "art-deco" in str(before["era"])
    tagged.ok("review", "reject", "a.jpg", "collapsed roof", "art deco")
    for rerun in ((), ("tag", "--photo", "a.jpg"), ("tag", "--scope", "all", "--yes")):
        if rerun:
            tagged.ok(*rerun)
        after, summary = show(tagged), place(tagged)
        assert after["condition"]["score"] < before["condition"]["score"] / 1.2
        assert after["era"] == []
        assert summary["condition"]["score"] == after["condition"]["score"]
        assert summary["era"] is None
    tagged.ok("review", "clear", "a.jpg", "collapsed roof", "art deco")
    after = show(tagged)
    assert {key: after[key] for key in ("condition", "era", "tags")} == {
        key: before[key] for key in ("condition", "era", "tags")
    }


def test_an_added_sign_of_decay_counts_in_full(tagged):
    tagged.ok("review", "reject", "a.jpg", "collapsed roof", "peeling paint")
    assert show(tagged)["condition"] is None
    tagged.ok("review", "add", "a.jpg", "collapsed roof")
    assert show(tagged)["condition"]["score"] > 0.8


def test_an_added_view_sets_the_view_and_its_confidence(tagged):
    before = show(tagged)
    assert before["view_type"]["value"] == "interior" and 0 < before["view_type"]["confidence"] < 1
    tagged.ok("review", "add", "a.jpg", "exterior")
    for rerun in ((), ("tag", "--photo", "a.jpg")):
        if rerun:
            tagged.ok(*rerun)
        after = show(tagged)
        assert after["view_type"] == {"value": "exterior", "confidence": 1.0}
        assert "exterior" in labels(after) and "interior" not in labels(after)
        assert place(tagged)["views"] == {"exterior": 1}
    with closing(tagged.database()) as db:
        row = db.execute("SELECT view_type, scene_view_type, scene_confidence FROM imgs").fetchone()
        assert tuple(row)[:2] == ("exterior", before["scene"]["view_type"])
        assert row["scene_confidence"] == before["scene"]["confidence"]
    assert "exterior 1.00\n" in tagged.ok("show", "a.jpg").out


def test_a_rejected_view_leaves_the_view_unknown(tagged):
    tagged.ok("review", "reject", "a.jpg", "interior")
    after = show(tagged)
    assert after["view_type"] == {"value": "unknown", "confidence": 0.0}
    assert "interior" not in labels(after)


def test_the_word_on_a_concept_that_left_the_taxonomy_can_be_taken_back(tagged):
    own = tagged.root / "own.yaml"
    own.write_text("facet: object\nconcepts:\n  qwertz: {label: typing machine}\n  azerty: {}\n")
    tagged.settings('[taxonomy]\nfiles = ["own.yaml"]\n')
    tagged.ok("review", "add", "a.jpg", "qwertz", "azerty")
    tagged.settings("")
    tagged.ok("tag", "--scope", "changed", "--yes")
    assert {"typing machine", "azerty"} <= labels(show(tagged))
    assert "no concept" in tagged.ok("review", "add", "a.jpg", "typing machine", code=2).err
    tagged.ok("review", "clear", "a.jpg", "Typing Machine", "object/azerty")
    assert not {"typing machine", "azerty"} & labels(show(tagged))
    assert "no concept" in tagged.ok("review", "clear", "a.jpg", "azerty", code=2).err
