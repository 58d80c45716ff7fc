"""Reads a SigLIP, SigLIP 2 or CLIP checkpoint of transformers as a catalogue entry."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from urbextag.errors import ModelError
from urbextag.models.catalogue import Family, FileSpec, ImageSpec, ModelSpec, TextSpec
from urbextag.models.export.checkpoint import look
from urbextag.models.export.tokenizer import TOKENIZER, is_gemma
from urbextag.models.pixels import RESAMPLE

REMEDY = "Give a folder that transformers saved, such as a copy of google/siglip-base-patch16-224"
_FILTERS = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers, as preprocessor_config.json has them


def spec_of(checkpoint: Path) -> ModelSpec:
    """What a checkpoint says of itself, as a catalogue entry; its name is the folder's.

    Raises:
        ModelError: a file is missing or unreadable, the family is none of the dual encoders, or the checkpoint wants
            something that these have no way for (NaFlex, other filters, pictures that are not square).

    """
    config = _json(checkpoint / "config.json")
    family = _family(config, checkpoint)
    text = config.get("text_config") or {}
    scale, bias = _scale(checkpoint, family)
    name = re.sub(r"[^a-z0-9.]+", "-", checkpoint.resolve().name.lower()).strip("-.") or "model"
    return ModelSpec(
        name=name,
        title=checkpoint.resolve().name,
        family=family,
        revision=_revision(checkpoint),
        licence="NOASSERTION",
        image=_image_spec(checkpoint, family),
        text=TextSpec(
            length=text.get("max_position_embeddings", 77 if family == "clip" else 64),
            pad_to_length=family != "clip",
            pad_id=1 if family == "siglip" else 0,  # SigLIP: its end of sentence; CLIP sees nothing after the end
            lower=family != "clip",
        ),
        logit_scale=scale,
        logit_bias=bias,
        files={
            "fp32": {part: FileSpec(path=f"onnx/{part}.onnx") for part in ("vision_model", "text_model")},
        },
        common={"tokenizer": FileSpec(path=TOKENIZER)},
    )


def _family(config: Mapping[str, Any], checkpoint: Path) -> Family:
    kind = config.get("model_type")
    if kind == "siglip":
        return "siglip2" if is_gemma(checkpoint) else "siglip"
    if kind == "clip":
        return "clip"
    if kind == "siglip2":
        raise ModelError(
            f"{checkpoint} is a SigLIP 2 of the kind NaFlex, which takes pictures of any shape in patches",
            "Take a fixed-size one, such as google/siglip2-base-patch16-224",
        )
    raise ModelError(f"{checkpoint} is no dual encoder: expected siglip or clip, found model_type {kind!r}", REMEDY)


def _image_spec(checkpoint: Path, family: Family) -> ImageSpec:
    whole = checkpoint / "processor_config.json"  # since transformers 5 a part of the processor's file
    told = _json(whole).get("image_processor") if whole.is_file() else None
    told = told or _json(checkpoint / "preprocessor_config.json")
    crop = bool(told.get("do_center_crop", family == "clip"))
    sides = told.get("crop_size" if crop else "size")
    sides = sides if isinstance(sides, dict) else {"height": sides, "width": sides}
    first = told.get("size")
    first = first if isinstance(first, dict) else {"shortest_edge": first}
    height, width = sides.get("height"), sides.get("width")
    if not isinstance(height, int) or height != width or (crop and first.get("shortest_edge") != height):
        raise ModelError(
            f"{checkpoint} wants pictures in a way that is not known here: size {told.get('size')}, "
            f"crop_size {told.get('crop_size')}",
            "Take a checkpoint for square pictures, cropped from the shorter side or squeezed",
        )
    found = _FILTERS.get(told.get("resample", 3))
    if found != RESAMPLE[family]:
        raise ModelError(
            f"{checkpoint} resizes pictures by filter {told.get('resample')}, expected {RESAMPLE[family]} for {family}",
            f"Compare preprocessor_config.json with that of the published {family} models",
        )
    if not math.isclose(told.get("rescale_factor", 1 / 255), 1 / 255, rel_tol=1e-6):
        raise ModelError(f"{checkpoint} scales pixels by {told['rescale_factor']}, expected 1/255", REMEDY)
    return ImageSpec(
        size=height, resize="crop" if crop else "squash", mean=tuple(told["image_mean"]), std=tuple(told["image_std"])
    )


def _scale(checkpoint: Path, family: Family) -> tuple[float, float | None]:
    """`exp(logit_scale)` and `logit_bias` from the weights."""
    from safetensors import safe_open

    found: dict[str, float] = {}
    for file in look(checkpoint).weights:
        with safe_open(str(file), framework="pt") as weights:
            for name in {"logit_scale", "logit_bias"} & set(weights.keys()):
                found[name] = float(weights.get_tensor(name).float().reshape(-1)[0])
    missing = {"logit_scale"} | ({"logit_bias"} if family != "clip" else set())
    if missing - found.keys():
        raise ModelError(f"{checkpoint} lacks the weights {', '.join(sorted(missing - found.keys()))}", REMEDY)
    return math.exp(found["logit_scale"]), found.get("logit_bias")


def _revision(checkpoint: Path) -> str:
    """40 hex digits that name the weights: SHA-256 over the SHA-256 of each weight file, cut."""
    whole = hashlib.sha256()
    for path in look(checkpoint).weights:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:40]


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", REMEDY) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", REMEDY) from error
