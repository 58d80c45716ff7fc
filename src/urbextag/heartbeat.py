"""The heartbeat of whoever has claimed photos: one slow photo must not look like a dead worker."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from urbextag.errors import ArchiveError
from urbextag.store import jobs
from urbextag.store.db import connect, write


@contextmanager
def heartbeat(
    database: Path, owner: str, lease_seconds: float, stop: threading.Event, queue: jobs.Queue = jobs.TAGGING
) -> Iterator[None]:
    """Extend the leases of an owner from a thread of its own, for as long as the block runs.

    Where the database cannot be written, `stop` is set, so that the work ends after the photos in hand, and the fault
    is raised at the end of the block.
    """
    over = threading.Event()
    faults: list[sqlite3.Error | ArchiveError] = []

    def beat() -> None:
        try:
            with closing(connect(database)) as db:
                while not over.wait(lease_seconds / 4):
                    with write(db):
                        jobs.heartbeat(db, owner, lease_seconds, queue)
        except (sqlite3.Error, ArchiveError) as error:
            faults.append(error)
            stop.set()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if faults:
        raise faults[0]
