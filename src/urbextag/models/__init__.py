"""The model files that ship inside the package: where each lies and the checksum that proves it whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent / "data"
REINSTALL = "Install urbextag again (pip install --force-reinstall urbextag)"


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """One file under `models/data`."""

    name: str
    path: Path
    sha256: str
    """Of the whole file, in hex; printed by the tool that makes the file."""
    licence: Path


EFFICIENTNET_LITE2 = PackagedModel(
    name="efficientnet-lite2-int8",
    path=DATA / "efficientnet_lite2_int8.onnx",
    sha256="2659181509c5519233fb30a1fb73f2902093c2fed086eb069cc2a3c8e42e3633",
    licence=DATA / "LICENSE-efficientnet-lite2",
)
