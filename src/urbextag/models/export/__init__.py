"""`urbextag models export`: a transformers checkpoint becomes ONNX files that urbextag runs without torch."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from urbextag.choices import Precision
from urbextag.errors import ModelError
from urbextag.models.catalogue import PARTS, Manifest, ModelSpec, Role
from urbextag.models.export.checkpoint import CONFIG, Checkpoint, look, stage
from urbextag.models.export.install import check_name, file_spec, install, onnx_path, revision_of, workplace
from urbextag.models.export.quiet import quiet_torch
from urbextag.models.export.report import (
    Agreement,
    Difference,
    ExportReport,
    WrittenFile,
    refuse_agreement,
    refuse_differences,
)
from urbextag.models.installed import Installed, alone

__all__ = ["Agreement", "Difference", "ExportReport", "WrittenFile", "export_checkpoint"]

EXTRA = ("torch", "transformers", "onnx", "sentencepiece")
"""What the extra [export] brings and an export imports."""
TOKENIZER = "tokenizer.json"
PIECES: Mapping[Role, Mapping[str, str]] = {
    "scene": {part: part for part in PARTS["scene"]},
    "tags": {part: "decoder_with_past_model" if part == "decoder" else part for part in PARTS["tags"]},
}
"""Part -> name of the ONNX file that a family's export writes, without its ending."""

Told = Callable[[str], None]


def export_checkpoint(
    checkpoint: Path,
    folder: Path,
    name: str | None,
    precisions: Sequence[Precision],
    told: Told,
    *,
    prompt: Literal["task", "context"] = "task",
) -> ExportReport:
    """Make an installed model of `checkpoint`: fp32 ONNX files, checked against torch, then the asked precisions.

    Takes up to three times the model's size in fp32 of memory, and twice that size on the disk while it works. An
    exported model of the same name is replaced; precisions made before from the same weights stay.

    Args:
        checkpoint: a folder that transformers saved (config.json, model.safetensors or shards, tokenizer files), or one
            .safetensors file with those beside it.
        folder: of all models; made where it is missing.
        name: the model's name; None = the checkpoint's.
        precisions: at least one.
        told: hears what happens, a sentence at a time, without a full stop.
        prompt: `context` for generative models that were fine-tuned to read a sentence about the place.

    Returns:
        The files, their largest differences against torch in fp32, and how far each precision agrees with fp32.

    Raises:
        ModelError: the extra [export] is not installed; the checkpoint is missing, damaged or of no supported family;
            the name is taken; or the result differs from torch or holds no numbers. Nothing is left behind then.

    """
    started = time.monotonic()
    found = look(checkpoint)
    require_extra()
    name = check_name(folder, name or found.default_name)
    needed = 2 * 4 * found.parameters  # in fp32, and as much again for the results and the converters' own copies
    with alone(folder, name, told), workplace(folder / f".exporting-{name}", needed) as work:
        told(f"{checkpoint}: {found.model_type}, {found.parameters / 1e6:.1f} million parameters")
        told("Writing ONNX files in fp32 and comparing them with torch")
        making, differences = _make_fp32(found, work, name, prompt)
        agreement = _convert(making, precisions, told)
        manifest = install(making.result, folder, _manifest(making, precisions))
    seconds = time.monotonic() - started
    files = tuple(_written(manifest, precisions))
    return ExportReport(name, folder / name, manifest.revision, files, differences, agreement, seconds)


def require_extra() -> None:
    """Raise ModelError where a package that the export imports is not installed."""
    missing = [package for package in EXTRA if importlib.util.find_spec(package) is None]
    if missing:
        raise ModelError(
            f"Exporting needs {', '.join(missing)}, not installed here", "Install them: pip install 'urbextag[export]'"
        )


@dataclass(frozen=True, slots=True)
class _Making:
    """An export under way."""

    spec: ModelSpec
    revision: str
    fp32: Path
    """Folder with what the family's export wrote."""
    result: Path
    """Folder that becomes the model's, or whose files do."""

    def installed(self, precision: Precision) -> Installed:
        """The files of a precision where they lie while the export is under way."""
        parts = {part: self.path(part, precision) for part in PARTS[self.spec.role]}
        return Installed(self.spec, self.revision, precision, {**parts, "tokenizer": self.fp32 / TOKENIZER})

    def path(self, part: str, precision: Precision) -> Path:
        """Where one part lies meanwhile."""
        piece = PIECES[self.spec.role][part]
        return self.fp32 / f"{piece}.onnx" if precision == "fp32" else self.result / onnx_path(piece, precision)


