"""The models of the profiles `scene` and `standard`: which there are, which are here, and fetching and proving one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.choices import PRECISIONS, Precision
from urbextag.errors import ModelError
from urbextag.models.catalogue import Manifest, ModelSpec, Role, load_catalogue, read_manifest

if TYPE_CHECKING:
    from urbextag.config import Config
    from urbextag.models.upkeep import Verified

Heard = Callable[[int, int, str], None]
"""Hears how many bytes are done, of how many, and of which file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One model of the list."""

    spec: ModelSpec
    manifest: Manifest | None
    damaged: bool
    used: Precision | None
    """In which precision the settings use it."""


def lines(folder: Path, chosen: Mapping[Role, tuple[str, Precision]]) -> list[Line]:
    """Every known model.

    Args:
        folder: of all models.
        chosen: role -> model and precision that the settings use.

    """
    found: list[Line] = []
    for spec in load_catalogue(folder).values():
        damaged, manifest = False, None
        try:
            manifest = read_manifest(folder / spec.name)
        except ModelError:
            damaged = True
        name, precision = chosen[spec.role]
        found.append(Line(spec, manifest, damaged, precision if spec.name == name else None))
    return found


def as_json(line: Line) -> dict[str, Any]:
    """One model for programs; sizes are null where they are not known before the first pull."""
    spec = line.spec
    known = ("name", "title", "family", "role", "licence", "repository", "checkpoint")
    return {
        **{field: getattr(spec, field) for field in known},
        "revision": line.manifest.revision if line.manifest else spec.revision,
        "bytes": sizes(line),
        "here": sorted(line.manifest.precisions) if line.manifest else [],
        "damaged": line.damaged,
        "used": line.used,
    }


def sizes(line: Line) -> dict[Precision, int | None]:
    """Bytes of each precision that is published or here; None where that is known in part only."""
    there = {*line.spec.files, *(line.manifest.precisions if line.manifest else ())}
    return {precision: _bytes(line, precision) for precision in sorted(there, key=PRECISIONS.index)}


def _bytes(line: Line, precision: Precision) -> int | None:
    """Size of a precision with the common files, None where it is known in part only."""
    if line.manifest and precision in line.manifest.precisions:
        files = line.manifest.files(precision)
    else:
        files = {**line.spec.files[precision], **line.spec.common}
    found = [file.size for file in files.values()]
    return None if None in found else sum(size or 0 for size in found)


def pull(config: Config, name: str, precision: Precision, heard: Heard) -> str:
    """Fetch one precision of a model, going on where an earlier fetch stopped. Returns a sentence.

    Whatever `heard` raises ends it; what has come so far stays for the next time.

    Raises:
        ModelError: there is no such model, it is not published so, or it cannot be fetched.

    """
    from urbextag.models.catalogue import find
    from urbextag.models.hub import pull as pull_one
    from urbextag.models.installed import models_folder

    @contextmanager
    def bar(label: str, total: int) -> Iterator[Callable[[int, str], None]]:
        yield lambda done, note: heard(done, total, note)

    folder = models_folder(config.models)
    found = pull_one(find(folder, name), precision, folder, told=lambda said: heard(0, 0, said), bar=bar)
    size = sum(path.stat().st_size for path in found.parts.values())
    return f"{name} {precision} is here and whole: {size / 1e6:,.0f} MB."


def verify(config: Config, name: str, precision: Precision, heard: Heard) -> str:
    """Hash the files of one precision of a model again. Returns a sentence.

    Raises:
        ModelError: it is not here, or a file is damaged or missing.

    """
    from urbextag.models.catalogue import find
    from urbextag.models.installed import models_folder
    from urbextag.models.upkeep import size_noted
    from urbextag.models.upkeep import verify as verify_one

    folder = models_folder(config.models)
    spec = find(folder, name)
    total = size_noted(folder, name)
    files = verify_one(folder, name, lambda done, note: heard(done, total, note))
    own = [file for file in files if precision in file.precisions]
    if not own:
        raise ModelError(f"Model {name} is not here in {precision}", spec.how_to_get(precision))
    bad = [file for file in own if file.state != "whole"]
    if bad:
        raise ModelError(_told(bad), spec.how_to_get(precision))
    return f"{name} {precision}: every one of {len(own)} files is whole."


def _told(bad: list[Verified]) -> str:
    return "; ".join(f"{file.path} of {file.model} {file.reason}" for file in bad)
