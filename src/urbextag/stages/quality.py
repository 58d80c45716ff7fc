"""Stage `quality`: technical quality from 0 to 1 with its parts: sharpness, exposure, noise, resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from urbextag.records import Failure, PhotoFacts, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 32
"""Side in pixels of the blocks that noise and sharpness are measured in."""
_LAPLACIAN_NOISE = 20.0
"""Variance of the 4-neighbour Laplacian of white noise of variance 1: 4 * 1 + 4**2."""
_CLIPPED_LOW, _CLIPPED_HIGH = 2, 253


class QualityOptions(StageOptions):
    """The working scale, what counts as good, and how the parts are weighed."""

    working_px: int = Field(768, ge=256, le=2048, description="Longest side at which the photo is measured")
    soft_variance: float = Field(20.0, gt=0, description="Laplacian variance that is sharpness 0")
    sharp_variance: float = Field(3000.0, gt=0, description="Laplacian variance that is sharpness 1")
    noise_free: float = Field(0.8, ge=0, le=10, description="Noise sigma (8-bit levels) that is noise part 1")
    noise_full: float = Field(10.0, gt=0, le=50, description="Noise sigma (8-bit levels) that is noise part 0")
    low_megapixels: float = Field(0.3, gt=0, description="Megapixels that are resolution 0: 640 x 480")
    high_megapixels: float = Field(12.0, gt=0, description="Megapixels that are resolution 1: A4 at 300 dpi is 8.7")
    sharpness_weight: float = Field(0.4, ge=0, le=1, description="Exponent of sharpness in the score")
    exposure_weight: float = Field(0.3, ge=0, le=1, description="Exponent of exposure in the score")
    noise_weight: float = Field(0.15, ge=0, le=1, description="Exponent of noise in the score")
    resolution_weight: float = Field(0.15, ge=0, le=1, description="Exponent of resolution in the score")
    poor: float = Field(0.35, ge=0, le=1, description="A part below this is named as a fault")
    good: float = Field(0.75, ge=0, le=1, description="A part above this is named as a merit")

    @model_validator(mode="after")
    def _scales_have_a_length(self) -> Self:
        for low, high in (
            ("soft_variance", "sharp_variance"),
            ("noise_free", "noise_full"),
            ("low_megapixels", "high_megapixels"),
        ):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} must be below {high}")
        if not self.sharpness_weight + self.exposure_weight + self.noise_weight + self.resolution_weight:
            raise ValueError("one of the weights must be above 0")
        return self


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the histogram says: the exposure part and the mean luma, both in [0, 1]."""

    part: float
    mean: float


class QualityStage:
    """Measures pixels on a fixed working scale, so that the score does not depend on the size of the file.

    `data`: `score` in [0, 1], `parts` {sharpness, exposure, noise, resolution} each in [0, 1] and 1 best, `reasons`
    in words for people. The score is the weighted geometric mean of the parts: one bad part cannot be made up for.

    """

    name: ClassVar[str] = "quality"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[StageOptions]] = QualityOptions

    def __init__(self, options: QualityOptions, kit: Kit) -> None:
        self._options = options
        self.needs_px = self._options.working_px

    @property
    def options(self) -> QualityOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Nothing to load."""

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; this stage fails no photo."""
        return [StageResult(self.name, data=assess(shot.pixels, shot.facts, self._options)) for shot in batch]


def assess(pixels: NDArray[np.uint8], facts: PhotoFacts, options: QualityOptions) -> dict[str, object]:
    """Score, parts and reasons of one photo.

    Args:
        pixels: (height, width, 3) uint8 RGB of any size.
        facts: for the size of the file's own picture.
        options: see `QualityOptions`.

    """
    grey = working_grey(pixels, options.working_px)
    sigma = noise_sigma(grey)
    light = exposure(grey)
    parts = {
        "sharpness": _log_share(sharp_variance(grey, sigma), options.soft_variance, options.sharp_variance),
        "exposure": light.part,
        "noise": _clip(1 - (sigma - options.noise_free) / (options.noise_full - options.noise_free)),
        "resolution": _log_share(facts.width * facts.height / 1e6, options.low_megapixels, options.high_megapixels),
    }
    weights = {part: float(getattr(options, f"{part}_weight")) for part in parts}
    total = sum(weights.values())
    # 0.01: a part of 0 says very bad, not that nothing else can be told
    score = math.exp(sum(weights[part] * math.log(max(value, 0.01)) for part, value in parts.items()) / total)
    return {
        "score": round(score, 4),
        "parts": {part: round(value, 4) for part, value in parts.items()},
        "reasons": _reasons(parts, light, options),
    }


