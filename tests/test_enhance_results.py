"""What comes of `enhance`: columns, evidence, tags and places; a person's word stays; whose request has changed."""

import json
import shutil
from contextlib import closing

import pytest

from enhance_kit import MILL, WARD, make_bench, make_fake  # noqa: F401 - fixtures
from fake_ollama import MODEL, Answer
from urbextag.store import vlm
from vlm_answers import answer

COLUMNS = "vlm_description, vlm_condition_notes, vlm_enhanced_tags, vlm_readable_text, vlm_model, vlm_processed_at"
SAID = answer(readable_text=["WARD 7", "DANGER ASBESTOS"])
OWN = "version: 1\nsystem: Look closely.\nprompt: Describe {place}.\n"


def labels(bench, name):
    return {tag["label"]: tag for tag in bench.here("show", name, "--json").json["tags"]}


def said(bench, name):
    rows = bench.rows(
        "SELECT evidence, data FROM ut_results JOIN imgs ON imgsha = sha WHERE stage = 'vlm' AND imgnam = ?", name
    )
    return [(json.loads(evidence), json.loads(data)) for evidence, data in rows]


def test_all_that_is_missing_is_described_and_what_follows_follows(bench, fake):
    bench.serve(fake)
    before = bench.here("locations", "show", "The Ward", "--json").json["summary"]
    fake.answers.extend(Answer(content=json.dumps(SAID)) for _ in range(8))
    ran = bench.here("enhance", "--missing", "--now")
    assert "Described 8 photos" in ran.out
    assert bench.described() == {*MILL, *WARD} and len(fake.chats) == 8
    for row in bench.rows(f"SELECT {COLUMNS} FROM imgs"):
        assert row[:2] == (SAID["description"], SAID["condition_notes"])
        assert (json.loads(row[2]), json.loads(row[3])) == (SAID["enhanced_tags"], SAID["readable_text"])
        assert row[4] == MODEL and row[5]
    ((evidence, data),) = said(bench, "w0.jpg")
    scores = {(piece["source"], piece["label"]): piece["score"] for piece in evidence}
    assert scores == {
        ("vlm", "gurney"): 0.7,
        ("vlm", "skylight"): 0.5,
        ("vlm", "café table"): 0.3,
        ("vlm", "Kirkbride plan"): 0.5,
        ("vlm-text", "WARD 7"): 0.9,  # the OCR stage read it too
        ("vlm-text", "DANGER ASBESTOS"): 0.4,
    }
    assert (data["endpoint"], data["answer"], data["seed"]) == (fake.url, SAID, 1)
    assert json.loads(data["raw"])["message"]["content"] == json.dumps(SAID)
    tags = labels(bench, "w0.jpg")
    assert {"vlm": "gurney"} in [{why["source"]: why["label"]} for why in tags["gurney"]["why"]]
    assert tags["gurney"]["confidence"] > tags.get("table", {"confidence": 0})["confidence"]
    after = bench.here("locations", "show", "The Ward", "--json").json["summary"]
    counted = [{tag["label"]: tag["photos"] for tag in place["tags"]}.get("gurney", 0) for place in (before, after)]
    assert counted == [0, 2]
    assert "Nothing to describe (missing)." in bench.here("enhance", "--missing", "--now").out
    assert len(fake.chats) == 8


def test_a_persons_word_stands_above_the_vlms(bench, fake):
    bench.serve(fake)
    bench.here("review", "reject", "m1.jpg", "gurney", "peeling paint")
    bench.here("review", "add", "m1.jpg", "boiler")
    for _ in range(2):  # the second replaces the first
        fake.answers.append(Answer(content=json.dumps(SAID)))
        bench.here("enhance", "--photo", "m1.jpg", "--now")
        tags = labels(bench, "m1.jpg")
        assert tags["boiler"]["origin"] == "added" and "skylight" in tags
        assert not {"gurney", "peeling paint"} & set(tags)
    assert "gurney" not in bench.rows("SELECT auto_tags FROM imgs WHERE imgnam = 'm1.jpg'")[0]
    assert "boiler" in fake.chats[-1]["messages"][1]["content"]
    assert "peeling paint" not in fake.chats[-1]["messages"][1]["content"]
    bench.here("review", "clear", "m1.jpg", "gurney")
    assert "gurney" in labels(bench, "m1.jpg")


