"""A large archive as the profile `standard` leaves it: captions, regions, text and embeddings of made-up photos."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from urbextag.archive import create
from urbextag.config import DATABASE_NAME
from urbextag.files import FileStamp
from urbextag.models.installed import Installed
from urbextag.records import PhotoFacts
from urbextag.store import jobs, locations, photos
from urbextag.store.db import connect, now, write
from urbextag.taxonomy import load_taxonomy

CAPTIONS = (
    "The image shows the interior of an abandoned {place} with {a} and {b} on the floor.",
    "There is a {a} in the center of the room, and a {b} can be seen in the background.",
    "The walls are covered in peeling paint and there is {c} on the {a}.",
    "On the left side of the image, there are several {a}s and a broken {b}.",
    "The ceiling appears to be damaged, with {c} and debris scattered around the {b}.",
    "The overall atmosphere is eerie and desolate; no {a} is visible.",
)
REGIONS = ("{a}", "broken {a}", "wooden {b}", "old {a} with {c}", "a pile of {b}s")
LOCATIONS = 400


def tagged_archive(folder: Path, count: int, model: Installed, dimensions: int, stages_fingerprint: str) -> None:
    """`count` photos in 400 locations, each with about six caption sentences, eight regions and two lines of text."""
    create(folder)
    chance, dice = random.Random(7), np.random.default_rng(7)
    labels = [concept.label for concept in load_taxonomy().concepts.values() if concept.facet in ("object", "element")]
    places = [concept.label for concept in load_taxonomy().concepts.values() if concept.facet == "place"]
    decay = [concept.label for concept in load_taxonomy().concepts.values() if concept.facet == "condition"]
    facts, moment = PhotoFacts("jpeg", 6000, 4000), now()
    with closing(connect(folder / DATABASE_NAME)) as db, write(db):
        where = [locations.find_or_make(db, f"Place {number}") for number in range(LOCATIONS)]
        for number in range(count):
            sha, path = f"{number:064x}", f"{number}.jpg"
            stamp, place = FileStamp(number, number), where[number % LOCATIONS]
            photos.add(db, sha, path, f"/{path}", stamp, facts, place, current_gone=False, move=False)
            vector = dice.standard_normal(dimensions).astype(np.float32)
            unit = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
            row = (sha, model.spec.name, model.identity, unit)
            db.execute("INSERT INTO ut_embeddings (sha, model, revision, vector) VALUES (?, ?, ?, ?)", row)
            words = _words(chance, labels, places, decay)
            results = [(sha, stage, json.dumps(said), json.dumps(data), moment) for stage, said, data in words]
            db.executemany("INSERT INTO ut_results VALUES (?, ?, ?, ?, ?)", results)
        shas = [f"{number:064x}" for number in range(count)]
        jobs.enqueue(db, shas, jobs.Priority.IMPORT)
        db.execute("UPDATE ut_jobs SET state = 'done', finished_at = ?, seconds = 0.7", (moment,))
        db.execute("UPDATE ut_photos SET stages_fingerprint = ?, tagged_at = ?", (stages_fingerprint, moment))


def _words(
    chance: random.Random, labels: list[str], places: list[str], decay: list[str]
) -> Iterator[tuple[str, list[dict[str, object]], dict[str, object]]]:
    def said(source: str, text: str, score: float | None = None) -> dict[str, object]:
        a, b = chance.sample(labels, 2)
        label = text.format(place=chance.choice(places), a=a, b=b, c=chance.choice(decay))
        return {"source": source, "label": label, "score": score, "box": None}

    scene = {"view_type": "interior", "confidence": 0.9, "model": "made up", "reasons": []}
    yield "embedding", [], scene
    regions = [said("florence", chance.choice(REGIONS)) for _ in range(8)]
    yield "florence", [said("florence", text) for text in CAPTIONS] + regions, {"model": "made up"}
    yield "ocr", [said("ocr", "{a} {b}", 0.9) for _ in range(2)], {"lines": []}
    yield "quality", [], {"score": round(chance.random(), 4), "parts": {}, "reasons": []}
