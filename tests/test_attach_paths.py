"""Where photos lie on this machine: the mapping, photos that are missing, photos the application moves or imports."""

from contextlib import closing
from pathlib import Path, PureWindowsPath

import pytest

import application_db as application
from conftest import Box, draw, urbextag
from urbextag import paths
from urbextag import worker as working
from urbextag.archive import opened
from urbextag.config import PathsConfig
from urbextag.deriver import make_deriver
from urbextag.guest.keep_up import keep_up
from urbextag.pipeline import build
from urbextag.stages.base import Kit


@pytest.mark.parametrize(
    ("begins", "stored", "lies"),
    [
        ("/Volumes/archive", "/Volumes/archive/a/b.jpg", "a/b.jpg"),
        ("/Volumes/archive/", "/Volumes/archive/a/b.jpg", "a/b.jpg"),
        ("/Volumes/archive", "/Volumes/archive2/b.jpg", None),
        ("D:\\archive", "D:\\archive\\a\\b.jpg", "a/b.jpg"),
        ("d:/archive", "D:\\Archive\\a\\b.jpg", "a/b.jpg"),
        ("\\\\nas\\photos", "\\\\NAS\\photos\\a\\b.jpg", "a/b.jpg"),
        ("D:\\archive", "E:\\archive\\b.jpg", None),
        (".", "locations/a/b.jpg", "locations/a/b.jpg"),
        (".", "/elsewhere/b.jpg", None),
    ],
)
def test_stored_paths_are_mapped_by_whole_folders(begins, stored, lies, tmp_path):
    mapping = PathsConfig(stored=begins, here=tmp_path)
    assert paths.here(mapping, stored) == (None if lies is None else tmp_path / lies)
    if lies is not None and "\\" not in stored:
        assert paths.stored(mapping, tmp_path / lies) == stored
    elif lies is not None:
        assert PureWindowsPath(paths.stored(mapping, tmp_path / lies)) == PureWindowsPath(stored)


def test_without_a_mapping_nothing_is_guessed(tmp_path):
    assert paths.here(PathsConfig(), "/Volumes/archive/b.jpg") is None
    assert paths.stored(PathsConfig(), tmp_path / "b.jpg") is None


@pytest.mark.parametrize(
    ("stored", "common"),
    [
        (["/a/b/c.jpg", "/a/b/d/e.jpg"], "/a/b"),
        (["/a/bc/c.jpg", "/a/bd/e.jpg"], "/a"),
        (["D:\\x\\1\\a.jpg", "D:\\x\\2\\b.jpg"], "D:\\x"),
        (["a/b.jpg", "c/d.jpg"], None),
    ],
)
def test_the_common_beginning_of_paths(stored, common):
    assert paths.common_beginning(stored) == common


@pytest.fixture
def moved(tmp_path):
    """An archive whose database was written where the photos lay in another folder."""
    there, here = tmp_path / "there", tmp_path / "here"
    photos = [draw(there / f"loc-{n}" / f"{n}.jpg", "MORGUE", seed=n) for n in range(3)]
    box = Box(tmp_path / "archive")
    box.root.mkdir()
    application.make(box.root / "archive.db", 0, application.NEW, photos=photos)
    there.rename(here)
    return box, there, here


def test_photos_elsewhere_are_told_with_the_lines_to_write(moved):
    box, there, here = moved
    ran = box.ok("attach", "archive.db", "--yes")
    assert f'[paths]\nstored = "{there}"\nhere = ' in ran.out
    ran = box("tag")
    assert ran.code == 3 and f'[paths]\nstored = "{there}"\nhere = ' in ran.err
    assert box.ok("status", "--json").json["jobs"].get("queued", 0) == 0
    box.ok("attach", "--yes", "--map", f"{there}={here}")
    assert "Tagged 3 photos" in box.ok("tag").out
    assert box.ok("show", here / "loc-1" / "1.jpg", "--json").json["tags"][0]["label"] == "morgue"


