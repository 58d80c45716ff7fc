"""The imagenet stage: its preparation, its curated list and what it says of the demo photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from urbextag.errors import ModelError
from urbextag.records import PhotoFacts, PhotoRef
from urbextag.stages.base import Kit, Shot
from urbextag.stages.imagenet import (
    ImagenetOptions,
    ImagenetStage,
    class_names,
    curated,
    prepare,
    softmax,
    view_sums,
)
from urbextag.taxonomy import load_taxonomy

KIT = Kit(load_taxonomy(), threads=1)
PHOTOS = Path(__file__).parent.parent / "demo" / "photos"


def shot(name: str) -> Shot:
    pixels = np.asarray(Image.open(PHOTOS / name).convert("RGB"))
    facts = PhotoFacts("jpeg", pixels.shape[1], pixels.shape[0])
    return Shot(PhotoRef(name, name), facts, pixels, {})


@pytest.fixture(scope="module")
def stage() -> ImagenetStage:
    loaded = ImagenetStage(ImagenetOptions(), KIT)
    loaded.load()
    return loaded


def test_curated_list_names_real_classes_once():
    classes = curated().classes
    assert 40 <= len(classes) <= 110
    assert len({known.index for known in classes}) == len(classes)
    for known in classes:
        assert class_names()[known.index] == known.name
        assert known.label == known.label.lower().strip()
        assert known.threshold >= 0.3
    misleading = {"sawmill", "jigsaw puzzle", "American lobster"}
    assert not misleading & {known.name for known in classes}


def test_view_groups_name_real_classes_and_share_none():
    groups = curated().views
    interior, exterior = set(groups["interior"].names), set(groups["exterior"].names)
    assert (interior | exterior) <= set(class_names())
    assert not interior & exterior
    assert len(interior) == len(groups["interior"].names)
    assert len(exterior) == len(groups["exterior"].names)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 255))
def test_prepare_keeps_shape_and_value_of_plain_pictures(width: int, height: int, level: int):
    prepared = prepare(np.full((height, width, 3), level, np.uint8))
    assert prepared.shape == (1, 3, 260, 260)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, (level - 127) / 128, atol=1e-6)


def test_prepare_takes_the_centre_square_in_rgb_order():
    pixels = np.zeros((292, 900, 3), np.uint8)
    pixels[:, 320:580, 0] = 255
    prepared = prepare(pixels)
    assert prepared[0, 0].min() == pytest.approx(1.0)
    assert prepared[0, 2].max() == pytest.approx(-127 / 128)


@given(st.lists(st.floats(-80, 80), min_size=2, max_size=50))
def test_softmax_sums_to_one_and_keeps_order(values: list[float]):
    probabilities = softmax(np.array(values, np.float32))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities[int(np.argmax(np.array(values, np.float32)))] == probabilities.max()


def test_fortress_is_said_to_be_a_castle_from_outside(stage: ImagenetStage):
    [result] = stage.run([shot("fortress-walls.webp")])
    said = {piece.label: piece.score for piece in result.evidence}
    assert said.keys() == {"castle", "exterior"}
    assert said["castle"] > 0.4
    assert result.data["top5"][0]["name"] == "castle"
    assert [row["prob"] for row in result.data["top5"]] == sorted(
        (r["prob"] for r in result.data["top5"]), reverse=True
    )


def test_wrong_labels_stay_out_of_evidence(stage: ImagenetStage):
    [result] = stage.run([shot("mill-plan.png")])
    assert result.data["top5"][0]["name"] == "website"
    assert result.evidence == ()


def test_evidence_is_only_ever_curated(stage: ImagenetStage):
    words = {known.label for known in curated().classes} | {"interior", "exterior"}
    names = sorted(path.name for path in PHOTOS.glob("[!b]*.webp"))
    bold = ImagenetStage(ImagenetOptions(threshold_scale=0.25), KIT)
    bold.load()
    for result in bold.run([shot(name) for name in names]):
        assert {piece.label for piece in result.evidence} <= words
        scores = [piece.score for piece in result.evidence]
        assert scores == sorted(scores, reverse=True)


def test_batches_do_not_change_results(stage: ImagenetStage):
    shots = [shot("temple-roof.jpg"), shot("brick-pavilion.webp")]
    assert stage.run(shots) == [*stage.run(shots[:1]), *stage.run(shots[1:])]


def test_own_threshold_replaces_the_listed_one():
    strict = ImagenetStage(ImagenetOptions(thresholds={"castle": 0.99}), KIT)
    strict.load()
    [result] = strict.run([shot("fortress-walls.webp")])
    assert "castle" not in {piece.label for piece in result.evidence}


def test_threshold_of_an_unknown_class_is_refused():
    with pytest.raises(ModelError, match="unknown class: haunted house"):
        ImagenetStage(ImagenetOptions(thresholds={"haunted house": 0.5}), KIT).load()


@pytest.mark.parametrize("options", [{"threshold_scale": 0.0}, {"thresholds": {"castle": 1.5}}, {"threads": 4}])
def test_options_out_of_bounds_are_refused(options: dict[str, object]):
    with pytest.raises(ValidationError):
        ImagenetOptions.model_validate(options)


def test_view_sums_are_probabilities(stage: ImagenetStage):
    uniform = np.full(1000, 0.001, np.float32)
    sums = view_sums(uniform)
    assert sums["exterior"] == pytest.approx(len(curated().views["exterior"].names) / 1000, abs=1e-5)


def test_run_before_load_is_a_programming_error():
    with pytest.raises(RuntimeError, match="load"):
        ImagenetStage(ImagenetOptions(), KIT).run([shot("temple-roof.jpg")])
