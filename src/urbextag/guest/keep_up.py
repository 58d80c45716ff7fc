"""Keep up with the application: take up what it imported, fill what it lost, refuse what is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from urbextag.archive import Archive
from urbextag.errors import UsageError
from urbextag.files import content_sha256
from urbextag.guest.missing import SAMPLE, refuse_offline, refuse_unmapped
from urbextag.store import attach as store
from urbextag.store import jobs, refill
from urbextag.store.db import write, write_in_slices

HASHED = 3
"""Photos that are hashed to see whether the keys are the SHA-256 of the content."""

Told = Callable[[str, int, int], None]
"""Hears what is being done, how far it is, and of how many."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `attach` has done."""

    adopted: int
    """Photos of the application that were taken up."""
    forgotten: int
    """Photos that the application has removed since."""
    refilled: int
    """Photos whose published columns were empty and are filled again."""
    keys: store.KeyKind


def keep_up(archive: Archive, told: Told, *, whole: bool = False, queue: bool = False) -> Outcome:
    """Take up the photos that the application has imported since.

    Args:
        archive: an attached one.
        told: hears how far it is.
        whole: also fill columns that are empty again, and look at what the keys are.
        queue: queue what is taken up, where all earlier photos have been taken up before.

    """
    from urbextag.images import RAW_FORMATS

    db = archive.db
    stay = store.guest(db)
    if stay is None:
        return Outcome(0, 0, 0, "sha256")
    fresh = store.unadopted(db)
    store.adopt(db, fresh, lambda done: told("Taking up photos", done, len(fresh)))
    if fresh:
        store.link_pairs(db, RAW_FORMATS)
    if queue and stay.adopted:
        write_in_slices(db, fresh, lambda part: jobs.enqueue(db, part, jobs.Priority.IMPORT))
    gone = store.forget_gone(db)
    lost = refill.lost(db) if whole else []
    refill.refill(db, lost, lambda done: told("Filling columns again", done, len(lost)))
    keys = stay.keys if stay.keys != "unknown" and not whole else key_kind(archive)
    if not stay.adopted or keys != stay.keys:
        with write(db):
            store.note(db, replace(stay, adopted=True, keys=keys))
    return Outcome(len(fresh), gone, len(lost), keys)


def begin_work(archive: Archive, told: Told, *, queue: bool = False) -> None:
    """Before photos are claimed: are they within reach, and what has the application imported since?

    `queue`: see `keep_up`.

    Raises:
        ArchiveError: the folder that the photos are mapped to is not there, or nothing is mapped and none is found.

    """
    refuse_offline(archive)
    if archive.attached:
        keep_up(archive, told, queue=queue)
        refuse_unmapped(archive)


def key_kind(archive: Archive) -> store.KeyKind:
    """Whether the keys of photos are the SHA-256 of their content, by a few whose files are there."""
    tried = 0
    for key, stored in store.sample(archive.db, SAMPLE):
        if not store.is_hex64(key):
            return "other"
        with suppress(OSError):
            if content_sha256(archive.locate(stored)) == key:
                return "sha256"
            tried += 1
        if tried >= HASHED:
            return "other"
    return "unknown"


def refuse_add(archive: Archive) -> None:
    """Photos are known by the SHA-256 of their content: one cannot be added where the application knows them otherwise.

    Raises:
        UsageError: the archive is attached to a release whose keys are something else.

    """
    stay = store.guest(archive.db)
    if stay and key_kind(archive) == "other":
        raise UsageError(
            "the archive application knows its photos by other keys than the SHA-256 of their content",
            "Import photos with the application; then: urbextag tag",
        )
