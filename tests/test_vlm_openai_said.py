"""The OpenAI adapter and what other servers than llama.cpp's say: their lists, their answers, their refusals."""

import json
from types import SimpleNamespace

import pytest

from fake_openai import chat, entry, models, saying
from urbextag.vlm.records import EndpointError, ServerFault
from vlm_asking import ask_for, client
from vlm_server import MODEL


def asker(server, model=MODEL, **more):
    return client(server, kind="openai", model=model, **more)


def answered(server, request=None, **more):
    return asker(server, **more).ask(request or ask_for(), lambda: False)


def answered_with(said, status=200, listed=None):
    """What becomes of this answer to a question."""
    places = {"/v1/models": listed or models(entry(MODEL)), "/v1/chat/completions": said}
    with saying(places, status) as fake:
        return answered(fake)


def test_vllm_says_its_version_and_context():
    listed = models(entry("Qwen/Qwen3-VL-8B-Instruct", "vllm", max_model_len=32768, root="Qwen/Qwen3-VL-8B-Instruct"))
    with saying({"/v1/models": listed, "/version": {"version": "0.11.0"}}) as fake:
        probed = asker(fake, "Qwen/Qwen3-VL-8B-Instruct").probe()
    assert (probed.version, probed.context) == ("vLLM 0.11.0", 32768)
    assert probed.notes == ("the server does not say whether the model can see",)


def studio(**more):
    """LM Studio: what it does not know it answers with 200 and an error."""
    unknown = {"error": "Unexpected endpoint or method. (GET /models). Returning 200 anyway"}
    names = ("qwen/qwen3-vl-8b", "qwen/qwen3-8b", "text-embedding-nomic")
    kinds = [
        {"id": name, "object": "model", "type": kind, "state": "loaded", "max_context_length": 262144, **more}
        for name, kind in zip(names, ("vlm", "llm", "embeddings"), strict=True)
    ]
    listed = models(*(entry(name, "organization_owner") for name in names))
    return {"/v1/models": listed, "/api/v0/models": models(*kinds), "/models": unknown, "/version": unknown}


def test_lm_studio_says_which_of_its_models_see_and_how_long_the_loaded_context_is():
    with saying(studio(loaded_context_length=4096)) as fake:
        probed = asker(fake, "qwen/qwen3-vl-8b").probe()
        assert (probed.version, probed.context) == ("LM Studio", 4096)
        assert "fewer than vlm.context_tokens" in probed.notes[0]
        for blind in ("qwen/qwen3-8b", "text-embedding-nomic"):
            with pytest.raises(EndpointError, match=f"{blind} at .* cannot see"):
                asker(fake, blind).probe()
    with saying(studio()) as fake:
        assert asker(fake, "qwen/qwen3-vl-8b").probe().context == 262144


def test_an_address_without_v1_is_mended():
    with saying(studio()) as fake, pytest.raises(EndpointError, match=r'url = "http://127.*\d/v1"'):
        asker(SimpleNamespace(url=fake.url.removesuffix("/v1")), "qwen/qwen3-vl-8b").probe()


def test_an_ollama_is_known_and_its_tag_may_be_left_out():
    places = {"/v1/models": models(entry("llava:latest", "library")), "/api/version": {"version": "0.33.1"}}
    with saying(places) as fake:
        probed = asker(fake, "llava").probe()
    assert (probed.version, probed.model) == ("Ollama 0.33.1", "llava:latest")
    assert 'kind = "ollama"' in probed.notes[-1]


def test_a_bare_server_is_taken_at_its_word():
    with saying({"/v1/models": models(entry(MODEL)), "/v1/chat/completions": chat()}) as fake:
        probed = asker(fake).probe()
        assert (probed.version, probed.context, len(probed.notes)) == (None, None, 2)
        assert answered(fake).content == "{}"


