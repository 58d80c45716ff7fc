"""Measure, print each figure beside its target, and count the targets met."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import data
from urbextag.supervisor import cores

WORK = Path(__file__).parent / "work"
MIB = 2**20


@dataclass(frozen=True)
class Figure:
    """One measured figure. `at_most`: it must not be above its target, else not below."""

    name: str
    value: float
    target: float
    unit: str
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.target if self.at_most else self.value >= self.target

    def line(self) -> str:
        """A row of the table."""
        sign = "<=" if self.at_most else ">="
        return f"{'ok  ' if self.met else 'MISS'} {self.name:<58} {self.value:7.2f} {sign} {self.target} {self.unit}"


def urbextag(*arguments: object, codes: tuple[int, ...] = (0,)) -> float:
    """Wall seconds of one run of the command."""
    command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return seconds


def median(part: Callable[[], float], runs: int = 7) -> float:
    """Median of several runs, after one that warms the file cache."""
    part()
    return statistics.median(part() for _ in range(runs))


def start_up() -> list[Figure]:
    """`--help`, and `status` on an archive of 100,000 photos."""
    archive = WORK / "large"
    data.large_archive(archive, 100_000)
    return [
        Figure("urbextag --help, seconds", median(lambda: urbextag("--help")), 0.3, "s"),
        Figure(
            "urbextag status, archive of 100,000 photos, seconds",
            median(lambda: urbextag("--archive", archive, "status")),
            0.5,
            "s",
        ),
    ]


def throughput() -> list[Figure]:
    """`tag` against the bare decode and model calls on the same photos, each a whole process, in turn."""
    photos = data.good_photos(WORK / "good", 48)
    ratios, rates = [], []
    for run in range(3):
        archive = WORK / f"speed-{run}"
        urbextag("init", archive)
        settings = f"[work]\nworkers = 1\nthreads = {cores()}\n"
        (archive / "urbextag.toml").write_text(settings, encoding="utf-8")
        urbextag("--archive", archive, "add", photos)
        command = [sys.executable, "-m", "bench.bare", str(photos), str(cores())]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        alone = time.perf_counter() - started
        tagging = urbextag("--archive", archive, "tag")
        ratios.append(alone / tagging)
        rates.append(48 / tagging)
        print(f"     run {run + 1}: bare {alone:.1f} s, tag {tagging:.1f} s, {rates[-1]:.2f} photos/s", flush=True)
    ratio = statistics.median(ratios)
    return [Figure("throughput of tag / bare decode and model calls, ratio", ratio, 0.85, "", at_most=False)]


def memory() -> list[Figure]:
    """Peak of all processes of `tag` together over 300 mutated files and a newspaper page, OCR included."""
    files, archive = WORK / "mutated", WORK / "hostile"
    data.mutated_files(files, 300)
    urbextag("init", archive)
    urbextag("--archive", archive, "add", files, codes=(5,))
    run = subprocess.Popen(
        [sys.executable, "-m", "urbextag", "--archive", str(archive), "tag"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while run.poll() is None:
        peak = max(peak, resident(run.pid))
        time.sleep(0.05)
    if run.returncode not in (0, 5):
        raise SystemExit(f"tag ended with {run.returncode}")
    return [Figure("peak memory of tag on 300 mutated files, GiB", peak / 1024 / MIB, 1.5, "GiB")]


def resident(pid: int) -> int:
    """Resident bytes of a process and all it started."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total


def main() -> None:
    """The map: each group of figures in turn, then how many targets were met."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    figures: list[Figure] = []
    try:
        for group in (start_up, throughput, memory):
            for figure in group():
                print(figure.line(), flush=True)
                figures.append(figure)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    print(f"targets met: {sum(figure.met for figure in figures)} of {len(figures)}")


if __name__ == "__main__":
    main()
