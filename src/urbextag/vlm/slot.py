"""One request's place at a server: probe it, take a turn, have a prepared photo described, rest after a fault."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from urbextag.store import jobs
from urbextag.store.db import write
from urbextag.vlm.breaker import Breaker
from urbextag.vlm.describe import Desk, Prepared, describe
from urbextag.vlm.records import POLL_SECONDS, Abandoned, EndpointError, Event, Kind, Probed, ServerFault

if TYPE_CHECKING:
    from filelock import FileLock

    from urbextag.vlm.client import Client
    from urbextag.vlm.kitchen import Kitchen
    from urbextag.vlm.runner import Run

PROBE_SECONDS = 60.0
"""A server is probed again after this long: it may have been given another build of the model."""
LONG_REST_SECONDS = 600.0
"""With nobody waiting, a fault that asking again does not mend is looked at again after this long."""


class Slot:
    """A thread's work at one server."""

    def __init__(self, work: Run, kitchen: Kitchen, client: Client, turn: FileLock) -> None:
        self.work, self.kitchen, self.client, self.turn = work, kitchen, client, turn
        self.url = client.endpoint.url
        self.breaker = Breaker()
        self.probed: Probed | None = None
        self.probed_at = -math.inf

    def live(self, desk: Desk) -> None:
        """Take one photo after the other until the run stops, or the server can be used no more and somebody waits."""
        work = self.work
        while not work.stop.is_set():
            if self.url in work.out and not work.background:
                return
            if self.breaker.rest:
                work.stop.wait(min(self.breaker.rest, POLL_SECONDS))
            elif work.paused:
                work.stop.wait(POLL_SECONDS)
            elif self.kitchen.shelf.empty() and not work.all_out:
                self.kitchen.wait()  # a server is not disturbed for nothing
            elif (probed := self._probe()) is not None:
                self._take_a_turn(desk, probed)

    def _probe(self) -> Probed | None:
        """What the server says of itself, asked again now and then; None where it cannot be used."""
        if self.probed and time.monotonic() - self.probed_at < PROBE_SECONDS:
            return self.probed
        try:
            found = self.client.probe()
        except ServerFault as fault:
            self._rest(fault)
            return None
        except EndpointError as error:
            self._out(error)
            return None
        if self.work.background:  # else it stays out: somebody waits for the end
            self.work.out.pop(self.url, None)
        if self.probed is None or self.probed.digest != found.digest:
            for note in found.notes:
                self._tell("note", f"{self.url}: {note}")
        if self.probed and self.probed.digest != found.digest:
            self._tell("note", f"{self.url}: {found.model} is another build; answers from here on are noted as its")
        self.probed, self.probed_at = found, time.monotonic()
        return found

    def _take_a_turn(self, desk: Desk, probed: Probed) -> None:
        from filelock import Timeout

        try:
            self.turn.acquire(timeout=POLL_SECONDS)
        except Timeout:  # another process is at it
            self.work.last_answer = time.monotonic()
            return
        try:
            if photo := self.kitchen.take():
                if jobs.is_held(desk.archive.db, photo.claim):
                    self._describe(desk, photo, probed)
                else:  # cancelled since it was prepared
                    self.work.done_with(photo.claim.sha)
        finally:
            self.turn.release()

    def _describe(self, desk: Desk, photo: Prepared, probed: Probed) -> None:
        work, sha = self.work, photo.claim.sha
        work.asking[self] = time.monotonic()
        try:
            told = describe(desk, photo, self.client, probed, work.lost_seeds(sha), work.abandon.is_set)
        except (ServerFault, EndpointError, Abandoned) as fault:
            with write(desk.archive.db):
                jobs.give_back(desk.archive.db, photo.claim)
            if isinstance(fault, ServerFault):
                if not (work.background and self.breaker.tripped):  # a server that fails anyway tells nothing of it
                    work.faults[sha] += 1
                self._rest(fault)
            elif isinstance(fault, EndpointError):
                self._out(fault)
        else:
            work.last_answer = time.monotonic()
            self._answered()
            work.faults.pop(sha, None)
            if told.outcome != "lost":
                work.tell(Event(told.outcome, self.url, sha, told.reason, told.seconds))
        finally:
            del work.asking[self]
            work.done_with(sha)

    def _answered(self) -> None:
        """All is well again. A probe says less: a server may look well and fail whenever it is asked."""
        if self.breaker.tripped:
            self.work.told_out.pop(self.url, None)
            self.breaker.close()
            self._tell("back", f"{self.url} answers again")

    def _rest(self, fault: ServerFault) -> None:
        self.probed_at = -math.inf
        seconds = self.breaker.trip(fault.retry_after)
        self._tell("resting", f"{self.url}: {fault.message}; trying again in {seconds:.0f} s")

    def _out(self, error: EndpointError) -> None:
        self.probed_at = -math.inf
        self.work.out[self.url] = error
        self.breaker.trip(LONG_REST_SECONDS if self.work.background else None)
        if self.work.told_out.get(self.url) != error.message:
            self.work.told_out[self.url] = error.message
            self._tell("out", f"{self.url}: {error}")

    def _tell(self, kind: Kind, message: str) -> None:
        self.work.tell(Event(kind, self.url, message=message))
