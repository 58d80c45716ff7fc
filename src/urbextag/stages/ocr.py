"""Reads text on signs, doors and pages: a cheap search for text first, recognition only where it finds some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from urbextag.errors import ModelError
from urbextag.records import Evidence, Failure, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNISER = "PP-OCRv6_rec_small.onnx"
_REINSTALL = "Install the text recognition again (pip install --force-reinstall 'rapidocr>=3.10,<3.11')"
_MULTIPLE = 32
"""The detector halves its input five times, so its sides must be multiples of this."""
_SAME_ROW = 0.5
"""Boxes are of one row when their middles are closer than this share of the smaller one's height."""


class OcrOptions(StageOptions):
    """Options of the `ocr` stage."""

    detect_px: int = Field(736, ge=320, le=1280, description="Longest side at which text is searched for, in pixels.")
    min_score: float = Field(
        0.8, ge=0, le=1, description="Least mean certainty of a line's characters. Below 0.8 textures are read as text."
    )
    max_lines: int = Field(
        60,
        ge=1,
        le=1000,
        description="Most lines that are recognised per photo, the largest first: bounds a page's time.",
    )
    min_height: float = Field(
        9.0,
        ge=0,
        le=64,
        description="Least height of a line in pixels of the working image; smaller ones are unreadable.",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as read."""

    text: str
    score: float
    """Mean certainty of its characters in [0, 1]."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom as shares of width and height."""
    height: float
    """Height of the letters' row as a share of the photo's longer side, also where the line is tilted."""


class OcrStage:
    """PP-OCRv6 (small) from the rapidocr wheel: detection at `detect_px`, recognition of crops of the working image.

    The boxes of the one detection are used again for recognition, and the 180-degree classifier is left out: photos are
    upright after EXIF orientation, and it costs as much as a short line.

    Evidence: source `ocr`, one per line in reading order, `label` the line, `score`, `box`.
    Data: `lines` (list of `{text, score, box, height}` in reading order), `boxes` (number of places with text),
    `read` (number of places that were recognised, less than `boxes` where `max_lines` or `min_height` cut), `text_area`
    (share of the photo under the lines, in [0, 1]; a wall taken for text counts nothing).
    """

    name: ClassVar[str] = "ocr"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[StageOptions]] = OcrOptions
    needs_px: int = 1280

    def __init__(self, options: OcrOptions, kit: Kit) -> None:
        self._options = options
        self._threads = kit.threads
        self._detector: Any = None
        self._recogniser: Any = None

    @property
    def options(self) -> OcrOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Open both models; raises ModelError where the rapidocr wheel or a model file in it is missing or damaged."""
        folder, configuration = _rapidocr()
        from omegaconf import OmegaConf

        with _no_table_of_downloads():
            from rapidocr.ch_ppocr_det import TextDetector
            from rapidocr.ch_ppocr_rec import TextRecognizer

        from urbextag.models.onnx_session import open_session

        def section(name: str, file: str) -> Any:
            # Our own session is handed in: rapidocr itself would fetch a missing file from the network, and would let
            # idle threads spin.
            merged: Any = OmegaConf.create(
                OmegaConf.to_container(configuration[name]), flags={"allow_objects": True, "struct": False}
            )
            merged.session = open_session(folder / "models" / file, self._threads, _REINSTALL)
            merged.font_path = None
            return merged

        detection = section("Det", _DETECTOR)
        detection.limit_type, detection.limit_side_len = "max", self._options.detect_px
        self._detector = TextDetector(detection)
        recognition = section("Rec", _RECOGNISER)
        recognition.rec_batch_num = 1
        self._recogniser = TextRecognizer(recognition)

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; a photo without text is a result without lines."""
        return [self._read(shot.pixels) for shot in batch]

    def _read(self, pixels: NDArray[np.uint8]) -> StageResult:
        if self._detector is None:
            raise RuntimeError("OcrStage.load() was not called")
        quads = self._detect(pixels)
        worth = self._worth_reading(quads)
        lines = reading_order(list(self._recognise(pixels, worth)))
        text_area = min(1.0, sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in lines))
        data = {
            "lines": [
                {"text": line.text, "score": line.score, "box": list(line.box), "height": line.height} for line in lines
            ],
            "text_area": round(text_area, 4),
            "boxes": len(quads),
            "read": len(worth),
        }
        evidence = tuple(Evidence(self.name, line.text, line.score, line.box) for line in lines)
        return StageResult(self.name, evidence, data)

    def _detect(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Corners (4, 2) of each place with text, clockwise from top left, in pixels of the working image."""
        import cv2
        import numpy as np

        height, width = pixels.shape[:2]
        scale = min(1.0, self._options.detect_px / max(height, width))
        size = [max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height)]
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        found = self._detector(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if found.boxes is None:
            return []
        factors = np.array([width / size[0], height / size[1]], np.float32)
        return [np.asarray(quad, np.float32) * factors for quad in found.boxes]

    def _worth_reading(self, quads: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        tall = [quad for quad in quads if _line_height(quad) >= self._options.min_height]
        return sorted(tall, key=_line_height, reverse=True)[: self._options.max_lines]

    def _recognise(self, pixels: NDArray[np.uint8], quads: list[NDArray[np.float32]]) -> Iterator[Line]:
        if not quads:
            return
        import cv2
        from rapidocr.ch_ppocr_rec import TextRecInput
        from rapidocr.utils.process_img import get_rotate_crop_image

        height, width = pixels.shape[:2]
        picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        crops = [get_rotate_crop_image(picture, quad.copy()) for quad in quads]
        read = self._recogniser(TextRecInput(img=crops))
        for quad, text, score in zip(quads, read.txts, read.scores, strict=True):
            tidy = " ".join(text.split())
            if score >= self._options.min_score and is_line(tidy):
                tall = round(_line_height(quad) / max(width, height), 4)
                yield Line(tidy, round(float(score), 4), _share_box(quad, width, height), tall)


def is_line(text: str) -> bool:
    """Whether a recognised text can be a line: two letters or digits at the least. Textures come as `-`, `I` or `:`."""
    return sum(character.isalnum() for character in text) >= 2


def reading_order(lines: list[Line]) -> list[Line]:
    """Lines from top to bottom by rows, each row from left to right; columns of a page are not taken apart."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (_middle(line), line.box[0], line.text)):
        if rows and abs(_middle(line) - _middle(rows[-1][0])) < _SAME_ROW * min(_tall(line), _tall(rows[-1][0])):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: (line.box[0], line.text))]


