"""Looks at a checkpoint before anything heavy is imported: what family it is, and whether it can be exported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import Role

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"

MODEL_TYPES: Mapping[str, Role] = {"siglip": "scene", "siglip2": "scene", "clip": "scene", "florence2": "tags"}
"""`model_type` of config.json -> what such a model is for."""

_TOWERS: Mapping[str, tuple[str, ...]] = {
    "siglip": ("vision_model.", "text_model."),
    "siglip2": ("vision_model.", "text_model."),
    "clip": ("vision_model.", "text_model.", "visual_projection.", "text_projection."),
    "florence2": ("model.vision_tower.", "model.multi_modal_projector.", "model.language_model."),
}
"""Beginnings of weight names that transformers' own implementation of a `model_type` has."""

_REMOTE_CODE = ("vision_tower.blocks.", "language_model.model.", "image_projection")
"""Beginnings of weight names in Microsoft's own Florence-2 repositories and what was fine-tuned from them."""

_NATIVE_FLORENCE = (
    "Take the same model in the layout of transformers: florence-community/Florence-2-base, Florence-2-large, "
    "Florence-2-base-ft or Florence-2-large-ft"
)
_BESIDE = {".json", ".txt", ".model"}
"""Endings of the settings and tokenizer files beside the weights."""
_WANTED = "Name the folder of a transformers checkpoint (config.json, model.safetensors, tokenizer files)"
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}
"""Bytes of an element by type; checkpoints in other types are quantised already."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A transformers checkpoint whose config and weights were found to fit together."""

    folder: Path
    weights: tuple[Path, ...]
    """One safetensors file or the shards that the index names."""
    model_type: str
    role: Role
    parameters: int

    @property
    def default_name(self) -> str:
        """The model's name where the user gives none: that of the folder, or of a file that is not `WEIGHTS`."""
        only = self.weights[0]
        if len(self.weights) == 1 and only.name != WEIGHTS:
            return slug(only.stem)
        folder = self.folder.absolute()
        if folder.parent.name == "snapshots":  # huggingface_hub's cache: models--OWNER--NAME/snapshots/COMMIT
            return slug(folder.parent.parent.name.split("--")[-1])
        return slug(folder.name)


def slug(text: str) -> str:
    """`text` as a model's name: lower-case letters, digits, `.` and `-`."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def look(path: Path) -> Checkpoint:
    """Find out what lies at `path`: a folder, or one .safetensors file with its config.json beside it.

    Reads config.json and the headers of the weights. Nothing is unpickled, no code of the checkpoint is run.

    Raises:
        ModelError: nothing is there, a file is missing or damaged, or the family is not supported.

    """
    if not path.exists():
        raise ModelError(f"There is no checkpoint at {path}", _WANTED)
    if path.is_file() and path.suffix != ".safetensors":
        raise ModelError(f"{path} is not a .safetensors file", _WANTED)
    folder = path.parent if path.is_file() else path
    config = _json(folder / CONFIG)
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        supported = ", ".join(MODEL_TYPES)
        raise ModelError(f"{folder / CONFIG} has model_type {model_type!r}, supported are: {supported}", _WANTED)
    if "quantization_config" in config:
        raise ModelError(f"{folder} is quantised already", "Take the checkpoint it was made from")
    weights = (path,) if path.is_file() else _weights(folder)
    tensors = dict(chain.from_iterable(_tensors(file) for file in weights))
    if model_type == "florence2" and ("auto_map" in config or any(name.startswith(_REMOTE_CODE) for name in tensors)):
        raise ModelError(
            f"{folder} is in Microsoft's own Florence-2 layout, which needs Python code from its repository; "
            "urbextag never runs such code",
            _NATIVE_FLORENCE,
        )
    _refuse_parts(folder, model_type, tensors)
    return Checkpoint(folder, weights, model_type, MODEL_TYPES[model_type], sum(tensors.values()))


def stage(checkpoint: Checkpoint, links: Path) -> Path:
    """A folder that transformers loads as it is: the checkpoint's own, or links to it where the file has another name.

    Args:
        checkpoint: as `look` found it.
        links: a folder that is made where links are needed.

    """
    only = checkpoint.weights[0]
    if len(checkpoint.weights) > 1 or only.name == WEIGHTS:
        return checkpoint.folder
    links.mkdir()
    for file in checkpoint.folder.iterdir():
        if file.suffix in _BESIDE and file.name != INDEX:
            (links / file.name).symlink_to(file.absolute())
    (links / WEIGHTS).symlink_to(only.absolute())
    return links


def _refuse_parts(folder: Path, model_type: str, tensors: Mapping[str, int]) -> None:
    missing = [tower for tower in _TOWERS[model_type] if not any(name.startswith(tower) for name in tensors)]
    if missing:
        raise ModelError(
            f"{folder} has no weights called {', '.join(f'{tower}*' for tower in missing)}, which a whole {model_type} "
            f"model has; it begins with {', '.join(sorted(tensors)[:3])}",
            _WANTED,
        )


def _weights(folder: Path) -> tuple[Path, ...]:
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    if (folder / INDEX).is_file():
        shards = sorted(set(_json(folder / INDEX).get("weight_map", {}).values()))
        missing = [name for name in shards if not (folder / name).is_file()]
        if missing or not shards:
            raise ModelError(f"{folder} lacks {', '.join(missing) or 'weights'}, named in {INDEX}", "Fetch it again")
        return tuple(folder / name for name in shards)
    if others := sorted(file.name for file in folder.glob("*.safetensors")):
        raise ModelError(f"{folder} has no {WEIGHTS} but {', '.join(others)}", "Name the file that is meant")
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt")) or list(folder.glob("*.ckpt")):
        raise ModelError(
            f"{folder} holds pickled weights only; opening them can run any code, so urbextag does not",
            "Take the checkpoint as safetensors: most repositories offer both",
        )
    raise ModelError(f"{folder} has no {WEIGHTS}", _WANTED)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", _WANTED) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "Fetch the checkpoint again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a JSON object", "Fetch the checkpoint again")
    return content


def _tensors(path: Path) -> Iterator[tuple[str, int]]:
    """Names and element counts in a safetensors file, whose size has to be what its header says.

    Format: 8 bytes little-endian length of the header, a JSON header, the data; https://github.com/huggingface/safetensors.
    """
    damaged = ModelError(f"{path} is no whole safetensors file", "Fetch the checkpoint again")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise damaged
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            tensors = [(name, told["dtype"], *told["data_offsets"]) for name, told in header.items()]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged from error
    if size != 8 + length + max((end for *_, end in tensors), default=0):
        raise damaged
    for name, dtype, start, end in tensors:
        if dtype not in _BYTES:
            raise ModelError(
                f"{path} holds weights of type {dtype}", "Take a checkpoint in float32, float16 or bfloat16"
            )
        yield name, (end - start) // _BYTES[dtype]
