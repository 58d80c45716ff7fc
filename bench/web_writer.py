"""Finishes a photo five times a second as a worker does: claim, results, tags and job. Until standard input closes."""

from __future__ import annotations

import random
import sqlite3
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from bench.web_photos import LARGEST, PHOTOS, QUEUED, sha_of
from urbextag.config import DATABASE_NAME
from urbextag.records import Context, Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.store import findings, jobs, results
from urbextag.store.db import connect, write

PAUSE_SECONDS = 0.2
OWNER = "bench"


def finish(db: sqlite3.Connection, sha: str, chance: random.Random) -> None:
    """Take a photo through the queue once more; its tags come out a little surer or less sure than they were."""
    with write(db):
        jobs.enqueue(db, [sha], jobs.Priority.PERSON)
        (claim,) = jobs.claim(db, OWNER, 1, 60)
    stages = (
        StageResult("metadata", (Evidence("filename", "corridor"),), {"format": "jpeg", "width": 1200, "height": 800}),
        StageResult("ocr", (), {"lines": []}),
        StageResult("quality", (), {"score": round(chance.random(), 4), "parts": {}, "reasons": []}),
    )
    result = PhotoResult(PhotoRef(sha, "", Context()), PhotoFacts("jpeg", 1200, 800), stages, 0.7)
    with write(db):
        jobs.finish(db, claim, result.seconds)
        results.save(db, result, "x", "starter")
        stands = findings.stored(db, [sha])[sha]
        tags = tuple(
            (
                concept,
                label,
                sure if origin != "model" else round(chance.uniform(0.9, 1) * max(sure, 0.35), 4),
                origin,
                why,
            )
            for concept, label, sure, origin, why in stands.tags
        )
        findings.save(db, replace(stands, tags=tags), "x")


def main() -> None:
    """Half of the photos are of the largest place, which is being imported; the others are anywhere."""
    ended, chance = threading.Event(), random.Random(3)

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    with closing(connect(Path(sys.argv[1]) / DATABASE_NAME)) as db:
        while not ended.wait(PAUSE_SECONDS):
            largest = chance.random() < 0.5
            first, last = (PHOTOS - LARGEST, PHOTOS - QUEUED - 400) if largest else (0, PHOTOS - LARGEST)
            finish(db, sha_of(chance.randrange(first, last)), chance)


if __name__ == "__main__":
    main()