@pytest.mark.parametrize("listed", [{"object": "list", "data": []}, {"object": "list", "data": None}])
def test_a_server_without_models_says_so(listed):
    with saying({"/v1/models": listed}) as fake, pytest.raises(EndpointError, match="serves no model"):
        asker(fake).probe()


@pytest.mark.parametrize("listed", [["a"], {"data": "a"}, {"models": []}, "x", 1])
def test_what_is_no_list_of_models_is_the_servers_fault(listed):
    with saying({"/v1/models": listed}) as fake, pytest.raises(ServerFault, match="no list of models"):
        asker(fake).probe()


NO_CHATS = [
    {},
    [],
    "x",
    {"choices": []},
    {"choices": None},
    {"choices": ["x"]},
    {"choices": [{"finish_reason": "stop"}]},
    {"choices": [{"finish_reason": "stop", "message": "x"}]},
    chat(content=[{"type": "text", "text": "{}"}]),
    chat(reasoning=["x"]),
]


@pytest.mark.parametrize("said", NO_CHATS, ids=lambda said: json.dumps(said)[:40])
def test_what_is_no_chat_is_the_servers_fault(said):
    body = json.dumps(said).encode()
    with pytest.raises(ServerFault, match="no chat"):
        answered_with(body)


@pytest.mark.parametrize("said", [chat(finish=None), chat(finish=""), chat(finish="error"), chat(finish=7)])
def test_an_answer_without_an_end_is_the_servers_fault(said):
    with pytest.raises(ServerFault, match="broke off its answer"):
        answered_with(said)


def test_an_error_in_a_200_body_is_the_servers_fault():
    said = {"error": {"message": "CUDA out of memory", "type": "server_error"}}
    with pytest.raises(ServerFault, match="CUDA out of memory"):
        answered_with(said)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_both_names_of_thinking_are_read(field):
    said = chat(None, "length", **{field: "Okay, so"})
    reply = answered_with(said)
    assert (reply.content, reply.thinking, reply.finish) == ("", "Okay, so", "length")
    assert (reply.tokens, reply.prompt_tokens) == (None, None)


def test_other_ends_are_neither_stop_nor_length():
    said = chat(finish="content_filter") | {"usage": "x"}
    assert answered_with(said).finish == "other"


def test_the_answer_of_another_listed_model_is_refused_and_a_longer_name_of_the_same_is_not():
    listed = models(entry(MODEL), entry("gemma3:4b"))
    with pytest.raises(EndpointError, match="answered with the model gemma3:4b"):
        answered_with(chat(model="gemma3:4b"), listed=listed)
    assert answered_with(chat(model=f"{MODEL}-2026-08"), listed=listed).finish == "stop"


REFUSALS = [
    (400, {"message": "This model's maximum context length is 4096 tokens."}, "do not fit into the context.*4096"),
    (400, "response_format is not supported", r"refuses the request \(400\): response_format"),
    (403, "no", "wants a key"),
    (404, {"message": f"The model `{MODEL}` does not exist."}, f"has no model {MODEL}"),
    (404, "Not Found", "is not the address"),
    (413, "too large", "vlm.longest_px"),
    (422, "no such field", r"refuses the request \(422\)"),
]


@pytest.mark.parametrize(("status", "error", "words"), REFUSALS, ids=lambda value: str(value)[:24])
def test_refusals_say_what_to_do(status, error, words):
    places = {"/v1/models": models(entry(MODEL)), "/v1/chat/completions": {"error": error}}
    with saying(places, status) as fake, pytest.raises(EndpointError, match=words):
        answered(fake)
    assert fake.asked.count("/v1/chat/completions") == 1


def test_pages_at_places_that_tell_more_are_no_fault():
    page = b"<!doctype html><title>Chat</title>"
    places = {"/v1/models": models(entry(MODEL, "llamacpp")), "/props": page}
    with saying(places) as fake:
        assert len(asker(fake).probe().notes) == 2