def _middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def _tall(line: Line) -> float:
    return line.box[3] - line.box[1]


def _line_height(quad: NDArray[np.float32]) -> float:
    """Shorter side of a text box: its height where it runs across, its width where it runs down."""
    import numpy as np

    across = float(np.linalg.norm(quad[1] - quad[0]))
    down = float(np.linalg.norm(quad[3] - quad[0]))
    return min(across, down)


def _share_box(quad: NDArray[np.float32], width: int, height: int) -> tuple[float, float, float, float]:
    left, top = quad.min(axis=0)
    right, bottom = quad.max(axis=0)
    shares = (left / width, top / height, right / width, bottom / height)
    left, top, right, bottom = (round(min(1.0, max(0.0, float(share))), 4) for share in shares)
    return left, top, right, bottom


def _rapidocr() -> tuple[Path, Any]:
    """Folder and default configuration of the rapidocr package, its log silenced (it prints to stderr on its own)."""
    try:
        import rapidocr
        from rapidocr.utils.log import logger
        from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as error:
        raise ModelError(f"The text recognition cannot be imported: {error}", _REINSTALL) from error
    import logging

    logger.setLevel(logging.CRITICAL)
    folder = Path(rapidocr.__file__).parent
    return folder, ParseParams.load(folder / "config.yaml")


@contextmanager
def _no_table_of_downloads() -> Iterator[None]:
    """Import rapidocr without its table of models to fetch: nothing is fetched, and reading it takes half a second."""
    from omegaconf import OmegaConf

    load = OmegaConf.load
    OmegaConf.load = staticmethod(lambda *_, **__: OmegaConf.create({}))  # type: ignore[method-assign]
    try:
        yield
    finally:
        OmegaConf.load = staticmethod(load)  # type: ignore[method-assign]
