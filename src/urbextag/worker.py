"""The worker: claim photos, take them through the stages, save result and "done" in one transaction."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.archive import DATABASE_NAME, Archive
from urbextag.errors import ArchiveError, ModelError
from urbextag.files import FileStamp, content_sha256
from urbextag.records import Failure, PhotoRef, PhotoResult, Record
from urbextag.rederive import fingerprint as derived_fingerprint
from urbextag.store import jobs, locations, photos, results
from urbextag.store.db import connect, write

if TYPE_CHECKING:
    from urbextag.stages.base import Stage
    from urbextag.taxonomy import Taxonomy

IDLE_SECONDS = 1.0
"""How long a worker without work waits before it looks again."""
MAX_BROKEN_IN_A_ROW = 8
"""So many photos in a row that break the same stage speak against the stage, not against the photos."""


def make_name() -> str:
    """A name for a worker that no other has: host, process, random."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class Worker:
    """What one worker process works with."""

    archive: Archive
    stages: Sequence[Stage]
    taxonomy: Taxonomy
    name: str = field(default_factory=make_name)
    request: str | None = None
    """Work off this request's photos only."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it to end the work after the photos in hand."""
    broken: list[Failure] = field(default_factory=list)
    """The last failures, as long as each came from the same stage."""


def run(worker: Worker, *, until_empty: bool, told: Callable[[PhotoResult | Failure], None]) -> None:
    """Work until the queue is empty (`until_empty`) or `stop` is set; what is in hand is finished first.

    Raises:
        UrbextagError: it is no photo's fault; claimed photos are given back at no cost to them.

    """
    from urbextag.pipeline import fingerprint

    db, work = worker.archive.db, worker.archive.config.work
    stages_fingerprint = fingerprint(worker.stages)
    try:
        with _heartbeat(worker, work.lease_seconds):
            while not worker.stop.is_set():
                with write(db):
                    claims = jobs.claim(db, worker.name, work.batch, work.lease_seconds, worker.request)
                if claims:
                    _work_off(worker, claims, stages_fingerprint, told)
                elif until_empty and not jobs.open_count(db, worker.request):
                    return
                else:
                    worker.stop.wait(IDLE_SECONDS)
    finally:
        with write(db):
            jobs.release(db, worker.name)


def _work_off(
    worker: Worker, claims: list[jobs.Claim], stages_fingerprint: str, told: Callable[[PhotoResult | Failure], None]
) -> None:
    from urbextag.images import Limits
    from urbextag.pipeline import run_batch

    archive = worker.archive
    contexts = locations.contexts(archive.db, [claim.sha for claim in claims])
    located = {claim.sha: locate(archive, claim.sha) for claim in claims}
    refs = [PhotoRef(sha, str(path), contexts[sha]) for sha, path in located.items() if isinstance(path, Path)]
    limits = Limits(max_pixels=int(archive.config.limits.max_megapixels * 1e6))
    outcomes: dict[str, PhotoResult | Failure] = {
        sha: missing for sha, missing in located.items() if isinstance(missing, Failure)
    }
    outcomes |= {ref.id: outcome for ref, outcome in zip(refs, run_batch(worker.stages, refs, limits), strict=True)}
    for claim in claims:
        outcome = outcomes[claim.sha]
        if save(archive.db, worker.taxonomy, claim, outcome, stages_fingerprint, archive.config.profile):
            told(outcome)
        _stop_if_stage_is_broken(worker, outcome)


def save(
    db: sqlite3.Connection,
    taxonomy: Taxonomy,
    claim: jobs.Claim,
    outcome: PhotoResult | Failure,
    stages_fingerprint: str,
    profile: str,
) -> bool:
    """Save an outcome and finish its job: one transaction, so neither exists without the other.

    Returns:
        False: the claim was lost meanwhile (lease run out, cancelled); nothing was saved.

    """
    from urbextag.taxonomy import derive

    if isinstance(outcome, Failure):
        with write(db):
            return jobs.fail(db, claim, outcome)
    photo = outcome.photo
    record = Record(photo.id, photo.context, outcome.evidence)
    with write(db):
        if not jobs.finish(db, claim, outcome.seconds):
            return False
        results.save_stages(db, outcome, stages_fingerprint, profile)
        derived = derive(taxonomy, record, outcome.scene, results.rulings(db, photo.id))
        results.save_derived(db, derived, derived_fingerprint(taxonomy, photo.context))
    return True


def locate(archive: Archive, sha: str) -> Path | Failure:
    """The file that holds this content: the archive's own path, else a copy that was seen.

    A Failure that is not the photo's own fault where none is there: a drive may be unplugged.
    """
    changed = False
    for stored, stamp in photos.paths_of(archive.db, sha):
        path = archive.locate(stored)
        try:
            here = FileStamp.of(path)
            if here == stamp:
                return path
            if here.size == stamp.size and content_sha256(path) == sha:
                with write(archive.db):
                    photos.restamp(archive.db, stored, here)
                return path
        except OSError:
            continue
        changed = True
    if changed:
        return Failure(sha, "file", "has changed since it was added; add it again", own_fault=False)
    return Failure(sha, "file", "is not there; plug in its drive or add the folder it is in", own_fault=False)


def found_again(archive: Archive) -> list[str]:
    """The photos whose file was missing and that have one again."""
    return [
        row["sha"]
        for row in jobs.troubled(archive.db)
        if row["state"] == "missing"
        and any(archive.locate(stored).exists() for stored, _ in photos.paths_of(archive.db, row["sha"]))
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


@contextmanager
def _heartbeat(worker: Worker, lease_seconds: float) -> Iterator[None]:
    """Extend the leases from a thread of its own: one slow photo must not look like a dead worker.

    Where the database cannot be written, the work stops after the photos in hand and the fault is raised.
    """
    over = threading.Event()
    faults: list[sqlite3.Error | ArchiveError] = []

    def beat() -> None:
        try:
            with closing(connect(worker.archive.root / DATABASE_NAME)) as db:
                while not over.wait(lease_seconds / 4):
                    with write(db):
                        jobs.heartbeat(db, worker.name, lease_seconds)
        except (sqlite3.Error, ArchiveError) as error:
            faults.append(error)
            worker.stop.set()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if faults:
        raise faults[0]
