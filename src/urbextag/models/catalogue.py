"""The models that urbextag knows, as data: `data/catalogue.yaml` and the manifests of models exported here."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from urbextag.choices import Precision
from urbextag.config import complaints
from urbextag.errors import ModelError
from urbextag.models import DATA, REINSTALL

CATALOGUE = DATA / "catalogue.yaml"
MANIFEST_NAME = "urbextag-model.json"

Family = Literal["siglip", "siglip2", "clip", "florence2"]
Role = Literal["scene", "tags"]
ROLES: Mapping[Family, Role] = {"siglip": "scene", "siglip2": "scene", "clip": "scene", "florence2": "tags"}

PARTS: Mapping[Role, tuple[str, ...]] = {
    "scene": ("vision_model", "text_model"),
    "tags": ("vision_encoder", "embed_tokens", "encoder_model", "decoder"),
}
"""ONNX files of a model. `decoder` is the published `decoder_model_merged` (one graph with and without a past, input
`use_cache_branch`) or our export's `decoder_with_past_model` (`encoder_model` then gives the cross-attention keys and
values too)."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileSpec(_Data):
    """One file of a repository."""

    path: str = Field(description="within the repository, with forward slashes")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    size: int | None = Field(None, ge=1, description="bytes")

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        """The path is joined to a folder that is written to and removed from."""
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path:
            raise ValueError(f"{path!r} is no path within a repository")
        return path


class ImageSpec(_Data):
    """How a photo becomes pixel values (1, 3, size, size)."""

    size: int = Field(ge=8, description="pixels of each side")
    resize: Literal["squash", "crop"] = Field(description="crop: shorter side to size, then the centre square")
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TextSpec(_Data):
    """How a prompt becomes token ids."""

    length: int = Field(ge=1, description="most tokens, the ends included")
    pad_to_length: bool = Field(description="SigLIP: always padded to `length`, without a mask")
    pad_id: int = Field(0, ge=0)
    lower: bool = Field(False, description="lower case before the tokenizer sees it; SigLIP also drops punctuation")


class GenerationSpec(_Data):
    """How a generative model is asked and how it answers."""

    prompt: Literal["task", "context"] = Field(
        "task", description="context: `build_prompt(context)` follows the task; task: the task's sentence alone"
    )
    tasks: Mapping[str, str] = Field(description="task token -> sentence that the model was trained on")
    default_tasks: tuple[str, ...]
    beams: int = Field(3, ge=1, le=16)
    no_repeat_ngram: int = Field(3, ge=0)
    early_stopping: bool = True
    length_penalty: float = 1.0
    decoder_start_id: int = 2
    bos_id: int = 0
    eos_id: int = 2
    pad_id: int = 1
    forced_bos_id: int | None = 0
    forced_eos_id: int | None = 2
    image_tokens: int = Field(577, ge=1, description="positions that the image features take in the encoder")


class ModelSpec(_Data):
    """All that is known of one model."""

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$", description="also its folder's name")
    title: str
    family: Family
    repository: str | None = Field(None, description="on the hub: owner/name; None = exported on this machine")
    revision: str | None = Field(
        None, pattern="^[0-9a-f]{40}$", description="pinned commit; None = pinned to what the first pull finds"
    )
    checkpoint: str | None = Field(
        None, description="on the hub: owner/name of the weights; `models export` makes from them what is not published"
    )
    licence: str = Field(description="SPDX name")
    image: ImageSpec
    text: TextSpec | None = None
    logit_scale: float | None = Field(None, description="exp() of the trained parameter; dual encoders")
    logit_bias: float | None = None
    generation: GenerationSpec | None = None
    files: Mapping[Precision, Mapping[str, FileSpec]] = Field(description="precision -> part -> ONNX file")
    common: Mapping[str, FileSpec] = Field(description="files of every precision: `tokenizer`")
    memory_mib: Mapping[Precision, int] = Field(default_factory=dict, description="resident while it works, measured")

    @property
    def role(self) -> Role:
        """What the model is for."""
        return ROLES[self.family]

    def wanted(self, precision: Precision) -> dict[str, FileSpec]:
        """Part -> file of one precision, common files included; raises ModelError where it is not published."""
        if self.repository is None or precision not in self.files:
            published = f" (it is published in: {', '.join(self.files)})" if self.repository and self.files else ""
            raise ModelError(
                f"Model {self.name} is not published in {precision}{published}", self.how_to_get(precision)
            )
        return {**self.files[precision], **self.common}

    def how_to_get(self, precision: Precision) -> str:
        """What the user does to have this precision on the machine: a remedy."""
        if self.repository is not None and precision in self.files:
            return f"Pull it: urbextag models pull {self.name} --precision {precision}"
        if self.checkpoint is not None:  # under a name of its own: what was pulled is not written over
            own = f"{self.name}-own"
            return (
                f"Make it from the weights: hf download {self.checkpoint} --local-dir weights, then: urbextag models "
                f"export weights --name {own} --precision {precision}, then: urbextag models use {own}"
            )
        if self.repository is not None and self.files:
            return f"Use one that is published: urbextag models pull {self.name} --precision {next(iter(self.files))}"
        return f"Export it again: urbextag models export CHECKPOINT --name {self.name} --precision {precision}"


