"""The Ollama adapter against a server on the loopback that misbehaves on demand: which Reply or fault comes out."""

import base64
import json
import threading

import pytest

from fake_ollama import MODEL, Answer, FakeOllama, Model
from urbextag.vlm import answer as answers
from urbextag.vlm.records import EndpointError, ServerFault
from urbextag.vlm.transport import MAX_BODY
from vlm_asking import GOOD, PAGE, SCHEMA, THINKER, ask, ask_for, client, soon


@pytest.fixture
def fake():
    with FakeOllama() as server:
        yield server


# What is sent


def test_the_body_is_what_show_request_prints_and_ollama_knows_every_field(fake):
    asker = client(fake)
    asker.probe()
    request = ask_for(keep_alive="-1")
    asker.ask(request, lambda: False)
    assert fake.chats == [asker.body(request)]
    assert fake.chats[0] == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You see photos."},
            {"role": "user", "content": "Describe it.", "images": [base64.b64encode(request.jpeg).decode()]},
        ],
        "format": SCHEMA,
        "stream": False,
        "truncate": False,
        "shift": False,
        "keep_alive": -1,
        "options": {"num_ctx": 8192, "num_predict": 1500, "temperature": 0.2, "seed": 1},
    }


def test_a_thinking_model_is_told_not_to_and_only_such_a_one():
    with FakeOllama(THINKER) as fake:
        asker = client(fake, model="qwen3-vl:8b")
        assert "think" not in asker.body(ask_for())
        probed = asker.probe()
        assert probed.thinking and "instruct" in probed.notes[0]
        assert asker.ask(ask_for(), lambda: False).thinking == ""
        assert fake.chats[0]["think"] is False


def test_an_unprobed_server_is_probed_before_any_photo_leaves(fake):
    fake.models = [Model(capabilities=("completion",))]
    with pytest.raises(EndpointError, match="cannot see"):
        client(fake).ask(ask_for(), lambda: False)
    assert fake.chats == []


# Replies, handed on as they came

REPLIES = {
    "good": (Answer(content=GOOD), (GOOD, "", "stop")),
    "thinking only": (Answer(content="", thinking=GOOD), ("", GOOD, "stop")),
    "content and thinking": (Answer(content=GOOD, thinking="Let me see."), (GOOD, "Let me see.", "stop")),
    "empty with length": (Answer(content="", thinking="Okay, so", done_reason="length"), ("", "Okay, so", "length")),
    "fence": (Answer(content=f"```json\n{GOOD}\n```"), (f"```json\n{GOOD}\n```", "", "stop")),
    "reasoning as JSON": (
        Answer(content='{"thought": "the user wants"}'),
        ('{"thought": "the user wants"}', "", "stop"),
    ),
    "prose": (Answer(content="A boiler, a valve."), ("A boiler, a valve.", "", "stop")),
    "unknown reason": (Answer(content=GOOD, done_reason="tool_calls"), (GOOD, "", "other")),
    "no content field": (Answer(more={"message": {"role": "assistant", "thinking": GOOD}}), ("", GOOD, "stop")),
    "null content": (Answer(more={"message": {"content": None, "thinking": None}}), ("", "", "stop")),
    "odd characters": (Answer(content="\x00\ud800\u2028\U0001f3da"), ("\x00\ud800\u2028\U0001f3da", "", "stop")),
}


@pytest.mark.parametrize("case", REPLIES)
def test_a_reply_is_handed_on_as_it_came(fake, case):
    answer, expected = REPLIES[case]
    reply = ask(fake, answer)
    assert (reply.content, reply.thinking, reply.finish) == expected
    assert json.loads(reply.raw)["model"] == MODEL
    assert 0 < reply.seconds < 20 and reply.prompt_tokens > 1024 and reply.tokens >= 1


