"""The whole way with real parts: the command line, an archive, and the real llama.cpp server with a tiny Qwen3-VL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import urbextag
from tiny_vlm import build, phrases
from urbextag.vlm.answer import schema
from vlm_place import FACETS, Place, make_place  # noqa: F401 - a fixture
from vlm_server import LlamaServer

PHOTOS = 54


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model"), phrases=phrases(schema(FACETS)))


def named(place: Place, *servers: LlamaServer) -> None:
    ends = "".join(
        f'[[vlm.endpoints]]\nkind = "openai"\nurl = "{one.url}"\nmodel = "qwen3-vl:tiny"\n' for one in servers
    )
    (place.root / "urbextag.toml").write_text(f"[vlm]\nlongest_px = 256\n{ends}", encoding="utf-8")


def done(place: Place) -> int:
    return list(place.jobs().values()).count("done")


def wait_for(place: Place, count: int) -> None:
    end = time.monotonic() + 120
    while done(place) < count:
        assert time.monotonic() < end, f"{done(place)} of {count} photos after two minutes"
        time.sleep(0.05)


def test_fifty_photos_are_described_though_the_server_dies_on_the_way(place: Place, model: Path):
    shas = place.add(PHOTOS)
    with LlamaServer(model) as server:
        named(place, server)
        command = [sys.executable, "-m", "urbextag", "enhance", "--missing", "--now", "--json"]
        with subprocess.Popen(
            command, cwd=place.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            wait_for(place, 10)
            server.kill()
            before = done(place)
            time.sleep(1.5)
            assert done(place) <= before + 1
            assert run.poll() is None
            server.start()
            out, said = run.communicate(timeout=240)
    assert run.returncode == 0, said
    assert json.loads(out)["done"] == PHOTOS
    assert "trying again in" in said
    assert "answers again" in said
    place.check()
    assert place.jobs() == dict.fromkeys(shas, "done")
    assert place.unblemished()
    answers = [json.dumps(place.stored(sha)["answer"]) for sha in shas]
    assert len(set(answers)) == PHOTOS
    described = urbextag("show", "0.jpg", "--json", cwd=place.root).json["description"]
    assert described["answer"] == json.loads(answers[0])
    assert described["model"] == "qwen3-vl:tiny"


def test_two_real_servers_share_the_work(place: Place, model: Path):
    shas = place.add(16)
    with LlamaServer(model) as one, LlamaServer(model) as other:
        named(place, one, other)
        ran = urbextag("enhance", "--missing", "--now", "--json", cwd=place.root)
    assert ran.code == 0, ran.err
    assert place.jobs() == dict.fromkeys(shas, "done")
    assert set(ran.json["seconds_per_photo"]) == {one.url, other.url}
    place.check()


def test_what_would_be_sent_is_what_a_real_server_takes(place: Place, model: Path):
    import httpx2

    place.add(1)
    with LlamaServer(model) as server:
        named(place, server)
        (sent,) = urbextag("enhance", "--show-request", "0.jpg", "--json", cwd=place.root).json
        reply = httpx2.post(sent["url"], json=sent["body"], timeout=60)
    assert reply.status_code == 200
    assert set(json.loads(reply.json()["choices"][0]["message"]["content"])) == set(schema(FACETS)["properties"])
