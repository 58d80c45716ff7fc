"""What a stage is: an object with typed options, `run(batch)`, and what it needs of the decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from urbextag.config import ModelsConfig
from urbextag.records import Failure, PhotoFacts, PhotoRef, StageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.taxonomy import Taxonomy
    from urbextag.zeroshot import ZeroShot


class StageOptions(BaseModel):
    """Base of every stage's options: unknown names are refused, values are bounded by their fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Kit:
    """What a stage may use beyond its options."""

    taxonomy: Taxonomy
    threads: int = 1
    """Threads for its model; the workers of a machine share its cores out."""
    models: ModelsConfig = field(default_factory=ModelsConfig)
    zero_shot: ZeroShot | None = None
    """Reads embeddings; None in profiles without a dual encoder, and where nothing is going to be run."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo as a stage sees it."""

    photo: PhotoRef
    facts: PhotoFacts
    pixels: NDArray[np.uint8]
    """(height, width, 3) RGB, orientation applied, longest side at most the largest `needs_px` of the pipeline."""
    said: Mapping[str, StageResult]
    """Results of the stages that ran before this one, by stage name."""


class Stage(Protocol):
    """The contract of a stage.

    A stage is pure: the same shots give the same results, and it keeps no state between batches but its loaded model.
    It knows neither the archive nor the command line.
    """

    name: ClassVar[str]
    Options: ClassVar[type[StageOptions]]
    """What `[stages.NAME]` of urbextag.toml may hold."""
    needs_px: int
    """Longest side in pixels that this stage can use; the decoder makes the largest that any stage needs."""

    def __init__(self, options: Any, kit: Kit) -> None:
        """Keep the options, an `Options`; load nothing."""

    @property
    def version(self) -> str:
        """Other wherever the same options would give other results; names the model of a stage that has a choice.

        Photos that were tagged with another one count as changed.
        """
        ...

    @property
    def options(self) -> StageOptions:
        """The options this stage was made with; part of the fingerprint."""
        ...

    def load(self) -> None:
        """Load models; called once before the first batch. Raises ModelError."""
        ...

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; a Failure where the photo itself is at fault."""
        ...
