"""The quality stage: each part falls with its own fault, and the file's size does not matter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageEnhance, ImageFilter
from pydantic import ValidationError

from make_photos import scene
from urbextag.records import PhotoFacts, PhotoRef, StageResult
from urbextag.stages.base import Kit, Shot
from urbextag.stages.quality import QualityOptions, QualityStage, assess, noise_sigma
from urbextag.taxonomy import load_taxonomy

PARTS = {"sharpness", "exposure", "noise", "resolution"}


def parts_of(image: Image.Image, size: tuple[int, int] = (4000, 3000)) -> dict[str, float]:
    return assess(np.asarray(image), PhotoFacts("jpeg", *size), QualityOptions())["parts"]  # type: ignore[return-value]


def falls(values: list[float]) -> bool:
    return all(a > b for a, b in pairwise(values))


def noisy(image: Image.Image, sigma: float) -> Image.Image:
    noise = np.random.default_rng(7).normal(0, sigma, (*image.size[::-1], 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def good() -> Image.Image:
    return scene((1200, 900), seed=3)


def test_blur_lowers_sharpness_step_by_step(good: Image.Image) -> None:
    values = [parts_of(good.filter(ImageFilter.GaussianBlur(r)) if r else good)["sharpness"] for r in (0, 0.7, 1, 1.5)]
    assert falls(values), values


def test_noise_lowers_the_noise_part_step_by_step_and_is_not_taken_for_sharpness(good: Image.Image) -> None:
    steps = [parts_of(noisy(good, sigma)) for sigma in (0, 8, 20, 40)]
    values = [step["noise"] for step in steps]
    assert falls(values), values
    assert steps[1]["sharpness"] == pytest.approx(steps[0]["sharpness"], abs=0.1)


@pytest.mark.parametrize("factors", [(1.0, 1.3, 1.5, 1.7), (1.0, 0.4, 0.25, 0.1)])
def test_over_and_under_exposure_lower_exposure_step_by_step(factors: tuple[float, ...]) -> None:
    ramp = Image.fromarray(np.broadcast_to(np.linspace(60, 200, 640)[:, None, None], (640, 480, 3)).astype(np.uint8))
    values = [parts_of(ImageEnhance.Brightness(ramp).enhance(factor))["exposure"] for factor in factors]
    assert falls(values), values


def test_fewer_pixels_in_the_file_lower_resolution_alone(good: Image.Image) -> None:
    steps = [parts_of(good, size) for size in ((4000, 3000), (2000, 1500), (1000, 750), (500, 300))]
    values = [step["resolution"] for step in steps]
    assert falls(values), values
    assert len({step["sharpness"] for step in steps}) == 1


def test_the_size_at_which_the_decoder_hands_the_pixels_over_hardly_matters(good: Image.Image) -> None:
    large = parts_of(good.resize((2400, 1800), Image.Resampling.BICUBIC))
    small = parts_of(good.resize((900, 675), Image.Resampling.BICUBIC))
    for part in PARTS:
        assert large[part] == pytest.approx(small[part], abs=0.1), part


def test_noise_of_a_known_sigma_is_measured() -> None:
    grey = 128 + np.random.default_rng(1).normal(0, 6, (512, 512)).astype(np.float32)
    assert noise_sigma(grey) == pytest.approx(6, rel=0.15)


def test_one_bad_part_pulls_the_score_down_more_than_a_mean_would() -> None:
    sharp = scene((1200, 900), seed=3)
    result = assess(
        np.asarray(sharp.filter(ImageFilter.GaussianBlur(12))), PhotoFacts("jpeg", 6000, 4000), QualityOptions()
    )
    parts = result["parts"]
    assert result["score"] < 0.25 < np.mean(list(parts.values()))  # type: ignore[operator, attr-defined]
    assert "blurred or without detail" in result["reasons"]  # type: ignore[operator]


@pytest.mark.parametrize(("colour", "reason"), [("black", "too dark"), ("white", "too bright")])
def test_reasons_name_the_fault(colour: str, reason: str) -> None:
    result = assess(np.asarray(Image.new("RGB", (400, 300), colour)), PhotoFacts("jpeg", 400, 300), QualityOptions())
    assert {reason, "few pixels"} <= set(result["reasons"])  # type: ignore[call-overload]


@given(
    st.tuples(st.integers(1, 80), st.integers(1, 80)).flatmap(lambda hw: arrays(np.uint8, (*hw, 3))),
    st.integers(1, 100_000),
)
def test_any_pixels_give_parts_and_score_between_0_and_1(pixels: np.ndarray, width: int) -> None:
    result = assess(pixels, PhotoFacts("png", width, 10), QualityOptions())
    values = [result["score"], *result["parts"].values()]  # type: ignore[attr-defined]
    assert set(result["parts"]) == PARTS  # type: ignore[call-overload]
    assert all(0 <= value <= 1 for value in values)


def test_the_stage_gives_one_result_per_shot_in_order(good: Image.Image) -> None:
    dark = ImageEnhance.Brightness(good).enhance(0.1)
    shots = [
        Shot(PhotoRef(str(n), "x.jpg"), PhotoFacts("jpeg", 4000, 3000), np.asarray(image), {})
        for n, image in enumerate((good, dark, good))
    ]
    results = QualityStage(QualityOptions(), Kit(load_taxonomy())).run(shots)
    assert all(isinstance(result, StageResult) and not result.evidence for result in results)
    scores = [result.data["score"] for result in results if isinstance(result, StageResult)]
    assert scores[0] == scores[2] > scores[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"working_px": 10},
        {"soft_variance": 5000.0},
        {"noise_free": 10.0},
        {"unknown": 1},
        {"sharpness_weight": 0, "exposure_weight": 0, "noise_weight": 0, "resolution_weight": 0},
    ],
)
def test_options_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        QualityOptions(**wrong)
