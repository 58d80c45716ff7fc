"""An archive of tagged photos made without any model, and runs over its VLM queue that are listened to."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fake_ollama import FakeOllama
from urbextag.archive import create
from urbextag.config import DATABASE_NAME, load_config
from urbextag.deriver import Deriver
from urbextag.errors import UrbextagError
from urbextag.files import FileStamp, content_sha256
from urbextag.records import Evidence, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.rederive import derive_again
from urbextag.store import jobs, locations, photos, results, vlm
from urbextag.store.db import connect, write
from urbextag.taxonomy import load_taxonomy
from urbextag.vlm import breaker, kitchen, runner, slot
from urbextag.vlm.answer import schema
from urbextag.vlm.client import make_client
from urbextag.vlm.desk import make_desk
from urbextag.vlm.records import Event
from urbextag.vlm.runner import Run, run
from vlm_answers import fits

NAME = "Saint Mary Asylum"
WHERE = locations.LocationFacts("Medical", "hospital", "Utica", "NY", "1880-1900", "range")
SEEN = ("peeling paint", "bed frame", "gurney")
SAID = tuple(Evidence("florence", f"a {thing} in a room") for thing in SEEN)
STAGES = (
    StageResult("florence", SAID, {"model": "made up"}),
    StageResult("ocr", (Evidence("ocr", "WARD 7B", 0.9),), {"lines": []}),
    StageResult("scene", (), {"view_type": "interior", "confidence": 0.9, "model": "made up", "reasons": ()}),
)
FACETS = ["place", "room", "element", "material", "object", "condition", "nature", "sign", "vehicle", "era", "hazard"]
REST = 0.04
"""The first rest of a breaker here, in seconds."""


@lru_cache(maxsize=1)
def deriver() -> Deriver:
    return Deriver(load_taxonomy())


class Place:
    """The archive. `heard` fills with what a person would be told, by all runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.heard: list[Event] = []
        self.on_event: Callable[[Event], object] = lambda event: None
        create(root)

    def add(self, count: int, start: int = 0) -> list[str]:
        """Tagged photos, a JPEG file each; returns their ids in order."""
        shas = []
        with closing(self.database()) as db, write(db):
            where = locations.find_or_make(db, NAME)
            locations.set_facts(db, where, WHERE)
            for number in range(start, start + count):
                file = self.root / f"{number}.jpg"
                dots = random.Random(number).randbytes(24 * 16 * 3)
                Image.frombytes("RGB", (24, 16), dots).resize((96, 64)).save(file, quality=80)
                sha, facts = content_sha256(file), PhotoFacts("jpeg", 96, 64)
                stamp = FileStamp.of(file)
                photos.add(db, sha, file.name, str(file), stamp, facts, where, current_gone=False, move=False)
                results.save(db, PhotoResult(PhotoRef(sha, ""), facts, STAGES, 0.1), "stages", "starter")
                shas.append(sha)
            derive_again(db, deriver(), shas)
        return shas

    def queue(self, shas: Sequence[str], priority: jobs.Priority = jobs.Priority.PERSON) -> None:
        with closing(self.database()) as db, write(db):
            jobs.enqueue(db, shas, priority, queue=jobs.VLM)

    def database(self) -> Any:
        """The open database; close it."""
        return connect(self.root / DATABASE_NAME)

    def serve(self, *fakes: FakeOllama, **settings: object) -> None:
        """Settings with these servers; a machine that works for its tests counts as idle."""
        said = {"idle_only": False, "longest_px": 256, **settings}
        lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
        ends = [f'[[vlm.endpoints]]\nurl = "{fake.url}"' for fake in fakes]
        (self.root / "urbextag.toml").write_text("\n".join(("[vlm]", *lines, *ends)), encoding="utf-8")

    def work(self, owner: str = "tester", **more: Any) -> Run:
        """A run over the queue, not begun yet."""
        config = load_config(self.root)
        clients = [make_client(endpoint, config.vlm) for endpoint in config.vlm.endpoints]
        return Run(self.root, make_desk(config, deriver()), clients, self._hear, owner, **more)

    def _hear(self, event: Event) -> None:
        self.heard.append(event)
        self.on_event(event)

    def run(self, **more: Any) -> UrbextagError | None:
        """Work the queue off; returns what a person is told as the error that ended it."""
        try:
            run(self.work(**more))
        except UrbextagError as error:
            return error
        finally:
            self.check()
        return None

    def kinds(self) -> Counter[str]:
        return Counter(event.kind for event in self.heard)

    def messages(self, *kinds: str) -> list[str]:
        return [event.message for event in self.heard if event.kind in kinds]

    def jobs(self) -> dict[str, str]:
        """The state of each photo's job."""
        return dict(self.rows("SELECT sha, state FROM ut_vlm_jobs ORDER BY id"))

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        with closing(self.database()) as db:
            return [tuple(row) for row in db.execute(query, arguments)]

    def stored(self, sha: str) -> dict[str, Any] | None:
        """What is kept beside the evidence of an answer, None where nothing is."""
        rows = self.rows("SELECT data FROM ut_results WHERE stage = 'vlm' AND sha = ?", sha)
        return json.loads(rows[0][0]) if rows else None

    def rejection(self, sha: str) -> dict[str, Any] | None:
        with closing(self.database()) as db:
            return vlm.rejection(db, sha)

    def unblemished(self) -> bool:
        """No photo has paid for anything, and nobody holds one."""
        return not self.rows("SELECT 1 FROM ut_vlm_jobs WHERE strikes OR deaths OR owner NOT NULL OR state = 'running'")

    def check(self) -> None:
        """What holds whatever happened: what is stored is an answer in form, in both places, of a job that is done."""
        form, described = schema(FACETS), "vlm_processed_at NOT NULL"
        rows = self.rows(
            """SELECT imgsha, data, vlm_description, vlm_condition_notes, vlm_enhanced_tags, vlm_readable_text,
            vlm_model FROM imgs JOIN ut_results ON sha = imgsha AND stage = 'vlm' ORDER BY imgsha"""
        )
        for sha, text, description, condition, tags, read, model in rows:
            data = json.loads(text)
            answer = data["answer"]
            assert fits(answer, form), sha
            assert (description, condition, model) == (answer["description"], answer["condition_notes"], data["model"])
            assert (json.loads(tags), json.loads(read)) == (answer["enhanced_tags"], answer["readable_text"])
        shas = [row[0] for row in rows]
        assert [row[0] for row in self.rows(f"SELECT imgsha FROM imgs WHERE {described} ORDER BY imgsha")] == shas
        assert {sha for sha, state in self.jobs().items() if state == "done"} <= set(shas)
        columns = "vlm_description, vlm_condition_notes, vlm_enhanced_tags, vlm_readable_text, vlm_model"
        assert self.rows(f"SELECT 1 FROM imgs WHERE NOT ({described}) AND coalesce({columns}) NOT NULL") == []


