"""Makes the ONNX files of a SigLIP, SigLIP 2 or CLIP checkpoint of transformers, and measures them against torch."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import Family, ModelSpec
from urbextag.models.export.dual_encoder_spec import REMEDY, spec_of
from urbextag.models.export.quiet import quiet_torch
from urbextag.models.export.report import Difference
from urbextag.models.export.tokenizer import PROMPTS, TOKENIZER, write_tokenizer
from urbextag.models.installed import Installed
from urbextag.models.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

OPSET = 17
_PICTURES = 3


@dataclass(frozen=True, slots=True)
class _Tower:
    """One half of a model, as it is exported."""

    part: str
    model: str
    """Class in transformers that loads this half alone, so that both halves are never in memory together."""
    input: str
    output: str
    """Attribute of that class's result, and the name that it is published under."""
    axes: Mapping[int, str]


_BATCH, _PROMPTS = {0: "batch"}, {0: "batch", 1: "sequence"}
_TOWERS: Mapping[Family, tuple[_Tower, _Tower]] = {
    "siglip": (
        _Tower("vision_model", "SiglipVisionModel", "pixel_values", "pooler_output", _BATCH),
        _Tower("text_model", "SiglipTextModel", "input_ids", "pooler_output", _BATCH),
    ),
    "clip": (
        _Tower("vision_model", "CLIPVisionModelWithProjection", "pixel_values", "image_embeds", _BATCH),
        _Tower("text_model", "CLIPTextModelWithProjection", "input_ids", "text_embeds", _PROMPTS),
    ),
}
"""SigLIP 2 of a fixed size has the towers of SigLIP, whose prompts are always of one length."""


def export(checkpoint: Path, out: Path) -> list[Difference]:
    """Write `vision_model.onnx`, `text_model.onnx` (fp32, opset 17) and `tokenizer.json` into `out`.

    One half of the model is loaded, written and measured after the other, so that the peak is about what the whole
    model takes in fp32 (0.9 GB for SigLIP base, whose weights are 0.8 GB).

    Args:
        checkpoint: folder with `config.json`, safetensors, `preprocessor_config.json` and a tokenizer.
        out: folder for the files; made where it is missing.

    Returns:
        Largest absolute difference against torch of L2-normalised embeddings, per half.

    Raises:
        ModelError: the checkpoint lacks something, is of another family, or its tokenizer cannot be reproduced.

    """
    spec = spec_of(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    with quiet_torch():
        write_tokenizer(checkpoint, out, spec)
        differences = []
        for tower in _towers(spec.family):
            inputs = _inputs(tower, spec, out)
            expected = _write(tower, checkpoint, out, inputs)
            gc.collect()
            differences.append(_difference(tower, out, inputs, expected))
    return differences


def _towers(family: Family) -> tuple[_Tower, _Tower]:
    return _TOWERS["clip" if family == "clip" else "siglip"]


def _inputs(tower: _Tower, spec: ModelSpec, out: Path) -> NDArray[Any]:
    """What the half is measured on: random pixel values, or the token ids of a few prompts."""
    import numpy as np

    from urbextag.models.tokens import canonical, load_tokenizer

    if tower.part == "vision_model":
        size = (_PICTURES, 3, spec.image.size, spec.image.size)
        return np.random.default_rng(0).standard_normal(size).astype(np.float32)
    exported = Installed(spec, spec.revision or "", "fp32", {"tokenizer": out / TOKENIZER})
    tokenizer = load_tokenizer(exported)
    if spec.text is None:
        raise ValueError(f"{spec.name} has no text model")
    rows = [tokenizer.encode(canonical(prompt, exported)).ids for prompt in PROMPTS]
    width = spec.text.length if spec.text.pad_to_length else max(map(len, rows))
    return np.array([row + [spec.text.pad_id] * (width - len(row)) for row in rows], np.int64)


def _write(tower: _Tower, checkpoint: Path, out: Path, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Write the half as ONNX; its embeddings (n, d) of `inputs` by torch."""
    import torch

    model = _load(tower, checkpoint)

    class Pooled(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            pooled: torch.Tensor = getattr(self.model(**{tower.input: values}), tower.output)
            return pooled

    values = torch.from_numpy(inputs)
    with torch.no_grad():
        expected: NDArray[np.float32] = getattr(model(**{tower.input: values}), tower.output).numpy()
        # The tracing exporter is asked for by name: it needs no package beyond `onnx`, and there is no control flow.
        torch.onnx.export(
            Pooled(),
            (values[:2],),
            str(out / f"{tower.part}.onnx"),
            dynamo=False,
            opset_version=OPSET,
            input_names=[tower.input],
            output_names=[tower.output],
            dynamic_axes={tower.input: dict(tower.axes), tower.output: {0: "batch"}},
        )
    return expected


def _load(tower: _Tower, checkpoint: Path) -> Any:
    import torch
    import transformers

    try:
        model, told = getattr(transformers, tower.model).from_pretrained(
            checkpoint,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{checkpoint} cannot be loaded: {str(error).splitlines()[0][:300]}", REMEDY) from error
    missing = sorted([*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])])
    if missing:
        raise ModelError(
            f"{checkpoint} lacks {len(missing)} weights of its {tower.part} or has them otherwise: {missing[0]}",
            REMEDY,
        )
    return model.eval()


def _difference(tower: _Tower, out: Path, inputs: NDArray[Any], expected: NDArray[np.float32]) -> Difference:
    import numpy as np

    session = open_session(out / f"{tower.part}.onnx", 2, "Export the model again")
    rows = [session.run([tower.output], {tower.input: row[np.newaxis]})[0][0] for row in inputs]
    gap = np.abs(_unit(np.stack(rows)) - _unit(expected)).max()
    kind = "random pictures" if tower.part == "vision_model" else "prompts"
    return Difference(tower.part, float(gap), f"L2-normalised embeddings of {len(rows)} {kind}")


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return unit
