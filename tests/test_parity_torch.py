"""The ONNX classifier against the PyTorch model it was made from; needs the [export] extra (make test-export)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from urbextag.models import EFFICIENTNET_LITE2
from urbextag.stages.imagenet import prepare, softmax

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parent.parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load(ROOT / "tools" / "make_imagenet_onnx.py")


@pytest.fixture(scope="module")
def batches(tool: ModuleType) -> list[np.ndarray]:
    draw = load(ROOT / "demo" / "draw_photos.py")
    drawn = [draw.bricks((640, 480), seed=21), draw.trespass_sign(), draw.floor_plan(), draw.newspaper()]
    whole = [prepare(np.asarray(picture.convert("RGB"))) for picture in [*tool.open_photos(tool.DEMO_PHOTOS), *drawn]]
    return whole + tool.views(tool.open_photos(tool.DEMO_PHOTOS), per_photo=4, seed=99)


@pytest.fixture(scope="module")
def model(tool: ModuleType):
    pytest.importorskip("torch")
    return tool.torch_model()


@pytest.fixture(scope="module")
def reference(model, batches: list[np.ndarray]) -> np.ndarray:
    import torch

    with torch.no_grad():
        return np.concatenate([model(torch.from_numpy(batch)).numpy() for batch in batches])


def test_fp32_onnx_gives_the_logits_of_torch(tool: ModuleType, model, batches, reference, tmp_path: Path):
    tool.export_fp32(model, tmp_path / "fp32.onnx")
    logits, _ = tool.logits_of(tmp_path / "fp32.onnx", batches)
    np.testing.assert_allclose(logits, reference, atol=1e-3)


def test_int8_agrees_with_torch(tool: ModuleType, batches, reference):
    logits, _ = tool.logits_of(EFFICIENTNET_LITE2.path, batches)
    agreement = tool.agreement(reference, logits)
    assert agreement["top1"] >= 0.8
    assert agreement["top5"] >= 0.85
    sure = softmax(reference).max(axis=1) > 0.6
    assert sure.any()
    assert (logits.argmax(1) == reference.argmax(1))[sure].all()
