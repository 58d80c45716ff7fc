"""The VLM stage against servers that take a second for an answer: what our side adds, what a second one brings."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from bench import full_size
from bench.measure import WORK, Figure, urbextag

ANSWER_SECONDS = 1.0
PHOTOS = 24


def describe() -> list[Figure]:
    """24-megapixel photos described by one server, then by two: gaps between requests as the servers saw them."""
    folder = WORK / "described"
    urbextag("init", folder)
    urbextag("add", *full_size.photos(PHOTOS), cwd=folder)
    urbextag("tag", cwd=folder)
    alone, together = _seconds_per_answer(folder, 1), _seconds_per_answer(folder, 2)
    print(f"     {alone:.3f} s an answer with one server, {together:.3f} s with two", flush=True)
    added = (alone - ANSWER_SECONDS) / ANSWER_SECONDS
    return [
        Figure("VLM: what our side adds to an answer of 1 s, share", added, 0.05, ""),
        Figure("VLM: two servers against one, times as fast", alone / together, 1.9, "x", at_most=False),
    ]


def _seconds_per_answer(folder: Path, servers: int) -> float:
    """Mean time from one request to the next once the servers are busy, over all of them together."""
    fake_ollama = import_module("fake_ollama")
    copy = folder.with_name(f"described-{servers}")
    shutil.copytree(folder, copy)
    with ExitStack() as stack:
        fakes = [stack.enter_context(fake_ollama.FakeOllama()) for _ in range(servers)]
        for fake in fakes:
            fake.delay = ANSWER_SECONDS
        settings = "".join(f'[[vlm.endpoints]]\nurl = "{fake.url}"\n' for fake in fakes)
        (copy / "urbextag.toml").write_text(settings, encoding="utf-8")
        urbextag("enhance", "--missing", "--now", cwd=copy)
        asked = [[seen.at for seen in fake.requests if seen.path == "/api/chat"] for fake in fakes]
    rates = [(len(times) - 1) / (times[-1] - times[0]) for times in asked]
    return 1 / float(sum(rates))