def test_an_answer_cut_at_every_fifth_byte_keeps_its_end(fake):
    asker = client(fake)
    for end in range(0, len(GOOD), 5):
        fake.answers.append(Answer(content=GOOD[:end], done_reason="length"))
        reply = asker.ask(ask_for(), lambda: False)
        assert (reply.content, reply.finish) == (GOOD[:end], "length")


def test_a_cap_that_is_too_small_cuts_and_a_larger_one_does_not(fake):
    assert ask(fake, request=ask_for(max_tokens=16)).finish == "length"
    assert ask(fake, request=ask_for(max_tokens=1500)).finish == "stop"


def test_counts_that_are_none_are_not_believed(fake):
    reply = ask(fake, Answer(content=GOOD, more={"eval_count": "many", "prompt_eval_count": True}))
    assert (reply.tokens, reply.prompt_tokens) == (None, None)


# Faults that may pass

ENGINE = json.dumps({"error": {"code": 500, "message": "out of memory", "type": "server_error"}})
FAULTS = {
    "408": (Answer(status=408), "answered 408"),
    "429": (Answer(status=429, error="slow down"), "answered 429: slow down"),
    "499": (Answer(status=499, error="request canceled"), "answered 499: request canceled"),
    "500": (
        Answer(status=500, error="model requires more system memory (9 GiB)"),
        "answered 500: .*more system memory",
    ),
    "502": (Answer(status=502, body=PAGE), 'answered 502: a web page, "504 Gateway & friends"'),
    "503": (Answer(status=503, error="server busy, maximum pending requests exceeded"), "answered 503: server busy"),
    "504": (Answer(status=504, body=b""), "answered 504$"),
    "529": (Answer(status=529, error="overloaded"), "answered 529: overloaded"),
    "page with 200": (Answer(body=PAGE), 'no JSON: a web page, "504 Gateway & friends"'),
    "page without title": (Answer(body=b"<html><body>hello"), "no JSON: a web page$"),
    "empty body": (Answer(body=b""), "no JSON$"),
    "plain text": (Answer(body=b"upstream gone\nbye"), "no JSON: upstream gone$"),
    "half the JSON": (Answer(body=b'{"model": "qwen3-vl:8b-instruct", "mess'), "no JSON"),
    "error in a 200": (Answer(error="unexpected EOF"), "reported an error: unexpected EOF"),
    "error line after a stream": (
        Answer(body=b'{"message": {"content": "{"}, "done": false}\n{"error": "runner terminated"}\n'),
        "reported an error: runner terminated",
    ),
    "error event": (Answer(body=b'data: {"error": {"code": 500, "message": "gone"}}\n\n'), "reported an error: gone"),
    "a stream": (Answer(body=b'{"done": false}\n{"done": true}\n'), "no JSON"),
    "no UTF-8": (Answer(body=b'{"message": {"content": "\xff\xfe"}, "done": true}'), "no JSON"),
    "nested too deep": (Answer(body=b'{"message": ' + b"[" * 200_000), "no JSON"),
    "a number too long": (Answer(body=b'{"eval_count": ' + b"7" * 6000 + b"}"), "no JSON"),
    "compressed": (Answer(body=b"\x1f\x8b\x08\x00 nonsense", headers={"Content-Encoding": "gzip"}), "no JSON"),
    "too large": (Answer(body=b'"' + b"x" * (MAX_BODY + 1)), "more than 4 MiB"),
    "a list": (Answer(body=b"[]"), "no chat"),
    "null": (Answer(body=b"null"), "no chat"),
    "no message": (Answer(body=b'{"model": "qwen3-vl:8b-instruct"}'), "no chat"),
    "content a list": (Answer(more={"message": {"content": [GOOD]}}), "no chat"),
    "runner gone": (Answer(content=GOOD[:20], done_reason=None), "broke off its answer"),
    "empty reason": (Answer(content=GOOD, done_reason=""), "broke off its answer"),
    "not done": (Answer(content=GOOD, more={"done": False}), "broke off its answer"),
    "error of the engine in a string": (Answer(status=500, error=ENGINE), "answered 500: out of memory$"),
    "load": (Answer(content="", done_reason="load"), "only loaded the model"),
    "unload": (Answer(content="", done_reason="unload"), "only unloaded the model"),
    "cut before the body": (Answer(content=GOOD, then="cut"), "ended its answer too early"),
    "cut in the body": (Answer(content=GOOD, then="cut", after=40), "ended its answer too early"),
    "no HTTP length": (Answer(content=GOOD, headers={"Content-Length": "-7"}), "speaks no HTTP"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_that_may_pass(fake, case):
    answer, words = FAULTS[case]
    with pytest.raises(ServerFault, match=words) as caught:
        ask(fake, answer)
    assert fake.url in caught.value.message and "\n" not in caught.value.message
    assert len(fake.chats) == 1, "the adapter never asks twice by itself"
    assert ask(fake).finish == "stop", "and the next photo is answered"


# Refusals that asking again does not mend

OVERFLOW = json.dumps({"error": {"message": "too long", "type": "exceed_context_size_error", "n_prompt_tokens": 9000}})
REFUSALS = {
    "400": (Answer(status=400, error="invalid format"), r"refuses the request \(400\): invalid format", "log"),
    "400 context, no numbers": (
        Answer(status=400, error="the prompt is longer than the context length currently available"),
        r"are \? tokens",
        "vlm.context_tokens",
    ),
    "400 context in a string": (Answer(status=400, error=OVERFLOW), "are 9000 tokens", "vlm.longest_px"),
    "401": (Answer(status=401, error="unauthorized"), "wants a key", "key_env"),
    "403": (Answer(status=403, body=PAGE), "wants a key", "key_env"),
    "404 model": (Answer(status=404, error=f"model '{MODEL}' not found"), "has no model", f"ollama pull {MODEL}"),
    "404 path": (Answer(status=404, body=b"404 page not found"), "not the address of an Ollama", "Mend url"),
    "405": (Answer(status=405, body=b""), "not the address of an Ollama", "Mend url"),
    "413": (Answer(status=413, body=PAGE), "requests of this size", "vlm.longest_px"),
    "422": (Answer(status=422, error="seed"), r"refuses the request \(422\): seed", "log"),
    "redirect": (
        Answer(status=307, body=b"", headers={"Location": "https://x/"}),
        "another address: https://x/",
        "that",
    ),
    "another model": (Answer(content=GOOD, model="llava:7b"), "answered with the model llava:7b", "between"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_stops_with_a_remedy(fake, case):
    answer, words, remedy = REFUSALS[case]
    with pytest.raises(EndpointError, match=words) as caught:
        ask(fake, answer)
    assert remedy in caught.value.remedy and len(fake.chats) == 1


def test_a_prompt_past_the_context_is_refused_with_both_numbers(fake):
    fake.picture_tokens = 12_000
    with pytest.raises(EndpointError, match=r"are 120\d\d tokens, and the context of .* holds 8192") as caught:
        ask(fake)
    assert "Raise vlm.context_tokens or lower vlm.longest_px" in caught.value.remedy


# The server of the tests itself


def test_the_healthy_server_invents_valid_answers_that_differ_by_photo(fake):
    photos = [f"photo {number}".encode() for number in range(40)]
    contents = [ask(fake, request=ask_for(photo)).content for photo in photos]
    assert len(set(contents)) == 40
    assert ask(fake, request=ask_for(photos[7])).content == contents[7]
    for content in contents:
        answers.Answer.model_validate_json(content)


def test_the_server_counts_what_is_in_flight(fake):
    fake.delay = 0.4
    threads = [threading.Thread(target=ask, args=(fake,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fake.most_in_flight == 3 and soon(lambda: fake.in_flight == 0) and len(fake.chats) == 3
