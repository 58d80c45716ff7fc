"""The main job through the command line, with the real stages: tag, show, review, scopes, failures."""

import json
import os
import pty
import subprocess
import sys
from contextlib import closing

import pytest

from conftest import draw, urbextag
from make_photos import make_jpeg


@pytest.fixture
def tagged(box, tmp_path):
    """An archive with a sign, a photo with keywords and a broken file, tagged."""
    draw(tmp_path / "p" / "sign.png", "BOILER ROOM", "NO TRESPASSING")
    make_jpeg(tmp_path / "p" / "IMG_1.jpg", iptc=[b"gurney", b"peeling paint", b"qwertz"])
    whole = make_jpeg(tmp_path / "p" / "IMG_2.jpg", seed=5)
    whole.write_bytes(whole.read_bytes()[:9000])
    box.ok("add", tmp_path / "p", "--location", "The Ward")
    box.ok("tag", code=5)
    return box


def labels(box, photo):
    return {tag["label"]: tag for tag in box.ok("show", photo, "--json").json["tags"]}


def test_a_sign_is_read_and_becomes_tags_with_reasons(tagged):
    report = tagged.ok("show", "sign.png", "--json").json
    assert report["readable_text"] == ["BOILER ROOM", "NO TRESPASSING"]
    tags = {tag["label"]: tag for tag in report["tags"]}
    assert {"source": "ocr", "label": "BOILER ROOM"}.items() <= tags["boiler room"]["why"][0].items()
    assert tags["boiler room"]["band"] in ("certain", "likely", "possible")
    assert 0 < report["quality"]["score"] <= 1
    assert set(report["quality"]["parts"]) == {"sharpness", "exposure", "noise", "resolution"}
    page = tagged.ok("show", "sign.png").out
    assert "boiler room" in page and "ocr: BOILER ROOM" in page


def test_the_published_columns_agree_with_the_tags(tagged):
    with closing(tagged.database()) as db:
        for row in db.execute("SELECT * FROM imgs WHERE view_type IS NOT NULL"):
            tags = tagged.ok("show", row["imgsha"], "--json").json["tags"]
            assert json.loads(row["auto_tags"]) == [tag["label"] for tag in tags]
            assert json.loads(row["auto_tags_confidence"]) == {tag["label"]: tag["confidence"] for tag in tags}
            assert row["auto_tags_source"] == "urbextag"
            assert row["tagging_model"] == "urbextag-starter"
            assert 0 <= row["quality_score"] <= 1
            assert row["scene_model"]


def test_a_broken_photo_is_set_aside_with_its_reason_and_retried(tagged, tmp_path):
    (trouble,) = tagged.ok("jobs", "status", "--json").json["troubled"]
    assert (trouble["state"], trouble["strikes"]) == ("set_aside", 2)
    assert "truncated" in trouble["reason"]
    assert "Nothing to do" in tagged.ok("tag").out
    assert "1 photo queued again" in tagged.ok("jobs", "retry", "IMG_2.jpg").out
    assert "truncated" in tagged.ok("tag", code=5).out
    assert tagged.ok("tag", "--scope", "failed", "--dry-run", "--json").json["photos"] == 1
    tagged.settings("[stages.ocr]\nmin_score = 0.9\n")
    assert tagged.ok("tag", "--scope", "changed", "--dry-run", "--json").json["photos"] == 2
    tagged.settings("")
    tagged.ok("jobs", "retry")
    assert "1 photo to tag" in tagged.ok("tag", "--dry-run").out
    make_jpeg(tmp_path / "p" / "IMG_2.jpg", seed=5)
    assert tagged.ok("add", tmp_path / "p", "--json").json["new"] == 1
    assert "Tagged 1 photo" in tagged.ok("tag").out


