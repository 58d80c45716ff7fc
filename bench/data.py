"""What the figures are measured on: a large archive, good photos, broken files; made here, alike each time."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from pathlib import Path

from PIL import Image

from urbextag.archive import create
from urbextag.config import DATABASE_NAME
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts
from urbextag.store import jobs, locations, photos
from urbextag.store.db import connect, now, write

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def large_archive(folder: Path, count: int) -> None:
    """An archive of `count` photos in 400 locations, four in five tagged, some set aside, some files unreadable."""
    create(folder)
    facts = PhotoFacts("jpeg", 6000, 4000)
    with closing(connect(folder / DATABASE_NAME)) as db, write(db):
        places = [locations.find_or_make(db, f"Place {number}") for number in range(400)]
        shas = [f"{number:064x}" for number in range(count)]
        for number, sha in enumerate(shas):
            path = f"{places[number % 400]}/{number}.jpg"
            stamp = FileStamp(number, number)
            place = places[number % 400]
            photos.add(db, sha, path, f"/{path}", stamp, facts, place, current_gone=False, move=False)
        jobs.enqueue(db, shas, jobs.Priority.IMPORT)
        tagged = shas[: count * 4 // 5]
        moment = now()
        db.executemany(
            "UPDATE ut_jobs SET state = 'done', finished_at = ?, seconds = 0.7 WHERE sha = ?",
            [(moment, sha) for sha in tagged],
        )
        db.executemany(
            "UPDATE ut_photos SET stages_fingerprint = 'x', tagged_at = ? WHERE sha = ?",
            [(moment, sha) for sha in tagged],
        )
        for number in range(500):
            photos.record_failure(db, f"broken/{number}.jpg", FileStamp(0, number), "is empty")
        db.executemany("UPDATE ut_jobs SET state = 'set_aside' WHERE sha = ?", [(sha,) for sha in shas[-500:]])


def good_photos(folder: Path, count: int) -> Path:
    """`count` JPEGs of 12 megapixels: the demo's photos enlarged, each with a content of its own."""
    folder.mkdir(parents=True)
    sources = [path for path in sorted((ROOT / "demo" / "photos").iterdir()) if is_photo(path)]
    for number in range(count):
        with Image.open(sources[number % len(sources)]) as picture:
            large = picture.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
        large.paste((number * 5 % 256, 0, 0), (16 * number, 0, 16 * number + 16, 16))
        large.save(folder / f"{number:03}.jpg", quality=90)
    return folder


def is_photo(path: Path) -> bool:
    """A sample photo that is not broken on purpose."""
    return path.suffix != ".md" and not path.name.startswith("broken")


def mutated_files(folder: Path, count: int) -> None:
    """The broken files of tests/test_mutants.py and a newspaper page with much to read."""
    from make_mutants import make_mutants  # type: ignore[import-not-found]

    make_mutants(folder, folder.parent / "sources", count)
    for page in (ROOT / "demo" / "photos").glob("clipping*"):
        shutil.copy(page, folder)