def test_an_offline_share_stops_the_work_before_a_photo_is_claimed(moved):
    box, there, here = moved
    box.ok("attach", "archive.db", "--yes", "--map", f"{there}={here}")
    here.rename(here.with_name("unplugged"))
    for command in (("tag",), ("worker", "--until-empty"), ("enhance", "--missing")):
        ran = box(*command)
        assert ran.code == 3 and f"{here}, is not there" in ran.err, ran.err
    with closing(application.opened(box.root / "archive.db")) as db:
        assert db.execute("SELECT count(*) FROM ut_jobs").fetchone()[0] == 0


def test_a_mapping_to_a_folder_that_is_not_there_is_refused(moved):
    box, there, _ = moved
    ran = box("attach", "archive.db", "--yes", "--map", f"{there}=/not/there")
    assert ran.code == 2 and "/not/there is not there" in ran.err
    assert not (box.root / "urbextag.toml").exists()


def test_what_the_application_imports_and_moves_is_kept_up_with(tmp_path):
    release = application.SHORT
    photos = [draw(tmp_path / "p" / f"{n}.jpg", "WARD", seed=n) for n in range(2)]
    box = Box(tmp_path / "archive")
    box.root.mkdir()
    file = box.root / "archive.db"
    application.make(file, 0, release, photos=photos)
    box.ok("attach", file, "--yes")
    late = draw(tmp_path / "p" / "late.jpg", "CHAPEL", seed=9)
    with closing(application.opened(file)) as db, db:
        application.insert(db, release, range(0), photos=[late])
        photos[0].rename(tmp_path / "p" / "renamed.jpg")
        db.execute("UPDATE imgs SET imgloc = ? WHERE imgloc = ?", (str(tmp_path / "p" / "renamed.jpg"), str(photos[0])))
    box.ok("worker", "--until-empty")
    assert box.ok("show", "late.jpg", "--json").json["tags"]
    assert "Tagged 2 photos" in box.ok("tag").out
    photos[1].touch()
    assert "Tagged 1 photo" in box.ok("tag", "--photo", photos[1], "--yes").out
    ran = box("add", late)
    assert ran.code == 2 and "Import photos with the application" in ran.err


def test_an_archive_of_its_own_is_never_made_into_an_attached_one(box, tmp_path):
    file = tmp_path / "elsewhere" / "archive.db"
    file.parent.mkdir()
    application.make(file, 5, application.OLD)
    settings = (box.root / "urbextag.toml").read_text()
    ran = urbextag("--archive", box.root, "attach", file, "--yes")
    assert ran.code == 3 and "is an archive already" in ran.err
    ran = box("attach", "urbextag.db", "--yes")
    assert ran.code == 3 and "is an archive of its own" in ran.err
    assert (box.root / "urbextag.toml").read_text() == settings
    assert [path.name for path in file.parent.iterdir()] == ["archive.db"] or Path(f"{file}-wal").exists()


def test_only_the_applications_databases_are_attached(tmp_path):
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "recipes.db")) as db:
        db.execute("CREATE TABLE recipes (name)")
    ran = urbextag("attach", tmp_path / "recipes.db", "--yes")
    assert ran.code == 3 and "not a database of the archive application" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["recipes.db"]


def test_a_worker_without_work_takes_up_what_the_application_imports(tmp_path, monkeypatch):
    monkeypatch.setattr(working, "LOOK_AROUND_SECONDS", 0.1)
    release, file = application.SHORT, tmp_path / "archive.db"
    application.make(file, 0, release)
    urbextag("attach", file, "--yes")
    late = draw(tmp_path / "late.jpg", "CHAPEL", seed=9)
    with closing(application.opened(file)) as db, db:
        application.insert(db, release, range(0), photos=[late])
    with opened(tmp_path) as archive:
        taxonomy = archive.load_taxonomy()
        crew = working.Crew(lambda: build(archive.config, Kit(taxonomy, models=archive.config.models)))
        hand = working.Worker(archive, crew, make_deriver(archive.config, taxonomy, 1))
        hand.look_around = lambda: keep_up(archive, lambda label, done, total: None, queue=True)
        seen = []

        def told(outcome):
            seen.append(outcome)
            hand.stop.set()

        working.run(hand, until_empty=False, told=told)
    assert [Path(outcome.photo.path) for outcome in seen] == [late]
    assert urbextag("--archive", tmp_path, "show", "late.jpg", "--json").json["tags"]
