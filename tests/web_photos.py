"""An archive for tests of the web app: places and photos with all that is known of some, names and texts hostile."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import Box
from make_photos import make_jpeg
from places import TAXONOMY, Shot, fill
from urbextag.actions.adding import add, look_for_photos
from urbextag.archive import create, opened
from urbextag.deriver import Deriver
from urbextag.files import FileStamp
from urbextag.records import VLM_STAGE, Embedding, Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.rederive import derive_again
from urbextag.store import jobs, locations, photos, results, vlm
from urbextag.store.db import write
from vlm_answers import answer

PAYLOAD = "\"><script>ut()</script>'--><img src=x onerror=ut()>"
"""Breaks out of a text, of either kind of quotes, of a comment and of a script, where it is not escaped."""
SECRET = "sk-the-key-of-a-server"
KEY_ENV = "URBEXTAG_TEST_KEY"
SETTINGS = f"""[work]
threads = 1
workers = 1

[[vlm.endpoints]]
url = "http://127.0.0.1:9"
kind = "openai"
model = "m"
key_env = "{KEY_ENV}"
"""
GPS = (42.6526, -73.7562, 60.0)


@dataclass(frozen=True)
class Kept:
    """Ids of the archive."""

    root: Path
    sha: str
    """A photo whose file is there; its EXIF says where it was taken and by whose camera."""
    hostile: str
    """A photo that is PAYLOAD in name, text that was read, what models saw, tags and description; its file has gone."""
    locid: str
    """A place called PAYLOAD, with the hostile photo and others, one of them set aside."""
    mill: str
    """A place with the real photo."""


def make(root: Path) -> Kept:
    """Make it, without any model."""
    create(root)
    box = Box(root)
    box.settings(SETTINGS)
    shots = [Shot(f"b{number}.jpg", ("boiler", "rust", "peeling paint"), angle=number / 5) for number in range(4)]
    aside, *_ = fill(box, PAYLOAD, *shots, type="Industrial", stype="factory", address_state="NY", built_year="1887")
    (root / "photos").mkdir()
    file = make_jpeg(root / "photos" / "gps.jpg", size=(320, 240), make="SpyCam", gps=GPS)
    with opened(root) as archive:
        mill = add(archive, look_for_photos(archive, [file]), "The Mill").locid
        assert mill
        with write(archive.db):
            place = locations.find_or_make(archive.db, PAYLOAD)
            hostile = _hostile(archive.db, place)
            jobs.enqueue(archive.db, [aside], jobs.Priority.PERSON)
            for claim in jobs.claim(archive.db, "w", 9, 60.0):
                if claim.sha == aside:
                    jobs.set_aside(archive.db, claim, PAYLOAD)
            photos.record_failure(archive.db, f"photos/{PAYLOAD}.jpg", FileStamp(1, 1), PAYLOAD)
    return Kept(root, hashlib.sha256(file.read_bytes()).hexdigest(), hostile, place, mill)


def _hostile(db: sqlite3.Connection, place: str) -> str:
    """The photo that is PAYLOAD in every text."""
    name = f"{PAYLOAD}.jpg"
    sha, facts = hashlib.sha256(name.encode()).hexdigest(), PhotoFacts("jpeg", 60, 40, None, PAYLOAD, PAYLOAD)
    photos.add(db, sha, name, f"/{name}", FileStamp(1, 1), facts, place, current_gone=False, move=False)
    results.save(db, PhotoResult(PhotoRef(sha, ""), facts, _stages(), 0.1), "f", "starter")
    said = answer(
        description=PAYLOAD, condition_notes=PAYLOAD, spatial_notes=PAYLOAD, architectural_style=PAYLOAD,
        readable_text=[PAYLOAD],
    )  # fmt: skip
    said["enhanced_tags"][0] |= {"tag": PAYLOAD, "evidence": PAYLOAD}
    data = {
        "answer": said, "how": "content", "dropped": [], "text": [{"text": PAYLOAD, "ocr": True}], "raw": PAYLOAD,
        "model": PAYLOAD, "digest": None, "endpoint": "http://127.0.0.1:9", "prompt": PAYLOAD, "fingerprint": "f",
        "template": PAYLOAD, "seed": 1, "seconds": 1.0, "prompt_tokens": 1, "tokens": None,
    }  # fmt: skip
    evidence = (Evidence(VLM_STAGE, PAYLOAD, 0.7), Evidence("vlm-text", PAYLOAD, 0.9))
    vlm.save(db, sha, StageResult(VLM_STAGE, evidence, data))
    derive_again(db, Deriver(TAXONOMY), [sha])
    return sha


def _stages() -> tuple[StageResult, ...]:
    box = (0.1, 0.1, 0.4, 0.2)
    line: dict[str, Any] = {"text": PAYLOAD, "score": 0.9, "box": list(box), "height": 0.1}
    scene = {"view_type": "interior", "confidence": 0.9, "model": PAYLOAD, "reasons": [PAYLOAD]}
    seen = tuple(Evidence("florence", text, None, box) for text in ("boiler", f"a boiler {PAYLOAD}"))
    return (
        StageResult("florence", seen, {"model": PAYLOAD, "revision": "r", "answers": [], "prompt": PAYLOAD}),
        StageResult("ocr", (Evidence("ocr", PAYLOAD, 0.9, box),), {"lines": [line], "text_area": 0.1}),
        StageResult("quality", (), {"score": 0.5, "parts": {}, "reasons": [PAYLOAD]}),
        StageResult("scene", (), scene),
        StageResult("embedding", (), scene, Embedding("m", "r", b"\x00\x3c\x00\x00")),
    )
