"""What the groups of figures share: a figure beside its target, the command as a whole process, memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

WORK = Path(__file__).parent / "work"
MIB = 2**20
EXPORT_PYTHON = os.environ.get("EXPORT_PYTHON", sys.executable)
"""An interpreter with the extra [export], which makes the models of full size."""


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


def urbextag(*arguments: object, codes: tuple[int, ...] = (0,), cwd: Path | None = None) -> float:
    """Wall seconds of one run of the command; `cwd`: in an archive's folder."""
    command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, cwd=cwd)
    seconds = time.perf_counter() - started
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return seconds


def median(part: Callable[[], float], runs: int = 7) -> float:
    """Median of several runs, after one that warms the file cache."""
    part()
    return statistics.median(part() for _ in range(runs))


def module(name: str, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """What a module of this package prints as its last line, run as a process of its own: one JSON object."""
    command = [python, "-m", f"bench.{name}", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    return found


def peak_of(*arguments: object, codes: tuple[int, ...] = (0,), cwd: Path | None = None) -> int:
    """Largest memory in bytes that the command and its processes held together, looked at 20 times a second.

    Pages that several processes share count once (proportional set size), where the system tells.
    """
    command = [sys.executable, "-m", "urbextag", *map(str, arguments)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd)
    peak = 0
    while run.poll() is None:
        peak = max(peak, resident(run.pid))
        time.sleep(0.05)
    if run.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {run.returncode}")
    return peak


def resident(pid: int) -> int:
    """Resident bytes of a process and all it started."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except psutil.NoSuchProcess:
        return total
    return total
