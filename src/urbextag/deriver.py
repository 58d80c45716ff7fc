"""Makes tags, view, condition, era and quality of what is kept of a photo; no model looks at anything here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from urbextag.records import Context, Embedding, Findings, Material, Record, SceneResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.config import Config
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.taxonomy import Taxonomy
    from urbextag.zeroshot import Reading, ZeroShot

CACHE = "text-embeddings"
"""Folder within the models' folder that keeps the embeddings of prompts."""
VERSION = 2
"""Raised by hand when the code would derive other results from the same material, taxonomy, prompts and context."""


@dataclass(frozen=True, slots=True)
class Deriver:
    """The taxonomy, and the prompts that embeddings are read with."""

    taxonomy: Taxonomy
    zero_shot: ZeroShot | None = None
    """None in profiles without a dual encoder: embeddings are then left unread."""

    def fingerprint(self, context: Context) -> str:
        """16 hex digits that change when the same material would give other results in this context."""
        return _fingerprint(self.taxonomy.version, self.zero_shot.fingerprint if self.zero_shot else None, context)

    def derive(self, materials: Sequence[Material]) -> list[Findings]:
        """The findings on each photo, in order."""
        from urbextag.taxonomy import derive

        return [
            Findings(derive(self.taxonomy, record, scene, material.rulings), scene, quality)
            for material, (record, scene, quality) in zip(materials, self.complete(materials), strict=True)
        ]

    def complete(self, materials: Sequence[Material]) -> list[tuple[Record, SceneResult | None, float | None]]:
        """All evidence of each photo, its view and its quality: what the stages said, with what its embedding says."""
        return [
            self._complete(material, reading)
            for material, reading in zip(materials, self._readings(materials), strict=True)
        ]

    def _readings(self, materials: Sequence[Material]) -> list[Reading | None]:
        """What each embedding of the model that the prompts were encoded with says."""
        readings: list[Reading | None] = [None] * len(materials)
        zero_shot = self.zero_shot
        if zero_shot is None:
            return readings
        fitting = [
            (number, material.embedding)
            for number, material in enumerate(materials)
            if material.embedding and zero_shot.fits(material.embedding)
        ]
        if fitting:
            read = zero_shot.read(vectors([embedding for _, embedding in fitting]))
            for (number, _), reading in zip(fitting, read, strict=True):
                readings[number] = reading
        return readings

    def _complete(self, material: Material, reading: Reading | None) -> tuple[Record, SceneResult | None, float | None]:
        if reading is None or self.zero_shot is None:
            return material.record, material.scene, material.technical
        from urbextag.zeroshot import join_quality

        record = replace(material.record, evidence=material.record.evidence + reading.evidence)
        quality = join_quality(material.technical, reading.quality, self.zero_shot.quality_share)
        return record, reading.scene, quality


@lru_cache(maxsize=1 << 12)
def _fingerprint(taxonomy: str, reading: str | None, context: Context) -> str:
    """`Deriver.fingerprint`. Cached: the photos of a location share their context."""
    text = json.dumps([VERSION, taxonomy, reading, asdict(context)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def vectors(embeddings: Sequence[Embedding]) -> NDArray[np.float32]:
    """The vectors of embeddings of one model as float32 (n, dimensions)."""
    import numpy as np

    joined = np.frombuffer(b"".join(embedding.vector for embedding in embeddings), "<f2")
    return joined.reshape(len(embeddings), -1).astype(np.float32)


def make_deriver(
    config: Config, taxonomy: Taxonomy, threads: int, told: Callable[[int, int], None] = lambda done, total: None
) -> Deriver:
    """The deriver of these settings. Prompts that no one has encoded yet are encoded; `told` hears how many of them.

    Raises:
        ModelError: the dual encoder is not here or does not fit.
        ConfigError: the prompts are wrong.

    """
    if config.profile == "starter":
        return Deriver(taxonomy)
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.models.installed import installed, models_folder
    from urbextag.models.providers import choose
    from urbextag.zeroshot import open_zero_shot

    folder = models_folder(config.models)
    model = installed(folder, config.models.scene, config.models.scene_precision)

    def encoder() -> TextEncoder:
        return TextEncoder(model, threads, choose(config.models.provider))

    return Deriver(taxonomy, open_zero_shot(config.zero_shot, taxonomy, model, encoder, folder / CACHE, told))
