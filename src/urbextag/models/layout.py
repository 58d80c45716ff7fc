"""Finds a dual encoder's inputs and outputs in its ONNX files, and refuses files that do not fit the family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import ROLES
from urbextag.models.installed import Installed
from urbextag.models.onnx_session import numpy_type

if TYPE_CHECKING:
    import numpy as np
    from onnxruntime import InferenceSession, NodeArg

_EMBEDDINGS = {
    "vision_model": ("image_embeds", "pooler_output", "embeds", "embedding", "embeddings"),
    "text_model": ("text_embeds", "pooler_output", "embeds", "embedding", "embeddings"),
}
"""Outputs by preference. CLIP's projected `*_embeds` lie in the common space, its `pooler_output` does not; SigLIP has
no projection. Names: transformers and Optimum; `embedding`: Immich's exports."""


@dataclass(frozen=True, slots=True)
class VisionPorts:
    """What goes into a vision model and what comes out."""

    pixels: str
    """float (n, 3, size, size)."""
    pixels_type: type[np.generic]
    embeddings: str
    """float (n, d)."""
    dimensions: int | None
    """d, None where the file leaves it open."""
    batches: bool
    """Takes several photos at a time."""


@dataclass(frozen=True, slots=True)
class TextPorts:
    """What goes into a text model and what comes out."""

    ids: str
    """integers (n, length)."""
    ids_type: type[np.generic]
    extra: tuple[tuple[str, str, type[np.generic]], ...]
    """Further inputs: name, kind (`mask`, `positions`, `types`), type."""
    length: int | None
    """Tokens that the file takes, None = any number."""
    embeddings: str
    dimensions: int | None
    batches: bool


def remedy(installed: Installed) -> str:
    """What the user does where a model's files do not fit or are damaged."""
    return installed.spec.how_to_get(installed.precision)


def who(installed: Installed, part: str) -> str:
    """The file in words for messages: `siglip-base-patch16-224 int8 (vision_model)`."""
    return f"{installed.spec.name} {installed.precision} ({part})"


def check(installed: Installed) -> None:
    """Open every file of a model and run it once, on the CPU.

    Raises:
        ModelError: a file is damaged, is not of the model's family, does not fit the others, or gives no numbers; the
            message says what was expected and what was found.

    """
    if ROLES[installed.spec.family] == "scene":
        from urbextag.models.dual_encoder import check as check_dual_encoder

        check_dual_encoder(installed)
    else:
        from urbextag.models.florence_layout import check as check_florence

        check_florence(installed)


def vision_ports(session: InferenceSession, installed: Installed) -> VisionPorts:
    """Inputs and outputs of a vision model.

    Raises:
        ModelError: there is not exactly one input, of floats and rank 4, for photos of the size in the catalogue; or no
            output can be told to be the embedding.

    """
    part = "vision_model"
    inputs, size = session.get_inputs(), installed.spec.image.size
    kind = numpy_type(inputs[0].type) if len(inputs) == 1 else None
    if kind is None or not _floats(inputs[0]) or not _fits(inputs[0].shape, (None, 3, size, size)):
        raise _misfit(installed, part, f"one input of floats (n, 3, {size}, {size})", inputs)
    output = _embedding(session, installed, part)
    return VisionPorts(
        pixels=inputs[0].name,
        pixels_type=kind,
        embeddings=output.name,
        dimensions=_fixed(output.shape[-1]),
        batches=_batches(installed, part, inputs[0]),
    )


def text_ports(session: InferenceSession, installed: Installed) -> TextPorts:
    """Inputs and outputs of a text model.

    Raises:
        ModelError: there is not exactly one input of token ids (n, length), an input is unknown, or no output can be
            told to be the embedding.

    """
    part, text = "text_model", installed.spec.text
    inputs = session.get_inputs()
    expected = "one input of integer token ids (n, length), with or without attention_mask and position_ids"
    ids: list[NodeArg] = []
    extra: list[tuple[str, str, type[np.generic]]] = []
    for entry in inputs:
        kind = numpy_type(entry.type)
        if kind is None or _floats(entry) or len(entry.shape) != 2:
            raise _misfit(installed, part, expected, inputs)
        role = _role(entry.name)
        if role == "ids":
            ids.append(entry)
        else:
            extra.append((entry.name, role, kind))
    kind = numpy_type(ids[0].type) if len(ids) == 1 else None
    if kind is None or text is None:
        raise _misfit(installed, part, expected, inputs)
    length = _fixed(ids[0].shape[1])
    if length is not None and length != text.length:
        raise _misfit(installed, part, f"token ids (n, {text.length})", inputs)
    output = _embedding(session, installed, part)
    return TextPorts(
        ids=ids[0].name,
        ids_type=kind,
        extra=tuple(extra),
        length=length,
        embeddings=output.name,
        dimensions=_fixed(output.shape[-1]),
        batches=_batches(installed, part, ids[0]),
    )


def _role(name: str) -> str:
    """What an integer input of a text model is for, by its name."""
    for mark, role in (("mask", "mask"), ("position", "positions"), ("type", "types")):
        if mark in name:
            return role
    return "ids"


def _embedding(session: InferenceSession, installed: Installed, part: str) -> NodeArg:
    outputs = session.get_outputs()
    flat = [output for output in outputs if _floats(output) and len(output.shape) == 2]
    for name in _EMBEDDINGS[part]:
        for output in flat:
            if output.name == name:
                return output
    if len(flat) == 1:
        return flat[0]
    names = ", ".join(_EMBEDDINGS[part])
    raise _misfit(installed, part, f"an output of floats (n, d), one of {names} where there are several", outputs)


def _batches(installed: Installed, part: str, entry: NodeArg) -> bool:
    count = _fixed(entry.shape[0])
    if count not in (None, 1):
        raise _misfit(installed, part, "an input of one item or of any number", [entry])
    return count is None


def _floats(entry: NodeArg) -> bool:
    return entry.type in ("tensor(float)", "tensor(float16)")


def _fixed(dimension: Any) -> int | None:
    """A dimension's size where the file fixes it: ONNX Runtime gives a number, or a name or None for an open one."""
    return dimension if isinstance(dimension, int) else None


def _fits(shape: Sequence[Any], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        None in (_fixed(found), wanted) or found == wanted for found, wanted in zip(shape, expected, strict=True)
    )


def _misfit(installed: Installed, part: str, expected: str, found: Sequence[NodeArg]) -> ModelError:
    listed = "; ".join(
        f"{entry.name} {entry.type.removeprefix('tensor').strip('()')} ({', '.join(str(side) for side in entry.shape)})"
        for entry in found
    )
    return ModelError(
        f"{who(installed, part)} does not fit the family {installed.spec.family}: "
        f"expected {expected}, found {listed or 'nothing'}",
        remedy(installed),
    )
