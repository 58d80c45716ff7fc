"""Stage `embedding`: a dual encoder's embedding of the photo, and the view that it speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from urbextag.records import Embedding, Failure, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

if TYPE_CHECKING:
    from urbextag.models.dual_encoder import ImageEncoder


class EmbeddingStage:
    """SigLIP or CLIP, as `[models] scene` says.

    `embedding`: L2-normalised, float16. Data: the view as `SceneResult` has it, judged from the embedding, so that the
    stages after this one may use it; it is read afresh whenever tags are derived. No evidence: what the embedding says
    of concepts follows from the taxonomy and the prompts, which change, and is derived (`urbextag.zeroshot`).
    """

    name: ClassVar[str] = "embedding"
    Options: ClassVar[type[StageOptions]] = StageOptions

    def __init__(self, options: StageOptions, kit: Kit) -> None:
        from urbextag.models.dual_encoder import ImageEncoder
        from urbextag.models.installed import installed, models_folder
        from urbextag.models.providers import choose

        self._options = options
        self._zero_shot = kit.zero_shot
        self._model = installed(models_folder(kit.models), kit.models.scene, kit.models.scene_precision)
        self._encoder: ImageEncoder = ImageEncoder(self._model, kit.threads, choose(kit.models.provider))
        self.version = f"1 {self._model.spec.name} {self._model.identity}"
        self.needs_px = self._encoder.needs_px

    @property
    def options(self) -> StageOptions:
        """The options this stage was made with: there are none."""
        return self._options

    def load(self) -> None:
        """Open the image encoder; raises ModelError."""
        self._encoder.load()

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; any photo has an embedding, so there are no failures."""
        if self._zero_shot is None:
            raise RuntimeError("EmbeddingStage was made without prompts")
        found = self._encoder.encode([shot.pixels for shot in batch])
        return [
            StageResult(
                self.name,
                data=asdict(scene),
                embedding=Embedding(self._model.spec.name, self._model.identity, vector.astype("<f2").tobytes()),
            )
            for vector, scene in zip(found, self._zero_shot.views(found), strict=True)
        ]