def sent(fake: FakeOllama) -> list[tuple[int, int]]:
    """Seed and most tokens of each chat that came in."""
    return [(chat["options"]["seed"], chat["options"]["num_predict"]) for chat in fake.chats]


@pytest.fixture(name="place")
def make_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An archive without photos; locks of servers lie beside it, and all looks round are quick."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(breaker, "FIRST_REST", REST)
    monkeypatch.setattr(kitchen, "IDLE_SECONDS", 0.05)
    for room in (runner, kitchen, slot):
        monkeypatch.setattr(room, "POLL_SECONDS", 0.02)
    return Place(tmp_path / "archive")


@pytest.fixture(name="fake")
def make_fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


class Running:
    """A run in a thread of its own, for tests that do something meanwhile; it ends with the block."""

    def __init__(self, place: Place, **more: Any) -> None:
        self.work = place.work(**more)
        self.error: UrbextagError | None = None
        self._thread = threading.Thread(target=self._live)

    def _live(self) -> None:
        try:
            run(self.work)
        except UrbextagError as error:
            self.error = error

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.work.stop.set()
        self.work.abandon.set()
        self._thread.join()

    def ended(self, seconds: float = 30.0) -> UrbextagError | None:
        """Wait for its end; returns the error that ended it."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the run does not end"
        return self.error
