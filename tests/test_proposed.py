"""The inbox of unknown terms: what is in it, and what map, ignore, add and undo make of it; on real archives."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest
import yaml

from conftest import Box, urbextag
from make_photos import make_jpeg
from urbextag.learning.own_words import HEADER, Words, put_in
from urbextag.store import decisions
from urbextag.store.db import write

WORDS = {
    "a.jpg": [b"xylotron", b"peeling paint", b"interior"],
    "b.jpg": [b"xylotrons", b"brass xylotron", b"gurnay"],
    "c.jpg": [b"zorblat", b"peeling paint"],
}
LEGACY = "legacy/lost-ward"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three tagged photos whose keywords hold words that the taxonomy does not know."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "p").mkdir()
    for number, (name, words) in enumerate(WORDS.items()):
        make_jpeg(folder / "p" / name, (64 + number, 48), iptc=words)
    assert urbextag("init", folder / "archive").code == 0
    box = Box(folder / "archive")
    box.ok("add", folder / "p", "--location", "The Ward")
    box.ok("tag")
    return box


@pytest.fixture
def tagged(made, tmp_path):
    """A copy of it to play with."""
    shutil.copytree(made.root, tmp_path / "archive")
    return Box(tmp_path / "archive")


def inbox(box, *options):
    return {row["term"]: row for row in box.ok("taxonomy", "proposed", "--json", *options).json["proposed"]}


def labels(box, photo):
    return {tag["label"]: tag["origin"] for tag in box.ok("show", photo, "--json").json["tags"]}


def derive(box):
    box.ok("tag", "--scope", "changed", "--yes")


def own(box, name="my-words.yaml"):
    return yaml.safe_load((box.root / name).read_text(encoding="utf-8"))


def human_word(box, photo, label="lost ward", concept=LEGACY):
    """A tag of a person's that no concept has, as `backfill` leaves it. Returns the photo's id."""
    sha = box.ok("show", photo, "--json").json["id"]
    with closing(box.database()) as db, write(db):
        decisions.decide(db, sha, concept, label, "add")
    return sha


def test_it_counts_photos_not_mentions_and_names_sources_examples_and_what_it_may_mean(tagged):
    found = inbox(tagged)
    assert found["xylotron"]["photos"] == 2 and found["xylotron"]["sources"] == ["keyword"]
    assert sorted(found["xylotron"]["examples"]) == ["a.jpg", "b.jpg"]
    assert found["zorblat"]["photos"] == 1 and not found["zorblat"]["yours"]
    assert found["gurnay"]["suggestion"]["label"] == "gurney"
    assert found["zorblat"]["suggestion"] is None
    assert not any("paint" in term for term in found)
    assert set(inbox(tagged, "--least", 2)) == {"xylotron"}
    short = tagged.ok("taxonomy", "proposed", "--json", "--most", 1).json
    assert short["terms"] >= 3 and len(short["proposed"]) == 1
    assert "xylotron" in tagged.ok("taxonomy", "proposed").out


def test_mapped_terms_become_the_tag_and_leave_the_inbox(tagged):
    ran = tagged.ok("taxonomy", "proposed", "map", "xylotron", "zorblat", "gurney", "--yes")
    assert "3 photos" in ran.out and "tag --scope changed" in ran.out
    assert own(tagged) == {"map": {"xylotron": "object/gurney", "zorblat": "object/gurney"}}
    assert 'files = ["my-words.yaml"]' in (tagged.root / "urbextag.toml").read_text()
    derive(tagged)
    assert all("gurney" in labels(tagged, photo) for photo in WORDS)
    assert not {"xylotron", "zorblat"} & set(inbox(tagged))
    again = tagged.ok("taxonomy", "proposed", "map", "xylotron", "gurney", "--yes")
    assert "Nothing was changed" in again.out


def test_ignored_terms_are_heard_no_more(tagged):
    tagged.ok("taxonomy", "proposed", "ignore", "xylotron", "zorblat", "--yes")
    assert own(tagged) == {"ignore": ["xylotron", "zorblat"]}
    assert not {"xylotron", "zorblat"} & set(inbox(tagged))


def test_added_terms_are_tags_with_parent_and_synonyms(tagged):
    tagged.ok(
        *("taxonomy", "proposed", "add", "zorblat", "--facet", "object", "--parent", "furniture"),
        *("--synonym", "xylotron", "--yes"),
    )
    derive(tagged)
    report = tagged.ok("show", "a.jpg", "--json").json
    tag = next(tag for tag in report["tags"] if tag["label"] == "zorblat")
    assert tag["id"] == "object/furniture/zorblat" and tag["synonyms"] == ["xylotron"]
    assert "zorblat" in labels(tagged, "c.jpg")
    assert "no concept" in tagged.ok("taxonomy", "proposed", "map", "foo", "no such tag", "--yes", code=2).err
    assert "facet" in tagged.ok("taxonomy", "proposed", "add", "foo", "--facet", "thing", "--yes", code=2).err


def test_what_cannot_be_writes_nothing(tagged):
    toml = (tagged.root / "urbextag.toml").read_text()
    for command in (
        ("map", "peeling paint", "gurney"),
        ("ignore", "gurney"),
        ("add", "gurney", "--facet", "object"),
        ("add", "xylotron", "--facet", "room", "--parent", "furniture"),
        ("map", "?!", "gurney"),
    ):
        assert tagged.ok("taxonomy", "proposed", *command, "--yes", code=2).err.startswith("urbextag: ")
    assert "Nobody is here" in tagged.ok("taxonomy", "proposed", "ignore", "xylotron", code=2).err
    assert not (tagged.root / "my-words.yaml").exists()
    assert (tagged.root / "urbextag.toml").read_text() == toml
    assert [path.name for path in tagged.root.iterdir() if "trial" in path.name] == []


def test_a_file_of_the_owner_s_keeps_comments_and_order_and_its_faults_are_told(tagged):
    mine = "# mine\nfacet: object\n\nconcepts:\n    qwertz: {synonyms: [azerty]}   # typed\n# the end\n"
    path = tagged.root / "own.yaml"
    path.write_text(mine)
    tagged.settings('[taxonomy]\nfiles = ["own.yaml"]\n')
    tagged.ok("taxonomy", "proposed", "add", "zorblat", "--facet", "object", "--yes")
    tagged.ok("taxonomy", "proposed", "map", "xylotron", "qwertz", "--yes")
    lines = path.read_text().splitlines()
    assert [line for line in lines if line in mine.splitlines()] == mine.splitlines()
    assert own(tagged, "own.yaml")["concepts"]["zorblat"] == {}
    derive(tagged)
    assert "qwertz" in labels(tagged, "a.jpg") and "zorblat" in labels(tagged, "c.jpg")
    tagged.ok("taxonomy", "proposed", "undo", "--yes")
    tagged.ok("taxonomy", "proposed", "undo", "--yes")
    assert path.read_text() == mine
    path.write_text(mine.replace("azerty", "gurney"))
    ran = tagged.ok("taxonomy", "proposed", "ignore", "zorblat", "--yes", code=7)
    assert f"{path}:5: 'gurney' of object/qwertz belongs to object/furniture/bed/gurney" in ran.err


def test_undo_takes_back_one_change_after_the_other_and_spares_what_was_edited(tagged):
    tagged.ok("taxonomy", "proposed", "ignore", "zorblat", "--yes")
    tagged.ok("taxonomy", "proposed", "map", "xylotron", "gurney", "--yes")
    derive(tagged)
    tagged.ok("taxonomy", "proposed", "undo", "--yes")
    assert own(tagged) == {"ignore": ["zorblat"]}
    derive(tagged)
    assert "gurney" not in labels(tagged, "a.jpg")
    path = tagged.root / "my-words.yaml"
    text = path.read_text()
    path.write_text(text + "# a note\n")
    assert "edited since" in tagged.ok("taxonomy", "proposed", "undo", "--yes", code=2).err
    path.write_text(text)
    tagged.ok("taxonomy", "proposed", "undo", "--yes")
    assert not path.exists()
    assert "zorblat" in inbox(tagged)
    assert "nothing to take back" in tagged.ok("taxonomy", "proposed", "undo", "--yes", code=2).err


@pytest.mark.parametrize("how", [("map", "lost ward", "gurney"), ("add", "lost ward", "--facet", "room")])
def test_a_word_of_a_person_s_becomes_a_decision_on_the_concept_and_back(tagged, how):
    sha = human_word(tagged, "a.jpg")
    row = inbox(tagged)["lost ward"]
    assert row["yours"] and row["photos"] == 1 and row["sources"] == ["you"]
    ran = tagged.ok("taxonomy", "proposed", *how, "--yes")
    assert "a tag of your own on 1 photo" in ran.out
    label = "gurney" if how[0] == "map" else "lost ward"
    assert labels(tagged, "a.jpg")[label] == "added"
    assert "lost ward" not in inbox(tagged)
    with closing(tagged.database()) as db:
        assert next(one.concept for one in decisions.of(db, sha)).endswith(label.replace(" ", "-"))
    tagged.ok("taxonomy", "proposed", "undo", "--yes")
    assert inbox(tagged)["lost ward"]["yours"]
    with closing(tagged.database()) as db:
        assert [one.concept for one in decisions.of(db, sha)] == [LEGACY]


def test_what_a_person_said_of_the_concept_itself_outranks_the_old_word(tagged):
    human_word(tagged, "a.jpg")
    tagged.ok("review", "reject", "a.jpg", "gurney")
    tagged.ok("taxonomy", "proposed", "map", "lost ward", "gurney", "--yes")
    assert "gurney" not in labels(tagged, "a.jpg")
    assert tagged.ok("show", "a.jpg", "--json").json["rejected"] == ["gurney"]


def test_an_ignored_word_of_a_person_s_stays_a_tag_and_leaves_the_inbox(tagged):
    human_word(tagged, "a.jpg")
    tagged.ok("taxonomy", "proposed", "ignore", "lost ward", "--yes")
    assert "lost ward" not in inbox(tagged)
    derive(tagged)
    assert labels(tagged, "a.jpg")["lost ward"] == "added"


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        "facet: object\nconcepts:\n  a:\n    synonyms:\n      - b   # c\n\n  # end\n",
        "ignore: [ a, # x\n  b,\n]\nmap: {}\n",
        "ignore: [a, # x\n  b # y\n]\nmap: {a: object/b}",
        "ignore:\n# none yet\nmap:\n  a: object/b\n",
        "map:\n    a: object/b\nignore:\n- c\n- d\n# z",
        "facet: room\r\nconcepts: {a: {}}\r\nignore:\r\n  - c\r\n",
    ],
)
def test_every_form_of_file_takes_lines_and_keeps_its_own(text):
    words = Words({"milk pail": "object/bucket", "no": "a/b"}, ["foo", "été: x"], {"room/big": {"label": "Big: it"}})
    after = put_in(text, words)
    found = yaml.safe_load(after)
    before = yaml.safe_load(text) or {}
    key = "big" if before.get("facet") == "room" else "room/big"
    assert found["map"] == (before.get("map") or {}) | {"milk pail": "object/bucket", "no": "a/b"}
    assert found["ignore"] == [*(before.get("ignore") or []), "foo", "été: x"]
    assert found["concepts"] == (before.get("concepts") or {}) | {key: {"label": "Big: it"}}
    comments = [line[line.index("#") :] for line in text.splitlines() if "#" in line]
    assert all(comment.strip() in after for comment in comments)