def test_a_person_s_word_is_kept_through_every_run(tagged):
    assert {"gurney", "peeling paint"} <= labels(tagged, "IMG_1.jpg").keys()
    tagged.ok("review", "reject", "IMG_1.jpg", "gurney")
    tagged.ok("review", "accept", "IMG_1.jpg", "paint peeling")
    tagged.ok("review", "add", "IMG_1.jpg", "wheelchair")
    for rerun in (("tag", "--scope", "all", "--yes"), ("tag", "--photo", "IMG_1.jpg")):
        tags = labels(tagged, "IMG_1.jpg")
        assert "gurney" not in tags
        assert (tags["peeling paint"]["origin"], tags["peeling paint"]["confidence"]) == ("accepted", 1.0)
        assert (tags["wheelchair"]["origin"], tags["wheelchair"]["band"]) == ("added", "yours")
        tagged(*rerun)
    assert tagged.ok("show", "IMG_1.jpg", "--json").json["rejected"] == ["gurney"]
    with closing(tagged.database()) as db:
        row = db.execute("SELECT auto_tags_source FROM imgs WHERE imgnam = 'IMG_1.jpg'").fetchone()
        assert row["auto_tags_source"] == "hybrid"
    tagged.ok("review", "clear", "IMG_1.jpg", "gurney", "wheelchair")
    tags = labels(tagged, "IMG_1.jpg")
    assert "gurney" in tags and "wheelchair" not in tags


def test_review_says_what_it_does_not_know(tagged):
    assert "Did you mean" in tagged.ok("review", "add", "IMG_1.jpg", "gurnee", code=2).err
    assert "review add" in tagged.ok("review", "accept", "IMG_1.jpg", "boiler", code=2).err
    assert tagged.ok("show", "IMG_1.jpg", "--json").json["rejected"] == []


def test_a_photo_that_was_never_tagged_can_be_reviewed(box, tmp_path):
    draw(tmp_path / "a.png", "A")
    box.ok("add", tmp_path / "a.png")
    assert box.ok("review", "add", "a.png", "gurney").out == "a.png: gurney\n"
    with closing(box.database()) as db:
        assert db.execute("SELECT auto_tags_source FROM imgs").fetchone()[0] == "manual"
    box.ok("tag")
    assert "gurney" in labels(box, "a.png")


def test_changed_facts_derive_again_without_the_models(tagged, tmp_path):
    before = labels(tagged, "IMG_1.jpg")["gurney"]["confidence"]
    said = tagged.ok("add", tmp_path / "p", "--location", "The Ward", "--type", "hospital", code=0).out
    assert "tag --scope changed" in said
    plan = tagged.ok("tag", "--scope", "changed", "--dry-run", "--json").json
    assert (plan["photos"], plan["derive_only"]) == (0, 2)
    refused = tagged.ok("tag", "--scope", "changed", code=2)
    assert "--yes" in refused.err
    assert "Derived 2 photos again" in tagged.ok("tag", "--scope", "changed", "--yes").out
    after = labels(tagged, "IMG_1.jpg")
    assert after["gurney"]["confidence"] > before
    assert {"source": "context"}.items() <= after["gurney"]["why"][-1].items()
    assert tagged.ok("tag", "--scope", "changed", "--dry-run", "--json").json["derive_only"] == 0


def test_changed_taxonomy_derives_again_and_changed_options_look_again(tagged):
    (tagged.root / "own.yaml").write_text("facet: object\nconcepts:\n  qwertz: {label: typing machine}\n")
    tagged.settings('[taxonomy]\nfiles = ["own.yaml"]\n')
    assert "typing machine" not in labels(tagged, "IMG_1.jpg")
    tagged.ok("tag", "--scope", "changed", "--yes")
    tagged.settings('[taxonomy]\nfiles = ["own.yaml"]\n[stages.ocr]\nmin_score = 0.9\n')
    plan = tagged.ok("tag", "--scope", "changed", "--dry-run", "--json").json
    assert (plan["photos"], plan["derive_only"]) == (2, 0)
    tagged.settings("[stages.ocr]\nmin_scoer = 0.9\n")
    assert "min_scoer" in tagged.ok("tag", code=4).err
    tagged.settings("[stages.ocrr]\n")
    assert "Use one of: embedding, florence, imagenet" in tagged.ok("tag", code=4).err


