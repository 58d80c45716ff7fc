"""Keeps ready beside the pages what they read, cards of locations above all; a thread that gives way to requests."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from urbextag.errors import UrbextagError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.web.site import Site

FIRST_SECONDS = 2.0
"""So long after the start the pages have the machine to themselves."""
LOOK_SECONDS = 1.0
REST_SECONDS = 4.0
"""Between two rounds at least: a worker changes a place with every photo."""
SHARE = 8
"""The rounds take a ninth of a processor at most; within a round it rests as long as it works."""
LONGEST_SECONDS = 60.0
FAULT_SECONDS = 15.0
NICE = 10


class CardKeeper:
    """Makes cards that are outdated, whenever the archive has changed."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cards", daemon=True)

    def start(self) -> None:
        """Begin, after a moment."""
        self._thread.start()

    def stop(self) -> None:
        """End after the card in hand, and wait for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        if sys.platform == "linux":  # there the priority is a thread's own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        self._stopping.wait(FIRST_SECONDS)
        while not self._stopping.is_set():
            try:
                with self._site.opened() as archive:
                    self._keep(archive)
            except UrbextagError:  # the pages tell of it; it may be over in a while
                self._stopping.wait(FAULT_SECONDS)

    def _keep(self, archive: Archive) -> None:
        seen: object = None
        while not self._stopping.is_set():
            version = archive.db.execute("PRAGMA data_version").fetchone()[0]  # raised by other connections alone
            if version != seen:
                seen = version
                spent = self._round(archive)
                self._stopping.wait(min(LONGEST_SECONDS, max(REST_SECONDS, SHARE * spent)))
            else:
                self._stopping.wait(LOOK_SECONDS)

    def _round(self, archive: Archive) -> float:
        """Make what is outdated; returns the seconds of a processor that this took.

        What the application has changed in its own tables shows in the grid's rows alone after a look at all of them.
        """
        from urbextag.cards import refresh
        from urbextag.store import grid

        taxonomy = self._site.taxonomy(archive)
        began = last = time.thread_time()
        if archive.attached:
            grid.catch_up(archive.db)

        def rest(count: int, total: int) -> None:
            nonlocal last
            self._stopping.wait(min(2.0, time.thread_time() - last))
            last = time.thread_time()

        refresh(archive, taxonomy, rest, self._stopping.is_set)
        return time.thread_time() - began
