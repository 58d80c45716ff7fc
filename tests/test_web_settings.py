"""The settings page and its API: what is saved holds, servers and thresholds are tried first, models are proved."""

import json
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

import application_db as application
from conftest import Box, urbextag
from fake_ollama import FakeOllama, Model
from fake_openai import entry, models, saying
from hub_server import Hub, serving
from places import Shot, fill
from tiny_onnx import text_model, tokenizer, vision_model
from urbextag.archive import create
from urbextag.config import TEMPLATE, load_config
from web_kit import Web, web_of

SO400M = "siglip-so400m-patch14-384"
"""The entry of the catalogue that knows no checksums: its files can be stood in for."""
FILES = {
    "visual/model.onnx": lambda: vision_model(384, 1 << 20),
    "textual/model.onnx": text_model,
    "textual/tokenizer.json": tokenizer,
}


SETTINGS = TEMPLATE + "\n[stages.ocr]  # kept\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    box = Box(tmp_path_factory.mktemp("settings") / "archive")
    create(box.root)
    fill(box, "Mill", *(Shot(f"{number}.png", ("a piano", "a boiler")) for number in range(5)))
    with web_of(box.root) as web:
        yield web


@pytest.fixture
def web(served: Web) -> Web:
    (served.site.root / "urbextag.toml").write_text(SETTINGS, encoding="utf-8")
    return served


def text(web: Web) -> str:
    return (web.site.root / "urbextag.toml").read_text(encoding="utf-8")


def test_the_page_shows_every_part_and_keeps_no_secret(web: Web, monkeypatch):
    monkeypatch.setenv("URBEXTAG_VLM_KEY", "s3cret-of-mine")
    put = {"url": "http://127.0.0.1:9", "model": "<b>m</b>", "key_env": "URBEXTAG_VLM_KEY"}
    web.send("PUT", "/settings/endpoints", {"endpoints": [put]})
    shown = web.page("/settings")
    for part in (
        "Starter",
        "SigLIP",
        "CLIP",
        "Florence-2",
        "Stage 2",
        "Quiet from",
        "How sure a tag must be",
        "Backup",
    ):
        assert part in shown
    assert "URBEXTAG_VLM_KEY" in shown and "s3cret" not in shown + text(web) and "<b>m</b>" not in shown
    assert "style=" not in shown and "onclick" not in shown


