"""Folders of photos: pick one by ids that this server gave out, and add what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from urbextag.web.api.common import ERRORS, Body, Started, started
from urbextag.web.folders import Folder as Shown
from urbextag.web.site import Site, TheSite
from urbextag.web.tasks import Report

router = APIRouter(prefix="/folders", tags=["folders"], responses=ERRORS)

FolderId = Annotated[str, InPath(pattern=r"^[0-9a-f]{24}$")]


class Folder(BaseModel):
    """A folder to look into or to pick."""

    id: str
    name: str


class FolderListing(BaseModel):
    """What is in a folder; without one, where to begin."""

    folder: Folder | None
    path: str
    parent: Folder | None
    folders: list[Folder]
    photos: int
    more: int


class AddFolder(Body):
    """What the photos of a folder show; None says nothing."""

    location: str | None = Field(None, max_length=200)
    type: str | None = Field(None, max_length=100)
    city: str | None = Field(None, max_length=100)
    state: str | None = Field(None, max_length=100)
    era: str | None = Field(None, max_length=50)
    sub: str | None = Field(None, max_length=200)
    move: bool = False
    """Also take photos that are in another location."""


def _shown(folder: Shown) -> Folder:
    return Folder(id=folder.id, name=folder.name)


@router.get("", response_model=FolderListing)
def folders(site: TheSite, at: Annotated[str | None, Query(pattern=r"^[0-9a-f]{24}$")] = None) -> FolderListing:
    """What is in a folder; without `at`, the places to begin."""
    if at is None:
        roots = [_shown(folder) for folder in site.folders.roots()]
        return FolderListing(folder=None, path="", parent=None, folders=roots, photos=0, more=0)
    found = site.folders.inside(at)
    return FolderListing(
        folder=_shown(found.folder), path=found.path, parent=_shown(found.parent) if found.parent else None,
        folders=[_shown(folder) for folder in found.folders], photos=found.photos, more=found.more,
    )  # fmt: skip


@router.post("/{folder_id}/add", status_code=202, response_model=Started)
def add(site: TheSite, folder_id: FolderId, what: AddFolder) -> dict[str, Any]:
    """Add every photo in and below a folder, and queue the new ones. Photos stay where they are."""
    from urbextag.actions.places import place_facts

    path = site.folders.path(folder_id)
    with site.opened() as archive:  # what is wrong with the form is told at once
        place_facts(site.taxonomy(archive), what.type, what.city, what.state, what.era)
    return started(
        site.tasks.start("add", f"Adding {path.name or path}", lambda report: _add(site, path, what, report))
    )


def _add(site: Site, path: Path, what: AddFolder, report: Report) -> dict[str, Any]:
    from urbextag.actions.adding import add as add_files
    from urbextag.actions.adding import look_for_photos
    from urbextag.actions.places import place_facts
    from urbextag.numbers import count
    from urbextag.store import locations

    with site.opened() as archive:
        facts = place_facts(site.taxonomy(archive), what.type, what.city, what.state, what.era)
        report(0, note="looking for photos")
        found = look_for_photos(archive, [path])
        report(0, len(found), note="")
        added = add_files(archive, found, what.location, facts, sub=what.sub, move=what.move, done=report)
        known = added.changed or added.report.counts["assigned"]
        outdated = bool(known and added.locid and locations.tagged_count(archive.db, added.locid))
    counts, failed = added.report.counts, len(added.report.failed)
    said = f"Added {count(counts['new'], 'photo')}"
    here = counts["unchanged"] + counts["copy"] + counts["assigned"] + counts["elsewhere"]
    said += f", {here:,} were here already" if here else ""
    said += f", {failed:,} could not be read" if failed else ""
    said += "."
    said += " What is known of the place has changed, so its tags are out of date: see Settings." if outdated else ""
    url = f"/locations/{added.locid}" if added.locid else "/"
    return {
        "message": said,
        "url": url,
        "counts": dict(counts),
        "failed": dict(list(added.report.failed.items())[:50]),
    }
