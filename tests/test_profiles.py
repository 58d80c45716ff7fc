"""The profiles with models, from the command line, on tiny random models: look, derive again, look again."""

import json
import shutil
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from make_photos import make_jpeg
from small_florence import SPEC
from small_florence import install as install_florence
from tiny_models import install
from urbextag.archive import opened
from urbextag.config import Config, ModelsConfig
from urbextag.deriver import make_deriver
from urbextag.pipeline import build
from urbextag.stages.base import Kit
from urbextag.taxonomy import load_taxonomy
from urbextag.worker import Crew, Worker, run

SCENE = 'profile = "scene"\n[models]\nfolder = "m"\nscene = "tiny-siglip"\nscene_precision = "fp32"\n'
STANDARD = SCENE.replace('"scene"', '"standard"', 1) + (
    'tags = "tiny-florence"\ntags_precision = "fp32"\n[stages.florence]\nmax_new_tokens = 12\n'
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A models folder with the tiny SigLIP, its prompts encoded already."""
    folder = tmp_path_factory.mktemp("models")
    install(folder, "siglip")
    config = Config(profile="scene", models=ModelsConfig(folder=folder, scene="tiny-siglip", scene_precision="fp32"))
    make_deriver(config, load_taxonomy(), 1)
    return folder


@pytest.fixture
def scenes(box, tmp_path, models):
    """An archive of the profile `scene` with six photos, tagged."""
    shutil.copytree(models, box.root / "m")
    box.settings(SCENE)
    (tmp_path / "p").mkdir()
    for number in range(6):
        make_jpeg(tmp_path / "p" / f"{number}.jpg", seed=number)
    box.ok("add", tmp_path / "p", "--location", "The Mill", "--type", "mill")
    box.ok("tag")
    return box


def rows(box, query):
    with closing(box.database()) as db:
        return [tuple(row) for row in db.execute(query)]


def test_every_photo_has_one_embedding_of_length_one_and_a_view(scenes):
    found = rows(scenes, "SELECT model, revision, vector FROM ut_embeddings")
    assert len(found) == 6
    for model, revision, vector in found:
        assert model == "tiny-siglip" and revision.endswith("/fp32")
        assert abs(np.linalg.norm(np.frombuffer(vector, "<f2").astype(np.float32)) - 1) < 2e-3
    for view, confidence, model, quality, tagger in rows(
        scenes, "SELECT scene_view_type, scene_confidence, scene_model, quality_score, tagging_model FROM imgs"
    ):
        assert view in ("interior", "exterior", "aerial", "detail", "document", "unknown")
        assert 0 <= confidence <= 1 and 0 <= quality <= 1
        assert model == tagger == "tiny-siglip"


def test_changed_prompts_and_thresholds_are_derived_and_a_changed_model_looks_again(scenes):
    def planned():
        plan = scenes.ok("tag", "--scope", "changed", "--dry-run", "--json").json
        return plan["photos"], plan["derive_only"]

    before = rows(scenes, "SELECT sha, vector FROM ut_embeddings ORDER BY sha")
    assert planned() == (0, 0)
    scenes.settings(SCENE + "[zero_shot]\nview_margin = 0.0\n")
    assert planned() == (0, 6)
    (scenes.root / "mine.yaml").write_text("replace:\n  views:\n    aerial: [a photo]\n", encoding="utf-8")
    scenes.settings(SCENE + '[zero_shot]\nview_margin = 0.0\nprompts = "mine.yaml"\n')
    assert planned() == (0, 6)
    scenes.ok("tag", "--scope", "changed", "--yes")
    assert planned() == (0, 0)
    assert rows(scenes, "SELECT sha, vector FROM ut_embeddings ORDER BY sha") == before
    assert "unknown" not in {view for (view,) in rows(scenes, "SELECT scene_view_type FROM imgs")}
    install(scenes.root / "m", "siglip", revision="b" * 40)
    assert planned() == (6, 0)


def test_a_photo_alone_is_tagged_with_the_settings_around_it(scenes, tmp_path):
    path = make_jpeg(tmp_path / "alone.jpg", seed=9)
    told = scenes.ok("tag", path, "--json").json
    assert told["scene"]["model"] == "tiny-siglip"
    assert 0 <= told["quality"]["score"] <= 1
    assert json.dumps(told["stages"]["embedding"]["data"])
    assert "imagenet" in scenes.ok("tag", path, "--profile", "starter", "--json").json["stages"]


def test_a_person_s_word_outranks_the_embedding(scenes, tmp_path):
    photo = tmp_path / "p" / "0.jpg"
    scenes.ok("review", "add", photo, "aerial view")
    assert scenes.ok("show", photo, "--json").json["view_type"] == {"value": "aerial", "confidence": 1.0}
    scenes.settings(SCENE + "[zero_shot]\nview_margin = 0.9\n")
    scenes.ok("tag", "--scope", "changed", "--yes")
    assert scenes.ok("show", photo, "--json").json["view_type"]["value"] == "aerial"


def test_a_missing_model_is_said_before_any_work(box, tmp_path):
    box.settings(SCENE)
    make_jpeg(tmp_path / "a.jpg")
    box.ok("add", tmp_path / "a.jpg")
    ran = box("tag")
    assert ran.code == 6
    assert "tiny-siglip" in ran.err
    assert rows(box, "SELECT state, strikes FROM ut_jobs") == [("queued", 0)]


@pytest.fixture
def described(box, tmp_path, models, request):
    """An archive of the profile `standard`, tagged; the parameter says whether the tagger reads about the place."""
    prompt = getattr(request, "param", "task")
    shutil.copytree(models, box.root / "m")
    generation = SPEC.generation.model_copy(update={"prompt": prompt})
    install_florence(box.root / "m", spec=SPEC.model_copy(update={"generation": generation}))
    box.settings(STANDARD)
    (tmp_path / "p").mkdir()
    for number in range(3):
        make_jpeg(tmp_path / "p" / f"{number}.jpg", seed=number)
    box.ok("add", tmp_path / "p", "--location", "The Ward", "--type", "hospital", "--state", "NY")
    box.ok("tag")
    return box


def told(box, photo):
    return box.ok("show", photo, "--json").json


def plan(box):
    found = box.ok("tag", "--scope", "changed", "--dry-run", "--json").json
    return found["photos"], found["derive_only"]


def test_the_raw_answers_are_kept_and_the_scene_comes_first(described, tmp_path):
    photo = told(described, tmp_path / "p" / "0.jpg")
    florence = photo["stages"]["florence"]["data"]
    assert [answer["task"] for answer in florence["answers"]] == ["<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>"]
    assert all(answer["text"] and answer["tokens"] > 0 for answer in florence["answers"])
    assert florence["prompt"] is None
    assert photo["scene"]["model"] == "tiny-siglip"
    assert {model for (model,) in rows(described, "SELECT tagging_model FROM imgs")} == {"tiny-florence"}


def test_a_changed_place_needs_no_model_where_the_tagger_reads_none(described, tmp_path):
    described.ok("add", tmp_path / "p", "--location", "The Ward", "--type", "school")
    assert plan(described) == (0, 3)


@pytest.mark.parametrize("described", ["context"], indirect=True)
def test_a_changed_place_means_another_look_where_the_tagger_reads_of_it(described, tmp_path):
    first = told(described, tmp_path / "p" / "0.jpg")["stages"]["florence"]["data"]
    assert "of an abandoned hospital in New York. Include: architectural features" in first["prompt"]
    assert first["prompt"] in first["answers"][0]["prompt"]
    assert plan(described) == (0, 0)
    described.ok("add", tmp_path / "p", "--location", "The Ward", "--type", "school")
    assert plan(described) == (3, 0)
    described.ok("tag", "--scope", "changed", "--yes")
    assert (
        "abandoned school in New York"
        in told(described, tmp_path / "p" / "0.jpg")["stages"]["florence"]["data"]["prompt"]
    )
    assert plan(described) == (0, 0)


def test_an_idle_worker_drops_its_models_and_loads_them_when_there_is_work(described, tmp_path):
    described.settings(STANDARD + "[work]\nidle_seconds = 1.0\n")
    make_jpeg(tmp_path / "7.jpg", seed=7)
    described.ok("add", tmp_path / "7.jpg")
    with opened(described.root) as archive:
        config, taxonomy = archive.config, archive.load_taxonomy()
        deriver = make_deriver(config, taxonomy, 1)
        crew = Crew(lambda: build(config, Kit(taxonomy, 1, config.models, deriver.zero_shot)))
        worker = Worker(archive, crew, deriver)
        seen = []

        def watch():
            while seen[-2:] != [True, False]:
                if not seen or seen[-1] != crew.loaded:
                    seen.append(crew.loaded)
                time.sleep(0.01)
            worker.stop.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        run(worker, until_empty=False, told=lambda outcome: None)
        watcher.join()
    assert seen == [False, True, False]
    assert not rows(described, "SELECT 1 FROM ut_jobs WHERE state <> 'done'")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tiny-siglip/onnx/vision_model.onnx", b"no model", "vision_model.onnx"),
        ("tiny-florence/tokenizer.json", b"{}", "tokenizer"),
    ],
)
def test_a_damaged_model_stops_the_work_and_costs_no_photo(described, tmp_path, file, content, said):
    path = described.root / "m" / file
    path.write_bytes(content + b" " * (path.stat().st_size - len(content)))
    make_jpeg(tmp_path / "9.jpg", seed=9)
    described.ok("add", tmp_path / "9.jpg")
    ran = described("tag")
    assert ran.code == 6
    assert said in ran.err and "urbextag models" in ran.err
    assert rows(described, "SELECT state, strikes FROM ut_jobs WHERE state <> 'done'") == [("queued", 0)]
