"""Stage `florence`: Florence-2 describes the photo in the words of its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from urbextag.errors import ConfigError, ModelError
from urbextag.prompt import prompt_of
from urbextag.records import Evidence, Failure, StageResult
from urbextag.stages.base import Kit, Shot, StageOptions

if TYPE_CHECKING:
    from urbextag.models.florence import Floats, Florence, Generated


class FlorenceOptions(StageOptions):
    """Options of the `florence` stage."""

    tasks: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Task tokens such as <OD>; each costs a text. Default: those of the catalogue.",
    )
    beams: int = Field(
        1,
        ge=1,
        le=8,
        description="1 = greedy. The model's authors use 3, which takes half as long again per token.",
    )
    max_new_tokens: int = Field(256, ge=8, le=1000, description="Most tokens of one answer.")


class FlorenceStage:
    """Florence-2, as `[models] tags` says: it looks at the photo once and answers each task from what it saw.

    Evidence: source `florence`, one per sentence of a caption, per region (with `box`) and per tag; nothing twice. What
    a reading task (`<OCR>`) reads has the source `ocr`. No scores: the model gives none.
    Data: `model`, `revision`; `answers`, a list of `{task, prompt, text, tokens, stopped}` with the raw text as the
    model wrote it, special tokens included, and `stopped` one of `eos`, `length`, `repetition`; `prompt`, the sentence
    about the place where the model reads one (`urbextag.prompt`), else null.
    A photo that it has nothing to say of is a result without evidence, no failure.
    """

    name: ClassVar[str] = "florence"
    Options: ClassVar[type[StageOptions]] = FlorenceOptions

    def __init__(self, options: FlorenceOptions, kit: Kit) -> None:
        """Find the model; opens nothing.

        Raises:
            ModelError: the model is not on this machine or does not write text.
            ConfigError: an option names a task that the model does not have.

        """
        from urbextag.models.florence import Florence
        from urbextag.models.installed import installed, models_folder
        from urbextag.models.providers import choose

        self._options = options
        self._taxonomy = kit.taxonomy
        self._model = installed(models_folder(kit.models), kit.models.tags, kit.models.tags_precision)
        generation = self._model.spec.generation
        if generation is None:
            raise ModelError(f"{self._model.spec.name} does not write text", "Set tags under [models] to a Florence-2")
        self._tasks = generation.default_tasks if options.tasks is None else options.tasks
        if unknown := [task for task in self._tasks if task not in generation.tasks]:
            known = ", ".join(generation.tasks)
            raise ConfigError(
                f"[stages.florence] tasks: {self._model.spec.name} has no task {unknown[0]}", f"Name some of: {known}"
            )
        self._reads_context = generation.prompt == "context"
        self._florence: Florence = Florence(self._model, kit.threads, choose(kit.models.provider))
        self.version = f"1 {self._model.spec.name} {self._model.identity}"
        # The photo is squashed to a square: 1.5 times its side is what a 3:2 photo needs for its short side to have it.
        self.needs_px = self._model.spec.image.size * 3 // 2

    @property
    def options(self) -> FlorenceOptions:
        """The options this stage was made with."""
        return self._options

    def load(self) -> None:
        """Open the model; raises ModelError."""
        self._florence.load()

    def run(self, batch: Sequence[Shot]) -> list[StageResult | Failure]:
        """One result per shot, in order; each photo on its own, since batches gain nothing. Raises ModelError."""
        return [self._look(shot) for shot in batch]

    def _look(self, shot: Shot) -> StageResult:
        from urbextag.models.florence_text import evidence

        prompt = self._prompt(shot) if self._reads_context else None
        features = self._florence.look(shot.pixels)
        answers = [self._answer(features, task, prompt) for task in self._tasks]
        said: list[Evidence] = []
        for answer in answers:
            said += evidence(answer.task, answer.said, whole=answer.stopped == "eos")
        data = {
            "model": self._model.spec.name,
            "revision": self._model.identity,
            "answers": [_told(answer) for answer in answers],
            "prompt": prompt,
        }
        return StageResult(self.name, tuple(dict.fromkeys(said)), data)

    def _answer(self, features: Floats, task: str, prompt: str | None) -> Generated:
        options = self._options
        return self._florence.answer(features, task, prompt, max_new_tokens=options.max_new_tokens, beams=options.beams)

    def _prompt(self, shot: Shot) -> str:
        before = shot.said.get("embedding")
        return prompt_of(self._taxonomy, shot.photo.context, before.data["view_type"] if before else None)


def _told(answer: Generated) -> dict[str, str | int]:
    return {
        "task": answer.task,
        "prompt": answer.prompt,
        "text": answer.text,
        "tokens": answer.tokens,
        "stopped": answer.stopped,
    }
