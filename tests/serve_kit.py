"""Real `urbextag serve` processes for tests: started, asked, listened to, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

API = "/api/v1"


@dataclass
class Served:
    """A server that runs, and a client as a program on this machine is one."""

    process: subprocess.Popen[str]
    address: str
    """As it was printed."""
    client: httpx2.Client
    said: list[str] = field(default_factory=list)
    """Lines of its standard error."""

    def get(self, path: str, code: int = 200) -> Any:
        """The JSON of an address below /api/v1."""
        answer = self.client.get(API + path)
        assert answer.status_code == code, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path: str, body: Any = None, code: int = 200) -> Any:
        answer = self.client.post(API + path, json=body)
        assert answer.status_code == code, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    @property
    def worker(self) -> dict[str, Any]:
        return dict(self.get("/status")["worker"])

    @contextmanager
    def events(self) -> Iterator[Iterator[dict[str, Any]]]:
        """What a page that watches hears, snapshot by snapshot, to the stream's end."""
        with self.client.stream("GET", API + "/events", timeout=60) as answer:
            assert answer.status_code == 200
            lines = (line for line in answer.iter_lines() if line.startswith("data: "))
            yield (json.loads(line.removeprefix("data: ")) for line in lines)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Send a signal, wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def serving(root: Path, *arguments: str, worker: bool = True, **environment: str) -> Iterator[Served]:
    """Serve an archive at a free port, until the end of the block at the latest."""
    command = [sys.executable, "-m", "urbextag", "--archive", str(root), "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command + ([] if worker else ["--no-worker"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"COLUMNS": "160", "NO_COLOR": "1"} | environment,
    )  # fmt: skip
    said: list[str] = []
    assert process.stdout and process.stderr
    reader = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        line = process.stdout.readline()
        assert " at http://" in line, f"it printed {line!r} and said {said}"
        address = line.rpartition(" at ")[2].strip()
        base = address.partition("/sign-in")[0].rstrip("/")
        port = base.rpartition(":")[2]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Served(process, address, client, said)
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(10)
        process.stdout.close()
        process.stderr.close()


def wait_for(condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Wait until it holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
