"""START HERE: work off the VLM queue: one thread prepares photos, and each request a server may have in flight has one.

`kitchen.py` claims and prepares, `slot.py` keeps a server company, `describe.py` asks, believes and saves one photo.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.errors import UrbextagError
from urbextag.heartbeat import heartbeat
from urbextag.store import jobs
from urbextag.store.db import write
from urbextag.vlm.records import POLL_SECONDS, EndpointError, Event

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.vlm.client import Client
    from urbextag.vlm.describe import Desk
    from urbextag.vlm.slot import Slot

MOST_FAULTS = 3
"""A photo at which a server failed so often is left alone by this run; it stays queued."""
PATIENCE_SECONDS = 600.0


@dataclass(slots=True)
class Run:
    """One run over the queue; its threads share it."""

    root: Path
    """The archive's folder."""
    desk: Callable[[Archive], Desk]
    clients: Sequence[Client]
    told: Callable[[Event], None]
    """Called by one thread at a time."""
    owner: str
    request: str | None = None
    """Work off this request's photos only."""
    background: bool = False
    """Go on for ever: wait for photos, for servers, and with photos nobody asked for until the machine is idle."""
    patience: float = PATIENCE_SECONDS
    """Not in the background: seconds without any answer of any server after which the run ends.

    A request that was sent before is waited for: `answer_seconds` is its own clock.
    """
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it to end after the photos in hand."""
    abandon: threading.Event = field(default_factory=threading.Event)
    """Set it to give up the photos in hand as well; they stay queued."""
    paused: bool = False
    out: dict[str, EndpointError] = field(default_factory=dict)
    """By address: servers that cannot be used."""
    told_out: dict[str, str] = field(default_factory=dict)
    """By address: why, as it was told last; until they answer, it is not told again."""
    faults: Counter[str] = field(default_factory=Counter)
    """How often servers failed at a photo; in the background, where nobody goes on by hand, only well ones count."""
    in_hand: set[str] = field(default_factory=set)
    """Photos that are prepared or being described."""
    crash: list[BaseException] = field(default_factory=list)
    last_answer: float = field(default_factory=time.monotonic)
    asking: dict[Slot, float] = field(default_factory=dict)
    """Who waits for an answer, and since when."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def all_out(self) -> bool:
        """Whether no server can be used."""
        return len(self.out) == len(self.clients)

    def tell(self, event: Event) -> None:
        """Let `told` hear of something."""
        with self.lock:
            self.told(event)

    def done_with(self, sha: str) -> None:
        """A photo is no longer in hand."""
        with self.lock:
            self.in_hand.discard(sha)

    def left_alone(self) -> list[str]:
        """The photos that servers failed at too often."""
        return [sha for sha, faults in self.faults.copy().items() if faults >= MOST_FAULTS]

    def lost_seeds(self, sha: str) -> int:
        """How many seeds to leave out: one that made a server fail is not tried again."""
        return min(self.faults[sha], MOST_FAULTS - 1)


def run(work: Run) -> None:
    """Work the queue off until it is empty, `stop` is set, or no server is left (in the background: until `stop`).

    Raises:
        EndpointError: no server can be used; nothing was charged to any photo.
        UrbextagError: no server has answered for `patience` seconds, or the archive cannot be written.

    """
    from urbextag.archive import opened

    with opened(work.root) as archive, ExitStack() as stack:
        stack.callback(_release, archive, work.owner)
        lease = archive.config.work.lease_seconds
        stack.enter_context(heartbeat(archive.config.database, work.owner, lease, work.stop, jobs.VLM))
        threads = _start(work)
        paused: str | None = None
        try:
            while any(thread.is_alive() for thread in threads):
                time.sleep(POLL_SECONDS)
                paused = _heed_pause(work, archive, paused)
                if not work.background and _is_hopeless(work):
                    work.stop.set()
        finally:
            work.stop.set()
            for thread in threads:
                thread.join()
    if work.crash:
        raise work.crash[0]
    if not work.background:
        _complain(work)


def _start(work: Run) -> list[threading.Thread]:
    from urbextag.vlm.kitchen import Kitchen
    from urbextag.vlm.slot import Slot
    from urbextag.vlm.turns import turns

    places = [(client, turn) for client in work.clients for turn in turns(client.endpoint)]
    kitchen = Kitchen(work, len(places))
    lives = [kitchen.live, *(Slot(work, kitchen, client, turn).live for client, turn in places)]
    threads = [threading.Thread(target=_guarded, args=(work, live), name="vlm") for live in lives]
    for thread in threads:
        thread.start()
    return threads


def _guarded(work: Run, live: Callable[[Desk], None]) -> None:
    """A thread's life; what it cannot deal with ends the run and is raised there."""
    from urbextag.archive import opened

    try:
        with opened(work.root) as archive:
            live(work.desk(archive))
    except BaseException as error:  # noqa: BLE001 - a thread would swallow it; `run` raises it
        work.crash.append(error)
        work.stop.set()


def _heed_pause(work: Run, archive: Archive, before: str | None) -> str | None:
    """Give up what is in hand where that is asked for, and say once that work is paused. Returns since when it is."""
    paused = jobs.paused_since(archive.db)
    if paused != before:
        message = f"work is paused since {paused}; let it go on: urbextag jobs resume" if paused else "work goes on"
        work.tell(Event("note", "", message=message))
    work.paused = paused is not None
    if paused:
        work.last_answer = time.monotonic()  # nobody waits for a server
    if paused and jobs.paused_at_once(archive.db):
        work.abandon.set()
    elif before and not paused and not work.stop.is_set():
        work.abandon.clear()
    return paused


def _is_hopeless(work: Run) -> bool:
    return work.all_out or _is_silent(work)


def _is_silent(work: Run) -> bool:
    end = work.last_answer + work.patience
    return time.monotonic() > end and all(since > end for since in work.asking.copy().values())


def _complain(work: Run) -> None:
    if work.all_out:
        raise next(iter(work.out.values()))
    if _is_silent(work):
        raise UrbextagError(
            f"no VLM server has answered for {work.patience:.0f} s; the photos stay queued",
            "See: urbextag doctor; then go on: urbextag enhance --missing --now",
        )


def _release(archive: Archive, owner: str) -> None:
    with write(archive.db):
        jobs.release(archive.db, owner, jobs.VLM)
