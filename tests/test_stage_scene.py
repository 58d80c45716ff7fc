"""The scene stage: what decides a view type, in which order, and when it abstains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from urbextag.records import VIEW_TYPES, Context, Evidence, PhotoFacts, PhotoRef, StageResult
from urbextag.stages.base import Kit, Shot
from urbextag.stages.document import Paper, Print, document_confidence, page_likeness, paper_of, print_of
from urbextag.stages.imagenet import ImagenetOptions, ImagenetStage
from urbextag.stages.ocr import OcrOptions, OcrStage
from urbextag.stages.scene import MODEL, SceneOptions, SceneStage, shows_blue_sky
from urbextag.taxonomy import load_taxonomy

KIT = Kit(load_taxonomy(), threads=1)
PHOTOS = Path(__file__).parent.parent / "demo" / "photos"
GREY = np.full((60, 80, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def scene() -> SceneStage:
    return SceneStage(SceneOptions(), KIT)


@pytest.fixture(scope="module")
def eyes() -> list[OcrStage | ImagenetStage]:
    stages: list[OcrStage | ImagenetStage] = [OcrStage(OcrOptions(), KIT), ImagenetStage(ImagenetOptions(), KIT)]
    for stage in stages:
        stage.load()
    return stages


def shot(pixels=GREY, said=None, context=None) -> Shot:
    facts = PhotoFacts("jpeg", pixels.shape[1], pixels.shape[0])
    return Shot(PhotoRef("p", "p.jpg", context or Context()), facts, pixels, said or {})


def heard(*pieces: Evidence) -> dict[str, StageResult]:
    return {"metadata": StageResult("metadata", pieces)}


def view(scene: SceneStage, **given_shot) -> dict:
    [result] = scene.run([shot(**given_shot)])
    assert result.stage == "scene"
    assert result.evidence == ()
    assert result.data.keys() == {"view_type", "confidence", "model", "reasons"}
    assert result.data["model"] == MODEL
    return dict(result.data)


def seen(scene: SceneStage, eyes, name: str) -> dict:
    pixels = np.asarray(Image.open(PHOTOS / name).convert("RGB"))
    said: dict[str, StageResult] = {}
    for stage in eyes:
        [said[stage.name]] = stage.run([shot(pixels, said)])
    return view(scene, pixels=pixels, said=said)


@pytest.mark.parametrize("name", ["clipping.png", "mill-plan.png"])
def test_page_and_plan_are_documents(scene: SceneStage, eyes, name: str):
    found = seen(scene, eyes, name)
    assert found["view_type"] == "document"
    assert found["confidence"] >= 0.6
    assert any("paper" in reason for reason in found["reasons"])


@pytest.mark.parametrize("name", ["hospital-entrance.jpg", "fence-sign.jpg"])
def test_sign_on_a_building_or_fence_is_no_document(scene: SceneStage, eyes, name: str):
    assert seen(scene, eyes, name)["view_type"] in {"exterior", "unknown"}


@pytest.mark.parametrize(
    "name",
    [
        "temple-roof.jpg",
        "cathedral-choir.webp",
        "brick-pavilion.webp",
        "amphitheatre-arches.webp",
        "fortress-walls.webp",
    ],
)
def test_buildings_seen_from_outside_are_exteriors(scene: SceneStage, eyes, name: str):
    assert seen(scene, eyes, name)["view_type"] == "exterior"


def test_wall_without_any_cue_stays_unknown(scene: SceneStage, eyes):
    assert seen(scene, eyes, "brick-wall.png") == {
        "view_type": "unknown",
        "confidence": 0.0,
        "model": MODEL,
        "reasons": [],
    }


@pytest.mark.parametrize("given_view", [kind for kind in VIEW_TYPES if kind != "unknown"])
def test_view_set_by_hand_outranks_everything(scene: SceneStage, given_view):
    said = heard(Evidence("camera", "drone photo", 0.85), Evidence("keyword", "interior"))
    found = view(scene, said=said, context=Context(view_type=given_view))
    assert (found["view_type"], found["confidence"]) == (given_view, 1.0)


def test_unknown_by_hand_is_no_answer(scene: SceneStage):
    found = view(scene, said=heard(Evidence("keyword", "interior")), context=Context(view_type="unknown"))
    assert found["view_type"] == "interior"


def test_drone_speaks_for_an_aerial(scene: SceneStage):
    found = view(scene, said=heard(Evidence("camera", "drone photo", 0.85)))
    assert found["view_type"] == "aerial"
    assert 0.5 < found["confidence"] < 1.0


def test_words_of_a_sign_do_not_tell_where_the_camera_stood(scene: SceneStage):
    said = {"ocr": StageResult("ocr", (Evidence("ocr", "interior", 0.99),), {"lines": [], "text_area": 0.0})}
    assert view(scene, said=said)["view_type"] == "unknown"


def test_stages_that_are_not_in_the_profile_are_not_needed(scene: SceneStage):
    assert view(scene)["view_type"] == "unknown"


def text(count: int, height: float, area: float) -> dict[str, StageResult]:
    rows = [
        {"text": "ab", "score": 0.9, "box": [0.1, 0.05 * i, 0.9, 0.05 * i + height], "height": height}
        for i in range(count)
    ]
    return {"ocr": StageResult("ocr", (), {"lines": rows, "text_area": area, "boxes": count, "read": count})}


def test_large_text_over_the_photo_is_a_detail(scene: SceneStage):
    assert view(scene, said=text(4, 0.09, 0.35))["view_type"] == "detail"


def test_small_far_away_text_decides_nothing(scene: SceneStage):
    assert view(scene, said=text(2, 0.02, 0.01))["view_type"] == "unknown"


def sheet(ink: float = 0.1) -> np.ndarray:
    page = np.full((256, 256, 3), 235, np.uint8)
    page[np.random.default_rng(1).random((256, 256)) < ink] = 30
    return page


def test_paper_is_light_even_and_bears_ink():
    assert paper_of(sheet()).is_sheet
    assert not paper_of(sheet(ink=0.0)).is_sheet
    assert not paper_of(GREY).is_sheet


def test_overcast_sky_above_ruins_is_not_paper():
    landscape = sheet(ink=0.02)
    landscape[140:] = (70, 80, 60)
    assert not paper_of(landscape).is_sheet


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_measures_of_any_picture_are_shares(width: int, height: int, seed: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    paper = paper_of(pixels)
    assert 0 <= paper.sheet <= 1
    assert 0 <= paper.ink <= 1
    assert shows_blue_sky(pixels) in {True, False}


@given(st.integers(0, 200), st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_lines_never_make_a_document_less_likely(count, height, area, aligned, sheet_share, page):
    paper = Paper(sheet_share, 0.1)
    fewer, _ = document_confidence(paper, Print(count, min(height, 0.045), area, aligned), page)
    more, reasons = document_confidence(paper, Print(count + 10, min(height, 0.045), area, aligned), page)
    assert 0 < fewer <= more < 1
    assert len(reasons) <= 5


def test_neither_paper_nor_text_alone_makes_a_document():
    assert document_confidence(Paper(1.0, 0.1), Print(0, 0.0, 0.0, 0.0), 0.0)[0] < 0.6
    assert document_confidence(Paper(0.2, 0.1), Print(12, 0.03, 0.1, 0.2), 0.0)[0] < 0.6


def test_print_counts_lines_under_one_another():
    rows = [{"box": [left, 0.1, 0.9, 0.2], "height": 0.02} for left in (0.1, 0.105, 0.5, 0.8)]
    measured = print_of(rows, 0.3)
    assert measured == Print(4, 0.02, 0.3, 0.5)


def test_page_likeness_adds_page_classes_only():
    top = [{"name": "website", "prob": 0.2}, {"name": "castle", "prob": 0.5}, {"name": "crossword", "prob": 0.1}]
    assert page_likeness(top) == pytest.approx(0.3)


def test_blue_sky_is_blue_even_and_on_top():
    scene_pixels = np.full((200, 300, 3), 60, np.uint8)
    scene_pixels[:80] = (120, 160, 220)
    assert shows_blue_sky(scene_pixels)
    assert not shows_blue_sky(scene_pixels[::-1])
    white = scene_pixels.copy()
    white[:80] = 245
    assert not shows_blue_sky(white)
