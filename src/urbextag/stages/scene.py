"""The view type of a photo from what the other stages said and plain looks at its pixels; `unknown` where unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from urbextag.records import Evidence, Failure, SceneResult, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions
from urbextag.stages.document import Print, document_confidence, page_likeness, paper_of, print_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "starter-rules-1"
_MOST_CONFIDENT = 0.97
"""Rules on text and pixels are never surer than this."""
_SIGN_CONFIDENCE = 0.65
_SKY_SCORE = 0.75
_TOP_BAND = 0.08


class SceneOptions(StageOptions):
    """Options of the `scene` stage."""

    document_from: float = Field(
        0.6, ge=0.5, le=0.99, description="Least confidence at which a photo is called a document."
    )
    sign_area: float = Field(
        0.2, ge=0.05, le=1.0, description="Least share of the photo under large text at which it is a detail of a sign."
    )
    sky: bool = Field(True, description="Whether blue sky along the upper edge speaks for an exterior.")


class SceneStage:
    """Rules in place of a vision model, in this order; the first that speaks decides.

    1. The view type set by hand in the photo's context, confidence 1.
    2. A document: paper, small print in lines, page-like classes (`urbextag.stages.document`).
    3. A detail: large text over much of the photo, a sign seen from near.
    4. What the evidence of the stages before names or shows (`taxonomy.infer_view`): drone, keywords, file names, the
       classifier; and blue sky. Text read in the photo is left out: a sign names a room from outside as well as inside.
    5. Else `unknown`.

    Data: `view_type`, `confidence` in [0, 1], `model`, `reasons` (list of strings). No evidence.
    """

    name: ClassVar[str] = "scene"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[StageOptions]] = SceneOptions
    needs_px: int = 256

    def __init__(self, options: SceneOptions, kit: Kit) -> None:
        self._options = options
        self._taxonomy = kit.taxonomy

    @property
    def options(self) -> SceneOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Nothing to load: the taxonomy was given."""

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; a photo that no rule can judge is `unknown`, not a failure."""
        return [self._result(self._view(shot)) for shot in batch]

    def _result(self, scene: SceneResult) -> StageResult:
        data = {
            "view_type": scene.view_type,
            "confidence": round(scene.confidence, 4),
            "model": scene.model,
            "reasons": list(scene.reasons),
        }
        return StageResult(self.name, (), data)

    def _view(self, shot: Shot) -> SceneResult:
        given = shot.photo.context.view_type
        if given is not None and given != "unknown":
            return SceneResult(given, 1.0, MODEL, ("set by hand",))
        text = _print(shot)
        top = _data(shot.said, "imagenet").get("top5", ())
        confidence, reasons = document_confidence(paper_of(shot.pixels), text, page_likeness(top))
        if confidence >= self._options.document_from:
            return SceneResult("document", min(confidence, _MOST_CONFIDENT), MODEL, reasons)
        if text.lines and not text.is_small and text.area >= self._options.sign_area:
            return SceneResult("detail", _SIGN_CONFIDENCE, MODEL, (f"large text covers {text.area:.0%}",))
        return self._inferred(shot)

    def _inferred(self, shot: Shot) -> SceneResult:
        from urbextag.taxonomy import infer_view

        heard = [piece for result in shot.said.values() for piece in result.evidence if piece.source != "ocr"]
        if self._options.sky and shows_blue_sky(shot.pixels):
            heard.append(Evidence("blue sky", "exterior", _SKY_SCORE))
        view, confidence, reasons = infer_view(self._taxonomy, heard)
        return SceneResult(view, confidence, MODEL, reasons)


def shows_blue_sky(pixels: NDArray[np.uint8]) -> bool:
    """Whether the upper edge of a photo is mostly even blue that is lighter than what lies below.

    Overcast sky is left out on purpose: white ceilings and blown-out windows look the same.

    Args:
        pixels: uint8 (height, width, 3), RGB.

    """
    import numpy as np
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.BOX), np.float32)
    band = small[: round(96 * _TOP_BAND)]
    red, green, blue = band[..., 0], band[..., 1], band[..., 2]
    sky = (blue >= red + 18) & (blue >= green) & (green >= red - 5) & (blue >= 90)
    lighter = float(band.mean()) >= float(small[48:].mean()) + 10
    even = float(np.abs(np.diff(band.mean(axis=2), axis=1)).mean()) <= 6.0
    return bool(sky.mean() >= 0.7) and lighter and even


def _print(shot: Shot) -> Print:
    said = _data(shot.said, "ocr")
    return print_of(said.get("lines", ()), float(said.get("text_area", 0.0)))


def _data(said: Mapping[str, StageResult], stage: str) -> Mapping[str, Any]:
    """What a stage said, empty where the profile has no such stage."""
    return said[stage].data if stage in said else {}
