"""The export of Florence-2, and the committed tiny model, against torch; needs the [export] extra."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from small_florence import ARRAYS, GOLDEN, PUBLISHED, SPEC, SPLIT
from urbextag.errors import ModelError

pytestmark = pytest.mark.torch
TOOLS = Path(__file__).parent.parent / "tools"


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = importlib.util.spec_from_file_location("tiny_florence", TOOLS / "tiny_florence.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.path.insert(0, str(TOOLS))
    found.loader.exec_module(module)
    yield module
    sys.path.remove(str(TOOLS))
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def checkpoint(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "Tiny-Florence"
    tool.checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    from urbextag.models.export.florence import export

    folder = tmp_path_factory.mktemp("exported")
    return folder, {found.piece: found.largest for found in export(checkpoint, folder)}


def test_export_agrees_with_torch(exported: tuple[Path, dict[str, float]]):
    folder, differences = exported
    assert set(differences) == {"vision_encoder", "embed_tokens", "encoder_model", "decoder_with_past_model"}
    assert max(differences.values()) < 1e-3
    assert differences["encoder_model"] < 1e-4
    assert {path.name for path in folder.iterdir()} == {*(f"{piece}.onnx" for piece in differences), "tokenizer.json"}


def test_every_weight_is_written_once_but_the_tied_embedding(exported: tuple[Path, dict[str, float]]):
    import onnx
    from onnx import numpy_helper

    seen: dict[bytes, str] = {}
    twice = []
    for path in sorted(exported[0].glob("*.onnx")):
        for tensor in onnx.load(path).graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.ndim == 2 and array.size > 256:
                key = min(array.tobytes(), array.T.tobytes())
                if key in seen:
                    twice.append((seen[key], path.name))
                seen[key] = path.name
    assert twice == [("decoder_with_past_model.onnx", "embed_tokens.onnx")]


def test_logits_are_made_for_one_position_alone(exported: tuple[Path, dict[str, float]]):
    import onnx

    graph = onnx.load(exported[0] / "decoder_with_past_model.onnx").graph
    (tokens,) = (value for value in graph.input if value.name == "inputs_embeds")
    assert [axis.dim_value for axis in tokens.type.tensor_type.shape.dim] == [0, 1, 32]


def test_settings_are_read_from_the_checkpoint(checkpoint: Path):
    from urbextag.models.export.florence import spec_of

    spec = spec_of(checkpoint)
    assert spec.name == "tiny-florence"
    assert spec.image == SPEC.image
    assert spec.generation is not None and SPEC.generation is not None
    same = spec.generation.model_copy(update={"tasks": SPEC.generation.tasks})
    assert same == SPEC.generation


def test_other_checkpoints_are_refused(checkpoint: Path, tmp_path: Path):
    from urbextag.models.export.florence import spec_of

    with pytest.raises(ModelError, match=r"config\.json is missing"):
        spec_of(tmp_path)
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "bert"}), encoding="utf-8")
    with pytest.raises(ModelError, match="model_type 'bert'"):
        spec_of(tmp_path)
    own_code = {**config, "auto_map": {"AutoConfig": "configuration_florence2.Florence2Config"}}
    (tmp_path / "config.json").write_text(json.dumps(own_code), encoding="utf-8")
    with pytest.raises(ModelError, match="code of its own"):
        spec_of(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        spec_of(tmp_path)


def test_committed_goldens_are_what_transformers_says(tool: ModuleType, checkpoint: Path):
    arrays, told = tool.goldens(checkpoint)
    assert sorted(arrays) == sorted(ARRAYS.files)
    for name, array in arrays.items():
        np.testing.assert_allclose(array, ARRAYS[name], atol=1e-4, err_msg=name)
    assert json.loads(json.dumps(told)) == GOLDEN


def test_committed_files_are_what_the_tool_writes(tool: ModuleType, tmp_path: Path):
    import onnx
    from onnx import numpy_helper

    tool.write(tmp_path)
    for folder in (PUBLISHED, SPLIT):
        for path in folder.glob("*.onnx"):
            made, kept = (onnx.load(file).graph for file in (tmp_path / folder.name / path.name, path))
            assert [value.name for value in made.input] == [value.name for value in kept.input]
            assert [value.name for value in made.output] == [value.name for value in kept.output]
            for new, old in zip(made.initializer, kept.initializer, strict=True):
                np.testing.assert_array_equal(numpy_helper.to_array(new), numpy_helper.to_array(old))
    assert (tmp_path / "florence2" / "tokenizer.json").read_bytes() == (PUBLISHED / "tokenizer.json").read_bytes()
