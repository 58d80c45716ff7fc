"""Which photos a VLM is to describe and how long that takes; queues them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard
from urbextag.actions.tagging import new_request
from urbextag.errors import UsageError
from urbextag.store import jobs, scopes, vlm
from urbextag.store.db import write_in_slices
from urbextag.store.vlm import Scope

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.vlm.look import Server

TYPICAL_SECONDS = 8.0
"""An answer of an 8B model on a recent machine, by other projects' figures, until there are own ones."""


@dataclass(frozen=True, slots=True)
class DescribePlan:
    """What describing a scope would do."""

    scope: Scope
    shas: tuple[str, ...]
    servers: int
    """How many of them are ready."""
    seconds: float
    """How long all of it takes, about."""
    measured: bool
    """By the servers' own figures; False: one of them at least has none yet."""


def refuse_untagged(archive: Archive, sha: str, called: str | None = None) -> None:
    """Only a tagged photo is described; raises UsageError. `called`: how the person named it."""
    if not scopes.tagged_at(archive.db, [sha]):
        name = called or sha[:12]
        raise UsageError(f"{name} has not been tagged yet", "First: urbextag tag --photo PHOTO")


def candidates(archive: Archive, scope: Scope, name: str | None = None) -> list[str]:
    """The photos of a scope; of `changed` those that are to be compared, which is `only_changed`'s to do."""
    return vlm.select(archive.db, scope, name)


def only_changed(archive: Archive, deriver: Deriver, shas: Sequence[str], done: Done = unheard) -> list[str]:
    """Those of the photos whose request would read otherwise today, or go to another model; nothing is sent.

    `done` hears how many have been compared.
    """
    from urbextag.vlm.known import changed
    from urbextag.vlm.template import load_template

    settings = archive.config.vlm
    models = {endpoint.model for endpoint in settings.endpoints}
    return changed(archive.db, deriver, load_template(settings.prompt), models, shas, done)


def plan(
    archive: Archive,
    servers: Sequence[Server],
    scope: Scope,
    name: str | None = None,
    *,
    deriver: Deriver | None = None,
) -> DescribePlan:
    """Which photos a scope is about today, and how long they take.

    Args:
        archive: the archive.
        servers: of the settings, looked at (`vlm.look.look_at_all`); one at least is ready.
        scope: which photos.
        name: the locid or SHA-256 of the scopes `location` and `photo`.
        deriver: what the requests are put together with; only `changed` needs it.

    Raises:
        UrbextagError: no server is ready.

    """
    shas = candidates(archive, scope, name)
    if scope == "changed" and shas:
        if deriver is None:
            raise ValueError("the scope 'changed' needs a deriver")
        shas = only_changed(archive, deriver, shas)
    return plan_of(archive, servers, scope, shas)


def plan_of(archive: Archive, servers: Sequence[Server], scope: Scope, shas: Sequence[str]) -> DescribePlan:
    """How long these photos take, by the endpoints' own figures where there are some.

    Raises:
        UrbextagError: no server is ready.

    """
    from urbextag.vlm.look import usable

    usable(servers)
    rates = {rate.endpoint: rate.seconds for rate in vlm.rates(archive.db)}
    ready = [server.endpoint for server in servers if not server.fault]
    # The seconds of an endpoint that answers several at a time are those of one answer.
    per_second = sum(endpoint.parallel / rates.get(endpoint.url, TYPICAL_SECONDS) for endpoint in ready)
    measured = all(endpoint.url in rates for endpoint in ready)
    return DescribePlan(scope, tuple(shas), len(ready), len(shas) / per_second, measured)


def enqueue(
    archive: Archive, scope: Scope, shas: Sequence[str], *, request: str | None = None, done: Done = unheard
) -> str:
    """Queue photos to be described, but for `missing` those that were described since they were selected.

    Returns the request's name; `done` hears how many photos so far.
    """
    asked = request or new_request()

    def put(part: Sequence[str]) -> None:
        wanted = vlm.undescribed(archive.db, part) if scope == "missing" else part
        jobs.enqueue(archive.db, wanted, jobs.Priority.PERSON, asked, jobs.VLM)

    write_in_slices(archive.db, shas, put, done)
    return asked