def working_grey(pixels: NDArray[np.uint8], longest_px: int) -> NDArray[np.float32]:
    """Luma (ITU-R BT.601) in [0, 255] as float32, brought down to `longest_px` on the longer side; never up."""
    import cv2
    import numpy as np

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = longest_px / max(height, width)
    if scale < 1:  # areas, not points: a point filter would keep noise that the smaller picture no longer shows
        size = max(1, round(width * scale)), max(1, round(height * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.float32)


def noise_sigma(grey: NDArray[np.float32]) -> float:
    """Standard deviation of the noise in 8-bit levels.

    Immerkaer, "Fast Noise Variance Estimation", CVIU 64(2), 1996: sqrt(pi / 2) / 6 times the mean absolute response to
    [[1, -2, 1], [-2, 4, -2], [1, -2, 1]], here per block of 32 x 32. The 10th percentile over the blocks is taken,
    since texture answers like noise and only the smoothest blocks show the noise alone; clipped blocks, where noise
    cannot show, are left out. 0 where fewer than a quarter are left, as on a scanned page: the rest is print.

    """
    import numpy as np

    if min(grey.shape) < 3:
        return 0.0
    across = grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]
    response = np.abs(across[:-2] - 2 * across[1:-1] + across[2:])
    inner = grey[1:-1, 1:-1]
    usable = _block_means((inner > _CLIPPED_LOW) & (inner < _CLIPPED_HIGH)) > 0.9
    sigmas = _block_means(response)[usable] * math.sqrt(math.pi / 2) / 6
    return float(np.percentile(sigmas, 10)) if 4 * sigmas.size >= usable.size else 0.0


def sharp_variance(grey: NDArray[np.float32], sigma: float) -> float:
    """Variance of the Laplacian in the sharpest blocks, less what noise of `sigma` adds to it.

    Variance of Laplacian: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000 (LAPV).
    The 90th percentile over blocks of 32 x 32: a photo is sharp where its subject is, not in the sky or the blur
    behind. White noise of variance s**2 adds 20 * s**2.

    """
    import numpy as np

    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    variances = _block_means(laplacian * laplacian) - _block_means(laplacian) ** 2
    return max(0.0, float(np.percentile(variances, 90)) - _LAPLACIAN_NOISE * sigma**2)


def exposure(grey: NDArray[np.float32]) -> Exposure:
    """How well lit the photo is, from its histogram.

    The part is the product of three terms in [0, 1]: the mean well-exposedness exp(-(v - 0.5)**2 / (2 * 0.2**2)) of
    Mertens et al., "Exposure Fusion", Pacific Graphics 2007, taken relative to 0.55, which an evenly filled
    histogram (0.50) nearly reaches; 1 - 2 * share of white pixels; 1 - share of black pixels, which count half as
    much because rooms without light have true blacks.

    """
    import numpy as np

    counts = np.bincount(grey.astype(np.uint8).ravel(), minlength=256) / grey.size
    levels = np.arange(256) / 255
    well = float(counts @ np.exp(-((levels - 0.5) ** 2) / (2 * 0.2**2)))
    black, white = float(counts[: _CLIPPED_LOW + 1].sum()), float(counts[_CLIPPED_HIGH:].sum())
    return Exposure(min(1.0, well / 0.55) * _clip(1 - 2 * white) * _clip(1 - black), float(counts @ levels))


def _block_means(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Means over whole blocks of 32 x 32, or over the whole of something smaller; flat."""
    import numpy as np

    height, width = values.shape
    tall, wide = min(_BLOCK, height), min(_BLOCK, width)
    rows, columns = height // tall, width // wide
    cut = values[: rows * tall, : columns * wide].reshape(rows, tall, columns, wide)
    return np.asarray(cut.mean(axis=(1, 3), dtype=np.float32), dtype=np.float64).ravel()


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def _log_share(value: float, low: float, high: float) -> float:
    """Where `value` lies between `low` (0) and `high` (1) on a logarithmic scale."""
    return _clip(math.log(value / low) / math.log(high / low)) if value > 0 else 0.0


def _reasons(parts: dict[str, float], light: Exposure, options: QualityOptions) -> list[str]:
    """Faults, then merits, in words."""
    faults = {
        "sharpness": "blurred or without detail",
        "exposure": "too dark" if light.mean < 0.35 else "too bright" if light.mean > 0.65 else "unevenly lit",
        "noise": "noisy",
        "resolution": "few pixels",
    }
    merits = {
        "sharpness": "sharp",
        "exposure": "well exposed",
        "noise": "little noise",
        "resolution": "many pixels",
    }
    bad = [faults[part] for part, value in parts.items() if value < options.poor]
    return bad + [merits[part] for part, value in parts.items() if value > options.good]
