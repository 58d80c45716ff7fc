"""One photo's report as the archive knows it, for `show` and for the web app."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from urbextag.records import VLM_STAGE, scene_in
from urbextag.store import decisions, findings, jobs, locations, origins, results, vlm

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive
    from urbextag.taxonomy import Taxonomy


def stored_report(archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row) -> dict[str, Any]:
    """The report of a photo as the archive knows it, with its job and the owner's decisions: plain JSON values.

    Args:
        archive: the archive.
        taxonomy: what the tags mean.
        row: the photo's row of `imgs`.

    """
    db, sha = archive.db, row["imgsha"]
    stages = results.stages(db, sha)
    derived = findings.derived_facts(db, sha)
    location = locations.of_photo(db, sha)
    job = jobs.of_photo(db, sha)
    return {
        "id": sha,
        "path": str(archive.locate(row["imgloc"])),
        "location": location["locnam"] if location else None,
        "state": job["state"] if job else None,
        "reason": job["reason"] if job else None,
        "tags": stored_tags(archive, taxonomy, sha),
        "rejected": [d.label for d in decisions.of(db, sha) if d.verdict == "reject"],
        **derived,
        **from_stages(stages, row["quality_score"]),
        "scene": _stored_scene(row, stages),
        "facts": _stored_facts(row),
        "origins": origins.of(db, sha),
        "description": _description(db, sha, stages),
        "stages": stages,
    }


def stored_tags(archive: Archive, taxonomy: Taxonomy, sha: str) -> list[dict[str, Any]]:
    """The tags of a photo's report, most certain first."""
    from urbextag.taxonomy import band

    tags = []
    for tag in findings.tags(archive.db, sha):
        concept = taxonomy.concepts.get(tag.concept)
        tags.append(
            {
                "id": tag.concept,
                "label": tag.label,
                "confidence": round(tag.confidence, 3),
                "band": band(tag.confidence) if tag.origin == "model" else "yours",
                "origin": tag.origin,
                "synonyms": list(concept.synonyms) if concept else [],
                "ancestors": list(concept.ancestors) if concept else [],
                "why": list(tag.why),
            }
        )
    return tags


def from_stages(stages: Mapping[str, Mapping[str, Any]], quality: float | None) -> dict[str, Any]:
    """`readable_text` and `quality` of a report, from what each stage put down."""
    said = {name: stage["data"] for name, stage in stages.items()}
    measured = dict(said.get("quality", {"parts": {}, "reasons": []}))
    return {
        "readable_text": [line["text"] for line in said.get("ocr", {}).get("lines", [])],
        "quality": measured | {"score": quality} if quality is not None else None,
    }


def _stored_scene(row: sqlite3.Row, stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """The view as the picture shows it; with the reasons that its stage gave, where it judged alike."""
    if row["scene_view_type"] is None:
        return None
    judged = scene_in({name: stage["data"] for name, stage in stages.items()})
    same = judged is not None and judged.view_type == row["scene_view_type"]
    return {
        "view_type": row["scene_view_type"],
        "confidence": row["scene_confidence"],
        "model": row["scene_model"],
        "reasons": list(judged.reasons) if judged and same else [],
    }


def _stored_facts(row: sqlite3.Row) -> dict[str, Any]:
    """What the file says of itself: as it was read here, else what the application noted in columns of its own."""
    try:
        facts = json.loads(row["meta_exiftool"] or "{}")
    except ValueError:
        facts = None
    if isinstance(facts, dict) and {"format", "width", "height"} <= facts.keys():
        return facts
    noted = {
        "width": "meta_width", "height": "meta_height", "taken": "meta_date_taken", "camera_make": "meta_camera_make",
        "camera_model": "meta_camera_model", "latitude": "meta_gps_lat", "longitude": "meta_gps_lng",
    }  # fmt: skip
    return {name: row[column] for name, column in noted.items() if row[column] is not None}


def _description(db: sqlite3.Connection, sha: str, stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a VLM said of the photo, and why nobody believed its last answers; None where none was asked."""
    job, said = jobs.of_photo(db, sha, jobs.VLM), stages.get(VLM_STAGE, {}).get("data")
    if job is None and said is None:
        return None
    kept = ("answer", "text", "model", "endpoint")
    return {
        **{name: said[name] if said else None for name in kept},
        "state": job["state"] if job else "done",
        "reason": job["reason"] if job else None,
        "rejected": vlm.rejection(db, sha),
    }
