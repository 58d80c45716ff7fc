"""How far a precision says what fp32 says: the written files run in ONNX Runtime on fixed pictures and prompts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import GenerationSpec
from urbextag.models.export.report import Agreement
from urbextag.models.installed import Installed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURES = 3
PROMPTS = (
    "a photo of an abandoned building",
    "an empty hospital corridor with peeling paint",
    "broken windows of a red brick factory seen from outside",
    "aerial view of a ruin in a forest",
    "wheelchair",
    "a close-up of rust on a valve",
)
STEPS = 16
_REMEDY = "Report this with the versions of onnx and onnxruntime; the model was not kept"


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said in one precision."""

    rows: NDArray[np.float32]
    """(n, d): vectors of length 1, or the logits of each step."""
    tokens: tuple[tuple[int, ...], ...] = ()
    """Generative models: the likeliest tokens in fp32, one row per prompt, which every precision is led along."""
    note: str = ""


def ask(installed: Installed, leader: Said | None) -> Said:
    """Run the model.

    Args:
        installed: the files of one precision.
        leader: what fp32 said, None where this is fp32.

    Raises:
        ModelError: the model cannot run, does not fit its family or gives no numbers.

    """
    return _ask_dual_encoder(installed) if installed.spec.role == "scene" else _ask_florence(installed, leader)


def compare(installed: Installed, fp32: Said, said: Said) -> Agreement:
    """The agreement of one precision with fp32."""
    if installed.spec.role == "scene":
        return Agreement(installed.precision, float((fp32.rows * said.rows).sum(axis=1).min()), fp32.note)
    value = float((fp32.rows.argmax(axis=1) == said.rows.argmax(axis=1)).mean())
    largest = float(abs(fp32.rows - said.rows).max())
    return Agreement(installed.precision, value, f"{fp32.note}; logits differ by {largest:.2f} at most")


def pictures(count: int) -> NDArray[np.uint8]:
    """Random pictures, the same each time: smooth shades of colour with a little noise, as photos have.

    Returns:
        uint8 (count, 480, 640, 3).

    """
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(20)
    made = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC), np.float32)
        made.append(np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8))
    return np.stack(made)


def _ask_dual_encoder(installed: Installed) -> Said:
    import numpy as np

    from urbextag.models.dual_encoder import ImageEncoder, TextEncoder

    images = ImageEncoder(installed, _threads())
    images.load()
    seen = images.encode(list(pictures(PICTURES)))
    images.unload()
    texts = TextEncoder(installed, _threads())
    texts.load()
    read = texts.encode(PROMPTS)
    texts.unload()
    return Said(np.concatenate([seen, read]), note=f"least cosine of {PICTURES} pictures and {len(PROMPTS)} prompts")


def _ask_florence(installed: Installed, leader: Said | None) -> Said:
    import numpy as np
    from tokenizers import Tokenizer

    from urbextag.models.pixels import RESAMPLE, prepare

    generation = installed.spec.generation
    if generation is None:
        raise ModelError(f"{installed.spec.name} has no settings for generating text", _REMEDY)
    tokenizer = Tokenizer.from_file(str(installed.parts["tokenizer"]))
    pixels = prepare(list(pictures(1)), installed.spec.image, RESAMPLE[installed.spec.family])
    features = _run(installed, "vision_encoder", {"pixel_values": pixels})[0]
    led = leader.tokens if leader else (None,) * len(generation.default_tasks)
    rows, tokens = [], []
    for task, path in zip(generation.default_tasks, led, strict=True):
        prompt = np.array([tokenizer.encode(generation.tasks[task]).ids], np.int64)
        logits, likeliest = _steps(installed, features, prompt, generation, path)
        rows.append(logits)
        tokens.append(likeliest)
    said = np.concatenate(rows)
    if not np.isfinite(said).all():
        raise ModelError(f"{installed.spec.name} gives no numbers in {installed.precision}", _REMEDY)
    return Said(said, tuple(tokens), f"same likeliest token in {len(said)} steps of {len(tokens)} tasks")


def _steps(
    installed: Installed,
    features: NDArray[Any],
    prompt: NDArray[np.int64],
    generation: GenerationSpec,
    path: tuple[int, ...] | None,
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Logits (STEPS, vocabulary) along `path`, or along the likeliest tokens; and those tokens."""
    import numpy as np

    with _session(installed, "embed_tokens") as embed, _session(installed, "decoder") as decoder:
        (prompt_embeds,) = embed.run(None, {"input_ids": prompt})
        joined = np.concatenate([features, prompt_embeds], axis=1)
        mask = np.ones(joined.shape[:2], np.int64)
        _, *cross = _run(installed, "encoder_model", {"attention_mask": mask, "inputs_embeds": joined})
        own, seen = _past_names(len(cross) // 2)
        empty = np.zeros((1, cross[0].shape[1], 0, cross[0].shape[3]), np.float32)
        feeds = {"encoder_attention_mask": mask, **dict(zip(seen, cross, strict=True)), **dict.fromkeys(own, empty)}
        token, rows, likeliest = generation.decoder_start_id, [], []
        for step in range(STEPS):
            (feeds["inputs_embeds"],) = embed.run(None, {"input_ids": np.array([[token]], np.int64)})
            logits, *present = decoder.run(None, feeds)
            feeds |= dict(zip(own, present, strict=True))
            rows.append(logits[0, -1].astype(np.float32))
            likeliest.append(int(rows[-1].argmax()))
            token = path[step] if path else likeliest[-1]
    return np.stack(rows), tuple(likeliest)


def _past_names(layers: int) -> tuple[list[str], list[str]]:
    """Inputs for the decoder's own past and for the encoder's keys and values, in the order they come out."""
    own, seen = (
        [f"past_key_values.{layer}.{side}.{kind}" for layer in range(layers) for kind in ("key", "value")]
        for side in ("decoder", "encoder")
    )
    return own, seen


def _run(installed: Installed, part: str, feeds: dict[str, Any]) -> list[Any]:
    with _session(installed, part) as session:
        return list(session.run(None, feeds))


@contextmanager
def _session(installed: Installed, part: str) -> Iterator[Any]:
    """One part's session, for as long as it is needed: never all parts in fp32 in memory at once."""
    from urbextag.models.onnx_session import faults, first_line, open_session

    try:
        yield open_session(installed.parts[part], _threads(), _REMEDY)
    except faults() as error:
        where = f"{installed.spec.name} {installed.precision} ({part})"
        raise ModelError(f"{where} cannot run: {first_line(error)}", _REMEDY) from error


def _threads() -> int:
    return os.cpu_count() or 1
