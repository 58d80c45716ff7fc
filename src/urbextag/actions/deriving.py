"""Lets what is known of photos have its effect on their tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver


def derive(archive: Archive, deriver: Deriver, shas: Sequence[str], done: Done = unheard) -> None:
    """Derive the tags of these photos again from what is kept; a photo that was never looked at stays as it is."""
    from urbextag.rederive import rederive
    from urbextag.supervisor import cores

    rederive(archive, deriver, shas, cores(), done)


def derive_place(archive: Archive, deriver: Deriver, locid: str, done: Done = unheard) -> int:
    """Derive the tags of all photos of a place again. Returns how many."""
    from urbextag.store.locations import photos_with_evidence

    shas = photos_with_evidence(archive.db, locid)
    derive(archive, deriver, shas, done)
    return len(shas)
