"""Re-tagging is re-deriving: a changed taxonomy, context or decision needs the kept evidence, not the models."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from urbextag.records import Context
from urbextag.store import locations, results, scopes
from urbextag.store.db import write

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy

DERIVE_VERSION = 1
"""Raised by hand when the code would derive other tags from the same evidence, taxonomy and context."""
CHUNK = 200
"""Photos per transaction: the write lock is held for well under a second."""


def fingerprint(taxonomy: Taxonomy, context: Context) -> str:
    """16 hex digits that change when the same evidence would give other tags."""
    text = json.dumps([DERIVE_VERSION, taxonomy.version, asdict(context)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stale(db: sqlite3.Connection, taxonomy: Taxonomy, stages_fingerprint: str) -> list[str]:
    """The photos with up-to-date evidence whose tags were derived with another taxonomy or context."""
    wanted: dict[str | None, str] = {None: fingerprint(taxonomy, Context())}
    for location in locations.all_rows(db):
        wanted[location["locid"]] = fingerprint(taxonomy, locations.context(location))
    return [sha for sha, locid, has in scopes.derivable(db, stages_fingerprint) if has != wanted[locid]]


def rederive(
    db: sqlite3.Connection, taxonomy: Taxonomy, shas: Sequence[str], done: Callable[[int], None] = lambda count: None
) -> int:
    """Derive the tags of these photos again, a chunk per transaction; `done` hears each time how many so far.

    Returns:
        How many photos had evidence to derive from.

    """
    derived = 0
    for start in range(0, len(shas), CHUNK):
        chunk = shas[start : start + CHUNK]
        with write(db):
            derived += derive_again(db, taxonomy, chunk)
        done(start + len(chunk))
    return derived


def derive_again(db: sqlite3.Connection, taxonomy: Taxonomy, shas: Sequence[str]) -> int:
    """Derive the tags of these photos again. Call it inside `db.write`. Returns how many had evidence."""
    from urbextag.taxonomy import derive

    records = results.records(db, locations.contexts(db, list(shas)))
    for record, scene in records:
        derived = derive(taxonomy, record, scene, results.rulings(db, record.id))
        results.save_derived(db, derived, fingerprint(taxonomy, record.context))
    return len(records)
