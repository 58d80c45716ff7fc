"""An archive within the test's own process: photos as stages leave them, and all that shows of one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from conftest import Box
from places import TAXONOMY, Shot, fill
from urbextag import archive
from urbextag.archive import Archive
from urbextag.deriver import Deriver
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts
from urbextag.store import decisions, findings, photos
from urbextag.store.db import write

DERIVER = Deriver(TAXONOMY)
WARD = (
    Shot("a.jpg", ("a hallway with peeling paint", "a rusty boiler"), angle=0.1, reads=("BOILER ROOM",)),
    Shot("b.jpg", ("a collapsed roof", "peeling paint"), view="exterior"),
    Shot("c.jpg", ("a boiler",)),
    Shot("d.jpg", ("a bathtub in a room",)),
)
PUBLISHED = (
    "auto_tags", "auto_tags_source", "auto_tags_confidence", "view_type", "quality_score", "scene_view_type",
    "scene_confidence", "tagging_model", "vlm_description", "vlm_processed_at",
)  # fmt: skip
"""Columns for other programs, but for the time of writing."""


def make(root: Path, *shots: Shot, name: str = "The Ward", **facts: str) -> list[str]:
    """An archive with photos of one place that were looked at; returns their ids."""
    archive.create(root)
    return fill(Box(root), name, *shots, **facts)


def never_looked_at(root: Path, name: str = "new.jpg") -> str:
    """Adds a photo that no stage has seen; returns its id."""
    sha = name.encode().hex().ljust(64, "0")
    with closing(Box(root).database()) as db, write(db):
        facts = PhotoFacts("jpeg", 60, 40)
        photos.add(db, sha, name, f"/{name}", FileStamp(1, 1), facts, None, current_gone=False, move=False)
    return sha


def concept(label: str) -> tuple[str, str]:
    found = TAXONOMY.find(label)
    assert found is not None, label
    return found.id, found.label


def state(opened: Archive, sha: str) -> dict[str, Any]:
    """All that follows from what is known and said of a photo."""
    db = opened.db
    row = db.execute(f"SELECT {', '.join(PUBLISHED)} FROM imgs WHERE imgsha = ?", (sha,)).fetchone()
    return {
        "tags": findings.tags(db, sha),
        "said": {one.concept: (one.label, one.verdict) for one in decisions.of(db, sha)},
        "facts": findings.derived_facts(db, sha),
        "published": dict(row),
    }


def states(opened: Archive, shas: list[str]) -> dict[str, Any]:
    return {sha: state(opened, sha) for sha in shas}
