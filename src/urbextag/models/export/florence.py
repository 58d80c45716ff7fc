"""Makes the ONNX files of a Florence-2 checkpoint in the format of transformers, and measures them against torch.

Names are those of Optimum's layouts (`vision_encoder`, `embed_tokens`, `encoder_model`, `decoder_with_past_model`). Two
differences spare work and memory: the encoder also gives the keys and values of cross-attention, which do not change
while a text is generated, and one decoder graph serves the first step (a past of length 0) and all others. No weight
lies in two graphs or two branches but the tied embedding.
"""

from __future__ import annotations

import gc
import json
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import GenerationSpec, ImageSpec, ModelSpec
from urbextag.models.export.report import Difference
from urbextag.models.florence_text import SENTENCES

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from urbextag.models.export.florence_graphs import Piece

    Array = NDArray[np.float32]

DEFAULT_TASKS = ("<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>")
STEPS = 8
"""Decoding steps that the export is measured on."""
_REMEDY = (
    "Give a folder that transformers saved with Florence2ForConditionalGeneration, such as a copy of "
    "florence-community/Florence-2-large"
)
_NOT_ASSERTED = "NOASSERTION"


def export(checkpoint: Path, out: Path) -> list[Difference]:
    """Write the four ONNX files (fp32, opset 17) and `tokenizer.json` into `out`.

    The large model takes about 8 GB of memory: the checkpoint in fp32 and the largest graph twice.

    Args:
        checkpoint: folder with `config.json`, safetensors and a tokenizer, as `save_pretrained` writes it.
        out: folder for the files; made where it is missing.

    Returns:
        Largest absolute differences against torch in fp32: image features, embeddings, encoder states, logits of
        `STEPS` decoding steps.

    Raises:
        ModelError: the checkpoint is missing, is of another family or lacks a file.

    """
    import torch

    from urbextag.models.export.florence_graphs import pieces

    spec_of(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(checkpoint, out)
    model = _load(checkpoint)
    with torch.no_grad():
        for piece in pieces(model, _image_size(checkpoint)):
            _write(piece, out)
            gc.collect()
        reference = _Reference(model, _image_size(checkpoint))
        del model
        gc.collect()
    return list(_differences(reference, out))


def spec_of(checkpoint: Path) -> ModelSpec:
    """What the checkpoint says of itself; `files` and `common` are left empty for whoever writes them.

    Values that the checkpoint leaves open are those of transformers' generation, not those of the published model.

    Raises:
        ModelError: a file is missing or unreadable, or the checkpoint is of another family.

    """
    config = _json(checkpoint / "config.json")
    if config.get("model_type") != "florence2" or "auto_map" in config:
        found = "code of its own (auto_map)" if "auto_map" in config else f"model_type {config.get('model_type')!r}"
        raise ModelError(f"{checkpoint} is no Florence-2 checkpoint of transformers: it has {found}", _REMEDY)
    settings = dict(config["text_config"])
    own = checkpoint / "generation_config.json"
    if own.exists():
        settings |= {name: value for name, value in _json(own).items() if value is not None}
    processor = _image_processor(checkpoint)
    name = checkpoint.resolve().name.lower()
    return ModelSpec(
        name=name,
        title=checkpoint.resolve().name,
        family="florence2",
        licence=_NOT_ASSERTED,
        image=ImageSpec(
            size=_side(processor, checkpoint),
            resize="squash",
            mean=tuple(processor["image_mean"]),
            std=tuple(processor["image_std"]),
        ),
        generation=_generation(settings, _image_tokens(config, _side(processor, checkpoint))),
        files={},
        common={},
    )


def _generation(settings: dict[str, Any], image_tokens: int) -> GenerationSpec:
    return GenerationSpec(
        tasks=SENTENCES,
        default_tasks=DEFAULT_TASKS,
        beams=settings.get("num_beams", 1),
        no_repeat_ngram=settings.get("no_repeat_ngram_size", 0),
        early_stopping=settings.get("early_stopping", False),
        length_penalty=settings.get("length_penalty", 1.0),
        decoder_start_id=settings["decoder_start_token_id"],
        bos_id=settings["bos_token_id"],
        eos_id=settings["eos_token_id"],
        pad_id=settings["pad_token_id"],
        forced_bos_id=settings.get("forced_bos_token_id"),
        forced_eos_id=settings.get("forced_eos_token_id"),
        image_tokens=image_tokens,
    )


def _image_tokens(config: dict[str, Any], size: int) -> int:
    """One mean and one token per cell of the vision tower's last grid."""
    stride = math.prod(config["vision_config"].get("patch_stride", (4, 2, 2, 2)))
    return (size // int(stride)) ** 2 + 1


def _image_processor(checkpoint: Path) -> dict[str, Any]:
    """The settings of the image processor: a file of its own, or since transformers 5 a part of the processor's."""
    whole = checkpoint / "processor_config.json"
    if whole.exists() and "image_processor" in (found := _json(whole)):
        return dict(found["image_processor"])
    return _json(checkpoint / "preprocessor_config.json")


def _side(processor: dict[str, Any], checkpoint: Path) -> int:
    size = processor["size"]
    if size["height"] != size["width"]:
        raise ModelError(f"{checkpoint} wants pictures of {size['width']} x {size['height']}, not squares", _REMEDY)
    return int(size["height"])


def _image_size(checkpoint: Path) -> int:
    return _side(_image_processor(checkpoint), checkpoint)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", _REMEDY) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", _REMEDY) from error


def _write_tokenizer(checkpoint: Path, out: Path) -> None:
    """Copy `tokenizer.json`, or make it from the older files (`vocab.json`, `merges.txt`)."""
    target = out / "tokenizer.json"
    source = checkpoint / "tokenizer.json"
    if source.exists():
        target.write_bytes(source.read_bytes())
        return
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{checkpoint} has no tokenizer: {str(error).splitlines()[0]}", _REMEDY) from error
    tokenizer.backend_tokenizer.save(str(target))


def _load(checkpoint: Path) -> Any:
    import torch
    from transformers import Florence2ForConditionalGeneration

    try:
        model = Florence2ForConditionalGeneration.from_pretrained(
            checkpoint, local_files_only=True, dtype=torch.float32, attn_implementation="eager"
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{checkpoint} cannot be loaded: {str(error).splitlines()[0]}", _REMEDY) from error
    return model.eval()


def _write(piece: Piece, out: Path) -> None:
    import torch

    from urbextag.models.export.florence_graphs import OPSET

    # The tracing exporter is asked for by name: it needs no package beyond `onnx`, and our graphs have no control flow.
    # It warns of itself, and of sizes that it takes for constant, as those of the picture are.
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, torch.jit.TracerWarning):
            warnings.simplefilter("ignore", kind)
        torch.onnx.export(
            piece.module,
            piece.example,
            str(out / f"{piece.name}.onnx"),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(piece.inputs),
            output_names=list(piece.outputs),
            dynamic_axes={name: dict(axes) for name, axes in piece.axes.items()},
        )


class _Reference:
    """Inputs, and what torch makes of them: the model of transformers itself, not the modules that were traced."""

    def __init__(self, model: Any, size: int) -> None:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        seeded = torch.Generator().manual_seed(0)
        text = model.config.text_config
        self.pixels = torch.randn(1, 3, size, size, generator=seeded)
        self.prompt = torch.randint(4, min(text.vocab_size, 1000), (1, 12), generator=seeded)
        self.tokens = torch.randint(4, min(text.vocab_size, 1000), (1, STEPS), generator=seeded)
        self.features = model.get_image_features(self.pixels).pooler_output
        self.embeds = model.get_input_embeddings()(self.prompt)
        joined = torch.cat([self.features, self.embeds], dim=1)
        encoder = model.model.language_model.encoder
        mask = torch.ones(joined.shape[:2], dtype=torch.long)
        self.states = encoder(inputs_embeds=joined, attention_mask=mask).last_hidden_state
        known = BaseModelOutput(last_hidden_state=self.states)
        self.logits = model(encoder_outputs=known, decoder_input_ids=self.tokens, attention_mask=mask).logits


def _differences(reference: _Reference, out: Path) -> Iterator[Difference]:
    """Each piece alone, on what torch made before it, so that one piece's difference does not show in the next."""
    import numpy as np

    def gap(ours: Array, theirs: torch.Tensor) -> float:
        return float(np.abs(ours - theirs.numpy()).max())

    side = reference.pixels.shape[-1]
    (features,) = _run(out, "vision_encoder", {"pixel_values": reference.pixels.numpy()})
    yield Difference("vision_encoder", gap(features, reference.features), f"one random picture of {side} px")
    (embeds,) = _run(out, "embed_tokens", {"input_ids": reference.prompt.numpy()})
    yield Difference("embed_tokens", gap(embeds, reference.embeds), f"{reference.prompt.shape[1]} random tokens")
    joined = np.concatenate([reference.features.numpy(), reference.embeds.numpy()], axis=1)
    mask = np.ones(joined.shape[:2], np.int64)
    states, *cross = _run(out, "encoder_model", {"attention_mask": mask, "inputs_embeds": joined})
    yield Difference("encoder_model", gap(states, reference.states), f"{joined.shape[1]} positions")
    logits = _step(out, reference, mask, cross)
    yield Difference("decoder_with_past_model", gap(logits, reference.logits), f"logits of {STEPS} steps")


def _run(out: Path, name: str, feeds: dict[str, Any]) -> Sequence[Any]:
    return list(_open(out, name).run(None, feeds))


def _open(out: Path, name: str) -> Any:
    from urbextag.models.onnx_session import open_session

    return open_session(out / f"{name}.onnx", 2, "Export the model again")


def _step(out: Path, reference: _Reference, mask: NDArray[np.int64], cross: Sequence[Array]) -> Array:
    """Logits (1, STEPS, vocabulary), token by token with the past handed on."""
    import numpy as np

    (embeds,) = _run(out, "embed_tokens", {"input_ids": reference.tokens.numpy()})
    session = _open(out, "decoder_with_past_model")
    layers = len(cross) // 2
    feeds: dict[str, Any] = {"encoder_attention_mask": mask}
    own = [f"past_key_values.{layer}.decoder.{kind}" for layer in range(layers) for kind in ("key", "value")]
    feeds |= dict(zip([name.replace("decoder", "encoder") for name in own], cross, strict=True))
    heads, dim = cross[0].shape[1], cross[0].shape[3]
    feeds |= {name: np.zeros((1, heads, 0, dim), np.float32) for name in own}
    rows = []
    for position in range(STEPS):
        logits, *present = session.run(None, {**feeds, "inputs_embeds": embeds[:, position : position + 1]})
        feeds |= dict(zip(own, present, strict=True))
        rows.append(logits)
    return np.concatenate(rows, axis=1)