def test_settings_are_read_with_their_bounds_and_saved_with_comments_kept(web: Web):
    found = {(one["section"], one["name"]): one for one in web.get("/settings")}
    load = found["vlm", "idle_load"]
    assert (load["value"], load["default"], load["least"], load["most"]) == (0.5, 0.5, 0, 64)
    assert found["", "profile"]["choices"] == ["starter", "scene", "standard"]
    said = web.send("PATCH", "/settings", {"vlm": {"idle_load": 0.25, "quiet_hours": "22:00-07:00"}})
    assert said == {"message": said["message"], "changed": True, "restarting": False} and "elsewhere" in said["message"]
    assert load_config(web.site.root).vlm.quiet_hours == "22:00-07:00"
    assert set(SETTINGS.splitlines()) <= set(text(web).splitlines())
    assert not web.send("PATCH", "/settings", {"vlm": {"idle_load": 0.25}})["changed"]
    web.send("PATCH", "/settings", {"vlm": {"idle_load": None, "quiet_hours": None}})
    assert text(web) == SETTINGS


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"vlm": {"idle_load": 0}}, 422),
        ({"vlm": {"idle_load": 1e400}}, 422),
        ({"vlm": {"prompt": "/etc/passwd"}}, 422),
        ({"taxonomy": {"files": ["/etc/passwd"]}}, 422),
        ({"database": "/tmp/x.db"}, 422),
        ({"models": {"folder": "/tmp"}}, 422),
        ({"models": {"scene": "../x"}}, 422),
        ({"models": {"scene": "unknown"}}, 400),
        ({"taxonomy": {"thresholds": {"nonsense": 0.5}}}, 422),
        ({"vlm": {"keep_alive": "\ud800"}}, 422),
        ({"vlm": {"quiet_hours": "\x00"}}, 409),
        ({"vlm": {"max_tokens": 9000}}, 409),
        ({"vlm": None}, 200),
    ],
)
def test_what_may_not_be_set_from_a_page_is_refused(web: Web, body, code):
    answer = web.client.patch(
        "/api/v1/settings", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert answer.status_code == code, answer.text
    assert text(web) == SETTINGS


def test_a_profile_without_its_models_is_refused(web: Web, tmp_path: Path):
    (web.site.root / "urbextag.toml").write_text(f"[models]\nfolder = '{tmp_path}'\n")
    said = web.send("PATCH", "/settings", {"profile": "scene"}, 409)
    assert "not on this machine" in said["error"]["message"] and "models pull" in said["error"]["remedy"]
    web.send("PATCH", "/settings", {"profile": "starter", "models": {"scene": SO400M, "scene_precision": "fp32"}})
    assert load_config(web.site.root).models.scene == SO400M


def test_a_server_is_tried_before_it_is_saved(web: Web):
    seeing, blind = Model(), Model("llama3:8b", capabilities=("completion",))
    with FakeOllama(seeing, blind) as fake:
        asked = {"url": fake.url, "kind": "ollama", "model": seeing.name}
        good = web.send("POST", "/settings/test-connection", asked)
        assert good["works"] and seeing.name in good["detail"]
        assert [(one["name"], one["sees"]) for one in good["models"]] == [(seeing.name, True), (blind.name, False)]
        unnamed = web.send("POST", "/settings/test-connection", asked | {"model": None})
        assert unnamed["works"] and len(unnamed["models"]) == 2
        other = web.send("POST", "/settings/test-connection", asked | {"model": "none:1b"})
        assert not other["works"] and "has no model none:1b" in other["message"] and seeing.name in other["remedy"]
        assert load_config(web.site.root).vlm.endpoints == ()
        web.send("PUT", "/settings/endpoints", {"endpoints": [asked]})
        assert web.get("/settings/endpoints")["endpoints"][0]["url"] == fake.url
        moved = asked | {"was": fake.url, "url": f"{fake.url}/x"}
        web.send("PUT", "/settings/endpoints", {"endpoints": [moved]})
        assert text(web).count("\n[[vlm.endpoints]]") == 1
    web.send("PUT", "/settings/endpoints", {"endpoints": []})
    gone = web.send("POST", "/settings/test-connection", asked)
    assert not gone["works"] and "cannot be reached" in gone["message"] and gone["models"] == []


def test_a_server_of_the_other_kind_and_one_that_is_mute(web: Web, monkeypatch):
    with saying({"/v1/models": models(entry("a-vl"), entry("b"))}) as other:
        said = web.send("POST", "/settings/test-connection", {"url": other.url, "kind": "openai", "model": "a-vl"})
        assert said["works"] and {one["name"] for one in said["models"]} == {"a-vl", "b"}
    from urbextag.actions import connection

    monkeypatch.setattr(connection.try_server, "__kwdefaults__", {"seconds": 0.3})
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        said = web.send("POST", "/settings/test-connection", {"url": url, "model": "m"})
        assert not said["works"] and "no answer within 0.3 s" in said["message"] and time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ({"url": "https://gpu.example"}, "another machine"),
        ({"url": "https://gpu.example", "allow_remote": True, "key_env": "HOME"}, "URBEXTAG_"),
        ({"url": "file:///etc/passwd"}, "no http:// or https://"),
        ({"url": "http://me:pw@127.0.0.1"}, "holds a password"),
        ({"url": "http://127.0.0.1:99999"}, ""),
    ],
)
def test_no_photo_and_no_secret_goes_where_it_may_not(web: Web, server, says):
    tried = web.client.post("/api/v1/settings/test-connection", json=server | {"model": "m"})
    saved = web.client.put("/api/v1/settings/endpoints", json={"endpoints": [server | {"model": "m"}]})
    assert says in tried.text and tried.status_code in (200, 400)
    if says:
        assert saved.status_code == 400 and says in saved.text and '[[vlm.endpoints]]\nurl = "h' not in text(web)


def test_thresholds_are_tried_saved_and_hold(web: Web):
    body = {"threshold": None, "thresholds": {"object": 0.95}}
    found = web.send("POST", "/settings/thresholds/preview", body)
    assert found["photos"] == found["of"] == found["changed"] == 5 and found["vanish"] >= 5 and found["appear"] == 0
    things = next(one for one in found["facets"] if one["facet"] == "object")
    assert "piano" in {one["label"] for one in things["vanishing"]} and things["tags_then"] == 0
    with web.site.opened() as archive:
        old = web.site.taxonomy(archive).version
    web.send("PATCH", "/settings", {"taxonomy": body})
    with web.site.opened() as archive:
        taxonomy = web.site.taxonomy(archive)
    assert taxonomy.version != old and taxonomy.wanted == {"object": 0.95}
    same = web.send("POST", "/settings/thresholds/preview", body)
    assert (same["appear"], same["vanish"]) == (0, 0)
    assert web.send("POST", "/settings/thresholds/preview", {})["appear"] == found["vanish"]
    assert 'data-own="0.95"' in web.page("/settings")


