"""The worker: claim photos, take them through the stages, save result and "done" in one transaction."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.archive import Archive
from urbextag.errors import ModelError
from urbextag.files import FileStamp, content_sha256
from urbextag.heartbeat import heartbeat
from urbextag.records import Failure, PhotoRef, PhotoResult
from urbextag.rederive import derive_again
from urbextag.store import attach as guests
from urbextag.store import job_lists, jobs, locations, photos, results, scopes
from urbextag.store.db import write

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.pipeline import Decoded
    from urbextag.stages.base import Stage

IDLE_SECONDS = 1.0
"""How long a worker without work waits before it looks again."""
LOOK_AROUND_SECONDS = 30.0
"""How often a worker without work looks for photos that another program has imported."""
MAX_BROKEN_IN_A_ROW = 8
"""So many photos in a row that break the same stage speak against the stage, not against the photos."""


def make_name() -> str:
    """A name for a worker that no other has: host, process, random."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _import_shared() -> None:
    """Import what several stages and the decoding import, in one thread.

    Packages that several threads import for the first time at once, NumPy among them, may see each other half made.
    """
    import cv2  # noqa: F401
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import PIL.Image  # noqa: F401


class Crew:
    """The stages of a worker: loaded when there is work, dropped when there has been none for a while."""

    def __init__(self, build: Callable[[], Sequence[Stage]]) -> None:
        """Make the stages without loading them; raises what `build` raises, before any work is claimed."""
        from urbextag.pipeline import fingerprint, longest_px

        _import_shared()
        self._build = build
        self._stages: Sequence[Stage] | None = None
        stages = build()
        self.fingerprint = fingerprint(stages)
        self.longest_px = longest_px(stages)

    def stages(self) -> Sequence[Stage]:
        """The stages, loaded side by side; raises ModelError."""
        if self._stages is None:
            stages = self._build()
            with ThreadPoolExecutor(thread_name_prefix="load") as pool:
                list(pool.map(lambda stage: stage.load(), stages))
            self._stages = stages
        return self._stages

    @property
    def loaded(self) -> bool:
        """Whether the models are in memory."""
        return self._stages is not None

    def drop(self) -> None:
        """Give the models' memory back; the next `stages` loads them again."""
        if self._stages is not None:
            from urbextag.models.onnx_session import give_back

            self._stages = None
            give_back()


@dataclass(slots=True)
class Worker:
    """What one worker process works with."""

    archive: Archive
    crew: Crew
    deriver: Deriver
    name: str = field(default_factory=make_name)
    request: str | None = None
    """Work off this request's photos only."""
    look_around: Callable[[], object] | None = None
    """Called now and then without work: it may queue what another program has imported meanwhile."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it to end the work after the photos in hand."""
    broken: list[Failure] = field(default_factory=list)
    """The last failures, as long as each came from the same stage."""


@dataclass(frozen=True, slots=True)
class _Hand:
    """Photos in hand: their claims, and their files being read in another thread."""

    claims: list[jobs.Claim]
    lost: dict[str, Failure]
    """Those whose file is not there."""
    decoded: Future[Decoded]

    @property
    def alone(self) -> bool:
        """Whether a worker died over one of them before: then nothing else is taken beside it."""
        return any(claim.deaths for claim in self.claims)


def run(worker: Worker, *, until_empty: bool, told: Callable[[PhotoResult | Failure], None]) -> None:
    """Work until the queue is empty (`until_empty`) or `stop` is set; what is in hand is finished first.

    The next photos' files are read while the models look at these. Without work for `work.idle_seconds` the models
    leave memory until there is some.

    Raises:
        UrbextagError: it is no photo's fault; claimed photos are given back at no cost to them.

    """
    db, work = worker.archive.db, worker.archive.config.work
    idle_since = looked = time.monotonic()
    try:
        with (
            heartbeat(worker.archive.config.database, worker.name, work.lease_seconds, worker.stop),
            ThreadPoolExecutor(1, "decode") as reader,
        ):
            hand = _take(worker, reader)
            while not worker.stop.is_set():
                if hand:
                    coming = None if hand.alone else _take(worker, reader, beside=True)
                    _work_off(worker, hand, told)
                    hand, idle_since = coming or _take(worker, reader), time.monotonic()
                elif until_empty and not jobs.open_count(db, worker.request):
                    return
                else:
                    if time.monotonic() - idle_since > work.idle_seconds:
                        worker.crew.drop()
                    if worker.look_around and time.monotonic() - looked > LOOK_AROUND_SECONDS:
                        worker.look_around()
                        looked = time.monotonic()
                    worker.stop.wait(IDLE_SECONDS)
                    hand = _take(worker, reader)
    finally:
        with write(db):
            jobs.release(db, worker.name)


