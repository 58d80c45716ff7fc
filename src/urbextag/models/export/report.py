"""What an export found out: differences against torch, agreement per precision, and the files it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from urbextag.choices import Precision
from urbextag.errors import ModelError
from urbextag.models.catalogue import Role

TOLERANCE: dict[Role, float] = {"scene": 1e-4, "tags": 1e-3}
"""Largest absolute difference between ONNX and torch in fp32: of embeddings, and of features and step logits."""

FLOOR: dict[Role, dict[Precision, float]] = {"scene": {"fp16": 0.99, "int8": 0.8}, "tags": {"fp16": 0.7, "int8": 0.5}}
"""Least agreement with fp32 (see `Agreement.value`); below it the weights did not survive the conversion. Low on
purpose: it tells damage from loss, and how much loss is too much is for the owner to judge by the figures."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one ONNX file in fp32 is from torch on the same input."""

    piece: str
    """Part of the model, or `part: output` where a part has several outputs."""
    largest: float
    """Largest absolute difference."""
    note: str
    """On what it was measured."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a precision agrees with fp32, on files as written, in ONNX Runtime."""

    precision: Precision
    value: float
    """Dual encoders: least cosine between embeddings. Florence-2: share of steps with the same likeliest token."""
    note: str


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file of the exported model."""

    precision: Precision | None
    """None: belongs to every precision."""
    part: str
    path: str
    """Within the model's folder."""
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported, where it lies, and how well it agrees."""

    name: str
    folder: Path
    revision: str
    files: tuple[WrittenFile, ...]
    differences: tuple[Difference, ...]
    agreement: tuple[Agreement, ...]
    seconds: float

    def lines(self) -> list[str]:
        """The report for people, a line per figure."""
        return [
            f"{self.name} lies in {self.folder} (revision {self.revision[:12]}, {self.seconds:.0f} s)",
            *(f"  {file.path:<40} {file.size / 1e6:>8.1f} MB" for file in self.files),
            "Largest difference against torch, fp32:",
            *(f"  {found.piece:<40} {found.largest:>11.1e}  {found.note}" for found in self.differences),
            "Agreement with fp32:",
            *(f"  {found.precision:<40} {found.value:>11.4f}  {found.note}" for found in self.agreement),
        ]


def refuse_differences(differences: Sequence[Difference], role: Role) -> None:
    """Let an export pass whose fp32 files say what torch says.

    Raises:
        ModelError: a difference is above `TOLERANCE`, or is no number.

    """
    beyond = [found for found in differences if not found.largest <= TOLERANCE[role]]
    if beyond:
        figures = "; ".join(f"{found.piece} {found.largest:.1e} ({found.note})" for found in beyond)
        raise ModelError(
            f"The exported model differs from torch by more than {TOLERANCE[role]:.0e}: {figures}",
            "Report this with the versions of torch and transformers; the model was not kept",
        )


def refuse_agreement(found: Agreement, role: Role) -> None:
    """Let a precision pass that still resembles fp32.

    Raises:
        ModelError: the agreement is below `FLOOR`, or is no number.

    """
    if not found.value >= (floor := FLOOR[role][found.precision]):
        raise ModelError(
            f"In {found.precision} the model agrees with fp32 by {found.value:.3f} only, "
            f"expected at least {floor} ({found.note})",
            "Export it in another precision: --precision fp32",
        )
