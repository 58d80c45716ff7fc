"""`urbextag models export` without torch: what is refused before any work, how files are put in place, arithmetic."""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from urbextag.errors import ModelError
from urbextag.models.catalogue import FileSpec, ImageSpec, Manifest, ModelSpec, read_manifest
from urbextag.models.export import export_checkpoint
from urbextag.models.export.agreement import Said, compare, pictures
from urbextag.models.export.checkpoint import look, slug
from urbextag.models.export.install import check_name, file_spec, install, revision_of, workplace
from urbextag.models.export.quantise import quantise_rows
from urbextag.models.export.report import Agreement, Difference, refuse_agreement, refuse_differences
from urbextag.models.installed import Installed, installed, write_manifest
from urbextag.models.upkeep import verify

SIGLIP = ("logit_scale", "logit_bias", "vision_model.head.probe", "text_model.head.weight")
MICROSOFT = ("vision_tower.blocks.0.weight", "image_projection", "language_model.model.shared.weight")
SHARDS = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def silent(sentence: str) -> None:
    """Hear nothing."""


def write_weights(path: Path, names: tuple[str, ...], dtype: str = "F32") -> None:
    """A safetensors file with four elements under each name."""
    size = {"F32": 4, "F16": 2, "U8": 1}[dtype] * 4
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for index, name in enumerate(names):
        header[name] = {"dtype": dtype, "shape": [2, 2], "data_offsets": [index * size, (index + 1) * size]}
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + bytes(size * len(names)))


