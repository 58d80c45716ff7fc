"""What queueing photos would do, as a sentence to be asked about, and doing it; for all pages alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from urbextag.actions import describing, tagging
from urbextag.actions.places import location_photos
from urbextag.numbers import count, duration
from urbextag.web.api.common import Plan

if TYPE_CHECKING:
    from urbextag.actions.describing import DescribePlan
    from urbextag.actions.tagging import TagPlan
    from urbextag.archive import Archive
    from urbextag.store import scopes, vlm
    from urbextag.web.site import Site
    from urbextag.web.tasks import Report


def to_tag(
    site: Site, archive: Archive, scope: scopes.Scope, name: str | None = None, *, at: str | None = None
) -> tuple[Plan, TagPlan]:
    """What tagging a scope would do; `at`: only the photos of this location.

    Raises:
        ModelError: the profile's models are not here.

    """
    found = tagging.plan(archive, site.taxonomy(archive), site.deriver(archive), scope, name)
    if at is not None:
        here = set(location_photos(archive, at))
        shas, again_here = (tuple(sha for sha in some if sha in here) for some in (found.shas, found.derive_only))
        seconds = len(shas) * found.each + len(again_here) / tagging.DERIVED_PER_SECOND
        found = replace(found, shas=shas, derive_only=again_here, seconds=seconds)
    photos, again = len(found.shas), len(found.derive_only)
    if not photos and not again:
        return Plan(photos=0, seconds=0.0, text="There is nothing to tag.", nothing=True), found
    parts = [f"Tag {count(photos, 'photo')}" if photos else ""]
    parts += [f"derive the tags of {count(again, 'photo')} again" if again else ""]
    what = " and ".join(filter(None, parts))
    how = "as measured here" if found.measured else "a typical figure"
    stays = "" if scope in ("missing", "failed") else " What you decided yourself stays."
    text = f"{what[0].upper()}{what[1:]}? That takes about {duration(found.seconds)} ({how}).{stays}"
    return Plan(photos=photos + again, seconds=round(found.seconds, 1), text=text, nothing=False), found


def tag(
    site: Site, archive: Archive, scope: scopes.Scope, name: str | None = None, *, at: str | None = None
) -> dict[str, str]:
    """Queue the photos of a scope (see `to_tag`) for the worker; tags that only want deriving again are derived beside.

    Raises:
        UsageError: tags are being derived beside already; nothing was queued then.

    """
    _, found = to_tag(site, archive, scope, name, at=at)
    if found.derive_only:
        derive(site, found.derive_only)
    tagging.enqueue(archive, found.shas)
    said = [f"{count(len(found.shas), 'photo')} queued"]
    if found.derive_only:
        said.append(f"the tags of {len(found.derive_only):,} are being derived again")
    return {"message": f"{', and '.join(said)}.{no_worker(site)}"}


def derive(site: Site, shas: tuple[str, ...]) -> None:
    """Derive photos again beside the pages, with progress."""
    from urbextag.actions.deriving import derive as derive_now

    def work(report: Report) -> dict[str, Any]:
        with site.opened() as archive:
            report(0, len(shas))
            derive_now(archive, site.deriver(archive), shas, report)
        return {"message": f"The tags of {count(len(shas), 'photo')} have been derived again."}

    site.tasks.start("derive", "Deriving tags again", work)


def to_describe(
    site: Site, archive: Archive, scope: vlm.Scope, name: str | None = None, *, at: str | None = None
) -> tuple[Plan, DescribePlan]:
    """What describing a scope would do; `at`: only the photos of this location.

    Raises:
        ConfigError: no server is set up.
        EndpointError: none works.

    """
    from urbextag.vlm.look import look_at_all

    deriver = site.deriver(archive) if scope == "changed" else None
    servers = look_at_all(archive.config.vlm)
    found = describing.plan(archive, servers, scope, name, deriver=deriver)
    if at is not None:
        here = set(location_photos(archive, at))
        found = describing.plan_of(archive, servers, scope, [sha for sha in found.shas if sha in here])
    photos = len(found.shas)
    if not photos:
        return Plan(photos=0, seconds=0.0, text="There is nothing to describe.", nothing=True), found
    how = "as measured here" if found.measured else "a typical figure"
    stands = "" if scope == "missing" else " Descriptions that stand are replaced; what you decided yourself stays."
    text = (
        f"Have {count(photos, 'photo')} described by {count(found.servers, 'server')}? "
        f"That takes about {duration(found.seconds)} ({how}).{stands}"
    )
    return Plan(photos=photos, seconds=round(found.seconds, 1), text=text, nothing=False), found


def describe(
    site: Site, archive: Archive, scope: vlm.Scope, name: str | None = None, *, at: str | None = None
) -> dict[str, str]:
    """Queue the photos of a scope (see `to_describe`) for the VLM servers."""
    _, found = to_describe(site, archive, scope, name, at=at)
    describing.enqueue(archive, scope, found.shas)
    return {"message": f"{count(len(found.shas), 'photo')} queued to be described.{no_worker(site)}"}


def no_worker(site: Site) -> str:
    """What is added where nobody works the queue off here."""
    return "" if site.worker.state == "running" else " No worker runs here; start one: see Home."
