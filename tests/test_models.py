"""The packaged model files and the one function that opens ONNX sessions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from urbextag.errors import ModelError
from urbextag.models import EFFICIENTNET_LITE2, REINSTALL
from urbextag.models.onnx_session import open_session


def test_packaged_model_is_whole_small_and_licensed():
    content = EFFICIENTNET_LITE2.path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == EFFICIENTNET_LITE2.sha256
    assert len(content) < 10_000_000
    assert "Apache License" in EFFICIENTNET_LITE2.licence.read_text()


def test_session_takes_the_threads_it_is_given_and_runs():
    session = open_session(EFFICIENTNET_LITE2.path, 2, REINSTALL, EFFICIENTNET_LITE2.sha256)
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.enable_cpu_mem_arena is False
    assert session.get_providers() == ["CPUExecutionProvider"]
    logits = session.run(None, {"image": np.zeros((1, 3, 260, 260), np.float32)})[0]
    assert logits.shape == (1, 1000)
    assert np.isfinite(logits).all()


def test_missing_file_tells_the_remedy(tmp_path: Path):
    with pytest.raises(ModelError, match="is missing") as caught:
        open_session(tmp_path / "none.onnx", 1, "Pull it again")
    assert caught.value.remedy == "Pull it again"
    assert caught.value.exit_code == 6


def test_folder_in_place_of_file_is_a_model_error(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be read"):
        open_session(tmp_path, 1, REINSTALL)


@pytest.mark.parametrize("kept", [0, 10, 100_000])
def test_truncated_file_is_a_model_error(tmp_path: Path, kept: int):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(EFFICIENTNET_LITE2.path.read_bytes()[:kept])
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_session(cut, 1, REINSTALL)


def test_one_flipped_bit_is_found_by_the_checksum(tmp_path: Path):
    content = bytearray(EFFICIENTNET_LITE2.path.read_bytes())
    content[3_000_000] ^= 1
    flipped = tmp_path / "flipped.onnx"
    flipped.write_bytes(content)
    with pytest.raises(ModelError, match="checksum"):
        open_session(flipped, 1, REINSTALL, EFFICIENTNET_LITE2.sha256)
