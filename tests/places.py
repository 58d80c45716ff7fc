"""Photos of places by hand: records for the roll-up, and archives as the stages leave them, without any model."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from urbextag.deriver import Deriver
from urbextag.files import FileStamp
from urbextag.records import Condition, ElementCondition, Embedding, Evidence, PhotoFacts, PhotoRef, PhotoResult
from urbextag.records import StageResult as Said
from urbextag.rederive import derive_again
from urbextag.rollup import Embeddings, PhotoSummary, PhotoTag
from urbextag.rollup.records import View
from urbextag.store import locations, photos, results
from urbextag.store.db import write
from urbextag.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()


def photo(sha: str, *labels: str, view: Any = "interior", quality: float | None = 0.5, **more: Any) -> PhotoSummary:
    """A photo with these tags, each "label" or "label=confidence"."""
    tags = []
    for text in labels:
        label, _, sure = text.partition("=")
        concept = TAXONOMY.find(label)
        assert concept is not None, label
        tags.append(PhotoTag(concept.id, concept.label, float(sure or 0.9)))
    return PhotoSummary(sha, f"{sha}.jpg", view, 0.9, quality, tuple(tags), **more)


def alone(*found: PhotoSummary) -> list[View]:
    """Each photo as a view of its own."""
    return [View(one, (one,)) for one in found]


def worn(score: float, **elements: float) -> Condition:
    """A photo's condition with these elements."""
    from urbextag.taxonomy import condition_label

    levels = ("sound", "worn", "decayed", "ruined")
    each = [
        ElementCondition(name, value, levels.index(condition_label(value)), condition_label(value), (f"bad {name}",))
        for name, value in elements.items()
    ]
    return Condition(score, condition_label(score), tuple(each))


def embedded(**angles: float) -> Embeddings:
    """Embeddings in a plane, by the photo's id: cos(difference of two angles) is their likeness."""
    return Embeddings(list(angles), np.array([(np.cos(a), np.sin(a)) for a in angles.values()], np.float32))


@dataclass(frozen=True)
class Shot:
    """A photo of an archive: what the stages said of it."""

    name: str
    says: tuple[str, ...] = ()
    view: str = "interior"
    quality: float = 0.5
    taken: str | None = None
    angle: float | None = None
    """Of its embedding in a plane; None = it has none."""
    reads: tuple[str, ...] = ()


def fill(box: Any, name: str, *shots: Shot, **facts: str) -> list[str]:
    """Put photos that were looked at into a place; returns their ids."""
    shas = []
    with closing(box.database()) as db, write(db):
        place = locations.find_or_make(db, name)
        locations.set_facts(db, place, locations.LocationFacts(**facts))
        for shot in shots:
            sha = hashlib.sha256(f"{name} {shot.name}".encode()).hexdigest()
            seen = PhotoFacts("jpeg", 60, 40, shot.taken, "Nikon", "D1")
            stamp = FileStamp(1, 1)
            photos.add(db, sha, shot.name, f"/{shot.name}", stamp, seen, place, current_gone=False, move=False)
            results.save(db, PhotoResult(PhotoRef(sha, ""), seen, stages(shot), 0.1), "f", "starter")
            shas.append(sha)
        derive_again(db, Deriver(TAXONOMY), shas)
    return shas


def stages(shot: Shot) -> tuple[Said, ...]:
    """What the stages say of a photo."""
    evidence = tuple(Evidence("florence", text) for text in shot.says)
    lines = tuple(Evidence("ocr", text, 0.95) for text in shot.reads)
    said = [
        Said("florence", evidence, {"model": "made up"}),
        Said("ocr", lines, {"lines": [{"text": text} for text in shot.reads]}),
        Said("quality", (), {"score": shot.quality, "parts": {}, "reasons": []}),
        Said("scene", (), {"view_type": shot.view, "confidence": 0.9, "model": "made up", "reasons": ()}),
    ]
    if shot.angle is not None:
        vector = np.array([np.cos(shot.angle), np.sin(shot.angle)], "<f2").tobytes()
        said.append(Said("embedding", (), said[-1].data, Embedding("m", "r", vector)))
    return tuple(said)
