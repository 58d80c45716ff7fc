"""Tiny checkpoints through the whole of `urbextag models export`; needs the [export] extra (make test-export)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from urbextag.choices import PRECISIONS
from urbextag.errors import ModelError
from urbextag.models.catalogue import GenerationSpec
from urbextag.models.export import export_checkpoint
from urbextag.models.export.quantise import convert
from urbextag.models.installed import installed
from urbextag.models.layout import check
from urbextag.models.upkeep import verify

pytestmark = pytest.mark.torch
sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))


def silent(sentence: str) -> None:
    """Hear nothing."""


def makers() -> dict[str, Callable[[Path], None]]:
    import tiny_dual_encoders
    import tiny_florence

    return {**tiny_dual_encoders.FAMILIES, "florence2": tiny_florence.checkpoint}


@pytest.fixture(scope="module", params=["siglip", "siglip2", "clip", "florence2"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random checkpoint as transformers saves it."""
    folder: Path = tmp_path_factory.mktemp("checkpoints") / f"tiny-{request.param}"
    folder.mkdir()
    makers()[request.param](folder)
    return folder


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("checkpoints") / "tiny"
    folder.mkdir()
    makers()["siglip"](folder)
    return folder


def test_every_family_is_exported_checked_and_installed(tiny: Path, tmp_path: Path):
    heard: list[str] = []
    report = export_checkpoint(tiny, tmp_path, None, PRECISIONS, heard.append)
    assert report.name == tiny.name
    assert heard
    assert all(found.largest < 1e-4 for found in report.differences)
    least = 0.75 if "florence" in tiny.name else 0.99  # the likeliest of random tokens is likelier by a hair's breadth
    assert {found.precision: found.value > least for found in report.agreement} == {"fp16": True, "int8": True}
    assert all(file.state == "whole" for file in verify(tmp_path, tiny.name))
    for precision in PRECISIONS:
        check(installed(tmp_path, tiny.name, precision))
    left = {path.name for path in tmp_path.iterdir()} - {".locks"}
    assert left == {tiny.name}
    assert len(report.lines()) == 3 + len(report.files) + len(report.differences) + len(report.agreement)


def test_a_later_precision_joins_and_other_weights_replace(siglip: Path, tmp_path: Path):
    models = tmp_path / "models"
    first = export_checkpoint(siglip, models, "m", ["fp32"], silent)
    second = export_checkpoint(siglip, models, "m", ["int8"], silent)
    assert first.revision == second.revision
    assert installed(models, "m", "fp32").revision == installed(models, "m", "int8").revision
    other = shutil.copytree(siglip, tmp_path / "other")
    with_weights(other, lambda name, weight: weight * 1.5)
    third = export_checkpoint(other, models, "m", ["int8"], silent)
    assert third.revision != first.revision
    with pytest.raises(ModelError, match="fp32 is not on this machine"):
        installed(models, "m", "fp32")


def with_weights(folder: Path, change: Callable[[str, Any], Any], only: str = "") -> None:
    """Change the weights of a saved checkpoint whose names have `only` in them."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {name: change(name, weight) if only in name else weight for name, weight in load_file(path).items()}
    save_file({name: weight.contiguous() for name, weight in weights.items()}, path, {"format": "pt"})


def test_weights_that_are_no_numbers_are_refused_and_nothing_is_left(siglip: Path, tmp_path: Path):
    broken = shutil.copytree(siglip, tmp_path / "broken")
    with_weights(broken, lambda name, weight: weight * float("nan"), only="vision_model.head")
    with pytest.raises(ModelError, match="differs from torch.*vision_model nan"):
        export_checkpoint(broken, tmp_path / "models", None, ["int8"], silent)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".locks"]


def test_an_export_that_is_stopped_leaves_what_was_there(siglip: Path, tmp_path: Path):
    export_checkpoint(siglip, tmp_path, "m", ["int8"], silent)

    def stop(sentence: str) -> None:
        if "fp16" in sentence:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_checkpoint(siglip, tmp_path, "m", ["fp16"], stop)
    assert {path.name for path in tmp_path.iterdir()} == {".locks", "m"}
    check(installed(tmp_path, "m", "int8"))


def test_a_file_with_a_name_of_its_own_is_exported(siglip: Path, tmp_path: Path):
    folder = shutil.copytree(siglip, tmp_path / "runs")
    (folder / "model.safetensors").rename(folder / "best.safetensors")
    report = export_checkpoint(folder / "best.safetensors", tmp_path / "models", None, ["fp32"], silent)
    assert report.name == "best"
    assert report.revision == export_checkpoint(siglip, tmp_path / "models", None, ["fp32"], silent).revision


def test_a_prompt_goes_to_generative_models_only(siglip: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="takes no prompt"):
        export_checkpoint(siglip, tmp_path, None, ["fp32"], silent, prompt="context")
    folder = tmp_path / "florence"
    folder.mkdir()
    makers()["florence2"](folder)
    export_checkpoint(folder, tmp_path / "models", "f", ["int8"], silent, prompt="context")
    generation = installed(tmp_path / "models", "f", "int8").spec.generation
    assert isinstance(generation, GenerationSpec)
    assert generation.prompt == "context"


@pytest.fixture
def graph(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Gather(table, ids) as the only thing in an ONNX file; some rows are many times as large as the others."""
    from onnx import TensorProto, helper, numpy_helper, save

    table = np.random.default_rng(3).standard_normal((700, 100)).astype(np.float32)
    table[::50] *= 100
    node = helper.make_node("Gather", ["table", "ids"], ["embeds"], axis=0)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])
    embeds = helper.make_tensor_value_info("embeds", TensorProto.FLOAT, ["n", 100])
    made = helper.make_graph([node], "g", [ids], [embeds], [numpy_helper.from_array(table, "table")])
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "g.onnx")
    return tmp_path / "g.onnx", table


def test_a_table_keeps_its_small_rows_beside_large_ones(graph: tuple[Path, np.ndarray]):
    from onnxruntime import InferenceSession

    path, table = graph
    target = path.with_name("int8.onnx")
    convert(path, target, "int8")
    (found,) = InferenceSession(target).run(None, {"ids": np.arange(700)})
    assert target.stat().st_size < path.stat().st_size / 3.5
    worst = np.abs(found - table).max(axis=1) / np.abs(table).max(axis=1)
    assert worst.max() < 0.5 / 127 + 1e-6


def test_fp16_keeps_the_types_of_inputs_and_outputs(graph: tuple[Path, np.ndarray]):
    from onnxruntime import InferenceSession

    path, table = graph
    target = path.with_name("fp16.onnx")
    convert(path, target, "fp16")
    (found,) = InferenceSession(target).run(None, {"ids": np.arange(700)})
    assert target.stat().st_size < path.stat().st_size * 0.55
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, table, rtol=1e-3, atol=1e-6)