def _take(worker: Worker, reader: Executor, *, beside: bool = False) -> _Hand | None:
    """Claim photos and begin to read their files; `beside` others in hand, only such as no worker died over."""
    from urbextag.images import Limits
    from urbextag.pipeline import decode

    archive = worker.archive
    if worker.stop.is_set():
        return None
    work = archive.config.work
    with write(archive.db):
        claims = jobs.claim(archive.db, worker.name, work.batch, work.lease_seconds, worker.request, unblemished=beside)
    if not claims:
        return None
    contexts = locations.contexts(archive.db, [claim.sha for claim in claims])
    located = {claim.sha: locate(archive, claim.sha) for claim in claims}
    refs = [PhotoRef(sha, str(path), contexts[sha]) for sha, path in located.items() if isinstance(path, Path)]
    limits = Limits(max_pixels=archive.config.limits.max_pixels)
    lost = {sha: missing for sha, missing in located.items() if isinstance(missing, Failure)}
    return _Hand(claims, lost, reader.submit(decode, refs, worker.crew.longest_px, limits))


def _work_off(worker: Worker, hand: _Hand, told: Callable[[PhotoResult | Failure], None]) -> None:
    from urbextag.pipeline import look

    outcomes: dict[str, PhotoResult | Failure] = dict(hand.lost)
    decoded = hand.decoded.result()
    for outcome in look(worker.crew.stages(), decoded) if decoded.photos else ():
        outcomes[outcome.photo if isinstance(outcome, Failure) else outcome.photo.id] = outcome
    for claim in hand.claims:
        outcome = outcomes[claim.sha]
        if save(worker, claim, outcome):
            told(outcome)
        _stop_if_stage_is_broken(worker, outcome)


def save(worker: Worker, claim: jobs.Claim, outcome: PhotoResult | Failure) -> bool:
    """Save an outcome and finish its job: one transaction, so neither exists without the other.

    Returns:
        False: the claim was lost meanwhile (lease run out, cancelled); nothing was saved.

    """
    db = worker.archive.db
    if isinstance(outcome, Failure):
        with write(db):
            return jobs.fail(db, claim, outcome)
    with write(db):
        if not jobs.finish(db, claim, outcome.seconds):
            return False
        vlm = worker.archive.config.vlm
        to_describe = vlm.run_on_import and vlm.endpoints and not scopes.tagged_at(db, [outcome.photo.id])
        results.save(db, outcome, worker.crew.fingerprint, worker.archive.config.profile)
        derive_again(db, worker.deriver, [outcome.photo.id])
        if to_describe:
            jobs.enqueue(db, [outcome.photo.id], jobs.Priority.IMPORT, queue=jobs.VLM)
    return True


def locate(archive: Archive, sha: str) -> Path | Failure:
    """The file that holds this content: the archive's own path, else a copy that was seen.

    A file of an attached archive that was never looked at is taken at the application's word. So is one that has
    changed where the application knows photos by something else than the SHA-256 of their content.

    A Failure that is not the photo's own fault where none is there: a drive may be unplugged.
    """
    changed = False
    for stored, stamp in _candidates(archive, sha):
        path = archive.locate(stored)
        try:
            here = FileStamp.of(path)
            if here == stamp:
                return path
            same = here.size == stamp.size and content_sha256(path) == sha
        except OSError:
            continue
        if same or (archive.attached and (stamp == guests.NEVER or not guests.is_content_key(archive.db, sha))):
            with write(archive.db):
                guests.seen(archive.db, sha, stored, here)
            return path
        changed = True
    if changed:
        return Failure(sha, "file", "has changed since it was added; add it again", own_fault=False)
    return Failure(sha, "file", "is not there; plug in its drive or add the folder it is in", own_fault=False)


def _candidates(archive: Archive, sha: str) -> list[tuple[str, FileStamp]]:
    """Where this content may lie; the application of an attached archive may have moved it since it was taken up."""
    known = photos.paths_of(archive.db, sha)
    told = photos.current_path(archive.db, sha) if archive.attached else None
    return known if told is None or told in dict(known) else [(told, guests.NEVER), *known]


def found_again(archive: Archive) -> list[str]:
    """The photos whose file was missing and that have one again."""
    return [
        row["sha"]
        for row in job_lists.troubled(archive.db)
        if row["state"] == "missing"
        and any(archive.locate(stored).exists() for stored, _ in _candidates(archive, row["sha"]))
    ]


def _stop_if_stage_is_broken(worker: Worker, outcome: PhotoResult | Failure) -> None:
    """Many photos in a row that break one stage are not at fault: they are forgiven, and the work stops."""
    if isinstance(outcome, PhotoResult):
        worker.broken.clear()
        return
    if not outcome.own_fault or outcome.stage == "decode":
        return
    if outcome.photo in {failure.photo for failure in worker.broken}:
        return
    if worker.broken and worker.broken[-1].stage != outcome.stage:
        worker.broken.clear()
    worker.broken.append(outcome)
    if len(worker.broken) >= MAX_BROKEN_IN_A_ROW:
        with write(worker.archive.db):
            jobs.forgive(worker.archive.db, [failure.photo for failure in worker.broken])
        raise ModelError(
            f"{len(worker.broken)} photos in a row broke the stage {outcome.stage!r}: {outcome.reason}",
            "See: urbextag doctor; the photos are queued again",
        )
