"""What the web app is measured on: `serve` as a process, a browser that watches, a worker that writes, its memory."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.measure import MIB

LOOK_SECONDS = 0.25
ROOT = Path(__file__).parent.parent


@dataclass
class Memory:
    """The largest memory in bytes of the server, with the processes that open pictures for it."""

    rss: int = 0
    """Of the server alone."""
    uss: int = 0
    """Of the server alone, what no other process shares."""
    peak: int = 0
    """Of all, where pages that several share count once (proportional set size)."""
    processes: int = 0

    def look(self, server: psutil.Process) -> None:
        """Take what it is at this moment into account."""
        with suppress(psutil.NoSuchProcess):
            own = server.memory_full_info()
            self.rss, self.uss = max(self.rss, own.rss), max(self.uss, own.uss)
            all_of_it = own.pss
            children = server.children(recursive=True)
            self.processes = max(self.processes, len(children))
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    all_of_it += child.memory_full_info().pss
            self.peak = max(self.peak, all_of_it)

    def line(self) -> str:
        """All of it."""
        own = f"RSS {self.rss / MIB:.0f}, USS {self.uss / MIB:.0f} MiB"
        return f"{own}; with {self.processes} processes for pictures, PSS {self.peak / MIB:.0f} MiB"


@dataclass
class Server:
    """A server that answers."""

    port: int
    process: subprocess.Popen[str]
    memory: Memory = field(default_factory=Memory)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """`urbextag serve` of an archive without a worker, as long as the block lasts."""
    command = [sys.executable, "-m", "urbextag", "--archive", str(folder), "serve", "--no-worker", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if "http://" not in said:
            raise SystemExit(f"serve said {said!r} and {process.communicate()[1]!r}")
        port = urlsplit(said.split()[-1]).port
        assert port is not None
        server, end = Server(port, process), threading.Event()
        watcher = threading.Thread(target=_measure, args=(server, end))
        watcher.start()
        try:
            yield server
        finally:
            end.set()
            watcher.join()
            process.terminate()
            faults = process.communicate(timeout=60)[1].replace("Stop it with Ctrl-C.\n", "")
            if faults:
                print(faults, flush=True)


def _measure(server: Server, end: threading.Event) -> None:
    process = psutil.Process(server.process.pid)
    while not end.wait(LOOK_SECONDS):
        server.memory.look(process)


@contextmanager
def watched(server: Server) -> Iterator[None]:
    """A page is open in a browser: it hears how the work stands."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
        client.request("GET", "/api/v1/events")
        events = client.getresponse()

        def read() -> None:
            with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):  # closed meanwhile
                while events.readline():
                    pass

        threading.Thread(target=read, daemon=True).start()
        yield


@contextmanager
def working(folder: Path) -> Iterator[None]:
    """A worker finishes a photo five times a second, as long as the block lasts (`bench.web_writer`)."""
    command = [sys.executable, "-m", "bench.web_writer", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        try:
            yield
            if process.poll() is not None:
                raise SystemExit("the worker ended early")
        finally:
            process.stdin.close()
            process.wait(30)
