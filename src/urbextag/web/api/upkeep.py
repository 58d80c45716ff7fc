"""Upkeep: the tags of earlier taggers taken over and given back, and backups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from urbextag.actions import backfill as actions
from urbextag.numbers import count
from urbextag.web.api.common import ERRORS, Body, Plan, Started, started
from urbextag.web.site import Site, TheSite
from urbextag.web.tasks import Report

router = APIRouter(tags=["upkeep"], responses=ERRORS)

TAKE_SECONDS, GIVE_SECONDS = 0.0008, 0.0003
"""To take one photo over, and to give it back (docs/benchmarks.md)."""


class BackfillPlan(Plan):
    """What taking over would do."""

    survey: dict[str, Any]
    """`urbextag backfill --dry-run --json`."""


class BackupTo(Body):
    """Where a backup goes."""

    folder: str = Field(pattern="^[0-9a-f]{24}$")
    """A folder's id, from GET /folders."""
    keep: int | None = Field(None, ge=1, le=1000)
    """Remove older backups of this archive there but for so many."""


@router.get("/backfill", response_model=BackfillPlan)
def backfill_plan(site: TheSite) -> BackfillPlan:
    """What another tagger has left that can be taken over, and what becomes of it."""
    with site.opened() as archive:
        found = actions.preview(archive, site.taxonomy(archive))
        attached = archive.attached
    photos = len(found.shas)
    seconds = photos * TAKE_SECONDS
    survey = actions.survey_json(found)
    if not photos:
        text = "No tags of another tagger are left to be taken over."
        if not attached:
            text = "This archive is not attached to another application's database: there is nothing to take over."
        return BackfillPlan(photos=0, seconds=0.0, text=text, nothing=True, survey=survey)
    text = (
        f"Take the tags of {count(photos, 'photo')} over? A machine's words become evidence, a person's become "
        f"decisions, inventions go. {count(found.to_queue, 'photo')} will be queued. It can be taken back."
    )
    return BackfillPlan(photos=photos, seconds=seconds, text=text, nothing=False, survey=survey)


@router.post("/backfill", status_code=202, response_model=Started)
def backfill(site: TheSite) -> dict[str, Any]:
    """Take over what another tagger has left."""
    return started(site.tasks.start("backfill", "Taking tags over", lambda report: _take_over(site, report)))


def _take_over(site: Site, report: Report) -> dict[str, Any]:
    with site.opened() as archive:
        deriver = site.deriver(archive)
        found = actions.preview(archive, deriver.taxonomy)
        report(0, len(found.shas))
        after = actions.take_over(archive, deriver, found.shas, report)
    said = f"Took the tags of {count(len(found.shas), 'photo')} over."
    if after.human:
        said += f" Of a person's words {after.human_kept:,} of {after.human:,} are kept."
    return {"message": said, "report": actions.comparison_json(after)}


@router.get("/backfill/undo", response_model=Plan)
def undo_plan(site: TheSite) -> Plan:
    """What giving the former tags back would do."""
    with site.opened() as archive:
        plan = actions.preview_undo(archive)
    photos, text = plan["photos"], actions.undo_text(plan)
    text = " ".join(text.split()) + (" Give them back?" if photos else "")
    return Plan(photos=photos, seconds=photos * GIVE_SECONDS, text=text, nothing=not photos)


@router.post("/backfill/undo", status_code=202, response_model=Started)
def undo(site: TheSite) -> dict[str, Any]:
    """Give the photos their former tags back, and take out what was made of them."""
    return started(site.tasks.start("backfill", "Giving tags back", lambda report: _give_back(site, report)))


def _give_back(site: Site, report: Report) -> dict[str, Any]:
    with site.opened() as archive:
        photos = actions.preview_undo(archive)["photos"]
        report(0, photos)
        actions.give_back(archive, site.deriver(archive), report)
    return {"message": f"Gave {count(photos, 'photo')} their former tags back."}


@router.post("/backup", status_code=202, response_model=Started)
def backup(site: TheSite, to: BackupTo) -> dict[str, Any]:
    """Copy the database and the settings, proved, into a folder; photos are not copied."""
    folder = site.folders.path(to.folder)
    title = f"Backing up to {folder.name or folder}"
    return started(site.tasks.start("backup", title, lambda report: _back_up(site, folder, to.keep, report)))


def _back_up(site: Site, folder: Path, keep: int | None, report: Report) -> dict[str, Any]:
    from urbextag.backup import backup as make

    with site.opened() as archive:
        made = make(archive, folder, keep, lambda what, done, total: report(done, total, what))
    removed = f" {count(len(made.removed), 'older backup')} removed." if made.removed else ""
    files = count(len(made.files), "file")
    return {
        "message": f"Backed up to {made.folder}: {files}, {made.size / 1e6:,.1f} MB, proved.{removed}",
        "backup": str(made.folder),
        "bytes": made.size,
        "sha256": made.sha256,
    }
