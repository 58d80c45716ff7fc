"""Taking over what another tagger left, and giving it back: nothing invented stays, no human word is lost."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import draw
from urbextag.files import FileStamp
from urbextag.guest.legacy_tags import Unreadable, read_labels, read_scores, verbatim_id
from urbextag.records import PhotoFacts
from urbextag.store import locations, photos
from urbextag.store.db import write
from urbextag.store.legacy import COLUMNS

RAM = ("ram++", ["bar stool", "building", "zorbing"], {"bar stool": 0.93, "building": 0.8, "zorbing": 0.7})


def sha_of(number):
    return f"{number:064x}"


def fill(box, rows):
    """Photos without files, each with (source, auto_tags, auto_tags_confidence), lists and dicts as JSON."""
    with closing(box.database()) as db, write(db):
        place = locations.find_or_make(db, "The Ward")
        for number, (source, tags, confidence) in enumerate(rows):
            sha, stamp = sha_of(number), FileStamp(number, number)
            photos.add(db, sha, f"{number}.jpg", f"/{number}.jpg", stamp, PhotoFacts("jpeg", 6, 4), place,
                       current_gone=False, move=False)  # fmt: skip
            set_tags(db, sha, source, tags, confidence)


def set_tags(db, sha, source, tags, confidence=None):
    texts = [json.dumps(value) if isinstance(value, (list, dict)) else value for value in (tags, confidence)]
    db.execute(
        """UPDATE imgs SET auto_tags = ?, auto_tags_source = ?, auto_tags_confidence = ?, quality_score = 0.4,
            auto_tags_at = '2024-06-01T08:00:00.000Z' WHERE imgsha = ?""",
        (texts[0], source, texts[1], sha),
    )


def columns(box, number=None):
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db:
        rows = db.execute(f"SELECT imgsha, {', '.join(COLUMNS)} FROM imgs ORDER BY imgsha").fetchall()
    found = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}
    return found if number is None else found[sha_of(number)]


def tags_of(box, number):
    return {tag["label"]: tag for tag in box.ok("show", sha_of(number), "--json").json["tags"]}


def everything(box):
    """All rows of ours that backfill may touch, and the columns."""
    tables = ("ut_results", "ut_tags", "ut_decisions", "ut_jobs", "ut_photos", "ut_backfill")
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db:
        rows = {table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}
    return rows | columns(box)


@pytest.fixture
def mixed(box):
    fill(
        box,
        [
            RAM,
            ("florence", ["an empty ward with a gurney"], None),
            ("manual", ["Bar Stool", "grandfather's desk", "grandfathers desk"], {"Bar Stool": 1}),
            ("hybrid", "boiler, peeling paint", None),
            ("mock", ["invention", "boiler"], {"boiler": 0.99}),
            ("ram++", '["broken', None),
            ("manual", None, None),
            ("clip", ["boiler"], None),
            (None, None, None),
        ],
    )
    return box


def test_each_source_becomes_what_it_is_worth(mixed):
    before = columns(mixed)
    report = mixed.ok("backfill", "--yes", "--json").json
    assert report["after"]["human_decisions"] == {"labels": 5, "kept": 5, "verbatim": 2, "overruled_by_later_word": 0}
    assert report["after"]["sources"]["ram++"] == {"photos": 1, "labels_before": 3, "tags_after": 3}
    assert {"label": "bar stool", "tag": "bar stool", "photos": 1} in report["after"]["became"]
    assert "zorbing" in report["after"]["dropped"]
    assert report["before"]["unreadable"]["photos"] == 1 and report["before"]["unknown_sources"] == {"clip": 1}
    after = columns(mixed)
    stool = tags_of(mixed, 0)["bar stool"]
    assert stool["origin"] == "model" and stool["why"][0]["source"] == "ram++" and 0.6 < stool["confidence"] < 0.95
    assert {"gurney", "ward"} <= set(tags_of(mixed, 1))
    assert {label: tag["origin"] for label, tag in tags_of(mixed, 2).items()} == dict.fromkeys(
        ("bar stool", "grandfather's desk", "grandfathers desk"), "added"
    )
    assert set(json.loads(after[sha_of(3)]["auto_tags"])) == {"boiler", "peeling paint"}
    for number in (0, 1, 2, 3):
        assert after[sha_of(number)]["auto_tags_legacy"] == before[sha_of(number)]["auto_tags"]
        assert after[sha_of(number)]["auto_tags_source"] == ("urbextag" if number < 2 else "manual")
        assert after[sha_of(number)]["quality_score"] == 0.4
    assert [after[sha_of(4)][name] for name in COLUMNS[:5]] == [None] * 5
    assert tags_of(mixed, 4) == {}
    for number in (5, 7, 8):  # unreadable, unknown, never tagged
        assert after[sha_of(number)] == before[sha_of(number)]
    assert json.loads(after[sha_of(6)]["auto_tags"]) == []
    with closing(mixed.database()) as db:
        queued = {tuple(row) for row in db.execute("SELECT sha, state, priority FROM ut_jobs")}
    assert queued == {(sha_of(number), "queued", 20) for number in (0, 1, 2, 3, 4, 6)}
    assert mixed.ok("status", "--json").json["tagged"] == 0
    assert mixed.ok("jobs", "status", "--json").json["counts"]["queued"] == 6
    assert mixed.ok("locations", "show", "The Ward").out


def test_the_preview_counts_and_changes_nothing(mixed):
    before = everything(mixed)
    assert "Answer with --yes" in mixed.ok("backfill", code=2).err
    dry = mixed.ok("backfill", "--dry-run", "--json").json
    assert dry["sources"]["mock"] == {"photos": 1, "labels": 2, "known": 0, "unreadable": 0,
                                      "becomes": "taken away: invented"}  # fmt: skip
    assert dry["photos"] == 6 and dry["to_queue"] == 6
    assert dry["labels"]["frequent_without_concept"]["zorbing"] == 1
    text = mixed.ok("backfill", "--dry-run").out
    assert "ram++" in text and "5.jpg: auto_tags: it is broken JSON" in text and "unknown source (clip)" in text
    assert everything(mixed) == before


def test_undo_restores_every_column_and_takes_out_all_that_was_made(mixed):
    before = everything(mixed)
    mixed.ok("backfill", "--yes")
    assert everything(mixed) != before
    assert "Answer with --yes" in mixed.ok("backfill", "--undo", code=2).err
    plan = mixed.ok("backfill", "--undo", "--dry-run", "--json").json
    assert plan == {"photos": 6, "restored": 6, "ours": 0, "decisions": 5, "queued": 6}
    mixed.ok("backfill", "--undo", "--yes")
    assert everything(mixed) == before
    assert "nothing to undo" in mixed.ok("backfill", "--undo").out
    mixed.ok("backfill", "--yes")
    assert "peeling paint" in tags_of(mixed, 3)


def test_again_changes_nothing_and_says_so(mixed):
    mixed.ok("backfill", "--yes")
    before = everything(mixed)
    assert "6 photos taken over before" in mixed.ok("backfill", "--yes").out
    again = mixed.ok("backfill", "--yes", "--json").json
    assert again["before"]["photos"] == 0 and again["after"]["human_decisions"]["kept"] == 5
    assert everything(mixed) == before


def test_what_this_archive_published_is_never_taken_for_legacy(box):
    fill(box, [("urbextag", [], None), RAM])
    box.ok("review", "add", sha_of(0), "boiler")
    assert columns(box, 0)["auto_tags_source"] == "manual"
    assert box.ok("backfill", "--dry-run", "--json").json["sources"].keys() == {"ram++"}
    with closing(box.database()) as db, write(db):  # the application's user adds a word of his own
        set_tags(db, sha_of(0), "manual", ["boiler", "bar stool"])
    report = box.ok("backfill", "--yes", "--json").json
    assert report["before"]["sources"]["manual"]["labels"] == 1
    assert {label: tag["origin"] for label, tag in tags_of(box, 0).items()} == {"boiler": "added", "bar stool": "added"}


def test_a_persons_word_in_this_archive_is_never_overridden(box):
    fill(box, [("manual", ["boiler", "bar stool", "gurney"], None)])
    box.ok("review", "reject", sha_of(0), "boiler")  # publishes: the columns are ours from here on
    box.ok("review", "add", sha_of(0), "gurney")
    box.ok("review", "clear", sha_of(0), "gurney")
    report = box.ok("backfill", "--yes", "--json").json
    assert report["after"]["human_decisions"] == {"labels": 3, "kept": 1, "verbatim": 0, "overruled_by_later_word": 2}
    assert set(tags_of(box, 0)) == {"bar stool"}
    box.ok("backfill", "--undo", "--yes")
    assert columns(box, 0)["auto_tags"] == "[]"


@pytest.fixture
def pictured(box, tmp_path):
    """Two real photos with legacy tags: a machine's and a person's."""
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        draw(tmp_path / "p" / name, "NO TRESPASSING", seed=seed)
    box.ok("add", tmp_path / "p")
    with closing(box.database()) as db, write(db):
        shas = [row[0] for row in db.execute("SELECT imgsha FROM imgs ORDER BY imgnam")]
        db.execute("DELETE FROM ut_jobs")
        set_tags(db, shas[0], *RAM)
        set_tags(db, shas[1], "hybrid", ["boiler", "grandfather's desk"])
    return box


def shown(box, name):
    return {tag["label"] for tag in box.ok("show", name, "--json").json["tags"]}


def test_tagging_keeps_the_evidence_and_undo_keeps_our_tags(pictured):
    pictured.ok("backfill", "--yes")
    pictured.ok("tag")
    pictured.ok("tag", "--scope", "all", "--yes")
    assert {"bar stool", "no trespassing sign"} <= shown(pictured, "a.jpg")
    assert {"boiler", "grandfather's desk", "no trespassing sign"} <= shown(pictured, "b.jpg")
    plan = pictured.ok("backfill", "--undo", "--yes", "--json").json
    assert (plan["photos"], plan["ours"], plan["restored"]) == (2, 2, 0)
    for name in ("a.jpg", "b.jpg"):
        assert "no trespassing sign" in shown(pictured, name)
        assert not shown(pictured, name) & {"bar stool", "boiler", "grandfather's desk"}
    for row in columns(pictured).values():
        assert row["auto_tags_legacy"] is None and row["auto_tags_source"] == "urbextag"
    pictured.ok("backfill", "--yes")  # what the columns held is still known
    assert {"boiler", "grandfather's desk", "no trespassing sign"} <= shown(pictured, "b.jpg")
    assert "bar stool" in shown(pictured, "a.jpg")


def test_tagging_first_loses_no_human_word(pictured):
    pictured.ok("tag")
    assert "boiler" not in shown(pictured, "b.jpg")
    report = pictured.ok("backfill", "--yes", "--json").json
    assert report["after"]["human_decisions"]["kept"] == 2 and report["before"]["to_queue"] == 0
    assert {"boiler", "grandfather's desk", "no trespassing sign"} <= shown(pictured, "b.jpg")
    assert '"boiler"' in str([row["auto_tags_legacy"] for row in columns(pictured).values()])


@pytest.mark.parametrize("undo", [False, True])
def test_killed_in_the_middle_it_goes_on_and_no_photo_is_half_done(box, undo):
    fill(box, [RAM, ("manual", ["boiler", "my own word"], None), ("mock", ["x"], None)] * 700)
    reference = everything(box)
    if undo:
        box.ok("backfill", "--yes")
    arguments = ["backfill", "--yes"] + ["--undo"] * undo
    killed = 0
    for wait in (0, 0.15, 0.4):
        run = subprocess.Popen([sys.executable, "-m", "urbextag", *arguments], cwd=box.root,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        start = progressed(box)
        while run.poll() is None and progressed(box) == start:
            time.sleep(0.005)
        time.sleep(wait)
        killed += run.poll() is None
        run.kill()
        run.wait()
        whole(box)
    assert killed
    box.ok(*arguments)
    whole(box)
    assert progressed(box) == (0 if undo else 2100)
    if undo:
        assert everything(box) == reference
    else:
        box.ok("backfill", "--undo", "--yes")
        assert everything(box) == reference


def progressed(box):
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db:
        return db.execute("SELECT count(*) FROM ut_backfill").fetchone()[0]


def whole(box):
    """Every photo is as before, or wholly taken over."""
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db:
        rows = db.execute(
            """SELECT auto_tags_source, auto_tags, ut_backfill.source,
                (SELECT count(*) FROM ut_results WHERE sha = imgsha), (SELECT count(*) FROM ut_tags WHERE sha = imgsha),
                (SELECT count(*) FROM ut_decisions WHERE sha = imgsha),
                (SELECT count(*) FROM ut_jobs WHERE sha = imgsha)
            FROM imgs LEFT JOIN ut_backfill ON sha = imgsha"""
        ).fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    done = {
        "ram++": ("urbextag", '["bar stool", "building", "interior"]', "ram++", 1, 3, 0, 1),
        "manual": ("manual", '["my own word", "boiler"]', "manual", 0, 2, 2, 1),
        "mock": (None, None, "mock", 0, 0, 0, 1),
    }
    for row in rows:
        if row[2] is None:
            assert row[0] in done and row[3:] == (0, 0, 0, 0)
        else:
            assert sorted(json.loads(row[1] or "[]")) == sorted(json.loads(done[row[2]][1] or "[]"))
            assert row[0] == done[row[2]][0] and row[2:] == done[row[2]][2:]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (None, ()),
        ("", ()),
        ("null", ()),
        ("[]", ()),
        ('["a", " b ", "A", ""]', ("a", "b")),
        ("boiler, bar stool;  pew | ", ("boiler", "bar stool", "pew")),
        ('"boiler"', ("boiler",)),
        ("église", ("église",)),
    ],
)
def test_labels_are_read_in_the_forms_they_come_in(text, labels):
    assert read_labels(text) == labels


@pytest.mark.parametrize("text", ['["broken', "[1]", '{"a": 1}', '["a", null]', b"abc", "x\udcff", '["\\ud800"]', 7,
                                  "[" * 100_000])  # fmt: skip
def test_what_is_no_list_of_labels_is_refused(text):
    with pytest.raises(Unreadable):
        read_labels(text)


def test_scores_count_where_they_are_scores():
    labels = ("a", "b", "c", "d", "e")
    text = '{"A": 0.5, "b": 87, "c": "0.5", "d": NaN, "e": true}'
    assert read_scores(text, labels) == {"a": 0.5}
    assert read_scores("[0.1, 0.2]", ("a", "b")) == {"a": 0.1, "b": 0.2}
    for junk in ("{", "0.9", "null", None, 0.7, b"x", "[0.1]"):
        assert read_scores(junk, labels) == {}


@given(st.lists(st.text(min_size=1).filter(str.strip)))
def test_other_words_have_another_id(words):
    labels = {" ".join(word.casefold().replace("_", " ").split()) for word in words}
    assert len({verbatim_id(label) for label in labels}) == len(labels)


def test_texts_that_are_no_utf8_stay_as_they_are(box):
    fill(box, [RAM, RAM, ("mock", ["x"], None)])
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db, db:
        db.execute("UPDATE imgs SET auto_tags = CAST(x'5b22ff225d' AS TEXT) WHERE imgsha = ?", (sha_of(0),))
        db.execute("UPDATE imgs SET auto_tags_confidence = x'00ff' WHERE imgsha = ?", (sha_of(2),))
    report = box.ok("backfill", "--yes", "--json").json
    assert report["before"]["unreadable"]["photos"] == 2 and report["before"]["photos"] == 1
    with closing(sqlite3.connect(box.root / "urbextag.db")) as db:
        held = db.execute("SELECT CAST(auto_tags AS BLOB) FROM imgs WHERE imgsha = ?", (sha_of(0),)).fetchone()
    assert held == (b'["\xff"]',)


def test_a_changed_taxonomy_reaches_photos_that_were_only_taken_over(mixed):
    mixed.ok("backfill", "--yes")
    assert "zorbing" not in tags_of(mixed, 0)
    mixed.ok("taxonomy", "proposed", "add", "zorbing", "--facet", "object", "--yes")
    assert "whose tags only want deriving again" in mixed.ok("tag", "--scope", "changed", "--dry-run").out
    mixed("tag", "--scope", "changed", "--yes")
    assert "zorbing" in tags_of(mixed, 0)
    assert columns(mixed, 0)["quality_score"] == 0.4  # that of the earlier tagger
    mixed.ok("backfill", "--undo", "--yes")
    assert mixed.ok("tag", "--scope", "changed", "--dry-run", "--json").json["derive_only"] == 0
