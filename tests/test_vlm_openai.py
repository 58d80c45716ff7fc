"""The OpenAI adapter against the real llama.cpp server with a tiny model; `test_vlm_openai_said.py` has the others."""

import base64
import io
import json
import threading
import time
from types import SimpleNamespace

import httpx2
import pytest
from PIL import Image, ImageDraw

from fake_openai import entry, models, saying
from urbextag.vlm.answer import Answer
from urbextag.vlm.records import Abandoned, EndpointError, ServerFault
from vlm_asking import SCHEMA, ask_for, client
from vlm_server import MODEL, LlamaServer

LONG = {"type": "array", "items": {"type": "string", "minLength": 9, "maxLength": 30}, "minItems": 900, "maxItems": 900}
"""What the tiny model takes some seconds to fill."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("vlm")


@pytest.fixture(scope="module")
def server(folder):
    with LlamaServer(folder) as running:
        yield running


@pytest.fixture(scope="module")
def thinker(folder):
    with LlamaServer(folder, thinking=True) as running:
        yield running


def asker(server, model=MODEL, **more):
    return client(server, kind="openai", model=model, **more)


def answered(server, request=None, **more):
    return asker(server, **more).ask(request or ask_for(photo()), lambda: False)


def photo(number=0):
    """A JPEG that differs from the others in a few lines."""
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).line((10, 10 + 7 * number, 300, 230 - 5 * number), fill="black", width=3)
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


# The real server: what it says of itself


def test_the_probe_reads_vision_context_and_version(server):
    probed = asker(server).probe()
    assert (probed.kind, probed.model, probed.thinking, probed.digest) == ("openai", MODEL, False, None)
    assert probed.context == 16384
    assert probed.version.startswith("llama.cpp ")
    assert probed.notes == ()


def test_the_probe_notes_a_small_context_and_more_requests_than_slots(folder):
    with LlamaServer(folder, context=8192, slots=2) as small:
        probed = asker(small, parallel=3).probe()
    assert probed.context == 4096  # of one slot, which is what one request has
    assert "the context is 4096 tokens, fewer than vlm.context_tokens = 8192" in probed.notes[0]
    assert "answers 2 at a time" in probed.notes[1]
    assert len(probed.notes) == 2


def test_a_model_without_vision_is_refused_before_any_photo_leaves(folder):
    with LlamaServer(folder, vision=False) as blind:
        with pytest.raises(EndpointError, match="cannot see photos.*--mmproj"):
            asker(blind).probe()
        with pytest.raises(EndpointError, match="cannot see photos"):
            answered(blind)
        assert "processing task" not in blind.log()


def test_a_model_that_lost_its_vision_is_found_out_when_asked(folder):
    with LlamaServer(folder) as changing:
        adapter = asker(changing)
        adapter.probe()
        changing.kill()
        changing.start(vision=False)
        with pytest.raises(EndpointError, match="cannot see photos"):
            adapter.ask(ask_for(photo()), lambda: False)


def test_another_model_is_refused_by_name(server):
    with pytest.raises(EndpointError, match=f"has no model qwen3-vl:32b; it has {MODEL}"):
        asker(server, "qwen3-vl:32b").probe()


def test_a_model_that_changed_since_the_probe_is_refused(folder):
    with LlamaServer(folder) as changing:
        adapter = asker(changing)
        adapter.probe()
        changing.kill()
        changing.start(alias="gemma:tiny")
        with pytest.raises(EndpointError, match=f"answered with the model gemma:tiny, not {MODEL}"):
            adapter.ask(ask_for(photo()), lambda: False)


def test_a_key_is_asked_for_and_never_told(folder, monkeypatch):
    with LlamaServer(folder, key="open-sesame") as locked:
        with pytest.raises(EndpointError, match=r"wants a key.*key_env"):
            asker(locked).probe()
        monkeypatch.setenv("VLM_KEY", "wrong-secret")
        with pytest.raises(EndpointError, match="wants a key, or another one.*VLM_KEY") as caught:
            asker(locked, key_env="VLM_KEY").probe()
        assert "wrong-secret" not in str(caught.value)
        monkeypatch.setenv("VLM_KEY", "open-sesame")
        assert asker(locked, key_env="VLM_KEY").probe().version
        assert answered(locked, key_env="VLM_KEY").finish == "stop"


def test_the_address_may_lack_its_v1_at_llama_server(server):
    short = SimpleNamespace(url=server.url.removesuffix("/v1"))
    assert asker(short).probe().context == 16384
    assert answered(short).finish == "stop"


def test_a_wrong_address_names_the_remedy(server):
    with pytest.raises(EndpointError, match="ends in /v1"):
        asker(server, url="/nowhere").probe()


def test_asked_as_an_ollama_it_says_what_to_write(server):
    with pytest.raises(EndpointError, match='kind = "openai".*/v1'):
        client(SimpleNamespace(url=server.url.removesuffix("/v1")), kind="ollama").probe()


# The real server: answers


def test_the_body_is_exactly_what_show_request_prints():
    request = ask_for(b"\xff\xd8 a photo")
    picture = "data:image/jpeg;base64," + base64.b64encode(request.jpeg).decode()
    assert asker(SimpleNamespace(url="http://127.0.0.1:9/v1")).body(request) == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You see photos."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Describe it."},
                    {"type": "image_url", "image_url": {"url": picture}},
                ],
            },
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "photo", "strict": True, "schema": SCHEMA}},
        "max_tokens": 1500,
        "temperature": 0.2,
        "seed": 1,
        "stream": False,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_every_answer_fits_the_schema_and_every_photo_gets_its_own(server):
    adapter = asker(server)
    replies = [adapter.ask(ask_for(photo(number)), lambda: False) for number in range(16)]
    for reply in replies:
        assert (reply.finish, reply.thinking) == ("stop", "")
        Answer.model_validate_json(reply.content)
        assert json.loads(reply.raw)["choices"][0]["message"]["content"] == reply.content
        assert reply.tokens < 1000 and reply.prompt_tokens > 70 and reply.seconds > 0
    assert len({reply.content for reply in replies}) == len(replies)
    assert any(json.loads(reply.content)["enhanced_tags"] for reply in replies)


def test_the_seed_decides_the_answer(server):
    first, again, other = (answered(server, ask_for(photo(), seed=seed)).content for seed in (1, 1, 2))
    assert first == again != other


def test_too_few_tokens_give_a_truncated_answer(server):
    reply = answered(server, ask_for(photo(), max_tokens=20))
    assert reply.finish == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.content)


def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(server):
    with pytest.raises(EndpointError, match=r"are 2\d{4} tokens.* holds 16384.*--ctx-size") as caught:
        answered(server, ask_for(photo(), prompt="rust " * 4000))
    assert "vlm.longest_px" in caught.value.remedy


def test_a_picture_that_is_none_is_refused(server):
    with pytest.raises(EndpointError, match="refuses the request \\(400\\)"):
        answered(server, ask_for(b"no JPEG"))


def test_the_thinking_model_is_told_not_to_think(thinker):
    probed = asker(thinker).probe()
    assert probed.thinking and "told not to" in probed.notes[0]
    reply = answered(thinker)
    assert reply.thinking == "" and reply.finish == "stop"
    Answer.model_validate_json(reply.content)


def test_thinking_is_handed_on_beside_the_content(thinker):
    """Asked without our fields, the real server keeps the two apart; the adapter reads that very body."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 30, "seed": 1}
    body = httpx2.post(thinker.url + "/chat/completions", json=asked, timeout=30, trust_env=False).json()
    with saying({"/v1/models": models(entry(MODEL)), "/v1/chat/completions": body}) as fake:
        reply = answered(fake)
    assert reply.content == "" and reply.thinking == body["choices"][0]["message"]["reasoning_content"] != ""


