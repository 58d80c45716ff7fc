"""An archive that the application made, attached, tagged, rebuilt by the application, attached again and detached."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import application_db as application
from conftest import Box, draw
from urbextag.store.db import connect
from urbextag.store.migrations import PUBLISHED

ROWS = 300
"""The suite's; by hand it was tried with 50,000."""
TAGGING = [name for name in PUBLISHED if name in application.TAGGING]


class Attached(Box):
    """An archive in the application's database; run commands with it, without `--archive`."""

    @property
    def file(self):
        return self.root / "archive.db"

    def database(self):
        return connect(self.file)

    def published(self, release):
        """All published columns of all photos."""
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(f"SELECT {release.key}, {', '.join(PUBLISHED)} FROM imgs ORDER BY 1").fetchall()


def attached(folder: Path, release, rows=ROWS, *, photos=(), tagged=False) -> Attached:
    folder.mkdir(exist_ok=True)
    box = Attached(folder)
    application.make(box.file, rows, release, photos=photos, tagged=tagged)
    box.ok("attach", box.file, "--yes")
    return box


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [draw(folder / f"{number}.jpg", "BOILER ROOM", "WARD 7", seed=number) for number in range(3)]


def intact(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize("release", application.RELEASES, ids=("old", "tagged", "new", "short keys"))
def test_attach_tag_rebuild_attach_again_detach(release, photos, tmp_path):
    box = Attached(tmp_path)
    with_tags = bool(release.tagging)
    keys = application.make(box.file, ROWS, release, photos=photos, tagged=with_tags)
    before, schema = application.content_hash(box.file, release), application.schema(box.file)
    own = application.content_hash(box.file, release, without=TAGGING)
    report = box.ok("attach", box.file, "--yes", "--json").json
    assert (report["photos"], report["adopted"], report["missing"]) == (ROWS + 3, ROWS + 3, ROWS)
    assert report["keys"] == ("sha256" if release.digits == 64 else "other")
    assert application.content_hash(box.file, release) == before
    with closing(sqlite3.connect(report["backup"])) as backup:
        assert backup.execute("SELECT count(*) FROM imgs").fetchone()[0] == ROWS + 3
        assert not backup.execute("SELECT 1 FROM sqlite_master WHERE name LIKE 'ut%'").fetchone()
    ran = box.ok("tag", "--json", code=5)
    assert f"{ROWS:,} of {ROWS + 3:,} photos are not where the database says, for example /Volumes" in ran.err
    assert (ran.json["done"], ran.json["missing"]) == (3, ROWS)
    published = box.published(release)
    tagged = {row[0]: row for row in published if row[0] in keys[:3]}
    assert all("boiler room" in json.loads(row[1]) and row[2] == "urbextag" for row in tagged.values())
    for foreign_keys in (False, True):
        application.rebuild(box.file, release, foreign_keys=foreign_keys)
        ran = box("status")
        assert ran.code == 3 and "rebuilt its tables" in ran.err and "urbextag attach" in ran.err
        box.ok("attach", "--yes")
        assert box.published(release) == published
    assert application.content_hash(box.file, release, without=TAGGING) != own  # the application's own notes cascaded
    box.ok("show", photos[0], "--json")
    ran = box.ok("detach", "--yes", "--json").json
    application_rows = application.content_hash(box.file, release)
    application.make(tmp_path / "again.db", ROWS, release, photos=photos, tagged=with_tags)
    application.rebuild(tmp_path / "again.db", release, foreign_keys=True)
    assert application_rows == application.content_hash(tmp_path / "again.db", release)
    assert application.schema(box.file) == application.schema(tmp_path / "again.db")
    assert {row[:3] for row in schema} == {row[:3] for row in application.schema(box.file)}
    assert intact(box.file)
    assert not (box.root / "urbextag.toml").exists()
