"""START HERE for reading embeddings: what one says of the view, the concepts and the look of its photo."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from urbextag.errors import ModelError
from urbextag.records import Embedding, Evidence, SceneResult
from urbextag.zeroshot.background import Ground, z_scores
from urbextag.zeroshot.prompts import VIEWS, Calibration
from urbextag.zeroshot.quality import looks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SOURCE = "zero-shot"
"""The source under which concepts stand in the evidence."""
CHUNK = 2048
"""Photos that are read at a time: about 30 MB of cosines."""
_NORM_TOLERANCE = 0.01
"""float16 rounds a vector's length by far less."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one embedding says of its photo."""

    scene: SceneResult
    evidence: tuple[Evidence, ...]
    """Of the source `zero-shot`, best first."""
    quality: float
    """The look, in [0, 1]: mean of `quality_parts`."""
    quality_parts: Mapping[str, float]
    """Share of the positive prompt by pair, in [0, 1]."""


@dataclass(frozen=True)
class Vectors:
    """Text embeddings, each float32 (prompts, dimensions) and L2-normalised."""

    views: Floats
    """(5, dimensions), in the order of `VIEWS`."""
    concepts: Floats
    background: Floats
    positive: Floats
    negative: Floats


@dataclass(frozen=True)
class ZeroShot:
    """Reads embeddings of one model with one set of prompts and one taxonomy; immutable, safe to share."""

    model: str
    revision: str
    """Revision and precision of the model, as embeddings carry them."""
    fingerprint: str
    """16 hex digits that change when an embedding would be read otherwise."""
    logit_scale: float
    view_margin: float
    quality_share: float
    """The look's share of the quality (`join_quality`)."""
    labels: tuple[str, ...]
    """What the evidence says for each concept; the taxonomy matches it back to that concept."""
    pairs: tuple[str, ...]
    grounds: tuple[Ground, ...]
    calibration: Calibration
    vectors: Vectors = field(repr=False)

    def fits(self, embedding: Embedding) -> bool:
        """Whether an embedding is of the model that the prompts were encoded with."""
        return (embedding.model, embedding.revision) == (self.model, self.revision)

    def read(self, embeddings: Floats) -> list[Reading]:
        """The reading of each embedding, in order.

        Args:
            embeddings: (photos, dimensions), L2-normalised.

        Raises:
            ModelError: the embeddings are not of this model, not finite or not of length 1.
        """
        checked = self._checked(embeddings)
        return [
            reading
            for start in range(0, len(checked), CHUNK)
            for reading in self._read_chunk(checked[start : start + CHUNK])
        ]

    def views(self, embeddings: Floats) -> list[SceneResult]:
        """The view type alone of each embedding, in order; arguments and errors as of `read`."""
        return self._views(self._checked(embeddings))

    def _read_chunk(self, embeddings: Floats) -> list[Reading]:
        shares = looks(embeddings @ self.vectors.positive.T, embeddings @ self.vectors.negative.T, self.logit_scale)
        scenes, evidence = self._views(embeddings), self._concepts(embeddings)
        return [
            Reading(scene, said, sum(parts) / len(parts), dict(zip(self.pairs, parts, strict=True)))
            for scene, said, parts in zip(scenes, evidence, shares.round(4).astype(float).tolist(), strict=True)
        ]

    def _views(self, embeddings: Floats) -> list[SceneResult]:
        """Softmax over the views by the model's own scale; a small lead of the best is an abstention."""
        import numpy as np

        logits = self.logit_scale * (embeddings @ self.vectors.views.T)
        growth = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = growth / growth.sum(axis=1, keepdims=True)
        best = np.argsort(-shares, axis=1, kind="stable")[:, :2]
        leaders = np.take_along_axis(shares, best, axis=1).round(4).astype(float)
        return [
            self._scene(first, second, one, other)
            for (first, second), (one, other) in zip(best.tolist(), leaders.tolist(), strict=True)
        ]

    def _scene(self, first: int, second: int, share: float, other: float) -> SceneResult:
        reason = f"{VIEWS[first]} {share:.2f}, {VIEWS[second]} {other:.2f}"
        if share - other < self.view_margin:
            return SceneResult("unknown", 0.0, self.model, (f"{reason}: too close",))
        return SceneResult(VIEWS[first], share, self.model, (reason,))

    def _concepts(self, embeddings: Floats) -> list[tuple[Evidence, ...]]:
        """The concepts that stand out of their background, best first."""
        import numpy as np

        rules = self.calibration
        with_concepts = self.vectors.concepts @ embeddings.T
        with_background = self.vectors.background @ embeddings.T
        z = z_scores(with_concepts, with_background, self.grounds, rules.spread_floor)
        self._thin_out(z)
        if rules.most < len(z):
            _keep_best(z, rules.most)
        concepts, photos = np.nonzero(z >= rules.centre + math.log(rules.floor / (1 - rules.floor)) / rules.slope)
        values = z[concepts, photos]
        order = np.lexsort((concepts, -values, photos))
        scores = 1.0 / (1.0 + np.exp(-rules.slope * (values[order].astype(np.float64) - rules.centre)))
        said = list(zip(concepts[order].tolist(), scores.round(4).tolist(), strict=True))
        ends = np.searchsorted(photos[order], np.arange(len(embeddings) + 1)).tolist()
        labels = self.labels
        return [
            tuple(
                Evidence(SOURCE, labels[concept], score)
                for concept, score in said[start : min(end, start + rules.most)]
            )
            for start, end in pairwise(ends)
        ]

    def _thin_out(self, z: Floats) -> None:
        """Silence all but the best concepts of the facets of which a photo shows few."""
        import numpy as np

        for ground in self.grounds:
            part = z[ground.rows]
            most = self.calibration.most_of.get(ground.facet, len(part))
            if most == 0:
                part[:] = -np.inf
            elif most < len(part):
                _keep_best(part, most)

    def _checked(self, embeddings: Floats) -> Floats:
        import numpy as np

        wanted = self.vectors.views.shape[1]
        if embeddings.ndim != 2 or embeddings.shape[1] != wanted:
            raise ModelError(
                f"Embeddings of {self.model} have {wanted} numbers, found {embeddings.shape}",
                "Have the photos looked at again: urbextag tag --scope all",
            )
        norms = np.linalg.norm(embeddings, axis=1)
        if not np.all(np.abs(norms - 1.0) <= _NORM_TOLERANCE):  # false for NaN as well
            raise ModelError(
                f"An embedding of {self.model} is damaged: its length is not 1",
                "Have the photos looked at again: urbextag tag --scope all",
            )
        return np.ascontiguousarray(embeddings, np.float32)


def _keep_best(z: Floats, most: int) -> None:
    """Silence, in place, all but the `most` best concepts of each photo (and what equals the last of them)."""
    import numpy as np

    last = np.partition(z.T.copy(), len(z) - most, axis=1)[:, len(z) - most]
    z[z < last] = -np.inf
