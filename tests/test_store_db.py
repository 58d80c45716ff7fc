"""Opening an archive's database: fresh, old, newer, foreign, damaged, full."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from urbextag.errors import ArchiveError
from urbextag.store import migrations
from urbextag.store.db import connect, faults, write, write_in_slices


@pytest.fixture
def path(tmp_path):
    return tmp_path / "urbextag.db"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_fresh_database_has_the_published_columns(path):
    with closing(connect(path, create=True)) as db:
        columns = {row["name"] for row in db.execute("PRAGMA table_info(imgs)")}
        assert {"imgsha", "imgnam", "imgnamo", "imgloc", "imgloco", "locid", "subid"} <= columns
        assert {"auto_tags", "auto_tags_source", "auto_tags_confidence", "auto_tags_at", "quality_score"} <= columns
        assert {"view_type", "scene_view_type", "scene_confidence", "scene_model", "tagging_model"} <= columns
        assert {"vlm_description", "vlm_enhanced_tags", "vlm_readable_text", "auto_tags_legacy"} <= columns
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("INSERT INTO locs (locid, loc12, locnam, address_state) VALUES ('a', 'b', 'c', 'New York')")


def test_each_migration_runs_once(path):
    for _ in range(3):
        connect(path, create=True).close()
    with closing(connect(path)) as db:
        names = [row["name"] for row in db.execute("SELECT name FROM ut_migrations ORDER BY name")]
    assert names == [name for name, _ in migrations.MIGRATIONS]


def test_an_older_schema_is_brought_up_to_date_with_its_rows(path):
    name, sql = migrations.MIGRATIONS[0]
    with closing(sqlite3.connect(path)) as old:
        old.executescript(sql)
        old.execute("CREATE TABLE ut_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        old.execute("INSERT INTO ut_migrations VALUES (?, '2026-01-01T00:00:00Z')", (name,))
        old.execute("INSERT INTO locs (locid, loc12, locnam) VALUES ('1', '1', 'The Mill')")
        old.commit()
    with closing(connect(path)) as db:
        assert db.execute("SELECT locnam FROM locs").fetchone()[0] == "The Mill"
        assert db.execute("SELECT count(*) FROM ut_jobs").fetchone()[0] == 0


def test_two_processes_open_a_fresh_file_at_once(path):
    code = "import sys, pathlib; from urbextag.store.db import connect; connect(pathlib.Path(sys.argv[1]), create=True)"
    runs = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [(b"", 0)] * 4


def test_a_newer_file_is_refused_and_left_as_it_is(path):
    with closing(connect(path, create=True)) as db:
        db.execute("INSERT INTO ut_migrations VALUES ('9999-from-the-future', '2031-01-01T00:00:00Z')")
        db.execute("PRAGMA journal_mode = DELETE")
    before = digest(path)
    with pytest.raises(ArchiveError, match=r"newer.*9999-from-the-future.*Upgrade"):
        connect(path)
    assert digest(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name)")
    before = digest(path)
    with pytest.raises(ArchiveError, match="another program"):
        connect(path)
    assert digest(path) == before


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be looked at" * 40, b"SQLite format 3\0" * 300]
)
def test_a_file_that_is_no_database_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="not an intact SQLite database"):
        connect(path)
    assert path.read_bytes() == content


def test_a_missing_database_is_not_made_anew(path):
    with pytest.raises(ArchiveError, match="missing"):
        connect(path)
    assert not path.exists()


def test_a_write_is_all_or_nothing(path):
    with closing(connect(path, create=True)) as db:
        with pytest.raises(sqlite3.IntegrityError), write(db):
            db.execute("INSERT INTO ut_settings VALUES ('a', '1')")
            db.execute("INSERT INTO ut_settings VALUES ('a', '2')")
        assert db.execute("SELECT count(*) FROM ut_settings").fetchone()[0] == 0


def test_a_full_disk_is_said_and_loses_nothing(path):
    with closing(connect(path, create=True)) as db:
        with write(db):
            db.execute("INSERT INTO ut_settings VALUES ('kept', 'x')")
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0] + 2}")
        with (
            pytest.raises(ArchiveError, match="disk is full.*nothing that was finished is lost"),
            faults(path),
            write(db),
        ):
            db.execute("INSERT INTO ut_settings VALUES ('large', ?)", ("x" * 100_000,))
        assert [row["key"] for row in db.execute("SELECT key FROM ut_settings")] == ["kept"]


def test_a_locked_database_is_said(path):
    connect(path, create=True).close()
    with closing(connect(path)) as holder, closing(connect(path)) as db, write(holder):
        db.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(ArchiveError, match="locked"), faults(path), write(db):
            pass


def test_a_long_write_takes_every_item_once_and_in_order(path):
    with closing(connect(path, create=True)) as db:
        slices = []

        def each(part):
            assert db.in_transaction
            slices.append(list(part))

        write_in_slices(db, range(10_000), each)
        write_in_slices(db, [], each)
    assert [item for part in slices for item in part] == list(range(10_000))
    assert len(slices) > 1


def test_a_long_write_that_fails_keeps_the_slices_before(path):
    with closing(connect(path, create=True)) as db:

        def each(part):
            db.executemany("INSERT INTO ut_settings VALUES (?, '')", [(str(item),) for item in part])
            if 500 in part:
                raise RuntimeError("the plug was pulled")

        with pytest.raises(RuntimeError):
            write_in_slices(db, range(1000), each)
        kept = {int(row["key"]) for row in db.execute("SELECT key FROM ut_settings")}
    assert 0 < len(kept) <= 500
    assert kept == set(range(len(kept)))
