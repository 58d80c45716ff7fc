"""Prepares the next photos while the servers answer: claims, pictures and what is known of them, in one thread."""

from __future__ import annotations

import queue
import threading
from datetime import datetime
from typing import TYPE_CHECKING

from urbextag.store import jobs
from urbextag.store.db import write
from urbextag.vlm.describe import Desk, Prepared, prepare
from urbextag.vlm.idle import why_wait
from urbextag.vlm.records import POLL_SECONDS, Event

if TYPE_CHECKING:
    from urbextag.vlm.runner import Run

IDLE_SECONDS = 2.0
"""How long a background run without work waits before it looks again."""


class Kitchen:
    """The thread that prepares, and the shelf from which the servers' threads take."""

    def __init__(self, work: Run, size: int) -> None:
        self.work = work
        self.shelf: queue.Queue[Prepared] = queue.Queue(size)
        """As many as the servers take at once: a photo whose server dies is taken by another."""
        self.filled, self.taken = threading.Event(), threading.Event()
        """Something was put on the shelf, or taken from it since they were cleared; who waits looks all the same."""

    def live(self, desk: Desk) -> None:
        """Keep the shelf full until the run stops or, with somebody waiting for its end, nothing can come any more."""
        work = self.work
        while not work.stop.is_set():
            if work.all_out:
                self._give_back(desk)  # another run may have a server that can be used
                work.stop.wait(POLL_SECONDS)
            elif self.shelf.full():
                self.taken.wait(POLL_SECONDS)
                self.taken.clear()
            elif (claim := self._claim(desk)) is not None:
                self._prepare(desk, claim)
            elif self._is_over(desk):
                work.stop.set()
            else:
                work.stop.wait(IDLE_SECONDS if work.background else POLL_SECONDS)
        self._give_back(desk)

    def take(self) -> Prepared | None:
        """A prepared photo, None where there is none yet."""
        try:
            photo = self.shelf.get_nowait()
        except queue.Empty:
            return None
        self.taken.set()
        return photo

    def wait(self) -> None:
        """Wait a while for something on the shelf."""
        if self.filled.wait(POLL_SECONDS) and self.shelf.empty():
            self.filled.clear()

    def _give_back(self, desk: Desk) -> None:
        while photo := self.take():
            with write(desk.archive.db):
                jobs.give_back(desk.archive.db, photo.claim)
            self.work.done_with(photo.claim.sha)

    def _prepare(self, desk: Desk, claim: jobs.Claim) -> None:
        made = prepare(desk, claim)
        if isinstance(made, Prepared):
            self.shelf.put_nowait(made)  # there is room: this thread alone puts
            self.filled.set()
            return
        self.work.done_with(claim.sha)
        if made.outcome != "lost":
            self.work.tell(Event(made.outcome, "", claim.sha, made.reason))

    def _claim(self, desk: Desk) -> jobs.Claim | None:
        work, db, lease = self.work, desk.archive.db, desk.archive.config.work.lease_seconds
        worst, but = self._worst(desk), work.left_alone()
        with work.lock, write(db):
            claims = jobs.claim(db, work.owner, 1, lease, work.request, queue=jobs.VLM, worst=worst, but=but)
            work.in_hand.update(claim.sha for claim in claims)
        return claims[0] if claims else None

    def _worst(self, desk: Desk) -> jobs.Priority:
        """The lowest priority that may be begun: in the background, what nobody asked for waits for an idle machine."""
        db = desk.archive.db
        if not self.work.background:
            return jobs.Priority.BACKFILL
        busy = jobs.any_queued(db, None, jobs.TAGGING, jobs.Priority.BACKFILL)
        return (
            jobs.Priority.PERSON
            if busy or why_wait(desk.archive.config.vlm, datetime.now())
            else jobs.Priority.BACKFILL
        )

    def _is_over(self, desk: Desk) -> bool:
        """Whether nothing can come any more: no photo is queued, nor in any hand, from where it may be given back.

        What another run holds it finishes, or its lease runs out, so waiting for it comes to an end.
        """
        work, db = self.work, desk.archive.db
        if jobs.paused_since(db) is not None:
            return False
        with work.lock:
            if work.background or work.in_hand:
                return False
            if jobs.any_queued(db, work.request, jobs.VLM, jobs.Priority.BACKFILL, work.left_alone()):
                return False
            return not jobs.counts(db, work.request, jobs.VLM)["running"]
