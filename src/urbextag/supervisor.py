"""Work off one request with worker processes: start them, bury and replace those that die, report the counts.

Models run in child processes, so that a decoder that crashes on a strange file takes down a worker and not the run.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from urbextag.archive import Archive
from urbextag.config import Config
from urbextag.errors import ModelError, UrbextagError
from urbextag.store import jobs
from urbextag.store.db import write
from urbextag.worker import make_name

POLL_SECONDS = 0.25
MAX_FRUITLESS = 3
"""So many workers in a row that are killed without a photo in hand speak against this machine."""
POLL_SHARE = 30
"""Counting a request of 500,000 photos takes a while; it may take a thirtieth of the time at most."""
WORKER_MIB = 450
"""Memory that a worker takes at its peak besides the models that are pulled, as `make bench` shows."""
PACKAGED_WORKERS_MIB = 1500
"""What all workers of the profile `starter` together may take unless the settings say how many to run."""


@dataclass(slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]


def worker_count(config: Config) -> int:
    """Worker processes to run: as configured, else one per core as far as memory allows.

    Models that are pulled may take a quarter of the machine's memory, and one worker runs in any case. On a GPU, which
    one process fills, it is one.

    Raises:
        ModelError: the profile's models are not here.

    """
    if config.work.workers:
        return config.work.workers
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    if config.profile == "starter":
        return max(1, min(cores(), min(memory // 2, PACKAGED_WORKERS_MIB) // WORKER_MIB))
    from urbextag.models.providers import choose

    if choose(config.models.provider)[0] != "CPUExecutionProvider":
        return 1
    return max(1, min(cores(), memory // 4 // (WORKER_MIB + _models_mib(config))))


def hands(config: Config, photos: int) -> int:
    """Worker processes for so many photos: one takes a batch at a time, so a few photos are the work of one."""
    return min(worker_count(config), max(1, math.ceil(photos / config.work.batch)))


def _models_mib(config: Config) -> int:
    """Memory of the profile's models at work: as the catalogue says, else half as much again as their files."""
    from urbextag.models.installed import installed, models_folder

    chosen = [(config.models.scene, config.models.scene_precision)]
    if config.profile == "standard":
        chosen.append((config.models.tags, config.models.tags_precision))
    total = 0
    for name, precision in chosen:
        model = installed(models_folder(config.models), name, precision)
        files = sum(path.stat().st_size for path in model.parts.values())
        total += model.spec.memory_mib.get(precision, files * 3 // 2 // 2**20)
    return total


def thread_count(config: Config) -> int:
    """Model threads per worker: as configured, else the cores shared out, so that workers do not fight."""
    return config.work.threads or max(1, cores() // worker_count(config))


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(archive: Archive, request: str, told: Callable[[dict[str, int], str | None], None]) -> None:
    """Run workers until the request's queue is empty. `told` hears the counts by state and since when work is paused.

    On an interruption the workers finish the photos in hand; what is queued stays queued.

    Raises:
        UrbextagError: a worker stopped on an error, which it has printed; with that error's exit code.

    """
    photos = jobs.open_count(archive.db, request)
    children = [_start(archive, request) for _ in range(hands(archive.config, photos))]
    fruitless = 0
    wait = POLL_SECONDS
    try:
        while children:
            with suppress(subprocess.TimeoutExpired):  # it wakes up when the first worker ends, as most requests do
                children[0].process.wait(wait)
            asked = time.monotonic()
            told(jobs.counts(archive.db, request), jobs.paused_since(archive.db))
            wait = max(POLL_SECONDS, POLL_SHARE * (time.monotonic() - asked))
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                if _died(child):
                    with write(archive.db):
                        held = jobs.bury_owner(archive.db, child.name)
                    fruitless = 0 if held else fruitless + 1
                    if fruitless >= MAX_FRUITLESS:
                        raise ModelError(f"{fruitless} workers in a row were killed at once", "See: urbextag doctor")
                    children.append(_start(archive, request))
    except ModelError:
        _stop(archive, children)
        with write(archive.db):  # what broke the others' photos meanwhile was the same stage
            jobs.forgive_request(archive.db, request)
        raise
    finally:
        _stop(archive, children)
        told(jobs.counts(archive.db, request), None)
    left = jobs.open_count(archive.db, request)
    if left:
        raise UrbextagError(f"the workers were stopped with {left} photos still queued", "Go on: urbextag tag")


def _start(archive: Archive, request: str) -> _Child:
    name = make_name()
    arguments = ["--archive", str(archive.root), "worker", "--until-empty", "--request", request, "--name", name]
    process = subprocess.Popen(
        # -P: no file of the current folder stands in for a module
        [sys.executable, "-P", "-m", "urbextag", *arguments, "--with-parent"],
        stdin=subprocess.PIPE,  # never written: it closes when this process ends, however it ends
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches this process alone, which stops its workers in good order
    )
    return _Child(name, process)


def _died(child: _Child) -> bool:
    """Whether a worker that ended was killed and is to be replaced; False where it stopped in good order.

    Raises:
        UrbextagError: it stopped on an error of its own.

    """
    code = child.process.returncode
    if child.process.stdin:
        child.process.stdin.close()
    if code == 0:
        return False
    if code > 0:
        kind = ModelError if code == ModelError.exit_code else UrbextagError
        error = kind("a worker stopped", "Its message is above; mend that and run the command again")
        error.exit_code = code
        raise error
    return True


def _stop(archive: Archive, children: list[_Child]) -> None:
    """Stop the workers after the photos in hand; none is left in the list."""
    for child in children:
        child.process.terminate()
    for child in children:
        try:
            child.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
        if child.process.stdin:
            child.process.stdin.close()
        with write(archive.db):
            jobs.release(archive.db, child.name)
    children.clear()
