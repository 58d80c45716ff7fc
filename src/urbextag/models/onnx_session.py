"""Opens ONNX files as ONNX Runtime sessions: threads and memory set on purpose, faults told with their remedy."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_QUIET = 3  # ONNX Runtime's severity scale: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


def open_session(path: Path, threads: int, remedy: str, sha256: str | None = None) -> InferenceSession:
    """Open the ONNX file `path` on the CPU.

    Settings and why: `threads` within an operator and one between operators, so that several worker processes share a
    machine by plan; no spinning of idle threads, which takes the cores that other workers need; no memory arena and no
    memory pattern, because photos and text lines differ in size and an arena keeps the largest of every size it met.

    Args:
        path: an `.onnx` file.
        threads: threads within one operator, at least 1.
        remedy: what the user does where the file is missing or damaged (an imperative sentence without full stop).
        sha256: the file's checksum in hex; None = not known, the file's structure alone is checked.

    Raises:
        ModelError: the file is missing, unreadable, not what its checksum says, or not an ONNX model.

    """
    model = _read(path, remedy, sha256)
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    damaged = (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NotImplemented,
        state.RuntimeException,
    )
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except damaged as error:
        raise ModelError(f"Model file {path} cannot be loaded: {_first_line(error)}", remedy) from error


def _read(path: Path, remedy: str, sha256: str | None) -> bytes:
    try:
        model = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"Model file {path} is missing", remedy) from error
    except OSError as error:
        raise ModelError(f"Model file {path} cannot be read: {error.strerror}", remedy) from error
    if sha256 is not None and hashlib.sha256(model).hexdigest() != sha256:
        raise ModelError(f"Model file {path} is damaged: its checksum does not match", remedy)
    return model


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
