"""The ImageNet classifier as a weak source: what a small network sees, told only in curated words of this field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from urbextag.errors import ModelError
from urbextag.models import DATA, EFFICIENTNET_LITE2, REINSTALL
from urbextag.records import Evidence, Failure, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

IMAGE_PX = 260
"""Side of the network's input, from the resolution table of `efficientnet_lite_builder.py` in the TensorFlow models."""
_CROP_PADDING = 32
_MEAN = 127.0
_SPREAD = 128.0
_TOP = 5


class ImagenetOptions(StageOptions):
    """Options of the `imagenet` stage."""

    threshold_scale: float = Field(1.0, ge=0.25, le=2.0, description="Factor on every class's own threshold.")
    thresholds: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="Thresholds by class name of imagenet_classes.yaml, instead of the listed ones.",
    )


class CuratedClass(BaseModel):
    """One ImageNet class that this field can use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: int = Field(ge=0, le=999, description="Position among the 1,000 classes.")
    name: str = Field(min_length=1, description="ImageNet's name of the class.")
    label: str = Field(min_length=1, description="The words given as evidence.")
    threshold: float = Field(ge=0, le=1, description="Least probability at which the class is said.")


class ViewGroup(BaseModel):
    """Classes that all speak for one view type; their probabilities are added up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...] = Field(min_length=1, description="Lines of imagenet_names.txt.")
    threshold: float = Field(ge=0, le=1, description="Least sum at which the view is said.")


class Curated(BaseModel):
    """The content of `imagenet_classes.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[CuratedClass, ...]
    views: Mapping[Literal["interior", "exterior"], ViewGroup]


@lru_cache(maxsize=1)
def curated() -> Curated:
    """The curated list of `imagenet_classes.yaml`; raises ModelError where the file is missing or invalid."""
    path = DATA / "imagenet_classes.yaml"
    try:
        return Curated.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ModelError(f"{path} cannot be used: {str(error).splitlines()[0]}", REINSTALL) from error


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """The names of the 1,000 classes in order; raises ModelError where the file is missing or not of 1,000 lines."""
    path = DATA / "imagenet_names.txt"
    try:
        names = tuple(path.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", REINSTALL) from error
    if len(names) != 1000:
        raise ModelError(f"{path} has {len(names)} lines instead of 1000", REINSTALL)
    return names


def prepare(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The network's input for one photo: centre square, 260 px, bicubic, scaled to about [-1, 1].

    As `preprocessing.py` of the EfficientNet reference: the square is 260/292 of the shorter side, mean 127 and spread
    128 per channel (the `lite` variants' MEAN_RGB and STDDEV_RGB). Pillow's bicubic averages over the source pixels
    where TensorFlow's does not, which only helps on photos that are far larger than 260 px.

    Args:
        pixels: uint8 (height, width, 3), RGB, any size from 1 px.

    Returns:
        float32 (1, 3, 260, 260).

    """
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    side = IMAGE_PX / (IMAGE_PX + _CROP_PADDING) * min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    square = Image.fromarray(pixels).resize(
        (IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    scaled = (np.asarray(square, np.float32) - _MEAN) / _SPREAD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[np.newaxis], np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities along the last axis; each row of the result sums to 1."""
    import numpy as np

    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def view_sums(probabilities: NDArray[np.float32]) -> dict[Literal["interior", "exterior"], float]:
    """Probability in [0, 1] that the photo shows some class of each view group, from probabilities (1000,)."""
    position = {name: index for index, name in enumerate(class_names())}
    return {
        view: min(1.0, float(sum(probabilities[position[name]] for name in group.names)))
        for view, group in curated().views.items()
    }


class ImagenetStage:
    """EfficientNet-Lite2 (int8), packaged.

    Evidence: source `imagenet`, one per curated class at or above its threshold, strongest first; `label` are the
    curated words, `score` the class's probability. `interior` or `exterior` with the summed probability of the classes
    that are seen from there only. Data: `top5`, a list of `{index, name, prob}` for people who ask
    what the network saw; its names are ImageNet's own and often wrong on abandoned places, so they are never evidence.
    """

    name: ClassVar[str] = "imagenet"
    version: ClassVar[str] = "1"
    Options: ClassVar[type[StageOptions]] = ImagenetOptions
    needs_px: int = 640

    def __init__(self, options: ImagenetOptions, kit: Kit) -> None:
        self._options = options
        self._threads = kit.threads
        self._session: InferenceSession | None = None

    @property
    def options(self) -> ImagenetOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Open the packaged model; raises ModelError where a file is missing or damaged or an option names no class."""
        from urbextag.models.onnx_session import open_session

        unknown = self._options.thresholds.keys() - {known.name for known in curated().classes}
        if unknown:
            raise ModelError(
                f"[stages.imagenet] thresholds names an unknown class: {min(unknown)}",
                "Use class names of imagenet_classes.yaml",
            )
        class_names()
        model = EFFICIENTNET_LITE2
        self._session = open_session(model.path, self._threads, REINSTALL, model.sha256)

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; any photo can be classified, so there are no failures."""
        return [self._result(self._probabilities(shot.pixels)) for shot in batch]

    def _probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._session is None:
            raise RuntimeError("ImagenetStage.load() was not called")
        logits: NDArray[np.float32] = self._session.run(None, {"image": prepare(pixels)})[0]
        return softmax(logits[0])

    def _result(self, probabilities: NDArray[np.float32]) -> StageResult:
        said: dict[str, float] = {}
        for known in curated().classes:
            least = self._options.thresholds.get(known.name, known.threshold) * self._options.threshold_scale
            score = float(probabilities[known.index])
            if score >= least and score > said.get(known.label, -1.0):
                said[known.label] = score
        for view, score in view_sums(probabilities).items():
            if score >= curated().views[view].threshold * self._options.threshold_scale:
                said[view] = score
        ranked = sorted(said.items(), key=lambda item: (-item[1], item[0]))
        names = class_names()
        top = [
            {"index": int(index), "name": names[index], "prob": round(float(probabilities[index]), 4)}
            for index in probabilities.argsort()[::-1][:_TOP]
        ]
        evidence = tuple(Evidence(self.name, label, round(score, 4)) for label, score in ranked)
        return StageResult(self.name, evidence, {"top5": top})
