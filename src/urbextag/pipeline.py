"""START HERE: the visible list of stages, and `run_batch`, which takes photos through it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pydantic import ValidationError

from urbextag import images
from urbextag.config import Config, complaints
from urbextag.errors import ConfigError, ModelError, PhotoError, UrbextagError
from urbextag.records import Failure, PhotoFacts, PhotoRef, PhotoResult, SceneResult, StageResult
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
"""The stages of the profile `starter` in the order they run; the scene hears what all others said."""


def build(config: Config, kit: Kit) -> list[Stage]:
    """The stages of the configured profile, with their configured options.

    Raises:
        ModelError: the profile needs models that are not here.
        ConfigError: `[stages.NAME]` names no stage of the profile or holds a wrong option.
    """
    if config.profile == "standard":
        raise ModelError(
            "profile 'standard' needs SigLIP (scene) and Florence-2 (tags), which this release does not carry",
            'Set profile = "starter" in urbextag.toml',
        )
    classes: list[type[Stage]] = [resolve_name(name) for name in STARTER]
    names = [stage.name for stage in classes]
    for name in config.stages:
        if name not in names:
            raise ConfigError(
                f"[stages.{name}] names no stage of profile '{config.profile}'", f"Use one of: {', '.join(names)}"
            )
    return [stage(_options(stage, config), kit) for stage in classes]


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
    started = time.perf_counter()
    longest = max(stage.needs_px for stage in stages)
    outcome: dict[str, PhotoResult | Failure] = {}
    alive: dict[str, tuple[PhotoRef, PhotoFacts, NDArray[np.uint8], dict[str, StageResult]]] = {}
    for photo in photos:
        try:
            facts, pixels = images.open_photo(Path(photo.path), longest, limits)
            alive[photo.id] = (photo, facts, pixels, {})
        except PhotoError as error:
            reason = error.message.removeprefix(f"{Path(photo.path).name} ")  # the path stands beside it
            outcome[photo.id] = Failure(photo.id, "decode", reason)
    for stage in stages:
        for said in _run_stage(stage, [Shot(*parts) for parts in alive.values()]):
            photo_id, result = said
            if isinstance(result, Failure):
                outcome[photo_id] = result
                del alive[photo_id]
            else:
                alive[photo_id][3][stage.name] = result
    seconds = (time.perf_counter() - started) / max(1, len(photos))
    for photo, facts, _, results in alive.values():
        scene = SceneResult.from_json(results["scene"].data)
        outcome[photo.id] = PhotoResult(photo, facts, tuple(results.values()), scene, seconds)
    return [outcome[photo.id] for photo in photos]


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
    """16 hex digits that change when the stages would give other results: names, versions and options."""
    parts = [(stage.name, stage.version, stage.options.model_dump(mode="json")) for stage in stages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
