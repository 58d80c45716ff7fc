"""Long work on one place: one thing at a time, since all of it derives the tags of the same photos."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urbextag.actions import Done
from urbextag.numbers import count

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.web.site import Site
    from urbextag.web.tasks import Report, Task

Work = Callable[["Archive", "Deriver", Done], str]
"""Does it, tells how many photos are derived so far, and gives a sentence for people."""


def in_place(site: Site, locid: str, title: str, work: Work) -> Task:
    """Start work on a place.

    Raises:
        UsageError: something else is going on there; nothing was changed then.

    """

    def run(report: Report) -> dict[str, Any]:
        from urbextag.store.locations import photos_with_evidence

        with site.opened() as archive:
            total = len(photos_with_evidence(archive.db, locid))
            report(0, total)
            return {"message": work(archive, site.deriver(archive), report)}

    return site.tasks.start(f"place-{locid}", title, run)


def derived_again(photos: int) -> str:
    """A sentence on what a changed fact has done."""
    return f"Saved. The tags of {count(photos, 'photo')} were derived again." if photos else "Saved."