def test_tagging_again_keeps_the_description_and_queues_nothing(bench, fake):
    bench.serve(fake)
    fake.answers.extend(Answer(content=json.dumps(SAID)) for _ in range(2))
    bench.here("enhance", "--location", "The Ward", "--now", "--yes")
    before = bench.rows(f"SELECT imgnam, {COLUMNS} FROM imgs ORDER BY imgnam"), said(bench, "w0.jpg"), bench.states()
    tags, tagged_at = labels(bench, "w0.jpg"), "SELECT tagged_at FROM ut_photos ORDER BY sha"
    at = bench.rows(tagged_at)
    bench.serve(fake, run_on_import=True)  # none of them is tagged for the first time
    bench.here("tag", "--scope", "all", "--yes")
    assert all(then < now for then, now in zip(at, bench.rows(tagged_at), strict=True))
    after = bench.rows(f"SELECT imgnam, {COLUMNS} FROM imgs ORDER BY imgnam"), said(bench, "w0.jpg")
    assert after == before[:2]
    assert labels(bench, "w0.jpg") == tags and "gurney" in tags
    assert bench.states() == before[2]


def test_changed_are_those_whose_request_reads_otherwise(bench, fake):
    bench.serve(fake)
    bench.here("enhance", "--missing", "--now")

    def changed():
        plan = bench.here("enhance", "--changed", "--dry-run", "--json").json
        if plan["photos"]:
            bench.here("enhance", "--changed", "--yes")
            with closing(bench.database()) as db:
                names = set(
                    bench.rows("SELECT imgnam FROM ut_vlm_jobs JOIN imgs ON imgsha = sha WHERE state = 'queued'")
                )
                db.execute("UPDATE ut_vlm_jobs SET state = 'done'")
            assert len(names) == plan["photos"]
            return names
        return set()

    assert changed() == set()
    bench.serve(fake, longest_px=512, seed=5, temperature=0.5, max_tokens=800, jpeg_quality=80, keep_alive="1m")
    assert changed() == set()
    photos = bench.root / "photos"
    bench.here("add", photos / "ward", "--location", "The Ward", "--type", "hospital")
    assert changed() == set(WARD)
    bench.here("enhance", "--changed", "--now", "--yes")
    assert changed() == set()
    assert "an abandoned hospital" in fake.chats[-1]["messages"][1]["content"]
    bench.here("add", photos / "mill", "--location", "The Mill", "--era", "1880-1900")
    bench.here("review", "add", "w1.jpg", "boiler")  # a tag that is told
    assert changed() == {*MILL, "w1.jpg"}
    (bench.root / "own.yaml").write_text(OWN, encoding="utf-8")
    bench.serve(fake, prompt="own.yaml")
    assert changed() == {*MILL, *WARD}
    bench.here("enhance", "--changed", "--now", "--yes")
    assert fake.chats[-1]["messages"][0]["content"] == "Look closely."
    assert changed() == set()
    (bench.root / "own.yaml").write_text(OWN.replace("Look", "Stare"), encoding="utf-8")
    assert changed() == {*MILL, *WARD}


def test_what_no_vlm_has_described_is_not_changed_but_missing(bench, fake):
    bench.serve(fake)
    bench.here("enhance", "--photo", "m1.jpg", "--now")
    bench.here("add", bench.root / "photos" / "mill", "--location", "The Mill", "--city", "Troy")
    assert bench.here("enhance", "--changed", "--dry-run", "--json").json["photos"] == 1
    assert bench.here("enhance", "--missing", "--dry-run", "--json").json["photos"] == 7


def test_a_corrupt_and_a_missing_photo_cost_the_others_nothing(bench, fake):
    bench.serve(fake)
    broken, gone = bench.root / "photos" / "mill" / "m1.jpg", bench.root / "photos" / "ward" / "w1.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    shutil.move(gone, bench.root / "elsewhere.jpg")
    ran = bench.here("enhance", "--missing", "--now", code=5)
    assert "2 photos could not be described" in ran.err
    assert bench.described() == {*MILL, *WARD} - {"m1.jpg", "w1.jpg"} and len(fake.chats) == 6
    report = {
        row["path"].rsplit("/")[-1]: row for row in bench.here("jobs", "status", "--json").json["vlm"]["troubled"]
    }
    assert {name: row["state"] for name, row in report.items()} == {"m1.jpg": "missing", "w1.jpg": "missing"}
    assert "has changed since" in report["m1.jpg"]["reason"] and "is not there" in report["w1.jpg"]["reason"]
    assert bench.costs() == (0, 0, 0)
    shutil.move(bench.root / "elsewhere.jpg", gone)
    broken.write_bytes(whole)
    bench.here("jobs", "retry")
    bench.here("enhance", "--missing", "--now")
    assert bench.described() == {*MILL, *WARD} and len(fake.chats) == 8


