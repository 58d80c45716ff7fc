"""Florence-2: looks at a photo once, then answers any number of tasks from what it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import GenerationSpec
from urbextag.models.florence_layout import find_ports
from urbextag.models.florence_ports import Ports
from urbextag.models.florence_text import BINS, loop_start
from urbextag.models.generation import NotANumber, Stopped, write
from urbextag.models.installed import Installed
from urbextag.models.layout import remedy, who
from urbextag.models.onnx_session import CPU, faults, first_line, run
from urbextag.models.tokens import read_tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, OrtValue
    from tokenizers import Tokenizer

    from urbextag.models.florence_decoder import Encoded, TokenDecoder

    Floats = NDArray[np.float32]

PARTS = ("vision_encoder", "decoder", "encoder_model", "embed_tokens")
"""In the order they are opened: the largest first, so that what opening it takes besides comes on top of nothing."""
_SPARE_ROWS = 128
"""Rows by which a table of tokens may be longer than the tokenizer: they are rounded up."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer."""

    task: str
    prompt: str
    """All that the model was asked."""
    text: str
    """As decoded, special tokens included, nothing cut."""
    said: str
    """`text` up to where it begins to repeat itself."""
    tokens: int
    """New tokens."""
    stopped: Stopped
    score: float | None = None
    """Beam search: log-probability over length ** length_penalty; greedy: None."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """All that is open."""

    sessions: Mapping[str, InferenceSession]
    ports: Ports
    tokenizer: Tokenizer
    places: Mapping[int, int]


class Florence:
    """A Florence-2 model in ONNX Runtime, published or exported here.

    Memory: `unload` gives all of it back; so does dropping the object, though the system may see it later.
    """

    def __init__(self, installed: Installed, threads: int, providers: Sequence[str] = (CPU,)) -> None:
        if installed.spec.generation is None:
            raise ModelError(f"{installed.spec.name} does not write text", "Name a model of the family florence2")
        self._installed = installed
        self._spec: GenerationSpec = installed.spec.generation
        self._threads, self._providers = threads, tuple(providers)
        self._loaded: _Loaded | None = None

    @property
    def tasks(self) -> Mapping[str, str]:
        """Task token -> the sentence that asks for it."""
        return self._spec.tasks

    @property
    def ports(self) -> Ports:
        """Inputs and outputs that were found in the files."""
        return self._open().ports

    def load(self) -> None:
        """Open the four files and the tokenizer.

        Raises:
            ModelError: a file is missing or damaged, does not fit the family or the others, or the tokenizer is of
                another model.

        """
        from urbextag.models.onnx_session import open_session

        model = self._installed
        tokenizer, places = _tokenizer(model, self._spec)
        sessions = {
            part: open_session(
                model.parts[part],
                self._threads,
                remedy(model),
                providers=self._providers,
                large=True,
                spin=part == "decoder",
            )
            for part in PARTS
        }
        ports = find_ports(sessions, model)
        _check_vocabulary(ports.decoder.vocabulary, tokenizer, model)
        self._loaded = _Loaded(sessions, ports, tokenizer, places)

    def unload(self) -> None:
        """Close all files and return their memory; `load` opens them again."""
        from urbextag.models.onnx_session import give_back

        self._loaded = None
        give_back()

    def look(self, pixels: NDArray[np.uint8]) -> Floats:
        """What the model sees in a photo; independent of tasks, so one call serves all.

        Args:
            pixels: uint8 (height, width, 3), RGB, any size from 1 px; squashed to a square.

        Returns:
            float32 (1, image tokens, d).

        Raises:
            ModelError: the model cannot run, or gives NaN or another number of image tokens than the catalogue says.

        """
        import numpy as np

        from urbextag.models.pixels import RESAMPLE, prepare

        loaded, model = self._open(), self._installed
        values = prepare([pixels], model.spec.image, RESAMPLE[model.spec.family])
        ports = loaded.ports.vision
        feeds = {ports.pixels.name: values.astype(ports.pixels.kind, copy=False)}
        part = "vision_encoder"
        (found,) = run(loaded.sessions[part], [ports.features.name], feeds, who(model, part), remedy(model))
        features: Floats = found.astype(np.float32)  # a copy: the array itself would keep the session's memory alive
        if not np.isfinite(features).all():
            raise self._no_numbers(part)
        if features.shape[:2] != (1, self._spec.image_tokens):
            raise ModelError(
                f"{who(model, part)} does not fit the catalogue: expected {self._spec.image_tokens} image tokens, "
                f"found {features.shape[1]}",
                remedy(model),
            )
        return features

    def answer(
        self, features: Floats, task: str, suffix: str | None = None, *, max_new_tokens: int, beams: int = 1
    ) -> Generated:
        """The answer to one task.

        Args:
            features: what `look` gave for the photo.
            task: a task token of `tasks`.
            suffix: follows the task's sentence, for models that were trained to read more than that.
            max_new_tokens: limit, at least 1; the last one is the end token.
            beams: 1 = greedy.

        Raises:
            ModelError: the task is unknown, the model cannot run, or its logits are no numbers.

        """
        loaded, model = self._open(), self._installed
        if task not in self.tasks:
            known = ", ".join(self.tasks)
            raise ModelError(f"{model.spec.name} has no task {task}", f"Name one of: {known}")
        prompt = self.tasks[task] if suffix is None else f"{self.tasks[task]} {suffix}"
        decoder = self.decoder(self.encode(features, prompt))
        try:
            written = write(decoder, self._spec, beams, max_new_tokens, lambda ids: loop_start(ids, loaded.places))
        except NotANumber as error:
            raise self._no_numbers("decoder") from error
        except faults() as error:
            raise ModelError(f"{who(model, 'decoder')} cannot run: {first_line(error)}", remedy(model)) from error
        cut = loop_start(written.ids, loaded.places)
        return Generated(
            task,
            prompt,
            loaded.tokenizer.decode(written.ids, skip_special_tokens=False),
            loaded.tokenizer.decode(written.ids[:cut], skip_special_tokens=False),
            len(written.ids) - 1,
            written.stopped if cut is None else "repetition",
            written.score,
        )

    def prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of a prompt between its end tokens."""
        ids = self._open().tokenizer.encode(prompt, add_special_tokens=False).ids
        return [self._spec.bos_id, *ids, self._spec.eos_id]

    def encode(self, features: Floats, prompt: str) -> Encoded:
        """Photo and prompt through the encoder: image features first, then the prompt between its end tokens.

        Source: `Florence2Processor` of transformers (`<image>` tokens, `<s>`, the sentence, `</s>`).

        Raises:
            ModelError: the model cannot run, or gives NaN.

        """
        import numpy as np

        from urbextag.models.florence_decoder import Encoded

        loaded = self._open()
        embed, encoder = loaded.ports.embed, loaded.ports.encoder
        tokens = {embed.ids.name: np.array([self.prompt_ids(prompt)], embed.ids.kind)}
        embeds = self._run("embed_tokens", [embed.embeds.name], tokens)[0].numpy()
        joined = np.concatenate([features, embeds], axis=1, dtype=np.float32).astype(encoder.embeds.kind, copy=False)
        feeds = {encoder.embeds.name: joined}
        if encoder.mask is not None:
            feeds[encoder.mask.name] = np.ones(joined.shape[:2], encoder.mask.kind)
        names = [encoder.states.name]
        if not loaded.ports.decoder.merged:
            names += [encoder.cross[slot].name for slot in loaded.ports.decoder.cross_past]
        states, *cross = self._run("encoder_model", names, feeds)
        if not np.isfinite(states.numpy()).all():
            raise self._no_numbers("encoder_model")
        return Encoded(states, cross, joined.shape[1])

    def decoder(self, encoded: Encoded) -> TokenDecoder:
        """What writes the text, at its beginning."""
        from urbextag.models.florence_decoder import TokenDecoder

        loaded = self._open()
        return TokenDecoder(loaded.sessions["decoder"], loaded.sessions["embed_tokens"], loaded.ports, encoded)

    def _run(self, part: str, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[OrtValue]:
        """The outputs as ONNX Runtime's own values, which the next part takes as they are."""
        from onnxruntime import OrtValue

        values = {name: OrtValue.ortvalue_from_numpy(array) for name, array in feeds.items()}
        try:
            found: list[OrtValue] = self._open().sessions[part].run_with_ort_values(list(outputs), values)
        except faults() as error:
            where = who(self._installed, part)
            raise ModelError(f"{where} cannot run: {first_line(error)}", remedy(self._installed)) from error
        return found

    def _open(self) -> _Loaded:
        if self._loaded is None:
            raise RuntimeError("Florence.load() was not called")
        return self._loaded

    def _no_numbers(self, part: str) -> ModelError:
        return ModelError(
            f"{who(self._installed, part)} gives values that are no numbers (NaN or infinite)",
            'Try another precision (tags_precision under [models]) or provider = "cpu"; if that does not help, '
            + remedy(self._installed)[:1].lower()
            + remedy(self._installed)[1:],
        )


def _tokenizer(installed: Installed, spec: GenerationSpec) -> tuple[Tokenizer, dict[int, int]]:
    """The tokenizer, which must have the model's ends and its 1,000 places; and the bin of each place's token."""
    tokenizer = read_tokenizer(installed)
    tokenizer.no_truncation()
    expected = {"<s>": spec.bos_id, "</s>": spec.eos_id, "<pad>": spec.pad_id}
    found = {token: tokenizer.token_to_id(token) for token in expected}
    places = {tokenizer.token_to_id(f"<loc_{place}>"): place for place in range(BINS)}
    if found != expected or None in places:
        lacking = f", and no <loc_{places[None]}>" if None in places else ""
        raise ModelError(
            f"{who(installed, 'tokenizer')} is of another model: expected the ids {expected} and <loc_0> to <loc_999>, "
            f"found {found}{lacking}",
            remedy(installed),
        )
    return tokenizer, {token: place for token, place in places.items() if token is not None}


def _check_vocabulary(rows: int | None, tokenizer: Tokenizer, installed: Installed) -> None:
    """Raise ModelError where the decoder knows fewer tokens than the tokenizer, or many more."""
    tokens = tokenizer.get_vocab_size(with_added_tokens=True)
    if rows is not None and not tokens <= rows + 1 <= tokens + _SPARE_ROWS:
        raise ModelError(
            f"{who(installed, 'tokenizer')} is of another model: expected about the {rows} tokens of the decoder, "
            f"found {tokens}",
            remedy(installed),
        )
