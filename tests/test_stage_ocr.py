"""The ocr stage on drawn signs and pages, and the drawing script that makes them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from urbextag.records import PhotoFacts, PhotoRef, StageResult
from urbextag.stages.base import Kit, Shot
from urbextag.stages.ocr import Line, OcrOptions, OcrStage, is_line, reading_order
from urbextag.taxonomy import load_taxonomy

KIT = Kit(load_taxonomy(), threads=1)
DEMO = Path(__file__).parent.parent / "demo"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_photos", DEMO / "draw_photos.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["draw_photos"] = module
    spec.loader.exec_module(module)
    return module


draw = load_script()


def shot(picture: Image.Image) -> Shot:
    pixels = np.asarray(picture.convert("RGB"))
    return Shot(PhotoRef("p", "p.jpg"), PhotoFacts("jpeg", picture.width, picture.height), pixels, {})


def read(stage: OcrStage, picture: Image.Image) -> StageResult:
    [result] = stage.run([shot(picture)])
    assert isinstance(result, StageResult)
    return result


@pytest.fixture(scope="module")
def stage() -> OcrStage:
    loaded = OcrStage(OcrOptions(), KIT)
    loaded.load()
    return loaded


def test_sign_is_read_line_by_line(stage: OcrStage):
    result = read(stage, draw.hospital_sign())
    assert [piece.label for piece in result.evidence] == list(draw.SIGN_LINES)
    assert {piece.source for piece in result.evidence} == {"ocr"}
    assert all(piece.score is not None and piece.score >= 0.8 for piece in result.evidence)
    assert [line["text"] for line in result.data["lines"]] == list(draw.SIGN_LINES)


def test_boxes_lie_where_the_text_stands(stage: OcrStage):
    first, second = read(stage, draw.hospital_sign()).evidence
    assert first.box is not None and second.box is not None
    left, top, right, bottom = first.box
    assert 0.15 < left < right < 0.85
    assert 0.2 < top < bottom < 0.4
    assert second.box[1] > top


def test_warning_on_a_fence_is_read(stage: OcrStage):
    result = read(stage, draw.trespass_sign())
    assert [piece.label for piece in result.evidence] == list(draw.WARNING_LINES)


def test_sign_on_its_side_is_found_and_never_crashes(stage: OcrStage):
    result = read(
        stage, draw.board((520, 330), draw.WARNING_LINES, (0, 0, 0), (255, 255, 255), 56).rotate(90, expand=True)
    )
    assert result.data["boxes"] >= 1


def test_picture_without_text_gives_no_evidence(stage: OcrStage):
    result = read(stage, draw.bricks((800, 600), seed=9))
    assert result.evidence == ()
    assert result.data == {"lines": [], "text_area": 0.0, "boxes": result.data["boxes"], "read": result.data["read"]}


def test_page_costs_no_more_lines_than_allowed():
    small = OcrStage(OcrOptions(max_lines=5), KIT)
    small.load()
    result = read(small, draw.newspaper())
    assert result.data["boxes"] > 40
    assert result.data["read"] == 5
    assert len(result.evidence) <= 5
    assert draw.HEADLINE in [piece.label for piece in result.evidence]


def test_plan_names_its_rooms(stage: OcrStage):
    said = {piece.label for piece in read(stage, draw.floor_plan()).evidence}
    assert said >= set(draw.ROOMS)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (31, 31)])
def test_tiny_and_thin_pictures_are_read_as_empty(stage: OcrStage, size: tuple[int, int]):
    assert read(stage, Image.new("RGB", size, (200, 200, 200))).evidence == ()


def test_results_repeat(stage: OcrStage):
    assert read(stage, draw.hospital_sign()) == read(stage, draw.hospital_sign())


def test_the_stage_prints_nothing(stage: OcrStage, capfd: pytest.CaptureFixture[str]):
    OcrStage(OcrOptions(), KIT).load()
    read(stage, draw.hospital_sign())
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("text", "expected"), [("A", False), ("-- :", False), ("A-", False), ("4B", True), ("EXIT", True)]
)
def test_single_characters_and_dashes_are_no_lines(text: str, expected: bool):
    assert is_line(text) is expected


shares = st.floats(0, 0.9)
lines = st.builds(
    lambda left, top, tall, text: Line(text, 0.9, (left, top, left + 0.1, top + tall), tall),
    shares,
    shares,
    st.floats(0.01, 0.1),
    st.text("abc", min_size=2, max_size=4),
)


@given(st.lists(lines, max_size=12), st.randoms(use_true_random=False))
def test_reading_order_keeps_every_line_and_ignores_input_order(given_lines: list[Line], chance):
    ordered = reading_order(given_lines)
    assert sorted(ordered, key=repr) == sorted(given_lines, key=repr)
    shuffled = list(given_lines)
    chance.shuffle(shuffled)
    assert [(line.text, line.box) for line in reading_order(shuffled)] == [(line.text, line.box) for line in ordered]


def test_reading_order_goes_by_rows_then_from_left():
    def line(text: str, left: float, top: float) -> Line:
        return Line(text, 1.0, (left, top, left + 0.2, top + 0.05), 0.05)

    ordered = reading_order([line("right", 0.6, 0.11), line("below", 0.1, 0.3), line("left", 0.1, 0.1)])
    assert [item.text for item in ordered] == ["left", "right", "below"]


@pytest.mark.parametrize("name", ["hospital-entrance.jpg", "fence-sign.jpg", "clipping.png", "mill-plan.png"])
def test_committed_files_show_what_the_script_draws(name: str, tmp_path: Path):
    redrawn = tmp_path / name
    redrawn.write_bytes(draw.FILES[name]())
    with Image.open(DEMO / "photos" / name) as kept, Image.open(redrawn) as made:
        difference = np.abs(np.asarray(kept.convert("RGB"), np.int16) - np.asarray(made.convert("RGB"), np.int16))
    assert difference.mean() < 2.0  # other Pillow and FreeType releases may shade edges and JPEG blocks differently


def test_broken_files_are_broken():
    assert (DEMO / "photos" / "broken-empty.png").stat().st_size == 0
    for name in ("broken-truncated.jpg", "broken-not-a-photo.jpg", "broken-empty.png"):
        with pytest.raises(OSError), Image.open(DEMO / "photos" / name) as opened:
            opened.load()


def test_drawing_writes_every_file(tmp_path: Path):
    draw.main(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(draw.FILES)
