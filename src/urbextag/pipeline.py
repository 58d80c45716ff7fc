"""START HERE: the visible list of stages, and `run_batch`, which takes photos through it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pydantic import ValidationError

from urbextag import images
from urbextag.choices import Profile
from urbextag.config import Config, complaints
from urbextag.errors import ConfigError, PhotoError, UrbextagError
from urbextag.records import Failure, PhotoFacts, PhotoRef, PhotoResult, StageResult
from urbextag.stages.base import Kit, Shot, Stage, StageOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


STARTER = (
    "urbextag.stages.metadata:MetadataStage",
    "urbextag.stages.ocr:OcrStage",
    "urbextag.stages.imagenet:ImagenetStage",
    "urbextag.stages.quality:QualityStage",
    "urbextag.stages.scene:SceneStage",
)
"""What ships inside the package; the scene hears what all others said."""
SCENE = (
    "urbextag.stages.metadata:MetadataStage",
    "urbextag.stages.embedding:EmbeddingStage",
)
"""The dual encoder alone: view, concepts and search for a whole archive at many photos a second."""
STANDARD = (
    "urbextag.stages.metadata:MetadataStage",
    "urbextag.stages.embedding:EmbeddingStage",
    "urbextag.stages.florence:FlorenceStage",
    "urbextag.stages.ocr:OcrStage",
    "urbextag.stages.quality:QualityStage",
)
"""The scene is understood first, so that what it says can steer the tagger."""
PROFILES: Mapping[Profile, tuple[str, ...]] = {"starter": STARTER, "scene": SCENE, "standard": STANDARD}
"""The stages of each profile in the order they run."""


def build(config: Config, kit: Kit) -> list[Stage]:
    """The stages of the configured profile, with their configured options; nothing is loaded yet.

    Raises:
        ModelError: the profile needs models that are not here.
        ConfigError: `[stages.NAME]` names no stage of any profile or holds a wrong option.
    """
    known = {name: resolve_name(name) for names in PROFILES.values() for name in names}
    classes: dict[str, type[Stage]] = {stage.name: stage for stage in known.values()}
    for name in config.stages:
        if name not in classes:
            raise ConfigError(f"[stages.{name}] names no stage", f"Use one of: {', '.join(sorted(classes))}")
    options = {name: _options(stage, config) for name, stage in classes.items()}
    chosen = [known[name] for name in PROFILES[config.profile]]
    return [stage(options[stage.name], kit) for stage in chosen]


def _options(stage: type[Stage], config: Config) -> StageOptions:
    try:
        return stage.Options.model_validate(config.stages.get(stage.name, {}))
    except ValidationError as error:
        raise ConfigError(f"[stages.{stage.name}]: {complaints(error)}", "Mend or remove that setting") from error


def run_batch(
    stages: Sequence[Stage], photos: Sequence[PhotoRef], limits: images.Limits
) -> list[PhotoResult | Failure]:
    """Take photos through the stages: decode once, run each stage on the batch, gather what was said.

    Pure with respect to the archive: it reads the photo files and nothing else, so it can run in any process.

    Returns:
        One PhotoResult or Failure per photo, in order. A failed photo takes no other photo with it.

    Raises:
        UrbextagError: a stage cannot work at all (no photo's fault).

    """
    return look(stages, decode(photos, longest_px(stages), limits))


def longest_px(stages: Sequence[Stage]) -> int:
    """Longest side in pixels that a photo is decoded to: the most that any of the stages can use."""
    return max(stage.needs_px for stage in stages)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Photos whose files have been read, in order, and how long that took."""

    photos: Sequence[tuple[PhotoRef, PhotoFacts, NDArray[np.uint8]] | Failure]
    seconds: float


def decode(photos: Sequence[PhotoRef], longest: int, limits: images.Limits) -> Decoded:
    """Read the photos' files: the first half of `run_batch`, which may run ahead in a thread of its own."""
    started = time.perf_counter()
    opened: list[tuple[PhotoRef, PhotoFacts, NDArray[np.uint8]] | Failure] = []
    for photo in photos:
        try:
            opened.append((photo, *images.open_photo(Path(photo.path), longest, limits)))
        except PhotoError as error:
            reason = error.message.removeprefix(f"{Path(photo.path).name} ")  # the path stands beside it
            opened.append(Failure(photo.id, "decode", reason))
    return Decoded(opened, time.perf_counter() - started)


def look(stages: Sequence[Stage], decoded: Decoded) -> list[PhotoResult | Failure]:
    """Run each stage on decoded photos: the second half of `run_batch`."""
    started = time.perf_counter()
    outcome: dict[str, PhotoResult | Failure] = {}
    alive: dict[str, tuple[PhotoRef, PhotoFacts, NDArray[np.uint8], dict[str, StageResult]]] = {}
    for one in decoded.photos:
        if isinstance(one, Failure):
            outcome[one.photo] = one
        else:
            alive[one[0].id] = (*one, {})
    for stage in stages:
        for photo_id, result in _run_stage(stage, [Shot(*parts) for parts in alive.values()]):
            if isinstance(result, Failure):
                outcome[photo_id] = result
                del alive[photo_id]
            else:
                alive[photo_id][3][stage.name] = result
    seconds = (decoded.seconds + time.perf_counter() - started) / max(1, len(decoded.photos))
    for photo, facts, _, results in alive.values():
        outcome[photo.id] = PhotoResult(photo, facts, tuple(results.values()), seconds)
    return [outcome[one.photo if isinstance(one, Failure) else one[0].id] for one in decoded.photos]


def _run_stage(stage: Stage, shots: list[Shot]) -> list[tuple[str, StageResult | Failure]]:
    """Run one stage; where a batch breaks it, run its photos singly so that only the guilty one fails."""
    if not shots:
        return []
    try:
        results = stage.run(shots)
        if len(results) != len(shots):
            raise ValueError(f"{len(results)} results for {len(shots)} photos")
    except UrbextagError:
        raise
    except Exception as error:  # noqa: BLE001 - a stage may raise anything on a strange photo; it is recorded
        if len(shots) > 1:
            return [pair for shot in shots for pair in _run_stage(stage, [shot])]
        reason = f"broke: {type(error).__name__}: {error}"
        return [(shots[0].photo.id, Failure(shots[0].photo.id, stage.name, reason))]
    return [(shot.photo.id, result) for shot, result in zip(shots, results, strict=True)]


def fingerprint(stages: Sequence[Stage]) -> str:
    """16 hex digits that change when the stages would give other results: names, versions (with models), options."""
    parts = [(stage.name, stage.version, stage.options.model_dump(mode="json")) for stage in stages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