def test_a_photo_that_cannot_be_read_is_set_aside_after_two_tries(bench, fake):
    bench.serve(fake)
    broken = bench.root / "photos" / "mill" / "m2.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    stat = broken.stat()
    with closing(bench.database()) as db:  # as if the archive had known it so
        db.execute("UPDATE ut_paths SET size = ?, mtime_ns = ? WHERE path LIKE '%m2.jpg'", (200, stat.st_mtime_ns))
    ran = bench.here("enhance", "--location", "The Mill", "--now", "--yes", code=5)
    assert "set aside" in ran.out and "m2.jpg" in ran.out
    assert bench.states()["m2.jpg"] == "set_aside" and len(fake.chats) == 5
    assert bench.rows("SELECT strikes FROM ut_vlm_jobs WHERE state = 'set_aside'") == [2]
    assert "m2.jpg" in bench.here("jobs", "status").out
    assert bench.here("enhance", "--missing", "--dry-run", "--json").json["photos"] == 2


@pytest.mark.parametrize("content", ["A corridor, probably in a hospital.", json.dumps(SAID)[:-40], "{}"])
def test_what_nobody_can_believe_is_set_aside_with_what_was_said(bench, fake, content):
    bench.serve(fake)
    fake.answers.extend(Answer(content=content) for _ in range(3))
    ran = bench.here("enhance", "--photo", "m3.jpg", "--now", code=5)
    assert "m3.jpg" in ran.out and "jobs retry" in ran.err and len(fake.chats) == 3
    options = [chat["options"] for chat in fake.chats]
    assert [option["seed"] for option in options] == [1, 2, 3]
    assert options[2]["num_predict"] == 2 * options[1]["num_predict"] == 2 * options[0]["num_predict"]
    assert bench.rows("SELECT vlm_description FROM imgs WHERE vlm_processed_at NOT NULL") == []
    assert said(bench, "m3.jpg") == []
    with closing(bench.database()) as db:
        (sha,) = db.execute("SELECT imgsha FROM imgs WHERE imgnam = 'm3.jpg'").fetchone()
        kept = vlm.rejection(db, sha)
    assert (kept["endpoint"], kept["model"], len(kept["replies"])) == (fake.url, MODEL, 3)
    assert [json.loads(reply["raw"])["message"]["content"] for reply in kept["replies"]] == [content] * 3
    (row,) = bench.here("jobs", "status", "--json").json["vlm"]["troubled"]
    assert (row["state"], row["reason"]) == ("set_aside", kept["reason"])
    assert "m3.jpg" in bench.here("jobs", "status").out
    assert bench.here("enhance", "--missing", "--dry-run", "--json").json["photos"] == 7  # it is left out
    assert "1 photo to be described again" in bench.here("jobs", "retry", "m3.jpg").out
    bench.here("enhance", "--missing", "--now")
    assert bench.described() == {*MILL, *WARD}
    assert bench.rows("SELECT count(*) FROM ut_vlm_rejections") == [0]


def test_an_answer_that_stands_outlives_one_that_nobody_believes(bench, fake):
    bench.serve(fake)
    fake.answers.append(Answer(content=json.dumps(SAID)))
    bench.here("enhance", "--photo", "m3.jpg", "--now")
    before = said(bench, "m3.jpg")
    fake.answers.extend(Answer(content="Let me see.") for _ in range(3))
    bench.here("enhance", "--photo", "m3.jpg", "--now", code=5)
    assert said(bench, "m3.jpg") == before
    report = bench.here("show", "m3.jpg", "--json").json["description"]
    assert report["answer"] == SAID and report["state"] == "set_aside" and len(report["rejected"]["replies"]) == 3
