"""What the roll-up and `status` read: the tagged photos of a location, and the counts of an archive."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass

from urbextag.rollup import PhotoSummary, PhotoTag
from urbextag.store.findings import era_hints


def photos(db: sqlite3.Connection, locid: str) -> list[PhotoSummary]:
    """The tagged photos of a location."""
    tags: dict[str, list[PhotoTag]] = defaultdict(list)
    for row in db.execute(
        """SELECT sha, concept, label, confidence FROM imgs JOIN ut_tags ON sha = imgsha WHERE locid = ?
        ORDER BY confidence DESC, concept""",
        (locid,),
    ):
        tags[row["sha"]].append(PhotoTag(row["concept"], row["label"], row["confidence"]))
    rows = db.execute(
        """SELECT imgsha, imgnam, view_type, view_confidence, quality_score, condition_score, era, pair_sha
        FROM imgs JOIN ut_photos ON sha = imgsha WHERE locid = ? AND tagged_at IS NOT NULL
            AND hidden_reason IS NOT 'replaced' ORDER BY imgsha""",
        (locid,),
    )
    return [
        PhotoSummary(
            sha=row["imgsha"],
            name=row["imgnam"],
            view_type=row["view_type"],
            view_confidence=row["view_confidence"],
            quality=row["quality_score"],
            tags=tuple(tags[row["imgsha"]]),
            condition=row["condition_score"],
            era=tuple(era_hints(row["era"])),
            pair_sha=row["pair_sha"],
        )
        for row in rows
    ]


def photo_count(db: sqlite3.Connection, locid: str) -> int:
    """How many photos a location has, tagged or not."""
    return int(
        db.execute(
            "SELECT count(*) FROM imgs WHERE locid = ? AND hidden_reason IS NOT 'replaced'", (locid,)
        ).fetchone()[0]
    )


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
    queries = (
        f"SELECT count(*) FROM ut_photos WHERE {standing}",
        f"SELECT count(*) FROM ut_photos WHERE stages_fingerprint IS NOT NULL AND {standing}",
        "SELECT count(*) FROM locs",
        "SELECT count(*) FROM imgs WHERE locid IS NULL AND hidden_reason IS NOT 'replaced'",
        "SELECT count(*) FROM ut_file_failures",
        "SELECT count(*) FROM ut_decisions",
    )
    return ArchiveCounts(*(int(db.execute(query).fetchone()[0]) for query in queries))