def test_a_model_comes_in_pieces_and_is_proved(web: Web, tmp_path: Path, monkeypatch):
    hub = Hub("immich-app/ViT-SO400M-14-SigLIP-384__webli", {name: make() for name, make in FILES.items()})
    (web.site.root / "urbextag.toml").write_text(f"[models]\nfolder = '{tmp_path / 'm'}'\n")
    url = f"/models/{SO400M}/fp32"
    with serving(hub) as made:
        template = f"{made.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", made.url)  # read from HF_ENDPOINT once, by the first import
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
        made.page = True
        failed = web.end_of(web.send("POST", f"{url}/pull", code=202))
        assert failed["state"] == "failed" and failed["error"]["remedy"]
        made.page = False
        end = web.end_of(web.send("POST", f"{url}/pull", code=202))
        assert end["state"] == "done" and "here and whole" in end["result"]["message"], end["error"]
    here = {one["name"]: one["here"] for one in web.get("/models")["models"]}
    assert here[SO400M] == ["fp32"] and "models/siglip-so400m-patch14-384/fp32/verify" in web.page("/settings")
    assert "is whole" in web.end_of(web.send("POST", f"{url}/verify", code=202))["result"]["message"]
    (tmp_path / "m" / SO400M / "textual/tokenizer.json").write_bytes(b"spoilt")
    spoilt = web.end_of(web.send("POST", f"{url}/verify", code=202))
    assert spoilt["state"] == "failed" and "instead of" in spoilt["error"]["message"]
    assert web.send("POST", "/models/none/int8/pull", code=409) and web.send(
        "POST", f"/models/{SO400M}/int8/pull", code=409
    )


def test_earlier_tags_are_counted_taken_over_and_given_back(tmp_path: Path):
    path = tmp_path / "app" / "archive.db"
    path.parent.mkdir()
    application.make(path, 30, application.TAGGED, tagged=True)
    assert urbextag("attach", path, "--yes").code == 0
    with web_of(path.parent) as web:
        plan = web.get("/backfill")
        assert plan["photos"] == 25 and not plan["nothing"] and plan["survey"]["sources"]["manual"]["photos"] == 5
        end = web.end_of(web.send("POST", "/backfill", code=202))
        assert end["state"] == "done" and "25 photos" in end["result"]["message"], end
        assert web.get("/backfill")["nothing"] and web.get("/backfill/undo")["photos"] == 25
        end = web.end_of(web.send("POST", "/backfill/undo", code=202))
        assert end["state"] == "done" and web.get("/backfill/undo")["nothing"]


def test_a_backup_goes_only_into_a_folder_that_this_server_named(web: Web, tmp_path: Path):
    assert web.get("/backfill")["nothing"] and "not attached" in web.get("/backfill")["text"]
    target = tmp_path / "backups"
    target.mkdir()
    web.send("POST", "/backup", {"folder": str(target)}, 422)
    web.send("POST", "/backup", {"folder": "0" * 24}, 404)
    folder = web.site.folders._id(target)
    end = web.end_of(web.send("POST", "/backup", {"folder": folder, "keep": 3}, 202))
    assert end["state"] == "done" and str(target) in end["result"]["message"], end
    assert [path.name for path in target.iterdir()] == [Path(end["result"]["backup"]).name]
    assert (Path(end["result"]["backup"]) / "urbextag.toml").read_bytes() == (
        web.site.root / "urbextag.toml"
    ).read_bytes()


def test_saving_restarts_the_worker_as_often_as_needed(box: Box):
    with web_of(box.root, with_worker=True) as web:
        first = web.site.worker.report()["pid"]
        assert web.send("PATCH", "/settings", {"work": {"batch": 5}})["restarting"]
        assert web.send("PATCH", "/settings", {"work": {"batch": 6}})["restarting"]
        ends = [web.end_of({"task": task.report()}) for task in web.site.tasks.all() if task.kind == "restart"]
        assert [end["result"]["message"] for end in ends] == ["The worker has read the settings."] * len(ends)
        report = web.site.worker.report()
        assert report["state"] == "running" and report["pid"] != first
    assert web.site.worker.report()["state"] == "stopped"
