"""What can run the models on this machine: ONNX Runtime's execution providers, by preference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from urbextag.choices import Provider
from urbextag.errors import ModelError
from urbextag.models.onnx_session import CPU

_NAMES: Mapping[Provider, str] = {
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": CPU,
}
"""By preference. Source: ONNX Runtime's list of execution providers."""

_BROUGHT_BY: Mapping[Provider, str] = {
    "cuda": "Install onnxruntime-gpu in place of onnxruntime, with CUDA and cuDNN",
    "coreml": "Install onnxruntime on macOS: its own package brings it",
    "webgpu": "Install onnxruntime-webgpu in place of onnxruntime",
    "directml": "Install onnxruntime-directml in place of onnxruntime, on Windows",
    "cpu": "Install onnxruntime again (pip install --force-reinstall onnxruntime)",
}


def available() -> list[Provider]:
    """What can be asked for on this machine, best first; `cpu` is the last."""
    return _ranked(_offered())


def choose(provider: Provider) -> tuple[str, ...]:
    """ONNX Runtime provider names for a setting, best first; the CPU is the last and takes what others cannot run.

    Args:
        provider: `auto` takes the best that is here; another is taken or refused.

    Raises:
        ModelError: the provider is not offered by the onnxruntime that is installed.

    """
    return ranked_names(provider, _offered())


def ranked_names(provider: Provider, offered: Sequence[str]) -> tuple[str, ...]:
    """As `choose`, for an ONNX Runtime that offers `offered`."""
    here = _ranked(offered)
    if provider == "auto":
        best = here[:1]
    elif provider in here:
        best = [provider]
    else:
        raise ModelError(
            f"The provider {provider} is not offered by the onnxruntime installed here, which has {', '.join(here)}",
            _BROUGHT_BY[provider],
        )
    return tuple(dict.fromkeys([*(_NAMES[name] for name in best), CPU]))


def _ranked(offered: Sequence[str]) -> list[Provider]:
    return [provider for provider, name in _NAMES.items() if name in offered]


def _offered() -> list[str]:
    import onnxruntime

    return list(onnxruntime.get_available_providers())
