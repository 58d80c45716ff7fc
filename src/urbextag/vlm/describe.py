"""One photo, one server: ask, believe or ask again, and save answer and "done" in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from urbextag.errors import PhotoError
from urbextag.records import Failure
from urbextag.rederive import derive_again
from urbextag.store import jobs, vlm
from urbextag.store.db import write
from urbextag.vlm.ask import ATTEMPTS, make_request
from urbextag.vlm.believe import Rejected, believe
from urbextag.vlm.evidence import result
from urbextag.vlm.known import known_of
from urbextag.vlm.picture import encode
from urbextag.worker import locate

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.records import StageResult
    from urbextag.vlm.client import Client
    from urbextag.vlm.records import Known, Outcome, Probed, Reply, Request
    from urbextag.vlm.template import Template


MOST_KEPT = 256 << 10
"""Characters that are kept of a reply that nobody could believe; an honest one is far shorter."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What describing a photo takes besides the photo and the server."""

    archive: Archive
    deriver: Deriver
    template: Template
    facets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a photo, for people."""

    outcome: Outcome | Literal["lost"]
    """`lost`: another took the photo over meanwhile, and nothing was kept."""
    reason: str = ""
    seconds: float = 0.0
    """From the first request to the saved answer."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claimed photo with all that its request takes."""

    claim: jobs.Claim
    known: Known
    jpeg: bytes


def prepare(desk: Desk, claim: jobs.Claim) -> Prepared | Told:
    """Gather what a claimed photo's request takes; Told where its file is not there or cannot be read."""
    found = locate(desk.archive, claim.sha)
    if isinstance(found, Failure):
        return _fail(desk, claim, found)
    try:
        jpeg = _picture(desk, found)
    except PhotoError as error:
        reason = error.message.removeprefix(f"{found.name} ")  # the path stands beside it
        return _fail(desk, claim, Failure(claim.sha, "decode", reason))
    known = known_of(desk.archive.db, desk.deriver, [claim.sha]).get(claim.sha)
    if known is None:  # deleted meanwhile
        return _fail(desk, claim, Failure(claim.sha, "file", "has not been tagged", own_fault=False))
    return Prepared(claim, known, jpeg)


def describe(
    desk: Desk, photo: Prepared, client: Client, probed: Probed, lost_seeds: int, stop: Callable[[], bool]
) -> Told:
    """Describe a photo. What is believed, or why nothing is, is kept in the transaction that ends the claim.

    Args:
        desk: the archive and what is asked with.
        photo: claimed from the VLM queue.
        client: the server.
        probed: what it said of itself; kept with the answer.
        lost_seeds: how many seeds to leave out because a server failed at them; they take none of the photo's tries.
        stop: true = give the answer under way up.

    Raises:
        ServerFault: the server's fault, which may pass; the claim is still held.
        EndpointError: the server's fault, which does not; the claim is still held.
        Abandoned: `stop` said so; the claim is still held.

    """
    started = time.monotonic()
    url = client.endpoint.url
    replies: list[dict[str, Any]] = []
    for attempt in range(ATTEMPTS):
        request = make_request(photo.known, photo.jpeg, desk.template, desk.archive.config.vlm, desk.facets, attempt)
        request = replace(request, seed=request.seed + lost_seeds)
        reply = client.ask(request, stop)
        try:
            believed = believe(reply, request)
        except Rejected as error:
            replies.append(_rejected(request, reply, error.reason))
            continue
        said = result(believed, request, reply, probed, url)
        said = replace(said, data={**said.data, "configured": client.endpoint.model})
        return _save(desk, photo.claim, said, url, started)
    reason = f"{len(replies)} answers of {probed.model} were not believed; the last: {replies[-1]['reason']}"
    with write(desk.archive.db):
        kept = vlm.reject(desk.archive.db, photo.claim, url, probed.model, reason, replies)
    return Told("set_aside" if kept else "lost", reason, time.monotonic() - started)


def preview(desk: Desk, sha: str, path: Path) -> Request:
    """What would be sent of a photo at the first attempt; raises PhotoError."""
    known = known_of(desk.archive.db, desk.deriver, [sha])[sha]
    return make_request(known, _picture(desk, path), desk.template, desk.archive.config.vlm, desk.facets, 0)


def _picture(desk: Desk, path: Path) -> bytes:
    from urbextag.images import Limits

    config = desk.archive.config
    limits = Limits(max_pixels=config.limits.max_pixels)
    return encode(path, limits, config.vlm.longest_px, config.vlm.jpeg_quality)


def _save(desk: Desk, claim: jobs.Claim, said: StageResult, url: str, started: float) -> Told:
    db, seconds = desk.archive.db, time.monotonic() - started
    with write(db):
        if not vlm.finish(db, claim, seconds, url):
            return Told("lost", seconds=seconds)
        vlm.save(db, claim.sha, said)
        derive_again(db, desk.deriver, [claim.sha])
    return Told("done", seconds=seconds)


def _fail(desk: Desk, claim: jobs.Claim, failure: Failure) -> Told:
    db = desk.archive.db
    with write(db):
        kept = jobs.fail(db, claim, failure)
        job = jobs.of_photo(db, claim.sha, jobs.VLM)
    outcomes: dict[str, Outcome] = {"queued": "failed", "set_aside": "set_aside", "missing": "missing"}
    outcome = outcomes[job["state"]] if job and kept else "lost"
    return Told(outcome, failure.reason)


def _rejected(request: Request, reply: Reply, reason: str) -> dict[str, Any]:
    return {
        "reason": reason,
        "seed": request.seed,
        "max_tokens": request.max_tokens,
        "prompt": request.prompt,
        "finish": reply.finish,
        "raw": reply.raw[:MOST_KEPT],
    }
