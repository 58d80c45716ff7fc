"""Upkeep of what is on the machine: proves models whole by hashing them, and takes them away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from urbextag.choices import Precision
from urbextag.errors import ModelError
from urbextag.files import content_sha256
from urbextag.models.catalogue import MANIFEST_NAME, Manifest, load_catalogue, read_manifest
from urbextag.models.hub import PARTIAL, paths
from urbextag.models.installed import alone, misfit, write_manifest

State = Literal["whole", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one file."""

    model: str
    precisions: tuple[Precision, ...]
    """Those that need the file."""
    path: str
    """Relative to the model's folder."""
    state: State
    reason: str | None = None
    """Of a file that is not whole: what was expected and what was found."""


def names_here(folder: Path) -> list[str]:
    """Names of the models that have a manifest in the models folder, damaged ones included."""
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST_NAME}"))


def verify(folder: Path, name: str, heard: Callable[[int, str], None] = lambda done, note: None) -> list[Verified]:
    """Hash every file of a model again and hold it against the manifest.

    Args:
        folder: of all models.
        name: of one that has a manifest there.
        heard: hears the bytes that are done, and the file's name.

    Raises:
        ModelError: the model is not here, or its manifest is damaged.

    """
    manifest = _manifest(folder, name)
    needed: dict[str, list[Precision]] = {}
    files = {file.path: file for precision in manifest.precisions for file in manifest.files(precision).values()}
    for precision in manifest.precisions:
        for file in manifest.files(precision).values():
            needed.setdefault(file.path, []).append(precision)
    found: list[Verified] = []
    done = 0
    for relative, file in files.items():
        path = folder / name / relative
        fault = misfit(path, file)
        if fault is None and (sha256 := content_sha256(path)) != file.sha256:
            fault = f"has checksum {sha256} instead of {file.sha256}"
        found.append(Verified(name, tuple(needed[relative]), relative, _state(path, fault), fault))
        done += file.size or 0
        heard(done, path.name)
    return found


def _state(path: Path, fault: str | None) -> State:
    if fault is None:
        return "whole"
    return "damaged" if path.exists() else "missing"


def size_noted(folder: Path, name: str) -> int:
    """Bytes that the manifest of a model speaks of: what `verify` reads."""
    manifest = _manifest(folder, name)
    files = {file.path: file for precision in manifest.precisions for file in manifest.files(precision).values()}
    return sum(file.size or 0 for file in files.values())


def _manifest(folder: Path, name: str) -> Manifest:
    manifest = read_manifest(folder / name)
    if manifest is None:
        raise ModelError(f"Model {name} is not on this machine", f"Pull it: urbextag models pull {name}")
    return manifest


def going(folder: Path, name: str, precision: Precision | None) -> Sequence[Path]:
    """The files that `remove` would take: of one precision those that no other needs, else all of the model.

    Only files that the manifest, the catalogue or a half-done download speaks of: the models folder may be one in which
    the user keeps other things.

    Raises:
        ModelError: nothing of the model is here, or not this precision.

    """
    home = folder / name
    manifest = None
    damaged = False
    if home.parent == folder and not name.startswith("."):
        try:
            manifest = read_manifest(home)
        except ModelError:
            damaged = True  # its folder is a model's, so all in it is
    left = [other for other in manifest.precisions if other != precision] if manifest else []
    if precision is not None and (manifest is None or precision not in manifest.precisions):
        raise ModelError(f"Model {name} is not here in {precision}", "See what is: urbextag models list")
    if manifest is not None and precision is not None and left:
        kept = {file.path for other in left for file in manifest.files(other).values()}
        return [home / file.path for file in manifest.files(precision).values() if file.path not in kept]
    files = sorted(home.rglob("*") if damaged else {home / path for path in _of_model(folder, name, manifest)})
    files = [path for path in files if path.is_file()]
    if not files or home.parent != folder:
        raise ModelError(f"Nothing of a model {name} is in {folder}", "See what is: urbextag models list")
    return files


def _of_model(folder: Path, name: str, manifest: Manifest | None) -> set[str]:
    """Every path within its folder that may be the model's."""
    spec = load_catalogue(folder).get(name)
    published = [*spec.files.values(), spec.common] if spec else []
    ours = {file.path for files in published for file in files.values()} | paths(manifest)
    halves = {path.relative_to(folder / name).as_posix() for path in (folder / name / PARTIAL).glob("*")}
    return ours | halves | {MANIFEST_NAME}


def remove(folder: Path, name: str, precision: Precision | None, told: Callable[[str], None]) -> int:
    """Take a model, or one precision of it, off the machine; the manifest goes first. Returns the bytes freed.

    Raises:
        ModelError: it is not here, or cannot be removed.

    """
    with alone(folder, name, told) as home:
        files = going(folder, name, precision)
        freed = sum(path.stat().st_size for path in files)
        try:
            if home / MANIFEST_NAME in files:
                (home / MANIFEST_NAME).unlink()
            elif precision is not None:
                _forget(folder, name, precision)
            for path in files:
                path.unlink(missing_ok=True)
            for path in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
                _drop_if_empty(path)
            _drop_if_empty(home)
        except OSError as error:
            raise ModelError(
                f"{error.filename or home} cannot be removed: {error.strerror}", "Mend its permissions"
            ) from error
        if home.exists() and not (home / MANIFEST_NAME).exists():
            told(f"{home} stays: there is more in it than the model")
    return freed


def _forget(folder: Path, name: str, precision: Precision) -> None:
    manifest = _manifest(folder, name)
    left = {other: parts for other, parts in manifest.precisions.items() if other != precision}
    write_manifest(folder, manifest.model_copy(update={"precisions": left}))


def _drop_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
