"""Puts the tiny random models where `models pull` would put real ones."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from urbextag.models.catalogue import FileSpec, Manifest, ModelSpec
from urbextag.models.installed import Installed, installed, write_manifest

TINY = Path(__file__).parent / "data" / "tiny"


def install(folder: Path, model: str, revision: str | None = None) -> Installed:
    """Install `tests/data/tiny/MODEL` in fp32 into a models folder; `revision` passes it off as another commit."""
    spec = ModelSpec.model_validate_json((TINY / model / "spec.json").read_text(encoding="utf-8"))

    def known(file: FileSpec) -> FileSpec:
        target = folder / spec.name / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TINY / model / file.path, target)
        return FileSpec(
            path=file.path, sha256=hashlib.sha256(target.read_bytes()).hexdigest(), size=target.stat().st_size
        )

    precisions = {"fp32": {part: known(file) for part, file in spec.files["fp32"].items()}}
    common = {part: known(file) for part, file in spec.common.items()}
    write_manifest(
        folder,
        Manifest(name=spec.name, revision=revision or spec.revision, precisions=precisions, common=common, spec=spec),
    )
    return installed(folder, spec.name, "fp32")
