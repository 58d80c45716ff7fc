"""A disk that is really full: a small file system of its own, mounted where that is allowed."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Box, draw, urbextag
from urbextag.store.db import connect


@pytest.fixture
def small_disk(tmp_path):
    """2 MiB of memory, mounted as a disk; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if not mount or os.geteuid() != 0:
        pytest.skip("only root may mount")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "small", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    box = Box(small_disk / "archive")
    urbextag("init", box.root)
    for number in range(40):
        draw(tmp_path / "p" / f"{number:02}.png", size=(200, 150), colour=(number, 0, 0), seed=number)
    box.ok("add", tmp_path / "p" / "00.png")
    box.ok("tag")
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(b"x" * max(0, free - 8192))
    ran = box("add", tmp_path / "p")
    assert ran.code == 3, ran.err
    assert "disk is full" in ran.err and "Free some space" in ran.err
    filler.unlink()
    with closing(connect(box.root / "urbextag.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT count(*) FROM ut_photos WHERE tagged_at IS NOT NULL").fetchone()[0] == 1
    assert box.ok("add", tmp_path / "p", "--json").json["new"] == 39


def test_a_disk_that_fills_up_while_tagging_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    box = Box(small_disk / "archive")
    urbextag("init", box.root)
    for number in range(30):
        draw(tmp_path / "p" / f"{number:02}.png", "WARD", size=(200, 150), colour=(number, 0, 0), seed=number)
    box.ok("add", tmp_path / "p")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * max(0, shutil.disk_usage(small_disk).free - 60_000))
    ran = box("tag")
    assert ran.code == 3, ran.err
    assert "disk is full" in ran.err
    filler.unlink()
    done = box.ok("status", "--json").json["tagged"]
    assert f"Tagged {30 - done} photo" in box.ok("tag").out
    with closing(connect(box.root / "urbextag.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT max(deaths) + max(strikes) FROM ut_jobs").fetchone()[0] == 0
