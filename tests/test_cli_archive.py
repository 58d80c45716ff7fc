"""From nothing to an archive: `init`, `add`, `status`, and the errors on the way. No photo is looked at here."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing

import pytest

from conftest import draw, urbextag
from make_photos import make_dng, make_jpeg


def test_init_makes_an_archive_once(tmp_path):
    first = urbextag("init", tmp_path / "new" / "archive")
    assert (first.code, "Made an archive" in first.out) == (0, True)
    settings = tmp_path / "new" / "archive" / "urbextag.toml"
    settings.write_text('profile = "standard"\n')
    assert "There is an archive" in urbextag("init", tmp_path / "new" / "archive").out
    assert settings.read_text() == 'profile = "standard"\n'


def test_the_archive_is_found_from_a_folder_below(box):
    (box.root / "a" / "b").mkdir(parents=True)
    assert urbextag("status", "--json", cwd=box.root / "a" / "b").json["archive"] == str(box.root.resolve())


def test_no_archive_is_said_with_the_remedy(tmp_path):
    ran = urbextag("status", cwd=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("urbextag: no archive in") and "urbextag init" in ran.err


def test_add_is_idempotent_and_counts_each_file_once(box, tmp_path):
    photos = tmp_path / "photos"
    draw(photos / "a.jpg", "A")
    draw(photos / "sub" / "b.png", "B")
    shutil.copy(photos / "a.jpg", photos / "copy of a.jpg")
    (photos / "empty.jpg").touch()
    (photos / "notes.txt").write_text("nothing to see")
    (photos / "liar.jpg").write_text("not a photo")
    shutil.copy(photos / "sub" / "b.png", photos / "sub" / "b.dat")
    (photos / ".hidden.jpg").write_bytes(b"x")
    first = box.ok("add", photos, "--json", code=5).json
    assert (first["new"], first["copy"], first["unchanged"]) == (2, 2, 0)
    assert first["ignored"] == {".txt": 1}
    assert {os.path.basename(path) for path in first["failed"]} == {"empty.jpg", "liar.jpg"}  # noqa: PTH119
    assert first["files"] == 7
    second = box.ok("add", photos, "--json", code=5).json
    assert (second["new"], second["copy"], second["unchanged"]) == (0, 0, 4)
    assert second["failed"] == first["failed"]
    status = box.ok("status", "--json").json
    assert (status["photos"], status["jobs"]["queued"], len(status["unreadable"])) == (2, 2, 2)


def test_a_mended_file_is_taken(box, tmp_path):
    path = tmp_path / "a.jpg"
    path.touch()
    box.ok("add", path, code=5)
    draw(path, "A")
    assert box.ok("add", path, "--json").json["new"] == 1
    assert box.ok("status", "--json").json["unreadable"] == []


def test_a_moved_file_is_found_again(box, tmp_path):
    path = draw(tmp_path / "old" / "a.jpg", "A")
    box.ok("add", tmp_path / "old")
    path.rename(tmp_path / "b.jpg")
    assert box.ok("add", tmp_path / "b.jpg", "--json").json["moved"] == 1
    assert box.ok("show", "b.jpg", "--json").json["path"] == str(tmp_path / "b.jpg")
    assert box.ok("status", "--json").json["photos"] == 1


def test_an_archive_can_be_moved_with_its_photos(box, tmp_path):
    draw(box.root / "photos" / "a.jpg", "A")
    box.ok("add", box.root / "photos")
    box.root.rename(tmp_path / "elsewhere")
    shown = urbextag("show", "a.jpg", "--json", cwd=tmp_path / "elsewhere").json
    assert shown["path"] == str(tmp_path / "elsewhere" / "photos" / "a.jpg")
    assert urbextag("add", "photos", "--json", cwd=tmp_path / "elsewhere").json["unchanged"] == 1


def test_a_location_with_its_facts(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    facts = ("--type", "Hospital", "--state", "new york", "--city", "Albany", "--era", "1870-1910")
    box.ok("add", tmp_path / "a.jpg", "--location", "The Mill", *facts)
    (row,) = box.ok("locations", "list", "--json").json
    assert {key: row[key] for key in ("type", "stype", "address_state", "address_city", "built_year", "photos")} == {
        "type": "Medical",
        "stype": "hospital",
        "address_state": "NY",
        "address_city": "Albany",
        "built_year": "1870-1910",
        "photos": 1,
    }
    box.ok("add", tmp_path / "a.jpg", "--location", "the mill", "--type", "medical")
    (row,) = box.ok("locations", "list", "--json").json
    assert (row["locnam"], row["stype"], row["built_year"]) == ("The Mill", "hospital", "1870-1910")


def test_photos_stay_in_their_location_unless_moved(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    box.ok("add", tmp_path / "a.jpg", "--location", "One")
    assert box.ok("add", tmp_path / "a.jpg", "--location", "Two", "--json").json["elsewhere"] == 1
    assert box.ok("show", "a.jpg", "--json").json["location"] == "One"
    assert box.ok("add", tmp_path / "a.jpg", "--location", "Two", "--move", "--json").json["assigned"] == 1
    assert box.ok("show", "a.jpg", "--json").json["location"] == "Two"


def test_raw_and_jpeg_of_one_shot_are_linked(box, tmp_path):
    taken = "2024:05:06 07:08:09"
    (tmp_path / "p").mkdir()
    make_dng(tmp_path / "p" / "IMG_1.DNG", taken=taken)
    make_jpeg(tmp_path / "p" / "IMG_1.jpg", taken=taken)
    make_dng(tmp_path / "p" / "IMG_2.DNG", (320, 240), taken=taken)
    make_jpeg(tmp_path / "p" / "IMG_2.jpg", (320, 240), taken="2025:05:06 07:08:09")
    assert box.ok("add", tmp_path / "p", "--json").json["pairs"] == 1
    with closing(box.database()) as db:
        rows = db.execute(
            """SELECT raw.imgnam, developed.imgnam FROM ut_photos JOIN imgs raw ON raw.imgsha = sha
            JOIN imgs developed ON developed.imgsha = pair_sha"""
        ).fetchall()
    assert [tuple(row) for row in rows] == [("IMG_1.DNG", "IMG_1.jpg")]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="such names cannot be made there")
def test_a_name_that_is_no_text_is_a_failure_and_the_rest_goes_on(box, tmp_path):
    draw(tmp_path / "p" / "a.jpg", "A")
    with open(os.fsencode(tmp_path / "p") + b"/caf\xe9.jpg", "wb") as file:  # noqa: PTH123
        file.write((tmp_path / "p" / "a.jpg").read_bytes())
    report = box.ok("add", tmp_path / "p", "--json", code=5).json
    assert report["new"] == 1
    assert [("caf\\xe9.jpg" in path, "UTF-8" in reason) for path, reason in report["failed"].items()] == [(True, True)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "nowhere"), 2, "does not exist"),
        (("add", ".", "--location", "X", "--type", "hosptial"), 2, "Did you mean hospital"),
        (("add", ".", "--location", "X", "--state", "Atlantis"), 2, "two letters"),
        (("add", ".", "--location", "X", "--era", "long ago"), 2, "1870-1910"),
        (("add", ".", "--type", "hospital"), 2, "--location NAME"),
        (("show", "nothing.jpg"), 2, "no photo of the archive"),
        (("locations", "show", "Nowhere"), 2, "locations list"),
        (("review", "add", "nothing.jpg", "boiler"), 2, "no photo"),
        (("jobs", "retry", "nothing.jpg"), 2, "no photo"),
        (("tag", "--scope", "location"), 2, "--location NAME"),
        (("tag", "--scope", "all", "--photo", "x"), 2, "contradict"),
        (("tag", "--state", "NY"), 2, "PHOTOS"),
        (("tag", "missing.jpg"), 2, "is no file"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_errors_are_one_line_with_the_remedy_and_their_code(box, arguments, code, said):
    ran = box(*arguments)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_the_traceback_comes_with_v_only(box):
    assert "Traceback" in urbextag("-v", "show", "nothing.jpg", cwd=box.root).err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile = ", "not valid TOML"),
        ('profile = "deluxe"', "profile: Input should be 'starter', 'scene' or 'standard'"),
        ("[work]\nwrokers = 1", "work.wrokers"),
        ("[work]\nbatch = 0", "work.batch"),
    ],
)
def test_wrong_settings_are_refused_by_name(box, text, said):
    box.settings(text)
    ran = box("status")
    assert (ran.code, said in ran.err) == (4, True), ran.err


def test_profile_standard_says_what_is_missing(box, tmp_path):
    box.settings('profile = "standard"\n[models]\nfolder = "m"\n')
    ran = box("tag")
    assert ran.code == 6
    assert "urbextag models pull siglip-base-patch16-224 --precision int8" in ran.err
    assert box.ok("status", "--json").json["profile"] == "standard"


def test_pause_holds_the_work(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    box.ok("add", tmp_path / "a.jpg")
    box.ok("jobs", "pause")
    ran = box("tag")
    assert (ran.code, "jobs resume" in ran.err) == (2, True)
    assert json.loads(box.ok("jobs", "status", "--json").out)["paused_since"]
    box.ok("jobs", "resume")
    assert "1 photo to tag" in box.ok("tag", "--dry-run").out


def test_cancel_takes_photos_off_the_queue(box, tmp_path):
    draw(tmp_path / "a.jpg", "A")
    box.ok("add", tmp_path / "a.jpg", "--location", "One")
    assert "Cancelled 1 photo" in box.ok("jobs", "cancel", "--location", "One").out
    assert box.ok("tag", "--dry-run", "--json").json["photos"] == 1


def test_completion_is_printed():
    assert "_URBEXTAG_COMPLETE" in urbextag("completion", "bash").out


def test_completion_knows_the_locations(box, tmp_path, monkeypatch):
    draw(tmp_path / "a.jpg", "A")
    box.ok("add", tmp_path / "a.jpg", "--location", "The Mill")
    monkeypatch.setenv("_URBEXTAG_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "urbextag locations show the")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert box("").out == "plain,The Mill\n"


def test_a_replaced_file_hands_over_to_the_new_one(box, tmp_path):
    path = draw(tmp_path / "p" / "a.png", "OLD")
    box.ok("add", path, "--location", "The Mill")
    box.ok("review", "add", "a.png", "boiler")
    draw(path, "A GOOD DEAL LONGER")
    assert box.ok("add", path, "--json").json["new"] == 1
    with closing(box.database()) as db:
        old, new = db.execute("SELECT hidden_reason, locid FROM imgs ORDER BY hidden_reason DESC").fetchall()
    assert (old["hidden_reason"], new["hidden_reason"]) == ("replaced", None)
    assert old["locid"] == new["locid"]
    assert box.ok("tag", "--dry-run", "--json").json["photos"] == 1
    assert box.ok("status", "--json").json["photos"] == 1
    box.ok("tag")
    assert "boiler" in [tag["label"] for tag in box.ok("show", "a.png", "--json").json["tags"]]


def test_a_photo_whose_path_was_taken_points_to_its_copy(box, tmp_path):
    path = draw(tmp_path / "p" / "a.png", "OLD")
    shutil.copy(path, tmp_path / "p" / "keep.png")
    box.ok("add", tmp_path / "p")
    draw(path, "A GOOD DEAL LONGER")
    box.ok("add", tmp_path / "p")
    with closing(box.database()) as db:
        assert [row["imgnam"] for row in db.execute("SELECT DISTINCT imgloc AS imgnam FROM imgs ORDER BY 1")] == [
            str(tmp_path / "p" / name) for name in ("a.png", "keep.png")
        ]


def test_a_failure_is_forgotten_with_its_file(box, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "bad.jpg").touch()
    draw(tmp_path / "p" / "a.png", "A")
    box.ok("add", tmp_path / "p", code=5)
    (tmp_path / "p" / "bad.jpg").unlink()
    box.ok("add", tmp_path / "p")
    assert box.ok("status", "--json").json["unreadable"] == []


def test_a_location_s_name_is_trimmed_and_never_empty(box, tmp_path):
    draw(tmp_path / "a.png", "A")
    for name in ("Mill ", " Mill", "mill"):
        box.ok("add", tmp_path / "a.png", "--location", name)
    assert [row["locnam"] for row in box.ok("locations", "list", "--json").json] == ["Mill"]
    assert "needs a name" in box.ok("add", tmp_path / "a.png", "--location", " ", code=2).err


def test_an_archive_behind_a_link_keeps_relative_paths(box, tmp_path):
    draw(box.root / "p" / "a.png", "A")
    (tmp_path / "link").symlink_to(box.root)
    added = urbextag("--archive", tmp_path / "link", "add", tmp_path / "link" / "p", "--json")
    assert added.json["new"] == 1
    assert box.ok("add", "p", "--json").json["unchanged"] == 1
    with closing(box.database()) as db:
        assert [row["path"] for row in db.execute("SELECT path FROM ut_paths")] == ["p/a.png"]


def test_an_empty_argument_is_no_wildcard(box, tmp_path):
    draw(tmp_path / "a.png", "A")
    box.ok("add", tmp_path / "a.png", "--location", "Mill", "--type", "church")
    for arguments in (("jobs", "cancel", "--location", ""), ("tag", "--location", ""), ("tag", "--photo", "")):
        box.ok(*arguments, code=2)
    for option in ("--era", "--type", "--state"):
        box.ok("add", tmp_path / "a.png", "--location", "Mill", option, "", code=2)
    assert box.ok("jobs", "status", "--json").json["counts"]["queued"] == 1
    box.ok("add", tmp_path / "a.png", "--location", "Mill", "--type", "medical")
    (row,) = box.ok("locations", "list", "--json").json
    assert (row["type"], row["stype"]) == ("Medical", None)


def test_strange_files_are_passed_over(box, tmp_path):
    draw(tmp_path / "p" / "a.png", "A")
    os.mkfifo(tmp_path / "p" / "pipe")
    (tmp_path / "p" / "dangling").symlink_to(tmp_path / "nowhere")
    report = box.ok("add", tmp_path / "p", tmp_path / "p", "--json", timeout=30).json
    assert (report["new"], report["files"], sum(report["ignored"].values())) == (1, 3, 2)
    assert "File name too long" in box.ok("add", "x" * 300, code=2).err


def test_an_emptied_database_is_not_taken_for_a_fresh_one(box):
    (box.root / "urbextag.db").write_bytes(b"")
    assert "missing or empty" in box.ok("status", code=3).err


def test_a_reader_that_goes_away_is_no_bug(box, tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.jpg").touch()
    box("add", tmp_path)
    command = f"{sys.executable} -m urbextag status | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], cwd=box.root, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