def _make_fp32(
    found: Checkpoint, work: Path, name: str, prompt: Literal["task", "context"]
) -> tuple[_Making, tuple[Difference, ...]]:
    """The family's own part: torch is used here, and nowhere after."""
    spec_of, export = _family(found.role)
    source, fp32, result = stage(found, work / "links"), work / "fp32", work / "result"
    with quiet_torch():
        spec = spec_of(source)
    if spec.generation is not None:
        spec = spec.model_copy(update={"generation": spec.generation.model_copy(update={"prompt": prompt})})
    elif prompt != "task":
        raise ModelError(f"{found.folder} is a {found.model_type} model, which takes no prompt", "Leave out --prompt")
    for folder in (fp32, result / "onnx"):
        folder.mkdir(parents=True)
    with quiet_torch():
        differences = tuple(export(source, fp32))
    refuse_differences(differences, spec.role)
    expected = {TOKENIZER, *(f"{piece}.onnx" for piece in PIECES[spec.role].values())}
    if other := {path.name for path in fp32.iterdir()} ^ expected:
        raise ModelError(
            f"The export of {found.folder} wrote other files than expected: {', '.join(sorted(other))}",
            "Take a smaller model: a part of this one does not fit into one ONNX file (2 GiB)",
        )
    revision = revision_of([*found.weights, found.folder / CONFIG, fp32 / TOKENIZER])
    own: dict[str, Any] = {"name": name, "revision": None, "files": {}, "common": {}}  # in the manifest itself
    return _Making(spec.model_copy(update=own), revision, fp32, result), differences


def _convert(making: _Making, precisions: Sequence[Precision], told: Told) -> tuple[Agreement, ...]:
    """Write each precision, hold it against fp32, and try it as it is going to be used."""
    from urbextag.models.export.agreement import ask, compare
    from urbextag.models.export.quantise import convert
    from urbextag.models.layout import check

    agreement = []
    told("Asking the model in fp32")
    fp32 = ask(making.installed("fp32"), None)
    if "fp32" in precisions:
        check(making.installed("fp32"))
    for precision in (precision for precision in precisions if precision != "fp32"):
        told(f"Writing {precision} and comparing it with fp32")
        for part in PARTS[making.spec.role]:
            convert(making.path(part, "fp32"), making.path(part, precision), precision)
        agreement.append(compare(making.installed(precision), fp32, ask(making.installed(precision), fp32)))
        refuse_agreement(agreement[-1], making.spec.role)
        check(making.installed(precision))
    return tuple(agreement)


def _manifest(making: _Making, precisions: Sequence[Precision]) -> Manifest:
    """All files brought to where the manifest says."""
    role, result = making.spec.role, making.result
    if "fp32" in precisions:
        for piece in PIECES[role].values():
            (making.fp32 / f"{piece}.onnx").rename(result / onnx_path(piece, "fp32"))
    (making.fp32 / TOKENIZER).rename(result / TOKENIZER)
    return Manifest(
        name=making.spec.name,
        revision=making.revision,
        precisions={
            precision: {part: file_spec(result, onnx_path(piece, precision)) for part, piece in PIECES[role].items()}
            for precision in precisions
        },
        common={"tokenizer": file_spec(result, TOKENIZER)},
        spec=making.spec,
    )


def _family(role: Role) -> tuple[Callable[[Path], ModelSpec], Callable[[Path, Path], list[Difference]]]:
    """What reads a checkpoint's settings, and what writes its graphs with torch and compares them."""
    if role == "scene":
        from urbextag.models.export.dual_encoder import export
        from urbextag.models.export.dual_encoder_spec import spec_of

        return spec_of, export
    from urbextag.models.export import florence

    return florence.spec_of, florence.export


def _written(manifest: Manifest, precisions: Sequence[Precision]) -> Iterator[WrittenFile]:
    groups = [(precision, manifest.precisions[precision]) for precision in precisions]
    for precision, files in [*groups, (None, manifest.common)]:
        for part, file in files.items():
            if file.size is not None and file.sha256 is not None:
                yield WrittenFile(precision, part, file.path, file.size, file.sha256)
