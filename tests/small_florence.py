"""The tiny random Florence-2 of tests/data/tiny, as installed models, and what transformers made of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from urbextag.choices import Precision
from urbextag.models.catalogue import FileSpec, GenerationSpec, ImageSpec, Manifest, ModelSpec
from urbextag.models.florence_text import SENTENCES
from urbextag.models.installed import Installed, write_manifest

TINY = Path(__file__).parent / "data" / "tiny"
PUBLISHED, SPLIT, HALF = TINY / "florence2", TINY / "florence2-split", TINY / "florence2-fp16"
REVISION = "c" * 40
ARRAYS = np.load(PUBLISHED / "golden.npz")
GOLDEN: dict[str, Any] = json.loads((PUBLISHED / "golden.json").read_text(encoding="utf-8"))
PICTURES = [ARRAYS[f"picture_{number}"] for number in range(4)]

SPEC = ModelSpec(
    name="tiny-florence",
    title="Tiny Florence-2 of random weights",
    family="florence2",
    licence="Apache-2.0",
    image=ImageSpec(size=64, resize="squash", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    generation=GenerationSpec(
        tasks={**SENTENCES, "<GENERATE_TAGS>": "<GENERATE_TAGS>"},
        default_tasks=("<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>"),
        image_tokens=5,
    ),
    files={},
    common={},
)
_SHARED = {
    "vision_encoder": PUBLISHED / "vision_encoder.onnx",
    "embed_tokens": PUBLISHED / "embed_tokens.onnx",
    "tokenizer": PUBLISHED / "tokenizer.json",
}
LAYOUTS: dict[str, dict[str, Path]] = {
    "published": {
        **_SHARED,
        "encoder_model": PUBLISHED / "encoder_model.onnx",
        "decoder": PUBLISHED / "decoder_model_merged.onnx",
    },
    "exported": {
        **_SHARED,
        "encoder_model": SPLIT / "encoder_model.onnx",
        "decoder": SPLIT / "decoder_with_past_model.onnx",
    },
    "half": {
        **_SHARED,
        "embed_tokens": HALF / "embed_tokens_fp16.onnx",
        "encoder_model": HALF / "encoder_model_fp16.onnx",
        "decoder": HALF / "decoder_model_merged_fp16.onnx",
    },
}
"""Files by part: as on the hub, as our own export writes them, and as on the hub in half precision."""


def installed(layout: str = "published", spec: ModelSpec = SPEC, **other: Path) -> Installed:
    """The tiny model in a layout; `other`: parts to take from elsewhere."""
    return Installed(spec, REVISION, "fp16" if layout == "half" else "fp32", {**LAYOUTS[layout], **other})


def install(folder: Path, layout: str = "exported", spec: ModelSpec = SPEC, precision: Precision = "fp32") -> None:
    """Put the tiny model into a folder of models, with its manifest."""
    own = folder / spec.name
    own.mkdir(parents=True)
    files = {}
    for part, path in LAYOUTS[layout].items():
        shutil.copyfile(path, own / path.name)
        content = path.read_bytes()
        files[part] = FileSpec(path=path.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    tokenizer = files.pop("tokenizer")
    write_manifest(
        folder,
        Manifest(
            name=spec.name, revision=REVISION, precisions={precision: files}, common={"tokenizer": tokenizer}, spec=spec
        ),
    )