# The real server: faults


def test_killed_while_it_answers_and_started_again(folder):
    with LlamaServer(folder) as dying:
        adapter = asker(dying)
        adapter.probe()
        timer = threading.Timer(0.4, dying.kill)
        timer.start()
        with pytest.raises(ServerFault, match="ended its answer too early|broke off"):
            adapter.ask(ask_for(photo(), schema=LONG, max_tokens=12000), lambda: False)
        timer.join()
        with pytest.raises(ServerFault, match="cannot be reached"):
            adapter.ask(ask_for(photo()), lambda: False)
        with pytest.raises(ServerFault, match="cannot be reached"):
            adapter.probe()
        dying.start()
        assert adapter.ask(ask_for(photo()), lambda: False).finish == "stop"


def test_an_abandoned_answer_frees_the_server(server):
    adapter = asker(server)
    adapter.probe()
    begun = time.monotonic()
    with pytest.raises(Abandoned):
        adapter.ask(ask_for(photo(), schema=LONG, max_tokens=12000), lambda: time.monotonic() > begun + 0.3)
    assert time.monotonic() - begun < 1.0
    assert adapter.ask(ask_for(photo()), lambda: False).finish == "stop"
    assert "cancel task" in server.log()


def test_an_answer_that_takes_too_long_is_the_servers_fault(server):
    with pytest.raises(ServerFault, match="no whole answer within 1 s"):
        answered(server, ask_for(photo(), schema=LONG, max_tokens=12000), seconds=1)