class Manifest(_Data):
    """What lies in a model's folder: `urbextag-model.json`. Every file carries its checksum and size."""

    name: str
    revision: str = Field(pattern="^[0-9a-f]{16,64}$", description="commit, or the hash of what was exported")
    precisions: Mapping[Precision, Mapping[str, FileSpec]]
    common: Mapping[str, FileSpec]
    spec: ModelSpec | None = Field(None, description="of a model that was exported on this machine")

    @field_validator("precisions", "common")
    @classmethod
    def _complete(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        files = [file for item in value.values() for file in (item.values() if isinstance(item, Mapping) else [item])]
        for file in files:
            if file.sha256 is None or file.size is None:
                raise ValueError(f"{file.path} has no checksum or no size")
        return value

    def files(self, precision: Precision) -> dict[str, FileSpec]:
        """Part -> file of one precision, common files included."""
        return {**self.precisions[precision], **self.common}


def load_catalogue(folder: Path) -> Mapping[str, ModelSpec]:
    """The packaged models and those exported into `folder`, by name; an exported one stands before a packaged one.

    A damaged manifest is passed over here, so that one model does not hide the others; `find` tells of it.

    Raises:
        ModelError: the packaged catalogue is damaged.

    """
    known = dict(_packaged())
    for path in sorted(folder.glob(f"*/{MANIFEST_NAME}")):
        try:
            manifest = read_manifest(path.parent)
        except ModelError:
            continue
        if manifest is not None and manifest.spec is not None:
            known[manifest.name] = manifest.spec
    return known


@cache
def _packaged() -> Mapping[str, ModelSpec]:
    return read_catalogue(CATALOGUE)


def find(folder: Path, name: str) -> ModelSpec:
    """One model of `load_catalogue`.

    Raises:
        ModelError: there is none of that name; the message names those that are close. Or its manifest is damaged.

    """
    known = load_catalogue(folder)
    if name in known:
        return known[name]
    if (folder / name / MANIFEST_NAME).is_file():
        read_manifest(folder / name)  # says what is wrong with it
    close = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    near = f"; did you mean {' or '.join(close)}" if close else ""
    raise ModelError(f"No model is called {name}{near}", "Name one of: urbextag models list")


def read_catalogue(path: Path) -> Mapping[str, ModelSpec]:
    """The models of a catalogue file, by name, in its order.

    Raises:
        ModelError: the file is missing, is not YAML, or an entry (named) has an unknown field or a wrong value.

    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML was built with it
        entries = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"The catalogue of models {path} cannot be read: {error}", REINSTALL) from error
    if not isinstance(entries, list):
        raise ModelError(f"The catalogue of models {path} is no list of models", REINSTALL)
    known: dict[str, ModelSpec] = {}
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        where = f"{path}: model {name or f'number {number}'}"
        try:
            spec = ModelSpec.model_validate(entry)
        except ValidationError as error:
            raise ModelError(f"{where}: {complaints(error)}", REINSTALL) from error
        if spec.name in known:
            raise ModelError(f"{where} stands there twice", REINSTALL)
        if missing := [part for files in spec.files.values() for part in PARTS[spec.role] if part not in files]:
            raise ModelError(f"{where} lacks {', '.join(missing)}", REINSTALL)
        known[spec.name] = spec
    return known


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a model's folder, None where there is none.

    Raises:
        ModelError: it is damaged.

    """
    path = folder / MANIFEST_NAME
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", "Mend its permissions") from error
    except ValidationError as error:
        raise ModelError(
            f"{path} is damaged: {complaints(error)}",
            f"Write it anew: urbextag models pull {folder.name}, or export the model again",
        ) from error
    if manifest.name != folder.name:
        raise ModelError(f"{path} speaks of another model: {manifest.name}", f"Name the folder {manifest.name}")
    return manifest
