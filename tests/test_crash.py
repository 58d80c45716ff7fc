"""Workers that are killed at random: no photo is lost, none is tagged twice, nothing stays claimed."""

import random
import signal
import subprocess
import sys
import time
from contextlib import closing

from conftest import draw
from urbextag.store import jobs

PHOTOS = 160
KILLS = 10


def start(box):
    return subprocess.Popen(
        [sys.executable, "-m", "urbextag", "worker", "--until-empty"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_sigkill_at_random_loses_nothing(box, tmp_path):
    box.settings("[work]\nlease_seconds = 2.0\nthreads = 1\n")
    for number in range(PHOTOS):
        draw(tmp_path / "photos" / f"{number:03}.png", size=(240, 160), colour=(number % 256, 90, 120), seed=number)
    assert box.ok("add", tmp_path / "photos", "--json").json["new"] == PHOTOS
    chance = random.Random(20261122)
    due = sorted(chance.sample(range(5, 130), KILLS))  # photos done when the next worker is killed
    workers = [start(box), start(box)]
    kills = 0
    try:
        with closing(box.database()) as db:
            db.execute("CREATE TABLE saved (sha)")
            db.execute(
                """CREATE TRIGGER count_saves AFTER UPDATE OF state ON ut_jobs WHEN new.state = 'done'
                BEGIN INSERT INTO saved VALUES (new.sha); END"""
            )
            while any(worker.poll() is None for worker in workers):
                time.sleep(chance.uniform(0.005, 0.1))
                busy = [row[0] for row in db.execute("SELECT DISTINCT owner FROM ut_jobs WHERE state = 'running'")]
                victim = chance.randrange(2)
                is_busy = any(f":{workers[victim].pid}:" in owner for owner in busy)
                if kills < KILLS and is_busy and jobs.counts(db)["done"] >= due[kills]:
                    workers[victim].send_signal(signal.SIGKILL)
                    workers[victim].wait()
                    workers[victim] = start(box)
                    kills += 1
            assert kills == KILLS
            assert [worker.returncode for worker in workers] == [0, 0]
            assert jobs.counts(db) == {
                "queued": 0,
                "running": 0,
                "done": PHOTOS,
                "set_aside": 0,
                "missing": 0,
                "cancelled": 0,
            }
            assert db.execute("SELECT count(*) FROM ut_jobs WHERE owner NOT NULL").fetchone()[0] == 0
            assert (
                db.execute("SELECT count(DISTINCT sha) FROM ut_results WHERE stage = 'scene'").fetchone()[0] == PHOTOS
            )
            saved = db.execute("SELECT count(*), count(DISTINCT sha) FROM saved").fetchone()
            assert tuple(saved) == (PHOTOS, PHOTOS)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_a_killed_run_goes_on_and_its_workers_stop_with_it(box, tmp_path):
    for number in range(40):
        draw(tmp_path / "photos" / f"{number:03}.png", size=(240, 160), colour=(number, 90, 120), seed=number)
    box.ok("add", tmp_path / "photos")
    run = subprocess.Popen(
        [sys.executable, "-m", "urbextag", "tag"], cwd=box.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with closing(box.database()) as db:
        wait_for(lambda: jobs.counts(db)["done"] > 0)
        run.kill()
        run.wait()
        wait_for(lambda: jobs.counts(db)["running"] == 0)
        done = jobs.counts(db)["done"]
        time.sleep(1.0)
        assert jobs.counts(db)["done"] == done < 40
    assert "Tagged" in box.ok("tag").out
    assert box.ok("status", "--json").json["tagged"] == 40


def test_an_interrupted_run_finishes_what_is_in_hand(box, tmp_path):
    for number in range(40):
        draw(tmp_path / "photos" / f"{number:03}.png", size=(240, 160), colour=(number, 90, 120), seed=number)
    box.ok("add", tmp_path / "photos")
    run = subprocess.Popen(
        [sys.executable, "-m", "urbextag", "tag"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with closing(box.database()) as db:
        wait_for(lambda: jobs.counts(db)["done"] > 0)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "Go on" in said
        states = jobs.counts(db)
        assert states["running"] == 0
        assert states["done"] + states["queued"] == 40
        assert db.execute("SELECT max(deaths) FROM ut_jobs").fetchone()[0] == 0


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_killed_add_leaves_whole_photos_and_goes_on(box, tmp_path):
    for number in range(200):
        draw(tmp_path / "photos" / f"{number:03}.png", size=(600, 400), colour=(number % 256, 90, 120), seed=number)
    run = subprocess.Popen(
        [sys.executable, "-m", "urbextag", "add", tmp_path / "photos", "--location", "X"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with closing(box.database()) as db:
        wait_for(lambda: db.execute("SELECT count(*) FROM imgs").fetchone()[0] > 0)
        run.kill()
        run.wait()
        known = db.execute("SELECT count(*) FROM imgs").fetchone()[0]
        for table in ("ut_photos", "ut_paths", "ut_jobs"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == known
    report = box.ok("add", tmp_path / "photos", "--location", "X", "--json").json
    assert (report["unchanged"], report["new"]) == (known, 200 - known)
