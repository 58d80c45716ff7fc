"""Deriving again in several processes: same results, no decision lost, nothing rewritten, nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from urbextag import rederive as rederiving
from urbextag.archive import opened
from urbextag.config import Config
from urbextag.deriver import Deriver
from urbextag.files import FileStamp
from urbextag.pipeline import build, fingerprint
from urbextag.records import Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.stages.base import Kit
from urbextag.store import decisions, findings, locations, photos, results
from urbextag.store.db import write
from urbextag.taxonomy import load_taxonomy

COUNT = 840
LOTS = (100, 200)
"""`CHUNK` and `WORTH_A_PROCESS` that go with so few photos, so that two processes share them in several chunks."""
TAG = """import sys
from urbextag import rederive
from urbextag.cli.app import main
rederive.CHUNK, rederive.WORTH_A_PROCESS = LOTS
sys.argv[1:] = ["tag", "--scope", "changed", "--yes"]
main()""".replace("LOTS", repr(LOTS))
WORDS = ("a rusty boiler beside a row of lockers", "a wheelchair in a hallway", "peeling paint over a stained mattress")
MINE = "facet: object\nconcepts:\n  wheelchair:\n    synonyms: [rolling invalid seat]\n"


def fill(box, count):
    """Photos as a profile leaves them, not derived yet."""
    with closing(box.database()) as db, write(db):
        place = locations.find_or_make(db, "The Ward")
        for number in range(count):
            sha = f"{number:064x}"
            facts = PhotoFacts("jpeg", 60, 40)
            stamp = FileStamp(number, number)
            photos.add(db, sha, f"{number}.jpg", f"/{number}.jpg", stamp, facts, place, current_gone=False, move=False)
            said = (Evidence("florence", f"{WORDS[number % 3]} in room {number}"),)
            scene = {"view_type": "interior", "confidence": 0.9, "model": "x", "reasons": ()}
            stages = (StageResult("florence", said, {"model": "x"}), StageResult("scene", (), scene))
            results.save(db, PhotoResult(PhotoRef(sha, ""), facts, stages, 0.1), "f", "starter")


def stand(box):
    with closing(box.database()) as db:
        rows = db.execute("SELECT sha, concept, confidence, origin, why FROM ut_tags ORDER BY sha, concept")
        return [tuple(row) for row in rows]


def derive_all(box, processes):
    with opened(box.root) as archive:
        deriver = Deriver(archive.load_taxonomy())
        shas = rederiving.stale(archive.db, deriver, "f")
        seen = []
        rederiving.rederive(archive, deriver, shas, processes, seen.append)
        assert rederiving.stale(archive.db, deriver, "f") == []
    return seen[-1]


def test_several_processes_find_what_one_finds_and_leave_alone_what_stands(box, tmp_path, monkeypatch):
    monkeypatch.setattr(rederiving, "CHUNK", LOTS[0])
    monkeypatch.setattr(rederiving, "WORTH_A_PROCESS", LOTS[1])
    fill(box, COUNT)
    shutil.copytree(box.root, tmp_path / "other")
    other = type(box)(tmp_path / "other")
    assert derive_all(box, 1) == derive_all(other, 2) == COUNT
    assert stand(box) == stand(other) and len(stand(box)) > COUNT
    with closing(box.database()) as db, write(db):
        db.execute("UPDATE imgs SET auto_tags_at = 'then'")
    (box.root / "mine.yaml").write_text(MINE, encoding="utf-8")
    box.settings('[taxonomy]\nfiles = ["mine.yaml"]\n')
    assert derive_all(box, 2) == COUNT
    with closing(box.database()) as db:
        assert [tuple(row) for row in db.execute("SELECT DISTINCT auto_tags_at FROM imgs")] == [("then",)]


def test_a_decision_between_deriving_and_writing_is_not_lost(box):
    fill(box, 3)
    shas = [f"{number:064x}" for number in range(3)]
    with opened(box.root) as archive:
        db, deriver = archive.db, Deriver(load_taxonomy())
        derived = rederiving.derive_chunk(db, deriver, shas)
        with write(db):
            decisions.decide(db, shas[1], "object/furniture/seat/chair/wheelchair", "wheelchair", "reject")
        with write(db):
            rederiving._save(db, deriver, derived)
        tags = {sha: {tag.label for tag in findings.tags(db, sha)} for sha in shas}
    assert "wheelchair" not in tags[shas[1]]
    assert "boiler" in tags[shas[0]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_behind_when_it_is_stopped(box, number):
    fill(box, COUNT)
    with closing(box.database()) as db, write(db):  # what `tag` would think that these stages are
        stages = fingerprint(build(Config(), Kit(load_taxonomy())))
        db.execute("UPDATE ut_photos SET stages_fingerprint = ?", (stages,))
    run = subprocess.Popen(
        [sys.executable, "-c", TAG], cwd=box.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    parent = psutil.Process(run.pid)
    children = []
    end = time.monotonic() + 60
    while len(children) < 2 and time.monotonic() < end:
        children = [child for child in parent.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
        time.sleep(0.05)
    assert len(children) >= 2
    os.kill(run.pid, number)
    assert run.wait(60) == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert box.ok("tag", "--scope", "changed", "--yes").out
    assert len({sha for sha, *_ in stand(box)}) == COUNT
