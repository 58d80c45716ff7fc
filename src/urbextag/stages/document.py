"""Tells scans, clippings, maps and plans from photos of places: even paper, many small lines, page-like classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMALL_PX = 256
_TILES = 4
_PAPER_LIGHT = 110.0
"""Least median luminance (0-255) of a part of paper, a badly lit page included."""
_PAPER_COLOUR = 45.0
"""Greatest median chroma (largest minus smallest channel, 0-255) of paper: yellowed newsprint has about 25."""
_GROUND_BAND = 30.0
_GROUND_SHARE = 0.45
_INK_BELOW = 50.0
_SMALL_LINE = 0.045
"""Text of a page is lower than this share of the longer side; text of a sign that fills the photo is not."""
_EDGE = 0.015
_PAGE_CLASSES = frozenset({"website", "crossword", "menu", "envelope", "comic book"})
"""ImageNet's classes that the classifier gives to pages of any kind."""

_BASE = -3.0
_PAPER = 2.2
_LARGE_TEXT = -1.5
_AREA = 0.8
_ALIGNED = 0.8


@dataclass(frozen=True, slots=True)
class Paper:
    """How much a photo looks like a sheet of paper."""

    sheet: float
    """Share of 16 parts of the photo that are light, hardly coloured and mostly of one tone, in [0, 1]."""
    ink: float
    """Share of pixels clearly darker than the tone of their part, in [0, 1]."""

    @property
    def is_sheet(self) -> bool:
        """Paper reaches into nearly every part, which sky does not, and bears some ink, which a bare wall does not."""
        return self.sheet >= 13 / 16 and 0.01 <= self.ink <= 0.35


@dataclass(frozen=True, slots=True)
class Print:
    """How text stands in a photo."""

    lines: int
    height: float
    """Median height of a line as a share of the photo's longer side; 0 without lines."""
    area: float
    """Share of the photo under text, in [0, 1]."""
    aligned: float
    """Share of lines whose left edge lies under another one's, in [0, 1]."""

    @property
    def is_small(self) -> bool:
        """Whether the text has the size of print on a page rather than of a sign that fills the photo."""
        return self.lines > 0 and self.height <= _SMALL_LINE


def paper_of(pixels: NDArray[np.uint8]) -> Paper:
    """Measure a photo, uint8 (height, width, 3) RGB of any size, on a copy of at most 256 px."""
    import numpy as np
    from PIL import Image

    small = Image.fromarray(pixels)
    small.thumbnail((_SMALL_PX, _SMALL_PX), Image.Resampling.BOX)
    colours = np.asarray(small, np.float32)
    light = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = colours.max(axis=2) - colours.min(axis=2)
    sheets, dark = 0, 0
    for tile, tints in zip(_tiles(light), _tiles(chroma), strict=True):
        if tile.size == 0:
            continue
        tone = float(np.median(tile))
        even = float(np.mean(np.abs(tile - tone) <= _GROUND_BAND)) >= _GROUND_SHARE
        sheets += even and tone >= _PAPER_LIGHT and float(np.median(tints)) <= _PAPER_COLOUR
        dark += int(np.sum(tile < tone - _INK_BELOW))
    return Paper(sheets / _TILES**2, dark / light.size)


def _tiles(plane: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    import numpy as np

    return [tile for band in np.array_split(plane, _TILES, axis=0) for tile in np.array_split(band, _TILES, axis=1)]


def print_of(lines: Sequence[Mapping[str, Any]], area: float) -> Print:
    """Measure the `lines` and `text_area` of the `ocr` stage."""
    if not lines:
        return Print(0, 0.0, area, 0.0)
    lefts = [line["box"][0] for line in lines]
    aligned = sum(sum(abs(left - other) <= _EDGE for other in lefts) > 1 for left in lefts)
    return Print(len(lines), median(line["height"] for line in lines), area, aligned / len(lines))


def page_likeness(top: Sequence[Mapping[str, Any]]) -> float:
    """Summed probability in [0, 1] of page-like classes among the `top5` of the `imagenet` stage."""
    return min(1.0, sum(float(row["prob"]) for row in top if row["name"] in _PAGE_CLASSES))


def document_confidence(paper: Paper, text: Print, page: float) -> tuple[float, tuple[str, ...]]:
    """How likely a photo is a document, with the reasons.

    A sum of log-odds, set by hand on scans, clippings and plans against photos of signs: paper alone is not enough (a
    whitewashed wall), nor is text alone (a sign on a building).

    Returns:
        Confidence in [0, 1] and up to five reasons.

    """
    parts: list[tuple[float, str]] = []
    if paper.is_sheet:
        parts.append((_PAPER, f"paper-like ground in {paper.sheet:.0%} of the picture"))
    if text.is_small:
        parts.append((_lines_weight(text.lines), f"{text.lines} lines of small text"))
        if text.area >= 0.15:
            parts.append((_AREA, f"text covers {text.area:.0%}"))
        if text.lines >= 6 and text.aligned >= 0.6:
            parts.append((_ALIGNED, "lines stand in columns"))
    elif text.lines:
        parts.append((_LARGE_TEXT, "large text, as on a sign"))
    if page >= 0.15:
        parts.append((1.0 if page >= 0.25 else 0.5, "looks like a page to the classifier"))
    total = _BASE + sum(weight for weight, _ in parts)
    reasons = tuple(reason for weight, reason in parts if weight > 0)
    return 1.0 / (1.0 + math.exp(-total)), reasons


def _lines_weight(count: int) -> float:
    if count >= 20:
        return 2.6
    if count >= 8:
        return 1.6
    return 0.8 if count >= 3 else 0.0
