"""What the roll-up reads: all of a location's photos with their tags at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from urbextag.cycles import no_search_for_cycles
from urbextag.records import VIEW_TYPES, Condition, ElementCondition, EraHint
from urbextag.rollup import Embeddings, Known, LocationSummary, PhotoSummary, PhotoTag, SubLocation, summarise
from urbextag.store import embeddings, suggestions

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy

DOCUMENT_LINES = 12
"""Lines of a document that are read; the roll-up shows fewer, since some are empty."""


@dataclass(frozen=True, slots=True)
class Material:
    """What `rollup.summarise` takes, as read in one go."""

    files: int
    """Photos of the place, tagged or not."""
    photos: tuple[PhotoSummary, ...]
    known: Known
    embeddings: Embeddings | None


def summed_up(
    db: sqlite3.Connection, taxonomy: Taxonomy, location: sqlite3.Row, subid: str | None = None
) -> tuple[int, LocationSummary]:
    """How many photos a location, or one of its sub-locations, has, and what they say together at this moment.

    Args:
        db: the archive's database.
        taxonomy: what the tags mean.
        location: its row in `locs`.
        subid: the sub-location, None for the whole place.
    """
    with no_search_for_cycles():
        read = material(db, location, subid)
        return read.files, summarise(read.photos, taxonomy, read.known, read.embeddings)


def material(db: sqlite3.Connection, location: sqlite3.Row, subid: str | None = None) -> Material:
    """All that is known of a location, or of one of its sub-locations.

    One read transaction: tags that change meanwhile are all in or all out.
    """
    locid = location["locid"]
    db.execute("BEGIN")
    try:
        subs = sub_locations(db, locid)
        files = photo_count(db, locid) if subid is None else _of_sub(subs, subid).photos
        known = _known(db, location, subs if subid is None else (), whole=subid is None)
        return Material(files, tuple(photos(db, locid, subid)), known, _embeddings(db, locid))
    finally:
        db.execute("ROLLBACK")


def _known(db: sqlite3.Connection, location: sqlite3.Row, subs: Sequence[SubLocation], *, whole: bool) -> Known:
    locid = location["locid"]
    return Known(
        type=location["type"] or None,
        stype=location["stype"] or None,
        built_year=location["built_year"] or None,
        hero_sha=(location["hero_imgsha"] or None) if whole else None,
        dismissed_types=frozenset(suggestions.dismissed(db, locid, "type")),
        dismissed_eras=frozenset(suggestions.dismissed(db, locid, "era")),
        subs=tuple(subs),
    )


def _of_sub(subs: Sequence[SubLocation], subid: str) -> SubLocation:
    return next(sub for sub in subs if sub.subid == subid)


def sub_locations(db: sqlite3.Connection, locid: str) -> tuple[SubLocation, ...]:
    """The sub-locations of a place with their numbers of photos, by name."""
    rows = db.execute(
        """SELECT slocs.subid, subnam, count(imgsha) AS photos
        FROM slocs LEFT JOIN imgs ON imgs.subid = slocs.subid AND imgs.locid = slocs.locid
            AND hidden_reason IS NOT 'replaced'
        WHERE slocs.locid = ? GROUP BY slocs.subid ORDER BY subnam COLLATE NOCASE, slocs.subid""",
        (locid,),
    )
    return tuple(SubLocation(row["subid"], row["subnam"], row["photos"]) for row in rows)


def photos(db: sqlite3.Connection, locid: str, subid: str | None = None) -> list[PhotoSummary]:
    """The photos of a location, or of one of its sub-locations, that have been looked at or that a person has tagged.

    Plain tuples and one JSON text for each column: a place has thousands of photos and a hundred thousand tags.
    """
    reviewed = {sha for (sha,) in db.execute(_REVIEWED, (locid,))}
    cursor = db.cursor()
    cursor.row_factory = None
    found = cursor.execute(_PHOTOS, (locid, subid)).fetchall()
    tags = _tags(db, [row[0] for row in found])
    rows = [row for row in found if row[-1] or tags[row[0]]]
    hints, elements = _json([row[-2] for row in rows]), _json([row[-3] for row in rows])
    text = _document_text(db, [row[0] for row in rows if row[2] == "document"])
    return [
        PhotoSummary(
            sha, name, said if said in VIEW_TYPES else "unknown", sure or 0.0, quality, tags[sha],
            Condition(score, label, tuple([_element(one) for one in worn])) if label else None,
            tuple([_hint(one) for one in dated]),
            pair, sub, f"{make or ''} {model or ''}".strip() or None, taken, (width or 0) * (height or 0),
            sha in reviewed, bool(hidden), text.get(sha, ()),
        )
        for (sha, name, said, sure, quality, score, label, pair, sub, make, model, taken, width, height, hidden, *_),
            worn, dated in zip(rows, elements, hints, strict=True)
    ]  # fmt: skip


_PHOTOS = """SELECT imgsha, imgnam, view_type, view_confidence, quality_score, condition_score, condition_label,
        pair_sha, subid, meta_camera_make, meta_camera_model, meta_date_taken, meta_width, meta_height, hidden,
        condition_elements, era, tagged_at
    FROM imgs JOIN ut_photos ON sha = imgsha
    WHERE locid = ?1 AND (?2 IS NULL OR subid = ?2) AND hidden_reason IS NOT 'replaced' ORDER BY imgsha"""
_REVIEWED = "SELECT DISTINCT sha FROM ut_decisions WHERE sha IN (SELECT imgsha FROM imgs WHERE locid = ?)"


def _tags(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, tuple[PhotoTag, ...]]:
    """The tags of each photo, by concept, as they lie in the table: a hundred thousand are not worth sorting."""
    cursor = db.cursor()
    cursor.row_factory = None
    query = "SELECT concept, label, confidence FROM ut_tags WHERE sha = ? ORDER BY concept"
    make = partial(tuple.__new__, PhotoTag)  # as `PhotoTag._make` does, in half the time
    return {sha: tuple(map(make, cursor.execute(query, (sha,)).fetchall())) for sha in shas}


def _json(texts: Sequence[str | None]) -> list[Any]:
    """JSON lists, read as one text: that takes a third of the time."""
    read: list[Any] = json.loads(f"[{','.join(text or '[]' for text in texts)}]")
    return read


def _hint(said: dict[str, Any]) -> EraHint:
    return EraHint(**{**said, "years": tuple(said["years"]), "because": tuple(said.get("because", ()))})


def _element(said: dict[str, Any]) -> ElementCondition:
    return ElementCondition(**{**said, "because": tuple(said["because"])})


def _document_text(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The first lines that OCR read on these photos."""
    rows = db.execute(
        "SELECT sha, data FROM ut_results WHERE stage = 'ocr' AND sha IN (SELECT value FROM json_each(?))",
        (json.dumps(list(shas)),),
    )
    lines = {row["sha"]: json.loads(row["data"]).get("lines", []) for row in rows}
    return {sha: tuple(str(line["text"]) for line in found[:DOCUMENT_LINES]) for sha, found in lines.items()}


def _embeddings(db: sqlite3.Connection, locid: str) -> Embeddings | None:
    """The embeddings of the model that most of its photos have one of; those of two models do not compare."""
    found = embeddings.counts(db, locid)
    if not found:
        return None
    return Embeddings(*embeddings.load_all(db, *next(iter(found)), locid))


def photo_count(db: sqlite3.Connection, locid: str) -> int:
    """How many photos a location has, tagged or not."""
    return int(
        db.execute(
            "SELECT count(*) FROM imgs WHERE locid = ? AND hidden_reason IS NOT 'replaced'", (locid,)
        ).fetchone()[0]
    )