def test_a_location_is_summed_up(tagged):
    shown = tagged.ok("locations", "show", "the ward", "--json").json
    assert shown["files"] == 3
    summary = shown["summary"]
    assert summary["photos"] == 2
    assert sum(summary["views"].values()) == 2
    assert {"gurney", "boiler room"} <= {tag["label"] for tag in summary["tags"]}
    assert summary["condition"]["label"] in ("sound", "worn", "decayed", "ruined")
    assert summary["hero"]["name"] in ("sign.png", "IMG_1.jpg")
    page = tagged.ok("locations", "show", "The Ward").out
    assert "gurney" in page and "hero" in page


def test_a_missing_file_costs_nothing_and_is_found_again(box, tmp_path):
    path = draw(tmp_path / "old" / "a.png", "PUMP ROOM")
    box.ok("add", path)
    path.rename(tmp_path / "a.png")
    assert "is not there" in box.ok("tag", code=5).out
    assert box.ok("status", "--json").json["jobs"]["missing"] == 1
    assert "Nothing to do" in box.ok("tag").out
    assert box.ok("add", tmp_path / "a.png", "--json").json["moved"] == 1
    assert "Tagged 1 photo" in box.ok("tag").out


def test_a_changed_file_is_not_taken_for_the_photo_that_was_added(box, tmp_path):
    path = draw(tmp_path / "a.png", "PUMP ROOM")
    box.ok("add", path)
    draw(path, "CHAPEL", "CHAPEL")
    assert "has changed" in box.ok("tag", code=5).out
    os.utime(draw(path, "PUMP ROOM"), (1, 1))  # as it was, but for its time
    assert "Tagged 1 photo" in box.ok("tag").out


def test_a_photo_alone_needs_no_archive(tmp_path):
    path = draw(tmp_path / "sign.jpg", "BOILER ROOM")
    context = ("--view-type", "interior", "--location-type", "hospital", "--state", "New York", "--era", "1870-1910")
    ran = urbextag("tag", path, *context, "--json", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    report = ran.json
    assert report["id"] == "sign"
    assert report["view_type"] == {"value": "interior", "confidence": 1.0}
    assert report["readable_text"] == ["BOILER ROOM"]
    assert report["quality"]["parts"]
    assert set(report["stages"]) == {"metadata", "ocr", "imagenet", "quality", "scene"}
    assert {"id", "tags", "view_type", "condition", "era", "unmatched"} <= report.keys()
    assert {"id", "label", "confidence", "synonyms", "ancestors", "why"} <= report["tags"][0].keys()
    assert [file.name for file in tmp_path.iterdir()] == ["sign.jpg"]
    assert "BOILER ROOM" in urbextag("tag", path, cwd=tmp_path).out


def test_several_photos_alone_are_json_lines_and_a_bad_one_is_said(tmp_path):
    good, bad = draw(tmp_path / "a.png", "A"), tmp_path / "b.jpg"
    bad.write_text("not a photo")
    ran = urbextag("tag", good, bad, "--json", cwd=tmp_path)
    assert ran.code == 5
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == ["a"]
    assert "b.jpg" in ran.err


def test_two_background_workers_share_the_queue(box, tmp_path):
    for number in range(24):
        draw(tmp_path / "p" / f"{number}.png", size=(200, 150), colour=(number, 2, 3), seed=number)
    box.ok("add", tmp_path / "p")
    command = [sys.executable, "-m", "urbextag", "worker", "--until-empty"]
    workers = [subprocess.Popen(command, cwd=box.root, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(worker.communicate()[1], worker.returncode) for worker in workers] == [(b"", 0), (b"", 0)]
    status = box.ok("status", "--json").json
    assert (status["tagged"], status["jobs"]["done"]) == (24, 24)


def test_a_terminal_sees_a_bar_and_an_estimate(box, tmp_path):
    for number in range(3):
        draw(tmp_path / "p" / f"{number}.png", colour=(number, 2, 3), seed=number)
    box.ok("add", tmp_path / "p")
    parent, child = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "urbextag", "tag"], cwd=box.root, stdin=child, stdout=subprocess.PIPE, stderr=child
    )
    os.close(child)
    out, _ = run.communicate(timeout=120)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    os.close(parent)
    assert b"3 photos to tag (missing): about" in out
    assert b"Tagging" in shown and b"3/3" in shown
    assert b"\x1b[" in shown


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
