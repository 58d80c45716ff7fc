"""A place of 5,000 photos summed up: what `locations show` does after the taxonomy is loaded, and the whole command."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.measure import WORK, Figure, median, urbextag
from urbextag.archive import create
from urbextag.config import DATABASE_NAME
from urbextag.files import FileStamp
from urbextag.records import ElementCondition, EraHint, PhotoFacts
from urbextag.store import locations as places
from urbextag.store import photos, summaries
from urbextag.store.db import connect, now, write
from urbextag.taxonomy import Taxonomy, load_taxonomy

PHOTOS, TAGS, CONCEPTS, DIMENSIONS, SAME = 5000, 24, 400, 768, 3
"""Photos of the place; tags of each, of so many that occur there; size of an embedding; photos of a view on average."""
NAME = "The Asylum"


def locations() -> list[Figure]:
    """A place of 5,000 photos, 24 tags each, with embeddings: read and summed up, and by the command."""
    folder, taxonomy = WORK / "place", load_taxonomy()
    large_place(folder, taxonomy)
    with closing(connect(folder / DATABASE_NAME)) as db:
        row = places.find(db, NAME)

        def once() -> float:
            started = time.perf_counter()
            summaries.summed_up(db, taxonomy, row)
            return time.perf_counter() - started

        seconds = median(once)
    whole = median(lambda: urbextag("--archive", folder, "locations", "show", NAME), 3)
    print(f"     the whole command, start and taxonomy included: {whole:.2f} s", flush=True)
    return [Figure("a place of 5,000 photos read and summed up, seconds", seconds, 1.0, "s")]


def large_place(folder: Path, taxonomy: Taxonomy) -> None:
    """An archive with one place, its photos looked at and derived; neighbours look alike as those of bursts do."""
    create(folder)
    chance, dice, moment = random.Random(7), np.random.default_rng(7), now()
    concepts = chance.sample(sorted(taxonomy.concepts.values(), key=lambda one: one.id), CONCEPTS)
    usual = dice.standard_normal(DIMENSIONS)
    with closing(connect(folder / DATABASE_NAME)) as db, write(db):
        place, view = places.find_or_make(db, NAME), usual
        for number in range(PHOTOS):
            if number % chance.randint(1, 2 * SAME - 1) == 0:
                view = usual + dice.standard_normal(DIMENSIONS)
            sha, minute = f"{number:064x}", number // 20
            taken = f"2024-05-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:{number % 20 * 3:02}"
            facts = PhotoFacts("jpeg", 6000, 4000, taken, "Nikon", "Z 8")
            stamp, path = FileStamp(number, number), f"{number}.jpg"
            photos.add(db, sha, path, f"/{path}", stamp, facts, place, current_gone=False, move=False)
            vector = view + 0.1 * dice.standard_normal(DIMENSIONS)
            unit = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
            db.execute("INSERT INTO ut_embeddings (sha, model, revision, vector) VALUES (?, 'm', 'r', ?)", (sha, unit))
            tags = [
                (sha, one.id, one.label, round(chance.uniform(0.4, 1), 4), "model", "[]")
                for one in chance.sample(concepts, TAGS)
            ]
            db.executemany("INSERT INTO ut_tags VALUES (?, ?, ?, ?, ?, ?)", tags)
            db.execute(
                """UPDATE ut_photos SET stages_fingerprint = 'x', derived_fingerprint = 'x', tagged_at = ?,
                    view_confidence = 0.9, condition_score = 0.6, condition_label = 'decayed', condition_elements = ?,
                    era = ? WHERE sha = ?""",
                (moment, *_findings(chance), sha),
            )
            kind = chance.choice(("interior", "interior", "interior", "exterior", "detail", "aerial"))
            db.execute(
                "UPDATE imgs SET view_type = ?, quality_score = ? WHERE imgsha = ?", (kind, chance.random(), sha)
            )


def _findings(chance: random.Random) -> tuple[str, str]:
    """The condition's elements and the cues to the era of a photo, as the database holds them."""
    elements = [
        ElementCondition(element, 0.6, 2, "decayed", ("peeling paint",))
        for element in chance.sample(("roof", "paint", "floor", "glazing", "structure"), 3)
    ]
    first = chance.randrange(1850, 1980, 10)
    hints = [EraHint((first, first + 30), "era/victorian", "built", 0.5, ("florence: an old house",))]
    return json.dumps([asdict(one) for one in elements]), json.dumps([asdict(one) for one in hints])
