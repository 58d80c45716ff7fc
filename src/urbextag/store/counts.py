"""An archive in numbers, for `status`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from urbextag.store.db import is_attached


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """An archive in numbers."""

    photos: int
    tagged: int
    locations: int
    without_location: int
    unreadable_files: int
    decisions: int


def archive_counts(db: sqlite3.Connection) -> ArchiveCounts:
    """The numbers of `status`; each is read off an index."""
    standing = "sha NOT IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced')"
    if is_attached(db):  # in an archive of its own no photo is ever removed
        standing += " AND sha IN (SELECT imgsha FROM imgs)"
    queries = (
        f"SELECT count(*) FROM ut_photos WHERE {standing}",
        f"SELECT count(*) FROM ut_photos WHERE stages_fingerprint IS NOT NULL AND {standing}",
        "SELECT count(*) FROM locs",
        "SELECT count(*) FROM imgs WHERE locid IS NULL AND hidden_reason IS NOT 'replaced'",
        "SELECT count(*) FROM ut_file_failures",
        "SELECT count(*) FROM ut_decisions",
    )
    return ArchiveCounts(*(int(db.execute(query).fetchone()[0]) for query in queries))


def hands_at_work(db: sqlite3.Connection) -> int:
    """How many workers have photos to tag in hand at this moment."""
    return int(db.execute("SELECT count(DISTINCT owner) FROM ut_jobs WHERE state = 'running'").fetchone()[0])
