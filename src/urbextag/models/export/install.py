"""Puts exported files into the folder of models: whole or not at all, the manifest last."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from urbextag.choices import Precision
from urbextag.errors import ModelError
from urbextag.files import content_sha256
from urbextag.models.catalogue import MANIFEST_NAME, FileSpec, Manifest, read_manifest
from urbextag.models.hub import paths
from urbextag.models.installed import write_manifest

_FORMAT = "urbextag export 1"
"""Raised by hand when the same checkpoint gives files that say something else: it goes into the revision."""


def check_name(folder: Path, name: str) -> str:
    """`name`, where an export may have it.

    Raises:
        ModelError: it is no name, or a folder of that name holds what no export made.

    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ModelError(
            f"{name!r} is no name for a model", "Give one of letters, digits, '.', '_' and '-': --name NAME"
        )
    target = folder / name
    instead = f"Give another --name, or remove it first: urbextag models remove {name}"
    try:
        manifest = read_manifest(target)
    except ModelError as error:
        raise ModelError(error.message, instead) from error
    if manifest is None and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ModelError(f"{target} is there already and is no exported model", "Remove it, or give another --name")
    if manifest is not None and manifest.spec is None:
        raise ModelError(f"A model that was pulled lies in {target}", instead)
    return name


@contextmanager
def workplace(path: Path, needed: int) -> Iterator[Path]:
    """An empty folder at `path` that is gone afterwards, whatever happens.

    What lies there is of an export that was killed: the lock on the name keeps others away.

    Args:
        path: its parent is there.
        needed: bytes that the work will take on the disk.

    Raises:
        ModelError: the disk has not that much room, or a file within cannot be written.

    """
    shutil.rmtree(path, ignore_errors=True)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise ModelError(
            f"Not enough room in {path.parent}: expected {needed / 1e9:.1f} GB for the work, found {free / 1e9:.1f} GB",
            "Make room, or set [models] folder to a larger disk",
        )
    try:
        path.mkdir()
        yield path
    except OSError as error:
        raise ModelError(f"The export cannot be written: {error}", "Make room or mend the permissions") from error
    finally:
        shutil.rmtree(path, ignore_errors=True)


def revision_of(files: Sequence[Path]) -> str:
    """40 hex digits for what is exported: the same content gives the same, in whatever order and under any names."""
    sums = sorted(content_sha256(path) for path in files)
    return hashlib.sha256("\n".join([_FORMAT, *sums]).encode()).hexdigest()[:40]


def file_spec(root: Path, path: str) -> FileSpec:
    """A written file with its checksum and size."""
    return FileSpec(path=path, sha256=content_sha256(root / path), size=(root / path).stat().st_size)


def install(staged: Path, folder: Path, fresh: Manifest) -> Manifest:
    """Move the files of `fresh` from `staged` to `folder/NAME` and write the manifest last.

    Precisions that an earlier export made of the same weights stay; its other files go.

    Returns:
        The manifest as written.

    Raises:
        ModelError: the folder cannot be written.

    """
    target = folder / fresh.name
    earlier = read_manifest(target)
    if earlier is not None and earlier.revision == fresh.revision:
        fresh = fresh.model_copy(update={"precisions": {**earlier.precisions, **fresh.precisions}})
    try:
        if earlier is None:
            staged.rename(target)
        else:
            (target / MANIFEST_NAME).unlink()
            for path in paths(earlier) - paths(fresh):
                (target / path).unlink(missing_ok=True)
            for file in [file for file in staged.rglob("*") if file.is_file()]:
                place = target / file.relative_to(staged)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
    except OSError as error:
        raise ModelError(
            f"{target} cannot be written: {error.strerror}", "Make room or mend its permissions"
        ) from error
    write_manifest(folder, fresh)
    return fresh


def onnx_path(piece: str, precision: Precision) -> str:
    """Where a file lies in a model's folder, as in published layouts: `onnx/vision_model_int8.onnx`."""
    return f"onnx/{piece}.onnx" if precision == "fp32" else f"onnx/{piece}_{precision}.onnx"
