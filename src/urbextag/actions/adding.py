"""Brings photos into an archive: into which place and which part of it, and what the owner says of that place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.importer import AddReport, Found
    from urbextag.store.locations import LocationFacts


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it."""

    report: AddReport
    locid: str | None
    """The place that was named, None where none was."""
    changed: bool
    """What is known of the place has changed, so its photos' tags want deriving again."""


def look_for_photos(archive: Archive, paths: Sequence[Path]) -> list[Found]:
    """Every file below the paths.

    Raises:
        UsageError: a path does not exist, or the archive is attached to an application that knows photos by other keys.

    """
    from urbextag import importer
    from urbextag.guest.keep_up import refuse_add

    refuse_add(archive)
    return list(importer.walk(paths))


def add(
    archive: Archive,
    found: Sequence[Found],
    name: str | None,
    facts: LocationFacts | None = None,
    *,
    sub: str | None = None,
    move: bool = False,
    done: Done = unheard,
) -> Added:
    """Add files and queue the new photos.

    Args:
        archive: where to.
        found: what `look_for_photos` gave.
        name: the place that they show, made where it is not there yet; None to leave that open.
        facts: what the owner says of the place; it never erases what is known.
        sub: the part of the place that they show, made where it is not there yet.
        move: also take photos that are in another location or part.
        done: hears how many files have been looked at.

    Raises:
        UsageError: the name is empty or several places have it, or something is said of a place that is not named.

    """
    from urbextag import importer
    from urbextag.store import locations
    from urbextag.store.db import write

    facts = facts or locations.LocationFacts()
    if name is None and (facts != locations.LocationFacts() or sub or move):
        raise UsageError("something is said of a location that is not named", "Name the location")
    if sub is not None and not sub.strip():
        raise UsageError("a sub-location needs a name", "Give it one, or leave it out")
    locid, changed = None, False
    if name is not None:
        with write(archive.db):
            locid = locations.find_or_make(archive.db, name)
            changed = locations.set_facts(archive.db, locid, facts)
    seen = 0

    def told(files: int) -> None:
        nonlocal seen
        seen += files
        done(seen)

    report = importer.add(archive, found, locid, move=move, done=told)
    if locid and sub:
        put_into_sub(archive, locid, sub, [one.path for one in found], move=move)
    return Added(report, locid, changed)


def put_into_sub(archive: Archive, locid: str, name: str, files: Sequence[Path], *, move: bool) -> int:
    """Put the photos of these files, as far as they are in this place, into its sub-location of that name.

    It is made where there is none. Those in another sub-location stay there unless `move`. Returns how many were put.

    Raises:
        UsageError: the name is empty, or several are called that.

    """
    from urbextag.store import locations
    from urbextag.store.db import write, write_in_slices

    with write(archive.db):
        subid = locations.find_or_make_sub(archive.db, locid, name)
    paths = [archive.stored(file) for file in files]
    put = 0

    def save(part: Sequence[str]) -> None:
        nonlocal put
        put += locations.put_into_sub(archive.db, subid, part, move=move)

    write_in_slices(archive.db, paths, save)
    return put
