"""Which photos are to be tagged and how long that takes; queues them; forgets what was seen on one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard
from urbextag.errors import UsageError
from urbextag.store import job_lists, jobs
from urbextag.store.db import write, write_in_slices
from urbextag.store.jobs import Priority
from urbextag.store.scopes import Scope

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.choices import Profile
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

TYPICAL_SECONDS: dict[Profile, float] = {"starter": 1.4, "scene": 0.2, "standard": 12.0}
"""Of a photo in a worker of one thread (docs/benchmarks.md), until this archive has own figures."""
DERIVED_PER_SECOND = 1000
"""Photos whose tags are derived again from kept evidence, the database included."""


@dataclass(frozen=True, slots=True)
class TagPlan:
    """What tagging a scope would do."""

    scope: Scope
    shas: tuple[str, ...]
    """Photos that the stages would look at."""
    derive_only: tuple[str, ...]
    """Photos whose tags only want deriving again from what is kept."""
    seconds: float
    """How long all of it takes, about."""
    each: float
    """Seconds for one photo to look at, all workers together."""
    measured: bool
    """By this archive's own figures; False: by typical ones."""


def plan(archive: Archive, taxonomy: Taxonomy, deriver: Deriver, scope: Scope, name: str | None = None) -> TagPlan:
    """Which photos a scope is about today, and how long they take; `name`: as in `scopes.select`.

    Raises:
        ModelError: the profile's models are not here.

    """
    from urbextag.pipeline import build, fingerprint
    from urbextag.rederive import reworded, stale
    from urbextag.stages.base import Kit
    from urbextag.store import scopes
    from urbextag.worker import found_again

    stages_fingerprint = fingerprint(build(archive.config, Kit(taxonomy, models=archive.config.models)))
    shas = scopes.select(archive.db, scope, stages_fingerprint, name)
    if scope == "missing":
        shas += found_again(archive)
    if scope == "changed":
        shas += reworded(archive, taxonomy, stages_fingerprint)
    looked_at = set(shas)
    stale_ones = stale(archive.db, deriver, stages_fingerprint) if scope == "changed" else []
    return _plan(archive, scope, shas, [sha for sha in stale_ones if sha not in looked_at])


def _plan(archive: Archive, scope: Scope, shas: Sequence[str], derive_only: Sequence[str]) -> TagPlan:
    from urbextag.supervisor import hands

    known = job_lists.seconds_per_photo(archive.db)
    each = (known or TYPICAL_SECONDS[archive.config.profile]) / hands(archive.config, len(shas))
    seconds = len(shas) * each + len(derive_only) / DERIVED_PER_SECOND
    return TagPlan(scope, tuple(shas), tuple(derive_only), seconds, each, bool(known))


def new_request() -> str:
    """A name for what is queued together, to ask after it (`jobs.counts`)."""
    return uuid.uuid4().hex[:12]


def enqueue(
    archive: Archive,
    shas: Sequence[str],
    priority: Priority = Priority.PERSON,
    *,
    request: str | None = None,
    done: Done = unheard,
) -> str:
    """Queue photos to be tagged, tagged before or not. Returns the request's name; `done` hears how many so far."""
    asked = request or new_request()
    write_in_slices(archive.db, shas, lambda part: jobs.enqueue(archive.db, part, priority, asked), done)
    return asked


def clear(archive: Archive, deriver: Deriver, sha: str) -> None:
    """Forget what stages and VLMs said of a photo, in one transaction: it then counts as never tagged.

    What a person said of it stands, and so does what a tagger said that was here before (`urbextag backfill --undo`
    takes that back). A worker's result that is under way is dropped.

    Raises:
        UsageError: no photo of the archive has this id.

    """
    from urbextag.rederive import put_into_effect
    from urbextag.store import photos
    from urbextag.store.forget import forget, unpublish

    if photos.by_id(archive.db, sha) is None:
        raise UsageError(f"no photo of the archive has the id {sha[:12]!r}", "Look again; it may have been removed")
    with write(archive.db):
        forget(archive.db, sha)
        put_into_effect(archive.db, deriver, sha)
        unpublish(archive.db, sha)
