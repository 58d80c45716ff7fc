"""The export of dual encoders against torch and transformers; rebuilds the tiny models (make test-export)."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from urbextag.errors import ModelError
from urbextag.models.catalogue import ModelSpec

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parent.parent
TINY = ROOT / "tests" / "data" / "tiny"
FAMILIES = ("siglip", "siglip2", "clip")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    pytest.importorskip("torch")
    path = ROOT / "tools" / "tiny_dual_encoders.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def saved(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A copy of a tiny checkpoint that a test may spoil."""
    originals: dict[str, Path] = {}

    def copy(family: str) -> Path:
        if family not in originals:
            originals[family] = tmp_path_factory.mktemp("checkpoint") / f"tiny-{family}"
            originals[family].mkdir()
            tool.FAMILIES[family](originals[family])
        target = tmp_path_factory.mktemp("copy") / f"tiny-{family}"
        shutil.copytree(originals[family], target)
        return target

    return copy


def run(path: Path, values: np.ndarray) -> np.ndarray:
    from urbextag.models.onnx_session import open_session

    session = open_session(path, 1, "Make it again")
    name = session.get_inputs()[0].name
    rows = session.run(None, {name: values})[0]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def edit(path: Path, **changes: Any) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**told, **changes}), encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
def test_rebuilt_models_say_what_the_committed_ones_say(tool: ModuleType, family: str, tmp_path: Path):
    tool.make(family, tmp_path)
    committed = TINY / family
    assert (tmp_path / "golden.json").read_text() == (committed / "golden.json").read_text()
    assert (tmp_path / "tokenizer.json").read_text() == (committed / "tokenizer.json").read_text()
    old, new = (ModelSpec.model_validate_json((at / "spec.json").read_text()) for at in (committed, tmp_path))
    assert new == old
    with np.load(tmp_path / "golden.npz") as fresh, np.load(committed / "golden.npz") as kept:
        assert set(fresh) == set(kept)
        for name in fresh:
            np.testing.assert_allclose(fresh[name], kept[name], rtol=0, atol=2e-3 if name == "logits" else 1e-4)
        for folder in (tmp_path, committed):
            images = run(folder / "onnx" / "vision_model.onnx", kept["values"])  # all at once: the batch is dynamic
            np.testing.assert_allclose(images, fresh["images"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_export_writes_the_published_names_and_measures_both_halves(saved, family: str, tmp_path: Path):
    from urbextag.models.export.dual_encoder import export
    from urbextag.models.export.report import refuse_differences

    differences = export(saved(family), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"vision_model.onnx", "text_model.onnx", "tokenizer.json"}
    assert [found.piece for found in differences] == ["vision_model", "text_model"]
    refuse_differences(differences, "scene")
    from onnxruntime import InferenceSession

    outputs = {
        part: [entry.name for entry in InferenceSession(tmp_path / f"{part}.onnx").get_outputs()]
        for part in ("vision_model", "text_model")
    }
    named = ("image_embeds", "text_embeds") if family == "clip" else ("pooler_output", "pooler_output")
    assert outputs == {"vision_model": [named[0]], "text_model": [named[1]]}


def test_scale_and_bias_are_those_of_the_weights(saved):
    from urbextag.models.export.dual_encoder_spec import spec_of

    spec = spec_of(saved("siglip"))
    assert spec.logit_scale == pytest.approx(np.exp(3.2), rel=1e-6)
    assert spec.logit_bias == pytest.approx(-4.5)
    assert spec_of(saved("clip")).logit_bias is None


def test_revision_names_the_weights_and_nothing_else(saved):
    from urbextag.models.export.dual_encoder_spec import spec_of

    first, second = saved("siglip"), saved("siglip")
    edit(second / "tokenizer_config.json", remark="another")
    assert spec_of(first).revision == spec_of(second).revision
    content = bytearray((second / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (second / "model.safetensors").write_bytes(content)
    assert spec_of(first).revision != spec_of(second).revision


def test_sentencepiece_with_its_own_normalisation_reads_as_transformers(tool: ModuleType, tmp_path: Path):
    """With nmt_nfkc, which published SigLIP has; the committed tiny model has a few rules of its own."""
    import sentencepiece
    from transformers import SiglipTokenizer

    from urbextag.models.export.tokenizer import PROMPTS, from_sentencepiece, read_by_transformers
    from urbextag.models.installed import Installed
    from urbextag.models.tokens import canonical, load_tokenizer

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line.lower() for line in tool.CORPUS),
        model_writer=written,
        vocab_size=200,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (tmp_path / "spiece.model").write_bytes(written.getvalue())
    from_sentencepiece(tmp_path / "spiece.model").save(str(tmp_path / "tokenizer.json"))
    spec = ModelSpec.model_validate_json((TINY / "siglip" / "spec.json").read_text())
    found = Installed(spec, "", "fp32", {"tokenizer": tmp_path / "tokenizer.json"})
    ours, theirs = load_tokenizer(found), SiglipTokenizer(str(tmp_path / "spiece.model"), model_max_length=64)
    for prompt, expected in zip(PROMPTS, read_by_transformers(theirs, PROMPTS, spec), strict=True):
        assert ours.encode(canonical(prompt, found)).ids == expected, prompt


def test_tokenizer_file_that_reads_otherwise_is_made_anew_from_sentencepiece(saved, tmp_path: Path):
    from urbextag.models.export.dual_encoder import export

    checkpoint = saved("siglip")
    shutil.copy(TINY / "siglip2" / "tokenizer.json", checkpoint / "tokenizer.json")
    export(checkpoint, tmp_path)
    assert (tmp_path / "tokenizer.json").read_text() == (TINY / "siglip" / "tokenizer.json").read_text()


def test_tokenizer_from_vocabulary_and_merges_is_the_same(saved, tmp_path: Path):
    from urbextag.models.export.dual_encoder import export

    checkpoint = saved("clip")
    whole = json.loads((checkpoint / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (checkpoint / "tokenizer.json").unlink()
    (checkpoint / "vocab.json").write_text(json.dumps(whole["vocab"]), encoding="utf-8")
    merges = [" ".join(pair) for pair in whole["merges"]]
    (checkpoint / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    export(checkpoint, tmp_path)
    told = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert (told["vocab"], told["merges"]) == (whole["vocab"], whole["merges"])


@pytest.mark.parametrize("family", FAMILIES)
def test_checkpoint_without_tokenizer_is_refused(saved, family: str, tmp_path: Path):
    from urbextag.models.export.dual_encoder import export

    checkpoint = saved(family)
    for name in ("tokenizer.json", "spiece.model", "vocab.json"):
        (checkpoint / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="has no tokenizer: expected"):
        export(checkpoint, tmp_path)


@pytest.mark.parametrize(
    ("family", "changes", "says"),
    [
        ("siglip", {"resample": 0}, "resizes pictures by filter 0, expected bicubic"),
        ("siglip", {"size": {"height": 32, "width": 48}}, "wants pictures in a way that is not known"),
        ("siglip", {"rescale_factor": 1.0}, "scales pixels by 1.0"),
        ("clip", {"size": {"shortest_edge": 40}}, "wants pictures in a way that is not known"),
    ],
)
def test_pictures_wanted_in_another_way_are_refused(saved, family: str, changes: dict[str, Any], says: str):
    from urbextag.models.export.dual_encoder_spec import spec_of

    checkpoint = saved(family)
    edit(checkpoint / "preprocessor_config.json", **changes)
    with pytest.raises(ModelError, match=says):
        spec_of(checkpoint)


def test_older_numbers_in_place_of_sizes_are_read(saved):
    from urbextag.models.export.dual_encoder_spec import spec_of

    checkpoint = saved("clip")
    expected = spec_of(checkpoint).image
    edit(checkpoint / "preprocessor_config.json", size=32, crop_size=32)
    assert spec_of(checkpoint).image == expected


def test_naflex_and_other_families_are_refused(saved):
    from urbextag.models.export.dual_encoder_spec import spec_of

    checkpoint = saved("siglip")
    edit(checkpoint / "config.json", model_type="siglip2")
    with pytest.raises(ModelError, match="NaFlex"):
        spec_of(checkpoint)
    edit(checkpoint / "config.json", model_type="bert")
    with pytest.raises(ModelError, match="found model_type 'bert'"):
        spec_of(checkpoint)


def test_missing_weights_are_refused_not_drawn_at_random(saved, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    from urbextag.models.export.dual_encoder import export

    checkpoint = saved("siglip")
    weights = load_file(checkpoint / "model.safetensors")
    del weights["text_model.head.weight"]
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 weights of its text_model .*head\.weight"):
        export(checkpoint, tmp_path)
