"""Opens and runs ONNX files with ONNX Runtime: threads and memory set on purpose, faults told with their remedy."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, SessionOptions

CPU = "CPUExecutionProvider"
_QUIET = 3  # ONNX Runtime's severity scale: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


def open_session(
    path: Path,
    threads: int,
    remedy: str,
    sha256: str | None = None,
    *,
    providers: Sequence[str] = (CPU,),
    fixed_inputs: bool = False,
    large: bool = False,
    spin: bool = False,
) -> InferenceSession:
    """Open the ONNX file `path`.

    Settings and why: `threads` within an operator and one between operators, so that several worker processes share a
    machine by plan; no spinning of idle threads, which takes the cores that other workers need; no memory arena and no
    memory pattern where photos and text lines differ in size, because an arena keeps the largest of every size it met.
    The file is handed over by its path: its bytes are never held beside ONNX Runtime's own copy, and weights that lie
    in a file of their own beside it are found. What loading used is given back: SigLIP base then keeps 118 MB (int8)
    or 386 MB (fp32) in place of up to 203 and 573.

    Args:
        path: an `.onnx` file.
        threads: threads within one operator, at least 1.
        remedy: what the user does where the file is missing or damaged (an imperative sentence without full stop).
        sha256: the file's checksum in hex; None = not known, the file's structure alone is checked.
        providers: ONNX Runtime provider names in order of preference, from `providers.choose`.
        fixed_inputs: every run has inputs of the same size: an arena then holds exactly what one run needs (SigLIP base
            int8: 146 MB in all, without 155 to 196 MB; the time is the same).
        large: runs that need hundreds of megabytes: what an operator made is freed after its last use, not
            kept for a later one of the same size, and an arena spares the system's work for it (Florence-2 base int8,
            look and two texts: 800 MB at most, without 1,090; large 1,750 and 1,920; 5 % less time).
        spin: threads wait for the next operator awake, for runs of many small ones (a token of Florence-2 base int8 on
            two threads: 8.3 ms, without 10.7).

    Raises:
        ModelError: the file is missing, unreadable, not what its checksum says, or not an ONNX model; or the first
            provider is installed but does not start (its own libraries are missing).

    """
    _readable(path, remedy, sha256)
    import onnxruntime

    try:
        # ONNX Runtime would print and go on with the CPU alone where a provider fails: that is for the user to decide.
        session = onnxruntime.InferenceSession(
            path, _options(threads, providers, fixed_inputs, large, spin), providers=list(providers), enable_fallback=0
        )
    except faults() as error:
        raise ModelError(f"Model file {path} cannot be loaded: {first_line(error)}", remedy) from error
    give_back()
    started = session.get_providers()
    if providers[0] not in started:
        raise ModelError(
            f"{providers[0]} does not start here, ONNX Runtime offers {', '.join(started)} in its place",
            'Install the libraries that it needs, or set provider = "cpu" under [models]',
        )
    return session


def run(
    session: InferenceSession, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]], who: str, remedy: str
) -> list[NDArray[Any]]:
    """The named outputs of `session` for `feeds` (input name -> array), in order.

    Args:
        who: the model, for the message: `siglip-base-patch16-224 (vision_model)`.
        remedy: what the user does where the model cannot run.

    Raises:
        ModelError: ONNX Runtime refuses the inputs or fails within the model.

    """
    try:
        found: list[NDArray[Any]] = session.run(list(outputs), dict(feeds))
    except faults() as error:
        raise ModelError(f"{who} cannot run: {first_line(error)}", remedy) from error
    return found


def faults() -> tuple[type[Exception], ...]:
    """The exceptions with which ONNX Runtime refuses a file, an input or a computation; they share no base class."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.EPFail,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )


def numpy_type(onnx_type: str) -> type[np.generic] | None:
    """The numpy type of an input or output as ONNX Runtime names it (`tensor(float16)`); None = not one of ours."""
    import numpy as np

    return {
        "tensor(float)": np.float32,
        "tensor(float16)": np.float16,
        "tensor(int32)": np.int32,
        "tensor(int64)": np.int64,
        "tensor(bool)": np.bool_,
    }.get(onnx_type)


def first_line(error: Exception) -> str:
    """What the error says, in one line without a full stop at its end."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")


def _options(threads: int, providers: Sequence[str], fixed_inputs: bool, large: bool, spin: bool) -> SessionOptions:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = fixed_inputs or large
    options.enable_mem_reuse = not large
    options.enable_mem_pattern = fixed_inputs and "DmlExecutionProvider" not in providers  # DirectML cannot have it
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return options


def give_back() -> None:
    """Return freed memory to the system after sessions were opened or dropped: glibc keeps it, others do not.

    Florence-2 base int8 leaves 98 MB of 803 so, without it 697. An array that a session's `run` returned keeps that
    session's memory while it is alive: copy what outlives the session.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


def _readable(path: Path, remedy: str, sha256: str | None) -> None:
    """Raise ModelError where the file cannot be read or has another checksum; the file is read in pieces."""
    try:
        with path.open("rb") as file:
            found = None if sha256 is None else hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelError(f"Model file {path} is missing", remedy) from error
    except OSError as error:
        raise ModelError(f"Model file {path} cannot be read: {error.strerror}", remedy) from error
    if found != sha256:
        raise ModelError(f"Model file {path} is damaged: its checksum does not match", remedy)
