"""What a probe finds at an Ollama server, and what the person is told to do about it."""

import pytest

from fake_ollama import MODEL, Answer, FakeOllama, Model
from urbextag.vlm.records import EndpointError, ServerFault
from urbextag.vlm.transport import Http
from vlm_asking import PAGE, ask, ask_for, client


@pytest.fixture
def fake():
    with FakeOllama() as server:
        yield server


# The probe


def test_a_probe_says_what_is_there(fake):
    probed = client(fake).probe()
    assert (probed.kind, probed.version, probed.model) == ("ollama", "0.33.1", MODEL)
    assert (probed.digest, probed.thinking, probed.context) == (fake.models[0].digest, False, 8192)
    assert probed.notes == ()
    assert fake.paths() == ["/api/version", "/api/tags", "/api/show", "/api/ps"]


def test_a_missing_model_names_the_command_and_those_that_can_see(fake):
    fake.models = [Model("llava:7b"), Model("phi:latest", capabilities=("completion",)), Model("gemma3:4b")]
    with pytest.raises(EndpointError, match=f"has no model {MODEL}") as caught:
        client(fake).probe()
    assert caught.value.remedy == (
        f"Run: ollama pull {MODEL}, or name one that is there and can see: llava:7b, gemma3:4b"
    )


@pytest.mark.parametrize("answer", [Answer(body=b'{"models": null}'), Answer(body=b'{"models": []}')])
def test_a_server_without_any_model(fake, answer):
    fake.faults["/api/tags"] = [answer]
    with pytest.raises(EndpointError, match="has no model") as caught:
        client(fake).probe()
    assert caught.value.remedy == f"Run: ollama pull {MODEL}"


@pytest.mark.parametrize("name", ["minicpm-v", "minicpm-v:latest", "MiniCPM-V"])
def test_a_name_without_a_tag_means_the_latest(name):
    with FakeOllama(Model("minicpm-v:latest")) as fake:
        if name.islower():
            assert ask(fake, model=name).finish == "stop"
        assert client(fake, model=name).probe().model == "minicpm-v:latest"


def test_a_changed_digest_is_seen_by_the_next_probe(fake):
    asker = client(fake)
    before = asker.probe().digest
    fake.models = [Model(digest="f" * 64)]
    assert asker.probe().digest == "f" * 64 != before


def test_a_model_removed_between_probe_and_question(fake):
    asker = client(fake)
    asker.probe()
    fake.models = []
    with pytest.raises(EndpointError, match="has no model"):
        asker.ask(ask_for(), lambda: False)


def test_no_vision_is_an_error_with_a_remedy(fake):
    fake.models = [Model(capabilities=("completion", "tools"))]
    with pytest.raises(EndpointError, match="cannot see photos") as caught:
        client(fake).probe()
    assert "vision" in caught.value.remedy


def test_a_server_too_old_to_say_what_a_model_can_do(fake):
    fake.models = [Model(capabilities=None)]
    with pytest.raises(EndpointError, match="too old"):
        client(fake).probe()


def test_a_model_partly_on_the_cpu_and_one_with_little_context_are_noted(fake):
    fake.models = [Model(size_vram=3_000_000_000, context=4096)]
    probed = client(fake).probe()
    assert probed.context == 4096
    assert "50 % of the model runs on the CPU" in probed.notes[0] and "4096" in probed.notes[1]
    fake.models = [Model(size_vram=None)]
    assert client(fake).probe().notes == ()


@pytest.mark.parametrize("model", [Model("a:7b", remote_host="https://ollama.com:443"), Model("qwen3-vl:235b-cloud")])
def test_no_photo_leaves_by_way_of_a_cloud_model(model):
    with FakeOllama(model) as fake:
        with pytest.raises(EndpointError, match="is not run there but at .*ollama.com") as caught:
            client(fake, model=model.name).ask(ask_for(), lambda: False)
        assert "allow_remote" in caught.value.remedy and fake.chats == []
        assert "ollama.com" in client(fake, model=model.name, allow_remote=True).probe().notes[0]


def test_a_server_of_the_openai_kind_is_named_with_the_settings_that_fit(fake):
    fake.version = None
    fake.faults["/v1/models"] = [Answer(body=b'{"object": "list", "data": []}')]
    with pytest.raises(EndpointError, match="a server of the OpenAI kind") as caught:
        client(fake).probe()
    assert caught.value.remedy == f'Write kind = "openai" and url = "{fake.url}/v1"'


def test_lm_studio_which_says_404_with_status_200(fake):
    fake.faults["/api/version"] = [Answer(error="Unexpected endpoint or method. (GET /api/version)")]
    fake.faults["/v1/models"] = [Answer(status=401)]
    with pytest.raises(EndpointError, match="a server of the OpenAI kind"):
        client(fake).probe()


@pytest.mark.parametrize("tail", ["/v1", "/api"])
def test_an_address_with_too_much_at_its_end(fake, tail):
    with pytest.raises(EndpointError, match="not Ollama's own address") as caught:
        client(fake, url=tail).probe()
    assert caught.value.remedy == f'Write url = "{fake.url}"'


def test_something_else_at_the_address(fake):
    fake.version = None
    with pytest.raises(EndpointError, match="answers, but is no Ollama"):
        client(fake).probe()


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/show", "/api/ps"])
@pytest.mark.parametrize(
    "answer", [Answer(status=503), Answer(body=PAGE), Answer(then="cut", after=3), Answer(status=500, error="disk")]
)
def test_a_probe_that_meets_a_passing_fault(fake, path, answer):
    fake.faults[path] = [answer]
    asker = client(fake)
    with pytest.raises(ServerFault):
        asker.probe()
    assert asker.probe().model == MODEL


@pytest.mark.parametrize("path", ["/api/tags", "/api/show", "/api/ps"])
@pytest.mark.parametrize("body", [b"[]", b"7", b'{"models": 7}', b'{"models": [{}]}', b'{"models": [7]}'])
def test_a_probe_of_nonsense_ends_in_words(fake, path, body):
    fake.faults[path] = [Answer(body=body)]
    with pytest.raises((ServerFault, EndpointError)):
        client(fake).probe()


def test_a_proxy_that_wants_a_key_at_the_probe(fake):
    fake.faults["/api/version"] = [Answer(status=401, body=PAGE)]
    with pytest.raises(EndpointError, match="wants a key") as caught:
        client(fake).probe()
    assert "key_env" in caught.value.remedy


def test_a_pulled_model_is_there_at_the_next_probe(fake):
    fake.models, fake.library = [], {MODEL: Model()}
    http = Http(fake.url, None)
    assert http.post("/api/pull", {"model": MODEL, "stream": False}).json == {"status": "success"}
    with pytest.raises(ServerFault, match="pull model manifest"):
        http.post("/api/pull", {"model": "nobody:1b"})
    assert client(fake).probe().model == MODEL
