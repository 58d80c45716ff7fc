"""An archive of 100,000 photos in 500 places: tags, decisions, jobs, text, embeddings, cards, as `serve` finds them."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from bench import data
from bench.web_photos import ASIDE, DECISIONS, MISSING, PLACES, QUEUED, MadeUp, made_up, moment, place_id
from urbextag import cards
from urbextag.archive import create, opened
from urbextag.config import CONFIG_NAME, DATABASE_NAME
from urbextag.models.installed import Installed
from urbextag.store import grid
from urbextag.store.db import connect, write
from urbextag.store.migrations import MIGRATIONS
from urbextag.taxonomy import Taxonomy, load_taxonomy

VERSION = 1
"""Of what is made here: an archive of another is made again."""
DIMENSIONS = 768
LEVELS = (("sound", 0.1), ("worn", 0.35), ("decayed", 0.6), ("ruined", 0.85))
KINDS = (("Medical", "hospital"), ("Industrial", "factory"), ("Educational", "school"), ("Religious", "church"))
STATES = ("NY", "PA", "OH", "MA", "MI")
ANSWER = {
    "condition_notes": "The paint peels and part of the ceiling lies on the floor.",
    "enhanced_tags": [{"tag": "corridor", "facet": "room", "evidence": "a long passage", "confidence": "likely"}],
    "era_hints": [], "readable_text": [], "spatial_notes": "A door at the far end.", "architectural_style": "",
    "abandonment_estimate": {"from": 1980, "to": 2000, "confidence": 20, "evidence": "the paint"},
}  # fmt: skip


def web_archive(folder: Path, model: Installed) -> None:
    """Make the archive where it is not there as it is made here; `model`: whose the embeddings are said to be."""
    made_as = hashlib.sha256(f"{VERSION} {MIGRATIONS} {model.identity}".encode()).hexdigest()
    mark = folder / "made-as"
    if mark.exists() and mark.read_text(encoding="utf-8") == made_as:
        return
    shutil.rmtree(folder, ignore_errors=True)
    create(folder)
    _pictures(folder)
    taxonomy = load_taxonomy()
    with closing(connect(folder / DATABASE_NAME)) as db:
        db.execute("PRAGMA synchronous = OFF")  # it is made again where that goes wrong
        db.execute("PRAGMA cache_size = -262144")
        with write(db):
            _fill(db, taxonomy, model)
        grid.prepare(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with opened(folder) as archive:
        cards.refresh(archive, taxonomy)
    mark.write_text(made_as, encoding="utf-8")


def use_profile(folder: Path, profile: str, models: Path) -> None:
    """Write the settings of a profile with the models of a folder."""
    text = f'profile = "{profile}"\n[models]\nfolder = "{models}"\nscene = "siglip-base"\n'
    (folder / CONFIG_NAME).write_text(text, encoding="utf-8")


def _pictures(folder: Path) -> None:
    """300 small JPEGs and six of 12 megapixels: what 100,000 photos lie in, since a thumbnail is made for each id."""
    pictures = [path for path in sorted((data.ROOT / "demo" / "photos").iterdir()) if data.is_photo(path)]
    small = folder / "small"
    small.mkdir()
    for number in range(300):
        with Image.open(pictures[number % len(pictures)]) as picture:
            shown = picture.convert("RGB").resize((1200, 800), Image.Resampling.BILINEAR)
        shown.paste((number * 5 % 256, number * 11 % 256, 90), (4 * number, 0, 4 * number + 60, 800))
        shown.save(small / f"{number}.jpg", quality=85)
    data.good_photos(folder / "large", 6)


def _fill(db: sqlite3.Connection, taxonomy: Taxonomy, model: Installed) -> None:
    chance = random.Random(11)
    _places(db, chance)
    photos = list(made_up(taxonomy, chance))
    db.executemany(f"INSERT INTO imgs ({', '.join(_ROW)}) VALUES ({', '.join('?' * len(_ROW))})", map(_row, photos))
    _embeddings(db, photos, model)
    by_sha = sorted(photos, key=lambda photo: photo.sha)  # the order of the trees
    db.executemany(
        """INSERT INTO ut_photos (sha, format, stages_fingerprint, derived_fingerprint, tagged_at, view_confidence,
            condition_score, condition_label, era, condition_elements, tagger, published, published_at)
        VALUES (?, 'jpeg', 'x', 'x', ?, 0.9, ?, ?, ?, ?, 'urbextag-starter', ?, ?)""",
        map(_findings, by_sha),
    )
    db.executemany("INSERT INTO ut_results VALUES (?, ?, ?, ?, ?)", _results(by_sha))
    db.executemany(
        "INSERT INTO ut_paths VALUES (?, ?, 400000, ?, ?)",
        ((f"{photo.number:06}.jpg", photo.sha, photo.number, photo.added) for photo in photos),
    )
    db.execute("DROP INDEX ut_tags_concept")  # a million and a half entries in no order: it is sorted in one go
    db.executemany("INSERT INTO ut_tags VALUES (?, ?, ?, ?, ?, ?)", _tag_rows(by_sha))
    db.execute("CREATE INDEX ut_tags_concept ON ut_tags (concept)")
    _decisions(db, photos, chance)
    _jobs(db, photos)


def _places(db: sqlite3.Connection, chance: random.Random) -> None:
    for place in range(PLACES):
        kind, stype = chance.choice((*KINDS, (None, None)))
        locid, at = place_id(place), moment(place * 190)
        db.execute(
            """INSERT INTO locs (locid, loc12, locnam, type, stype, address_city, address_state, built_year, built_type,
                locadd, locup) VALUES (?, ?, ?, ?, ?, ?, ?, '1902', 'year', ?, ?)""",
            (locid, f"{place:012}", f"Place {place:03}", kind, stype, f"Town {place % 60}", chance.choice(STATES),
             at, at),
        )  # fmt: skip


_ROW = (
    "imgsha", "imgnam", "imgnamo", "imgloc", "imgloco", "locid", "imgadd", "meta_exiftool", "meta_width", "meta_height",
    "meta_date_taken", "meta_camera_make", "meta_camera_model", "hidden", "file_size_bytes", "auto_tags",
    "auto_tags_source", "auto_tags_confidence", "auto_tags_at", "quality_score", "view_type", "scene_view_type",
    "scene_confidence", "scene_model", "tagging_model", "vlm_description", "vlm_processed_at", "vlm_model",
)  # fmt: skip


def _row(photo: MadeUp) -> tuple[object, ...]:
    name, at = f"DSC_{photo.number:06}.JPG", photo.added
    file = f"large/{photo.number % 6:03}.jpg" if photo.place == 1 else f"small/{photo.number % 300}.jpg"
    width, height = (4000, 3000) if photo.place == 1 else (1200, 800)
    taken = f"20{photo.number % 9 + 10}-0{photo.number % 9 + 1}-{photo.number % 28 + 1:02}T12:{photo.number % 60:02}:00"
    facts = {"format": "jpeg", "width": width, "height": height, "taken": taken, "camera_make": "Nikon"}
    rest: dict[str, object] = {
        "camera_model": "Z 8",
        "latitude": None,
        "longitude": None,
        "altitude": None,
        "keywords": [],
    }
    said = photo.description or None
    return (
        photo.sha, name, name, file, f"/{name}", place_id(photo.place), at, json.dumps(facts | rest), width, height,
        taken, "Nikon", "Z 8", 0, 400_000, json.dumps([label for _, label, _, _ in photo.tags]), "urbextag",
        json.dumps({label: sure for _, label, sure, _ in photo.tags}), at, photo.quality, photo.view, photo.view,
        0.9, "starter-rules-1", "urbextag-starter", said, at if said else None, "made up" if said else None,
    )  # fmt: skip


def _findings(photo: MadeUp) -> tuple[object, ...]:
    label, score = LEVELS[photo.level]
    element = {"element": "paint", "score": score, "level": photo.level, "label": label, "because": ["peeling paint"]}
    first = 1850 + photo.number % 13 * 10
    hint = {
        "years": [first, first + 30], "concept": "era/victorian", "kind": "built", "confidence": 0.5,
        "because": ["ocr: founded"],
    }  # fmt: skip
    era = [hint] if photo.number % 5 == 0 else []
    published = [photo.view, photo.quality, photo.view, 0.9, "starter-rules-1"]
    return (
        photo.sha, photo.added, score, label, json.dumps(era), json.dumps([element]), json.dumps(published), photo.added
    )  # fmt: skip


def _results(photos: list[MadeUp]) -> Iterator[tuple[str, str, str, str, str]]:
    """What the stages of the profile `starter` keep of each photo, and a VLM of some."""
    for photo in photos:
        words = [{"source": "filename", "label": "corridor", "score": None, "box": None}]
        lines = [{"text": text, "confidence": 0.9, "box": [0.1, 0.1, 0.4, 0.15]} for text in photo.lines]
        read = [{"source": "ocr", "label": text, "score": 0.9, "box": [0.1, 0.1, 0.4, 0.15]} for text in photo.lines]
        parts = {"sharpness": 0.9, "exposure": 0.8, "noise": 0.7, "resolution": 0.5}
        scene = {"view_type": photo.view, "confidence": 0.9, "model": "starter-rules-1", "reasons": ["corridor"]}
        for stage, evidence, put_down in (
            ("metadata", words, {"format": "jpeg", "width": 1200, "height": 800, "keywords": []}),
            ("ocr", read, {"lines": lines, "text_area": 0.01, "boxes": len(lines), "read": len(lines)}),
            ("quality", [], {"score": photo.quality, "parts": parts, "reasons": ["sharp"]}),
            ("scene", [], scene),
        ):
            yield photo.sha, stage, json.dumps(evidence), json.dumps(put_down), photo.added
        if photo.description:
            put_down = {"answer": ANSWER | {"description": photo.description}, "text": [], "model": "made up"}
            more = {"endpoint": "http://127.0.0.1:1", "fingerprint": "x", "configured": "made up"}
            yield photo.sha, "vlm", "[]", json.dumps(put_down | more), photo.added


def _tag_rows(photos: list[MadeUp]) -> Iterator[tuple[object, ...]]:
    for photo in photos:
        for concept, label, sure, origin in sorted(photo.tags):
            why = [{"source": "florence", "label": f"a picture of {label}", "weight": round(5 * sure, 3)}]
            yield photo.sha, concept, label, sure, origin, json.dumps(why)


def _embeddings(db: sqlite3.Connection, photos: list[MadeUp], model: Installed) -> None:
    dice = np.random.default_rng(11)
    for start in range(0, len(photos), 4096):
        some = photos[start : start + 4096]
        vectors = dice.standard_normal((len(some), DIMENSIONS), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [
            (photo.sha, model.spec.name, model.identity, vector.tobytes())
            for photo, vector in zip(some, vectors.astype("<f2"), strict=True)
        ]
        db.executemany("INSERT INTO ut_embeddings VALUES (?, ?, ?, ?)", rows)


def _decisions(db: sqlite3.Connection, photos: list[MadeUp], chance: random.Random) -> None:
    """A person has accepted the surest tag of some photos, and rejected a tag of others."""
    said = []
    for photo in chance.sample(photos, DECISIONS):
        concept, label, _, _ = photo.tags[0]
        verdict = chance.choice(("accept", "reject"))
        if verdict == "reject":
            concept, label = "object/furniture/bar-stool", "bar stool"
        else:
            db.execute(
                "UPDATE ut_tags SET origin = 'accepted', confidence = 1 WHERE sha = ? AND concept = ?",
                (photo.sha, concept),
            )
        said.append((photo.sha, concept, label, verdict, photo.added))
    db.executemany("INSERT INTO ut_decisions (sha, concept, label, verdict, at) VALUES (?, ?, ?, ?, ?)", said)


def _jobs(db: sqlite3.Connection, photos: list[MadeUp]) -> None:
    """Most are done; of the last place some wait, some failed, and the files of some have gone."""
    states = {**dict.fromkeys(range(QUEUED), "queued"), **dict.fromkeys(range(QUEUED, QUEUED + ASIDE), "set_aside")}
    states |= dict.fromkeys(range(QUEUED + ASIDE, QUEUED + ASIDE + MISSING), "missing")
    last = len(photos) - 1
    db.executemany(
        """INSERT INTO ut_jobs (sha, state, priority, reason, queued_at, finished_at, seconds)
        VALUES (?, ?, 10, ?, ?, ?, ?)""",
        [
            (photo.sha, state, "decode: broken" if state == "set_aside" else None, photo.added, *finished)
            for photo in photos
            for state in [states.get(last - photo.number, "done")]
            for finished in [(photo.added, 0.7) if state == "done" else (None, None)]
        ],
    )
    waiting = [photo.sha for photo in photos[-QUEUED:]]
    db.executemany(
        "UPDATE ut_photos SET tagged_at = NULL, stages_fingerprint = NULL WHERE sha = ?", [(sha,) for sha in waiting]
    )
    db.executemany(
        """INSERT INTO ut_vlm_jobs (sha, state, priority, queued_at, finished_at, seconds, endpoint)
        VALUES (?, 'done', 10, ?, ?, 9.0, 'http://127.0.0.1:1')""",
        [(photo.sha, photo.added, photo.added) for photo in photos if photo.description],
    )
