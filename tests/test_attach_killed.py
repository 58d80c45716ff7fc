"""`attach` killed at random, ten times, ever nearer to the moment that counts: the file is attached or it is not."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import application_db as application
from conftest import Box

ROWS = 4000


def state(path):
    """(our tables, published columns, integrity)."""
    with closing(sqlite3.connect(path)) as db:
        tables = {
            row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'ut%' AND type = 'table'")
        }
        columns = {row[1] for row in db.execute("PRAGMA table_info(imgs)")}
        return tables, columns & {"tagging_model", "vlm_model"}, db.execute("PRAGMA integrity_check").fetchone()[0]


def test_attach_killed_at_random_is_never_half_done(tmp_path):
    release, chance = application.NEW, random.Random(5)
    template = tmp_path / "template.db"
    application.make(template, ROWS, release, tagged=True)
    before = application.content_hash(template, release)
    whole = set()
    early, late = 0.0, 2.0  # seconds; between them lies the moment at which the file becomes attached
    for number in range(10):
        box = Box(tmp_path / str(number))
        box.root.mkdir()
        file = box.root / "archive.db"
        file.write_bytes(template.read_bytes())
        command = [sys.executable, "-m", "urbextag", "attach", str(file), "--yes"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        delay = chance.uniform(early, late)
        time.sleep(delay)
        process.kill()
        process.wait()
        tables, columns, integrity = state(file)
        assert integrity == "ok"
        assert bool(tables) == bool(columns)
        assert len(columns) in (0, 2)
        if tables:
            whole |= tables
            assert tables == whole
            assert box.ok("status", "--json").json["photos"] <= ROWS
        elif (box.root / "urbextag.toml").exists():
            ran = box("status")
            assert ran.code == 3 and "urbextag attach" in ran.err
        if tables:
            late = max(delay, early + 0.2)
        else:
            early, late = delay, max(late, delay + 0.2)
        assert application.content_hash(file, release) == before
        if number == 9:
            box.ok("attach", file, "--yes")
            with closing(sqlite3.connect(file)) as db:
                for table in ("ut_photos", "ut_paths"):
                    assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == ROWS
                assert db.execute("SELECT count(*) FROM ut_originals").fetchone()[0] == ROWS - ROWS // 6
            box.ok("detach", "--yes")
            assert application.content_hash(file, release) == before
        for path in box.root.iterdir():
            path.unlink()
