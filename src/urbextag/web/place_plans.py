"""What queueing photos of one place would do beyond what `plans` has: those alone that were never looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from urbextag.actions import describing, places, tagging
from urbextag.numbers import count, duration
from urbextag.web import plans
from urbextag.web.api.common import Plan

if TYPE_CHECKING:
    from urbextag.actions.describing import DescribePlan
    from urbextag.actions.tagging import TagPlan
    from urbextag.archive import Archive
    from urbextag.web.site import Site


def to_tag_untagged(site: Site, archive: Archive, locid: str) -> tuple[Plan, TagPlan]:
    """What tagging the photos of a place that were never tagged would do; what was set aside is left out."""
    plan, whole = plans.to_tag(site, archive, "missing")
    mine = set(places.location_photos(archive, locid))
    found = replace(whole, shas=tuple(sha for sha in whole.shas if sha in mine))
    photos, seconds = len(found.shas), len(found.shas) * whole.each
    if not photos:
        return Plan(
            photos=0, seconds=0.0, text="Every photo here has been tagged, or was set aside.", nothing=True
        ), found
    how = "as measured here" if found.measured else "a typical figure"
    text = f"Tag {count(photos, 'photo')}? That takes about {duration(seconds)} ({how})."
    return plan.model_copy(
        update={"photos": photos, "seconds": round(seconds, 1), "text": text, "nothing": False}
    ), found


def tag_untagged(site: Site, archive: Archive, locid: str) -> dict[str, str]:
    """Queue the photos of a place that were never tagged."""
    _, found = to_tag_untagged(site, archive, locid)
    tagging.enqueue(archive, found.shas)
    return {"message": f"{count(len(found.shas), 'photo')} queued.{plans.no_worker(site)}"}


def to_describe(site: Site, archive: Archive, locid: str, *, only_missing: bool) -> tuple[Plan, DescribePlan]:
    """What having the photos of a place described would do, all that are tagged or those that were never described.

    Raises:
        ConfigError: no server is set up.
        UrbextagError: none works.

    """
    from urbextag.vlm.look import look_at_all, usable

    servers = look_at_all(archive.config.vlm)
    usable(servers)
    shas = describing.candidates(archive, "location", locid)
    if only_missing:
        missing = set(describing.candidates(archive, "missing"))
        shas = [sha for sha in shas if sha in missing]
    found = describing.plan_of(archive, servers, "missing" if only_missing else "location", shas)
    photos = len(found.shas)
    if not photos:
        return Plan(photos=0, seconds=0.0, text="No tagged photo here is left to describe.", nothing=True), found
    how = "as measured here" if found.measured else "a typical figure"
    stands = "" if only_missing else " Descriptions that stand are replaced; what you decided yourself stays."
    text = (
        f"Have {count(photos, 'photo')} described by {count(found.servers, 'server')}? "
        f"That takes about {duration(found.seconds)} ({how}).{stands}"
    )
    return Plan(photos=photos, seconds=round(found.seconds, 1), text=text, nothing=False), found


def describe(site: Site, archive: Archive, locid: str, *, only_missing: bool) -> dict[str, str]:
    """Queue the photos of a place to be described."""
    _, found = to_describe(site, archive, locid, only_missing=only_missing)
    describing.enqueue(archive, found.scope, found.shas)
    return {"message": f"{count(len(found.shas), 'photo')} queued to be described.{plans.no_worker(site)}"}
