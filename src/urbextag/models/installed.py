"""The models whose files are on this machine: where each lies, its identity, and the manifest that vouches for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from urbextag.choices import Precision
from urbextag.config import ModelsConfig
from urbextag.errors import ModelError
from urbextag.models.catalogue import MANIFEST_NAME, PARTS, FileSpec, Manifest, ModelSpec, find, read_manifest


@dataclass(frozen=True, slots=True)
class Installed:
    """One model in one precision, its files checked when they were pulled or exported."""

    spec: ModelSpec
    revision: str
    """Commit of the repository, or the hash of what was exported, in hex."""
    precision: Precision
    parts: Mapping[str, Path]
    """Part (`PARTS`) and `tokenizer` -> file."""

    @property
    def identity(self) -> str:
        """Revision and precision: what `Embedding.revision` holds."""
        return f"{self.revision}/{self.precision}"


def models_folder(config: ModelsConfig) -> Path:
    """The one folder of all model files: as configured, else `models` in the user's own data folder."""
    if config.folder is not None:
        return config.folder
    from platformdirs import user_data_path

    return user_data_path("urbextag", appauthor=False) / "models"


def installed(folder: Path, name: str, precision: Precision) -> Installed:
    """A model that is on this machine. Cheap: files are looked for with their sizes, not read.

    Raises:
        ModelError: there is no such model, this precision is not here, or a file is missing or of another size.

    """
    spec = find(folder, name)
    manifest = read_manifest(folder / name)
    if manifest is None or precision not in manifest.precisions:
        here = f" (here: {', '.join(manifest.precisions)})" if manifest and manifest.precisions else ""
        raise ModelError(f"Model {name} in {precision} is not on this machine{here}", spec.how_to_get(precision))
    return from_manifest(folder, spec, manifest, precision)


def from_manifest(folder: Path, spec: ModelSpec, manifest: Manifest, precision: Precision) -> Installed:
    """What a manifest vouches for; raises ModelError where a file is missing or of another size."""
    parts: dict[str, Path] = {}
    for part, file in manifest.files(precision).items():
        path = folder / spec.name / file.path
        fault = misfit(path, file)
        if fault is not None:
            raise ModelError(f"{part} of model {spec.name} ({precision}) {fault}: {path}", spec.how_to_get(precision))
        parts[part] = path
    if missing := [part for part in PARTS[spec.role] if part not in parts]:
        raise ModelError(f"Model {spec.name} ({precision}) lacks {', '.join(missing)}", spec.how_to_get(precision))
    return Installed(spec, manifest.revision, precision, parts)


def misfit(path: Path, file: FileSpec) -> str | None:
    """What is wrong with a file at first sight, None where its size is right or unknown."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if file.size is not None and size != file.size:
        return f"has {size:,} bytes instead of {file.size:,}"
    return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the model's folder `folder/NAME`, at once or not at all.

    Raises:
        ModelError: the folder cannot be written.

    """
    path = folder / manifest.name / MANIFEST_NAME
    draft = path.with_name(f".{MANIFEST_NAME}.{os.getpid()}")
    try:
        draft.write_text(manifest.model_dump_json(indent=1, exclude_none=True), encoding="utf-8")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ModelError(f"{path} cannot be written: {error.strerror}", "Make room or mend its permissions") from error


@contextmanager
def alone(folder: Path, name: str, told: Callable[[str], None]) -> Iterator[Path]:
    """Hold a model's folder `folder/NAME` (made where missing) for this process; waits for another that holds it.

    Raises:
        ModelError: the folder cannot be made or locked.

    """
    from filelock import FileLock, Timeout

    try:
        locks = folder / ".locks"  # not in the model's own folder: `remove` takes that away while it holds the lock
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            told(f"Another process is at {name}; waiting for it")
            lock.acquire()
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written: {error.strerror}", "Set [models] folder to one you can write"
        ) from error
    try:
        yield folder / name
    finally:
        lock.release()
