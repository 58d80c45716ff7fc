"""Stages that crash, stall or break, plugged in like real ones: whose fault is it, and does the run go on?"""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import urbextag
from conftest import draw
from urbextag.store import jobs

FAKE = '''
"""A stage that misbehaves."""
import os, signal, time
from urbextag.records import Failure, StageResult
from urbextag.stages.base import StageOptions

class FakeStage:
    name, version, Options, needs_px = "fake", "1", StageOptions, 64

    def __init__(self, options, kit):
        self.options = options

    def load(self):
        pass

    def run(self, batch):
        {body}
        return [StageResult("fake") for shot in batch]
'''


@pytest.fixture
def with_fake(box, tmp_path):
    """Run the command with a package that has one stage more, whose `run` has this body."""
    package = tmp_path / "fake" / "urbextag"
    shutil.copytree(Path(urbextag.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    pipeline = package / "pipeline.py"
    scene = '    "urbextag.stages.scene:SceneStage",\n'
    text = pipeline.read_text(encoding="utf-8")
    for slow in ("ocr:OcrStage", "imagenet:ImagenetStage"):
        text = text.replace(f'    "urbextag.stages.{slow}",\n', "")
    pipeline.write_text(text.replace(scene, '    "urbextag.stages.fake:FakeStage",\n' + scene), encoding="utf-8")

    def run(body, *arguments, popen=False):
        (package / "stages" / "fake.py").write_text(FAKE.format(body=body), encoding="utf-8")
        command = [sys.executable, "-m", "urbextag", *arguments]
        environment = os.environ | {"PYTHONPATH": str(package.parent)}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1"}  # another body within the same second counts too
        if popen:
            return subprocess.Popen(command, cwd=box.root, env=environment, stderr=subprocess.DEVNULL)
        return subprocess.run(
            command, cwd=box.root, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run


def photos(box, folder, count):
    for number in range(count):
        draw(folder / f"{number:02}.png", size=(200, 150), colour=(number, 0, 0), seed=number)
    box.ok("add", folder)


def counts(box):
    with closing(box.database()) as db:
        return {state: number for state, number in jobs.counts(db).items() if number}


def test_a_photo_that_kills_its_worker_is_set_aside_and_the_rest_is_tagged(box, tmp_path, with_fake):
    photos(box, tmp_path / "p", 12)
    body = 'if any(shot.photo.path.endswith("05.png") for shot in batch): os.kill(os.getpid(), signal.SIGKILL)'
    ran = with_fake(body, "tag")
    assert ran.returncode == 5, ran.stderr
    assert counts(box) == {"done": 11, "set_aside": 1}
    assert "05.png: the worker died each time" in ran.stdout


def test_a_photo_that_breaks_a_stage_is_set_aside_alone(box, tmp_path, with_fake):
    photos(box, tmp_path / "p", 10)
    body = 'if any(shot.photo.path.endswith("05.png") for shot in batch): raise ValueError("strange")'
    ran = with_fake(body, "tag")
    assert ran.returncode == 5
    assert counts(box) == {"done": 9, "set_aside": 1}
    assert "fake: broke: ValueError: strange" in ran.stdout


def test_junk_instead_of_results_is_a_failure(box, tmp_path, with_fake):
    photos(box, tmp_path / "p", 2)
    ran = with_fake("return []", "tag")
    assert ran.returncode == 5
    assert "0 results for 1 photos" in ran.stdout


def test_a_stage_that_breaks_on_every_photo_stops_the_work_and_costs_no_photo(box, tmp_path, with_fake):
    photos(box, tmp_path / "p", 20)
    ran = with_fake('raise RuntimeError("no memory")', "tag")
    assert ran.returncode == 6, ran.stdout
    assert "in a row broke the stage 'fake'" in ran.stderr
    assert counts(box) == {"queued": 20}
    with closing(box.database()) as db:
        assert db.execute("SELECT max(strikes) FROM ut_jobs").fetchone()[0] == 0
    assert with_fake("pass", "tag").returncode == 0
    assert counts(box) == {"done": 20}


def test_a_slow_photo_keeps_its_lease(box, tmp_path, with_fake):
    box.settings("[work]\nlease_seconds = 1.0\nbatch = 1\n")
    photos(box, tmp_path / "p", 3)
    first = with_fake("time.sleep(2.5)", "worker", "--until-empty", popen=True)
    second = with_fake("time.sleep(2.5)", "worker", "--until-empty", popen=True)
    assert [first.wait(60), second.wait(60)] == [0, 0]
    assert counts(box) == {"done": 3}
    with closing(box.database()) as db:
        assert db.execute("SELECT max(deaths) FROM ut_jobs").fetchone()[0] == 0


def test_neighbouring_bad_photos_do_not_stop_the_work(box, tmp_path, with_fake):
    photos(box, tmp_path / "p", 20)
    body = 'if any(shot.photo.path[-6:-4] in ("04", "05", "06", "07") for shot in batch): raise ValueError("strange")'
    assert with_fake(body, "tag").returncode == 5
    assert counts(box) == {"done": 16, "set_aside": 4}


def test_a_worker_that_is_stopped_does_not_make_the_run_a_success(box, tmp_path, with_fake):
    box.settings("[work]\nworkers = 1\n")
    photos(box, tmp_path / "p", 12)
    ran = with_fake("os.kill(os.getpid(), signal.SIGTERM)", "tag")
    assert ran.returncode == 1
    assert "8 photos still queued" in ran.stderr
    assert counts(box) == {"done": 4, "queued": 8}
