"""What runs the models: preference, what is asked for and not there."""

from __future__ import annotations

from typing import get_args

import numpy as np
import onnxruntime
import pytest

from urbextag.choices import Provider
from urbextag.errors import ModelError
from urbextag.models import EFFICIENTNET_LITE2
from urbextag.models.onnx_session import open_session, run
from urbextag.models.providers import available, choose, ranked_names

EVERYTHING = [
    "CPUExecutionProvider",
    "DmlExecutionProvider",
    "WebGpuExecutionProvider",
    "CoreMLExecutionProvider",
    "CUDAExecutionProvider",
]
PREFERENCE = ["CUDAExecutionProvider", "CoreMLExecutionProvider", "WebGpuExecutionProvider", "DmlExecutionProvider"]
ASKED = tuple(name for name in get_args(Provider) if name != "auto")


def test_this_machine_offers_the_cpu_last_and_takes_it():
    assert available()[-1] == "cpu"
    assert choose("cpu") == ("CPUExecutionProvider",)


def test_what_is_chosen_can_be_opened_here():
    assert set(choose("auto")) <= set(onnxruntime.get_available_providers())


def test_auto_takes_the_best_that_is_there():
    offered = list(EVERYTHING)
    for best in PREFERENCE:
        assert ranked_names("auto", offered) == (best, "CPUExecutionProvider")
        offered.remove(best)
    assert ranked_names("auto", offered) == ("CPUExecutionProvider",)


@pytest.mark.parametrize("provider", ASKED)
def test_what_is_asked_for_comes_first_and_the_cpu_last(provider: Provider):
    names = ranked_names(provider, EVERYTHING)
    assert names[-1] == "CPUExecutionProvider"
    assert len(names) == (1 if provider == "cpu" else 2)
    assert provider in names[0].lower().replace("dml", "directml")


@pytest.mark.parametrize("provider", [name for name in ASKED if name != "cpu"])
def test_what_is_not_offered_is_refused_with_the_package_that_brings_it(provider: Provider):
    with pytest.raises(ModelError, match=f"{provider} is not offered .* has cpu") as caught:
        ranked_names(provider, ["AzureExecutionProvider", "CPUExecutionProvider"])
    assert "onnxruntime" in caught.value.remedy


def test_providers_that_we_do_not_know_are_left_alone():
    assert ranked_names("auto", ["AzureExecutionProvider", "CPUExecutionProvider"]) == ("CPUExecutionProvider",)


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is here")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_an_error_and_not_a_quiet_cpu():
    providers = ("CUDAExecutionProvider", "CPUExecutionProvider")
    with pytest.raises(ModelError, match="CUDAExecutionProvider does not start here") as caught:
        open_session(EFFICIENTNET_LITE2.path, 1, "Pull it again", providers=providers)
    assert 'provider = "cpu"' in caught.value.remedy


def test_an_arena_is_kept_for_inputs_of_one_size_alone():
    for fixed in (False, True):
        session = open_session(EFFICIENTNET_LITE2.path, 1, "Pull it again", fixed_inputs=fixed)
        options = session.get_session_options()
        assert (options.enable_cpu_mem_arena, options.enable_mem_pattern) == (fixed, fixed)
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("feeds", [{"image": np.zeros((1, 3, 9, 9), np.float32)}, {"image": np.zeros(3, np.int64)}])
def test_input_that_does_not_fit_is_a_model_error(feeds: dict[str, np.ndarray]):
    session = open_session(EFFICIENTNET_LITE2.path, 1, "Pull it again")
    with pytest.raises(ModelError, match="lite2 cannot run: ") as caught:
        run(session, ["logits"], feeds, "lite2", "Pull it again")
    assert caught.value.remedy == "Pull it again"
