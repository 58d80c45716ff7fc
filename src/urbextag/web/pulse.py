"""How the archive stands at this moment, looked at once for all browsers that watch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.config import CONFIG_NAME
from urbextag.errors import UrbextagError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.web.tasks import Tasks
    from urbextag.web.worker_process import WorkerProcess

LOOK_SECONDS = 0.5
QUIET_SECONDS = 15.0
"""After so long without a change a line is sent all the same, so that a dead connection is noticed."""
FAULT_SECONDS = 5.0
"""Where the archive cannot be read, it is tried again after so long."""
SHARE = 20
"""Counting may take a twentieth of the time at most."""


class Pulse:
    """A thread that looks whether anything has changed, as long as somebody watches."""

    def __init__(self, root: Path, tasks: Tasks, worker: WorkerProcess) -> None:
        self._root = root
        self._tasks = tasks
        self._worker = worker
        self._watchers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.RLock()  # `end` may interrupt a holder in the same thread
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._snapshot: dict[str, Any] | None = None
        """As server-sent events give it: see `look`. None: nobody has looked since the last watcher left."""
        self._number = 0
        """Raised with each snapshot."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """End all watching; it may be called from a signal handler."""
        self._stopping.set()
        self._wake.set()
        self._tell()

    def stop(self) -> None:
        """End all watching, and wait for the thread."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(10)

    async def watch(self) -> AsyncIterator[dict[str, Any] | None]:
        """Each snapshot from this moment on; None where nothing has changed for a while. Ends with the server."""
        changed = asyncio.Event()
        watcher = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._watchers.add(watcher)
        self._wake.set()
        seen = 0
        try:
            while not self._stopping.is_set():
                snapshot, number = self._snapshot, self._number
                if snapshot is not None and number != seen:
                    seen = number
                    yield snapshot
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), QUIET_SECONDS)
                    changed.clear()
                except TimeoutError:
                    yield None
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                self._look_while_watched()
            except UrbextagError as error:
                self._publish({"fault": {"message": error.message, "remedy": error.remedy}})
                self._stopping.wait(FAULT_SECONDS)
                self._wake.set()
            except BaseException as error:  # the thread ends; nobody shall go on to see what stood before
                self._publish({"fault": {"message": f"a bug: {type(error).__name__}", "remedy": "Start serve again"}})
                raise

    def _look_while_watched(self) -> None:
        """Look again and again until nobody watches, or until the settings have changed and are to be read again."""
        from urbextag.archive import opened

        settings = self._settings_changed()
        with opened(self._root) as archive, closing(archive.db.cursor()) as cursor:
            seen: object = None
            while not self._stopping.is_set():
                with self._lock:
                    if not self._watchers:
                        self._snapshot = None
                        return
                if self._settings_changed() != settings:
                    self._wake.set()
                    return
                began = time.monotonic()
                version = cursor.execute("PRAGMA data_version").fetchone()[0]
                state = (version, self._tasks.version, self._worker.report())
                if state != seen:
                    seen = state
                    self._publish(look(archive, version, self._tasks, self._worker))
                spent = time.monotonic() - began
                self._stopping.wait(max(LOOK_SECONDS, SHARE * spent))

    def _settings_changed(self) -> int | None:
        """When the settings were written last, in nanoseconds; None where they have gone."""
        try:
            return (self._root / CONFIG_NAME).stat().st_mtime_ns
        except OSError:
            return None  # opening the archive says so

    def _publish(self, snapshot: dict[str, Any]) -> None:
        with self._lock:
            self._snapshot = snapshot
            self._number += 1
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            for loop, changed in tuple(self._watchers):
                loop.call_soon_threadsafe(changed.set)


def look(archive: Archive, version: int, tasks: Tasks, worker: WorkerProcess) -> dict[str, Any]:
    """The queues, the worker and the tasks. `archive` is a number that every change of the database raises."""
    from urbextag.actions.status import queue_numbers

    return {
        "archive": version,
        "queue": queue_numbers(archive),
        "worker": worker.report(),
        "tasks": [task.report() for task in tasks.all()],
    }
