"""The worker that `serve` starts beside itself: watched, replaced where it is killed, stopped in good order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from urbextag.archive import opened
from urbextag.errors import UrbextagError
from urbextag.store import jobs
from urbextag.store.db import now, write
from urbextag.supervisor import MAX_FRUITLESS
from urbextag.worker import make_name

State = Literal["off", "running", "stopping", "stopped", "failed"]
LINES_KEPT = 20
STOP_SECONDS = 120.0
"""Photos in hand are finished first."""
QUICK_SECONDS = 30.0
"""One that was killed sooner than this after its start, without a photo in hand, may be killed again at once."""
READ_SECONDS = 5.0
"""Its last words come no later than this after its end; a process that it left behind may hold the pipe open."""


@dataclass(slots=True)
class _Child:
    """One process, from its start to its end."""

    name: str
    process: subprocess.Popen[str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    """What it said last on standard error."""
    began: float = field(default_factory=time.monotonic)
    watcher: threading.Thread = field(init=False)

    def read(self) -> None:
        """Keep and pass on what it says."""
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                self.lines.append(line.rstrip())
                sys.stderr.write(line)


class WorkerProcess:
    """One worker process at a time. All methods may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state: State = "off"
        self.since = now()
        self.message = ""
        """Why it stopped, in the worker's own words."""
        self._turn = threading.RLock()
        """Held while it is started or stopped: one after the other."""
        self._lock = threading.Lock()
        """Held for a moment, where the state changes."""
        self._child: _Child | None = None
        self._fruitless = 0

    def report(self) -> dict[str, Any]:
        """As the API gives it."""
        with self._lock:
            child = self._child if self.state in ("running", "stopping") else None
            return {
                "state": self.state, "since": self.since, "message": self.message,
                "pid": child.process.pid if child else None,
            }  # fmt: skip

    def start(self) -> None:
        """Start it where it does not run."""
        with self._turn, self._lock:
            if self.state != "running":
                self._fruitless = 0
                self._launch()

    def stop(self) -> None:
        """Stop it after the photos in hand, and wait for its end."""
        with self._turn:
            with self._lock:
                child = self._child
                if child is None:
                    return
                self._become("stopping")
                child.process.terminate()
            try:
                child.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
            child.watcher.join()
            with self._lock:
                self._child = None
                self._become("stopped")

    def restart(self) -> None:
        """Let it read the settings afresh, also where it failed by the old ones; where it was stopped, it stays so."""
        with self._turn:
            if self.state in ("running", "failed"):
                self.stop()
                self.start()

    def hurry(self) -> None:
        """Have a worker that is stopping give its photos back unfinished. It may be called from a signal handler."""
        child = self._child
        if child:
            child.process.send_signal(signal.SIGINT)

    def _become(self, state: State, message: str = "") -> None:
        self.state, self.since, self.message = state, now(), message

    def _launch(self) -> None:
        """Start a process; the caller holds the lock."""
        name = make_name()
        command = [sys.executable, "-P", "-m", "urbextag", "--archive", str(self.root), "worker", "--name", name]
        try:
            process = subprocess.Popen(
                [*command, "--with-parent"],
                stdin=subprocess.PIPE,  # never written: it closes when this process ends, however it ends
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C reaches the server alone, which stops its worker in good order
            )
        except OSError as error:  # no memory or no processes left
            self._become("failed", f"it cannot be started: {error.strerror}")
            return
        self._child = child = _Child(name, process)
        child.watcher = threading.Thread(target=self._watch, args=(child,), name="worker-watch", daemon=True)
        self._become("running")
        child.watcher.start()

    def _watch(self, child: _Child) -> None:
        """Wait for its end, and do what that asks for."""
        reader = threading.Thread(target=child.read, name="worker-read", daemon=True)
        reader.start()
        code = child.process.wait()
        reader.join(READ_SECONDS)
        assert child.process.stdin is not None
        child.process.stdin.close()
        held, fault = 0, ""
        if code < 0:
            try:
                held = self._give_back(child)
            except UrbextagError as error:  # their leases run out by themselves
                fault = f"it was killed, and its photos could not be given back: {error.message}"
        with self._lock:
            if self.state == "running":  # else `stop` is at work
                self._ended(child, code, held, fault)

    def _ended(self, child: _Child, code: int, held: int, fault: str) -> None:
        """It ended though nobody here stopped it: start another where it was killed, unless that leads nowhere."""
        self._child = None
        fruitful = held or time.monotonic() - child.began > QUICK_SECONDS
        self._fruitless = 0 if fruitful else self._fruitless + 1
        if code < 0 and not fault and self._fruitless < MAX_FRUITLESS:
            self._launch()
            return
        said = next((line for line in reversed(child.lines) if line), "").removeprefix("urbextag: ")
        if code == 0:
            self._become("stopped", "it was stopped from outside")
        elif code > 0:
            self._become("failed", said or f"it ended with exit code {code}")
        else:
            self._become("failed", fault or f"it was killed {self._fruitless} times in a row (signal {-code})")

    def _give_back(self, child: _Child) -> int:
        """Give back what a killed worker held, at once and not when its lease runs out. Returns how many photos."""
        with opened(self.root) as archive, write(archive.db):
            return jobs.bury_owner(archive.db, child.name)
