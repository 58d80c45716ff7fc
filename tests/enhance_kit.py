"""What the tests of `enhance` share: a tagged archive to copy, the command line in this process and in others."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from conftest import Box, Ran
from fake_ollama import FakeOllama
from make_photos import make_jpeg
from urbextag.cli import app

MILL = tuple(f"m{number}.jpg" for number in range(6))
WARD = ("w0.jpg", "w1.jpg")
FACTORY = ("--type", "factory", "--city", "Utica", "--state", "NY")
_made: list[Path] = []


@dataclass(frozen=True)
class Bench(Box):
    """An archive with two places: The Mill, a factory with six photos, and The Ward with two. All are tagged."""

    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def here(self, *arguments: object, code: int = 0) -> Ran:
        """The real command line in this process, which saves the time to import it; insists on the exit code."""
        out, err, ended = io.StringIO(), io.StringIO(), 0
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        words = ["urbextag", "--archive", str(self.root), *map(str, arguments)]
        try:
            with (
                mock.patch.object(sys, "argv", words),
                mock.patch.object(sys, "stdin", io.StringIO()),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                app.main()
        except SystemExit as end:
            ended = int(end.code or 0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        assert ended == code, f"{arguments}: exit {ended}\n{out.getvalue()}\n{err.getvalue()}"
        return Ran(ended, out.getvalue(), err.getvalue())

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """The command in a process of its own, going on; it is killed when the test ends."""
        command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
        pipe = subprocess.PIPE
        run = subprocess.Popen(command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        self.started.append(run)
        return run

    def serve(self, *fakes: FakeOllama, work: str = "", **vlm: object) -> None:
        """Settings with these servers; a machine that works for its tests counts as idle."""
        names = {"idle_only": False, "longest_px": 256, **vlm}
        said = "".join(f"{name} = {json.dumps(value)}\n" for name, value in names.items())
        ends = "".join(f'[[vlm.endpoints]]\nurl = "{fake.url}"\n' for fake in fakes)
        self.settings(f"[work]\nthreads = 1\nworkers = 1\n{work}\n[vlm]\n{said}{ends}")

    def rows(self, query: str, *arguments: object) -> list[Any]:
        with closing(self.database()) as db:
            return [tuple(row) if len(row) > 1 else row[0] for row in db.execute(query, arguments)]

    def names(self, condition: str) -> set[str]:
        """Photos by a condition on their row, their job of the VLM queue and their `ut_photos`."""
        tables = """imgs JOIN ut_photos ON ut_photos.sha = imgsha LEFT JOIN ut_vlm_jobs AS job ON job.sha = imgsha"""
        return set(self.rows(f"SELECT imgnam FROM {tables} WHERE {condition}"))

    def described(self) -> set[str]:
        return self.names("vlm_processed_at IS NOT NULL")

    def states(self) -> dict[str, str]:
        return dict(self.rows("SELECT imgnam, state FROM ut_vlm_jobs JOIN imgs ON imgsha = sha"))

    def costs(self) -> tuple[int, int, int]:
        """Over all photos: strikes, deaths, and jobs that somebody holds."""
        (row,) = self.rows("SELECT sum(strikes), sum(deaths), count(owner) FROM ut_vlm_jobs")
        return tuple(row)

    def keep_saves(self) -> None:
        """From here on each answer that is saved is put down."""
        with closing(self.database()) as db:
            db.execute("CREATE TABLE saved (sha)")
            db.execute(
                """CREATE TRIGGER keep_saves AFTER UPDATE OF vlm_processed_at ON imgs
                BEGIN INSERT INTO saved VALUES (new.imgsha); END"""
            )


def ended(run: subprocess.Popen[str], seconds: float = 60.0) -> Ran:
    out, err = run.communicate(timeout=seconds)
    return Ran(run.returncode, out, err)


def wait_for(condition: Callable[[], object], seconds: float = 40.0) -> float:
    """Wait until it holds; returns the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - began


def _make(root: Path) -> Path:
    """The archive, tagged, without servers; its photos lie in it, so that a copy is an archive of its own."""
    bench = Bench(root)
    bench.here("init", root)
    bench.serve()
    for number, name in enumerate(MILL):
        words = [b"peeling paint", b"interior"] if number else [b"collapsed roof", b"exterior"]
        make_jpeg(_room(root, "mill") / name, (320, 240), seed=number, iptc=words)
    for number, name in enumerate(WARD):
        make_jpeg(_room(root, "ward") / name, (320, 240), seed=100 + number, text="WARD 7", iptc=[b"hallway"])
    bench.here("add", root / "photos" / "mill", "--location", "The Mill", *FACTORY)
    bench.here("add", root / "photos" / "ward", "--location", "The Ward")
    bench.here("tag")
    return root


def _room(root: Path, name: str) -> Path:
    folder = root / "photos" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(name="bench")
def make_bench(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """A copy of the tagged archive; processes that were started there end with the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "160")
    if not _made:  # once for all files that use this
        _made.append(_make(tmp_path_factory.mktemp("enhance") / "archive"))
    bench = Bench(Path(shutil.copytree(_made[0], tmp_path / "archive")))
    yield bench
    for run in bench.started:
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
        run.communicate()


@pytest.fixture(name="fake")
def make_fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server
