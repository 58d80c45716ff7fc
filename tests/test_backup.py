"""`backup`: a copy that is proved, made while others write, whole or not there at all."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Box, draw
from urbextag.store.db import write


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def filled(box, tmp_path):
    draw(tmp_path / "photos" / "a.jpg", "WARD")
    box.ok("add", tmp_path / "photos", "--location", "The Mill")
    return box


def test_a_backup_holds_the_database_the_settings_and_what_they_name(filled, share, tmp_path):
    (filled.root / "words.yaml").write_text("concepts: []\n")
    (tmp_path / "calibration.yaml").write_text("{}\n")
    filled.settings(f'[taxonomy]\nfiles = ["words.yaml"]\ncalibration = "{tmp_path}/calibration.yaml"\n')
    made = filled.ok("backup", share, "--json").json
    folder = Path(made["backup"])
    assert folder.parent == share and [path.name for path in share.iterdir()] == [folder.name]
    assert made["files"] == ["urbextag.db", "urbextag.toml", "words.yaml", "elsewhere/calibration.yaml"]
    assert hashlib.sha256((folder / "urbextag.db").read_bytes()).hexdigest() == made["sha256"]
    with closing(sqlite3.connect(folder / "urbextag.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT locnam FROM locs").fetchall() == [("The Mill",)]
    assert not [path for path in filled.root.iterdir() if "backup" in path.name]


def test_a_backup_restored_is_the_archive(filled, share, tmp_path):
    folder = Path(filled.ok("backup", share, "--json").json["backup"])
    shutil.copytree(folder, tmp_path / "restored")
    assert Box(tmp_path / "restored").ok("status", "--json").json["photos"] == 1


def test_a_backup_is_of_one_state_while_another_process_writes(filled, share):
    stop = threading.Event()

    def add_pairs():
        with closing(filled.database()) as db:
            for number in range(100_000):
                if stop.is_set():
                    return
                with write(db):
                    for half in "ab":
                        row = (f"{number}{half}", f"{number}{half}", "x")
                        db.execute("INSERT INTO locs (locid, loc12, locnam) VALUES (?, ?, ?)", row)

    writer = threading.Thread(target=add_pairs)
    writer.start()
    try:
        folders = [Path(filled.ok("backup", share, "--json").json["backup"]) for _ in range(2)]
    finally:
        stop.set()
        writer.join()
    for folder in folders:
        with closing(sqlite3.connect(folder / "urbextag.db")) as db:
            assert db.execute("SELECT count(*) FROM locs WHERE locnam = 'x'").fetchone()[0] % 2 == 0


def test_older_backups_go_only_when_asked_and_only_this_archives(filled, share):
    made = Path(filled.ok("backup", share, "--json").json["backup"])
    name = made.name.rpartition(".")[0]
    older = [share / f"{name}.2025010{day}-120000-000000" for day in (1, 2, 3)]
    others = [share / "other-123456.20250101-120000-000000", share / f"{name}.notes", share / "photo.jpg"]
    for folder in older + others:
        folder.mkdir()
    made.rename(share / f"{name}.20250104-120000-000000")
    filled.ok("backup", share)
    assert all(folder.is_dir() for folder in older)
    removed = filled.ok("backup", share, "--keep", "2", "--json").json["removed"] if _next_second() else []
    assert set(map(str, older)) < set(removed)
    assert all(folder.is_dir() for folder in others)


def _next_second():
    import time

    time.sleep(1.1)
    return True


def test_a_folder_that_is_not_there_is_said(filled, tmp_path):
    ran = filled("backup", tmp_path / "offline")
    assert ran.code == 3 and "is not there" in ran.err and not (tmp_path / "offline").exists()


def test_a_full_disk_is_said_and_leaves_nothing(filled, tmp_path):
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount")
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "small", small]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        ran = filled("backup", small)
        assert ran.code == 3 and "disk is full" in ran.err, ran.err
        assert not list(small.iterdir())
    finally:
        subprocess.run(["umount", small], check=True)