def checkpoint(folder: Path, names: tuple[str, ...] = SIGLIP, **config: Any) -> Path:
    """A folder that looks like a checkpoint from outside."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "siglip"} | config), encoding="utf-8")
    if names:
        write_weights(folder / "model.safetensors", names)
    return folder


def test_a_checkpoint_is_told_by_its_config_and_weights(tmp_path: Path):
    found = look(checkpoint(tmp_path / "My SigLIP_v1.2"))
    assert (found.model_type, found.role, found.parameters) == ("siglip", "scene", 16)
    assert found.default_name == "my-siglip-v1.2"


def test_a_file_of_weights_stands_for_its_folder(tmp_path: Path):
    folder = checkpoint(tmp_path / "runs", names=())
    write_weights(folder / "Urbex Step-900.safetensors", SIGLIP)
    found = look(folder / "Urbex Step-900.safetensors")
    assert found.folder == folder
    assert found.default_name == "urbex-step-900"


def test_the_hub_cache_gives_the_repository_as_name(tmp_path: Path):
    snapshot = tmp_path / "models--google--siglip-base-patch16-224" / "snapshots" / ("7f" * 20)
    assert look(checkpoint(snapshot)).default_name == "siglip-base-patch16-224"


def test_shards_are_found_by_the_index(tmp_path: Path):
    folder = checkpoint(tmp_path / "sharded", names=())
    for shard, names in zip(SHARDS, (SIGLIP[:2], SIGLIP[2:]), strict=True):
        write_weights(folder / shard, names)
    index = {"weight_map": {name: SHARDS[number // 2] for number, name in enumerate(SIGLIP)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    found = look(folder)
    assert (len(found.weights), found.parameters) == (2, 16)
    (folder / SHARDS[1]).unlink()
    with pytest.raises(ModelError, match=SHARDS[1]):
        look(folder)


def test_nothing_there_or_no_checkpoint(tmp_path: Path):
    with pytest.raises(ModelError, match="no checkpoint"):
        look(tmp_path / "none")
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        look(tmp_path)
    (tmp_path / "model.ckpt").touch()
    with pytest.raises(ModelError, match=r"not a \.safetensors file"):
        look(tmp_path / "model.ckpt")


@pytest.mark.parametrize("kind", ["qwen3_vl", None, 7])
def test_other_families_are_refused_by_name(tmp_path: Path, kind: Any):
    with pytest.raises(ModelError, match=f"{kind!r}, supported are: siglip, siglip2, clip, florence2"):
        look(checkpoint(tmp_path / "other", model_type=kind))


@pytest.mark.parametrize(("names", "more"), [(MICROSOFT, {}), (SIGLIP, {"auto_map": {"AutoModel": "modeling.X"}})])
def test_florence_that_needs_remote_code_is_refused_with_what_to_take(tmp_path: Path, names, more):
    with pytest.raises(ModelError, match="never runs such code") as caught:
        look(checkpoint(tmp_path / "ms", names, model_type="florence2", **more))
    assert "florence-community/Florence-2-base" in caught.value.remedy


def test_pickled_weights_are_not_opened(tmp_path: Path):
    folder = checkpoint(tmp_path / "old", names=())
    (folder / "pytorch_model.bin").write_bytes(b"not even pickle")
    with pytest.raises(ModelError, match="can run any code"):
        look(folder)


def test_half_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no weights called text_model\.\*"):
        look(checkpoint(tmp_path / "vision", names=SIGLIP[:3]))


def test_quantised_weights_are_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="quantised already"):
        look(checkpoint(tmp_path / "told", quantization_config={"bits": 4}))
    folder = checkpoint(tmp_path / "untold", names=())
    write_weights(folder / "model.safetensors", SIGLIP, "U8")
    with pytest.raises(ModelError, match="type U8"):
        look(folder)


@given(kept=st.integers(0, 400), flipped=st.integers(0, 40))
def test_damaged_weights_never_pass_for_whole(tmp_path_factory: pytest.TempPathFactory, kept: int, flipped: int):
    folder = checkpoint(tmp_path_factory.mktemp("damaged") / "c")
    whole = (folder / "model.safetensors").read_bytes()
    cut = bytearray(whole[: min(kept, len(whole) - 1)])
    if flipped < min(8, len(cut)):
        cut[flipped] ^= 0x15
    (folder / "model.safetensors").write_bytes(cut)
    with pytest.raises(ModelError, match="no whole safetensors file"):
        look(folder)


@given(st.text())
def test_a_slug_is_a_name_or_nothing(text: str):
    found = slug(text)
    assert found == "" or check_name(Path("none"), found) == found


def test_without_torch_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="torch") as caught:
        export_checkpoint(checkpoint(tmp_path / "c"), tmp_path / "models", None, ["int8"], silent)
    assert "pip install 'urbextag[export]'" in caught.value.remedy
    assert caught.value.exit_code == 6
    assert not (tmp_path / "models").exists()


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-1e6, 1e6, width=32))
)
def test_a_quantised_row_is_within_half_a_step(table: np.ndarray):
    rows, scales = quantise_rows(table)
    assert rows.dtype == np.int8
    assert scales.shape == (len(table), 1)
    assert (np.abs(rows * scales - table) <= scales * 0.501).all()


def test_differences_beyond_tolerance_or_no_numbers_are_refused():
    refuse_differences([Difference("vision_model", 9e-5, "x")], "scene")
    refuse_differences([Difference("decoder", 9e-4, "x")], "tags")
    for largest in (2e-4, float("nan"), float("inf")):
        with pytest.raises(ModelError, match="differs from torch"):
            refuse_differences([Difference("text_model", 0.0, "x"), Difference("vision_model", largest, "x")], "scene")


def test_agreement_below_the_floor_is_refused():
    refuse_agreement(Agreement("int8", 0.95, "x"), "scene")
    for value in (0.3, float("nan")):
        with pytest.raises(ModelError, match="agrees with fp32 by"):
            refuse_agreement(Agreement("int8", value, "x"), "scene")


def small_spec(name: str, family: Any = "siglip") -> ModelSpec:
    image = ImageSpec(size=8, resize="squash", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    return ModelSpec(name=name, title=name, family=family, licence="NOASSERTION", image=image, files={}, common={})


def test_agreement_is_the_least_cosine_or_the_share_of_same_tokens():
    turned = np.array([[1, 0], [0.6, 0.8]], np.float32)
    upright = np.array([[1, 0], [0, 1]], np.float32)
    scene = Installed(small_spec("a"), "0" * 40, "int8", {})
    assert compare(scene, Said(upright), Said(turned)).value == pytest.approx(0.8)
    tags = replace(scene, spec=small_spec("b", "florence2"))
    assert compare(tags, Said(upright), Said(np.array([[2, 1], [3, 1]], np.float32))).value == 0.5


def test_the_pictures_are_the_same_each_time_and_differ():
    first, again = pictures(3), pictures(3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert np.abs(first[0].astype(int) - first[1]).mean() > 20


def staged(folder: Path, name: str, revision: str, precision: Any, content: bytes) -> Manifest:
    """A model as an export leaves it before it is installed."""
    (folder / "onnx").mkdir(parents=True)
    paths = {part: f"onnx/{part}_{precision}.onnx" for part in ("vision_model", "text_model")}
    for path in [*paths.values(), "tokenizer.json"]:
        (folder / path).write_bytes(content)
    files = {part: file_spec(folder, path) for part, path in paths.items()}
    common = {"tokenizer": file_spec(folder, "tokenizer.json")}
    return Manifest(name=name, revision=revision, precisions={precision: files}, common=common, spec=small_spec(name))


def test_install_joins_precisions_of_the_same_weights(tmp_path: Path):
    models = tmp_path / "models"
    models.mkdir()
    for precision in ("int8", "fp16"):
        install(tmp_path / precision, models, staged(tmp_path / precision, "m", "a" * 40, precision, b"same"))
    assert {installed(models, "m", precision).revision for precision in ("int8", "fp16")} == {"a" * 40}
    assert all(file.state == "whole" for file in verify(models, "m"))


def test_install_takes_away_what_other_weights_left(tmp_path: Path):
    models = tmp_path / "models"
    models.mkdir()
    install(tmp_path / "old", models, staged(tmp_path / "old", "m", "a" * 40, "int8", b"old"))
    install(tmp_path / "new", models, staged(tmp_path / "new", "m", "b" * 40, "fp16", b"new one"))
    manifest = read_manifest(models / "m")
    assert manifest is not None
    assert list(manifest.precisions) == ["fp16"]
    assert not list((models / "m").rglob("*int8*"))


def test_a_name_that_is_not_the_exports_is_left_alone(tmp_path: Path):
    assert check_name(tmp_path, "free") == "free"
    for bad in ("", "../out", "a/b", ".hidden"):
        with pytest.raises(ModelError, match="no name for a model"):
            check_name(tmp_path, bad)
    checkpoint(tmp_path / "weights")
    with pytest.raises(ModelError, match="no exported model"):
        check_name(tmp_path, "weights")
    (tmp_path / "pulled").mkdir()
    file = FileSpec(path="tokenizer.json", sha256="0" * 64, size=1)
    write_manifest(tmp_path, Manifest(name="pulled", revision="c" * 40, precisions={}, common={"tokenizer": file}))
    with pytest.raises(ModelError, match="was pulled") as caught:
        check_name(tmp_path, "pulled")
    assert "models remove pulled" in caught.value.remedy
    (tmp_path / "pulled" / "urbextag-model.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged") as caught:
        check_name(tmp_path, "pulled")
    assert "models remove pulled" in caught.value.remedy


def test_a_workplace_is_empty_at_first_and_gone_at_last(tmp_path: Path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "of a killed export").touch()
    with pytest.raises(KeyboardInterrupt), workplace(tmp_path / "w", 1) as work:
        assert list(work.iterdir()) == []
        (work / "half").touch()
        raise KeyboardInterrupt
    assert not (tmp_path / "w").exists()


def test_a_workplace_tells_of_a_full_disk_before_and_while_it_fills(tmp_path: Path):
    with pytest.raises(ModelError, match="Not enough room"), workplace(tmp_path / "w", 2**60):
        pass
    with pytest.raises(ModelError, match="No space left"), workplace(tmp_path / "w", 1):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_revision_names_content_not_places(tmp_path: Path):
    for name, content in {"a": b"1", "b": b"2", "c": b"1"}.items():
        (tmp_path / name).write_bytes(content)
    first = revision_of([tmp_path / "a", tmp_path / "b"])
    assert revision_of([tmp_path / "b", tmp_path / "c"]) == first
    assert revision_of([tmp_path / "a", tmp_path / "a"]) != first
    assert len(first) == 40
