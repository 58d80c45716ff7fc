"""Restarts the worker after settings were saved: beside the pages, one restart at a time, and none is forgotten."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urbextag.web.tasks import Report, Task, Tasks
    from urbextag.web.worker_process import WorkerProcess

TITLE = "Restarting the worker"


class Restarts:
    """Asked by every change of the settings that the worker reads."""

    def __init__(self, tasks: Tasks, worker: WorkerProcess) -> None:
        self._tasks = tasks
        self._worker = worker
        self._lock = threading.Lock()
        self._wanted = False
        self._task: Task | None = None

    def ask(self) -> bool:
        """Restart the worker, after the restart that may be going on. False where none of this server's runs."""
        if self._worker.state in ("off", "stopped"):
            return False
        with self._lock:
            self._wanted = True
            if self._task is None:
                self._begin()
        return True

    def _begin(self) -> None:
        """The task before may be at its very end, when it takes no more."""
        while any(task.title == TITLE and task.state == "running" for task in self._tasks.all()):
            time.sleep(0.005)
        self._task = self._tasks.start("restart", TITLE, self._work)

    def _work(self, report: Report) -> dict[str, Any]:
        try:
            report(0, note="photos in hand are finished first")
            while self._is_wanted():
                self._worker.restart()
        except BaseException:
            with self._lock:
                self._task = None  # so that the next change begins another
            raise
        return {"message": "The worker has read the settings."}

    def _is_wanted(self) -> bool:
        """Whether something was saved since the last restart began; False ends the task."""
        with self._lock:
            wanted, self._wanted = self._wanted, False
            if not wanted:
                self._task = None
        return wanted
