"""Long work that a person starts from a page: its progress, its end, its error; a thread for each."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from urbextag.errors import UrbextagError, UsageError
from urbextag.store.db import now
from urbextag.web.lookup import NotHere
from urbextag.web.render import writable

KEPT = 20
"""Tasks that ended and are still shown."""
SHOWN = ("id", "kind", "title", "state", "done", "total", "note", "started_at", "finished_at", "result", "error")
"""What the API gives of a task."""

State = Literal["running", "done", "stopped", "failed"]


class Stopped(Exception):
    """A person stopped the task; raised out of `Report`, between two steps."""


@dataclass(slots=True)
class Task:
    """One piece of work. Written by its own thread alone."""

    kind: str
    """What it does, for the program: two of a kind never run at once."""
    title: str
    """For people."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    state: State = "running"
    done: int = 0
    total: int = 0
    note: str = ""
    started_at: str = field(default_factory=now)
    finished_at: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    """What came of it; `message` is for people, `url` leads on."""
    error: dict[str, str] | None = None
    """message and remedy."""
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds_left(self) -> float | None:
        """By the rate since it began; None where that tells nothing."""
        if self.state != "running" or not 0 < self.done < self.total:
            return None
        return (self.total - self.done) * (time.monotonic() - self.began) / self.done

    def report(self) -> dict[str, Any]:
        """As the API gives it."""
        left = self.seconds_left
        return {name: getattr(self, name) for name in SHOWN} | {"seconds_left": round(left, 1) if left else left}


class Report:
    """Hears how far a task is; raises Stopped where a person has stopped it."""

    def __init__(self, task: Task, changed: Callable[[], None]) -> None:
        self._task = task
        self._changed = changed

    def __call__(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """`done` in all, of `total`."""
        task = self._task
        task.done = done
        task.total = task.total if total is None else total
        task.note = task.note if note is None else note
        self._changed()
        if task.stop.is_set():
            raise Stopped


class Tasks:
    """The tasks of this server: those that run, and the last that ended."""

    def __init__(self) -> None:
        self.version = 0
        """Raised by each change."""
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._threads: dict[str, threading.Thread] = {}

    def start(self, kind: str, title: str, work: Callable[[Report], dict[str, Any]]) -> Task:
        """Start work in a thread of its own; it returns the task's `result`.

        Raises:
            UsageError: one of that kind is running.

        """
        with self._lock:
            for other in self._tasks.values():
                if other.kind == kind and other.state == "running":
                    raise UsageError(f"this is going on: {other.title}", "Wait for its end, or stop it")
            ended = [task.id for task in self._tasks.values() if task.state != "running"]
            for old in ended[: max(0, len(ended) - KEPT)]:
                del self._tasks[old], self._threads[old]
            task = Task(kind, writable(title))
            self._tasks[task.id] = task
            thread = threading.Thread(target=self._run, args=(task, work), name=f"task-{kind}", daemon=True)
            self._threads[task.id] = thread
            thread.start()
        self._changed()
        return task

    def _run(self, task: Task, work: Callable[[Report], dict[str, Any]]) -> None:
        end: State = "failed"
        try:
            task.result = writable(work(Report(task, self._changed)))
            end = "done"
        except Stopped:
            end = "stopped"
        except UrbextagError as error:
            task.error = writable({"message": error.message, "remedy": error.remedy})
        except BaseException as error:
            bug = f"a bug: {type(error).__name__}"  # what it says is in the server's log alone
            task.error = {"message": bug, "remedy": "Report what the server has printed"}
            raise
        finally:
            task.finished_at = now()
            task.state = end
            self._changed()

    def _changed(self) -> None:
        with self._lock:
            self.version += 1

    def all(self) -> list[Task]:
        """Every task that is known, the latest first."""
        with self._lock:
            return list(reversed(self._tasks.values()))

    def get(self, task_id: str) -> Task:
        """One task; raises NotHere where none has that id."""
        with self._lock:
            if task_id not in self._tasks:
                raise NotHere(f"there is no task {task_id[:12]}", "See the tasks: /jobs")
            return self._tasks[task_id]

    def stop(self, task_id: str) -> None:
        """Have a task end after the step it is at; what it has done stands."""
        self.get(task_id).stop.set()

    def close(self, seconds: float = 30.0) -> None:
        """Stop all and wait for their ends."""
        for task in self.all():
            task.stop.set()
        until = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, until - time.monotonic()))
