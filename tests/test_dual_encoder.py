"""Dual encoders against transformers (golden outputs of tiny models), and against files and photos that do not fit."""

from __future__ import annotations

import gc
import json
import struct
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urbextag.errors import ModelError
from urbextag.models import EFFICIENTNET_LITE2, layout
from urbextag.models.catalogue import ImageSpec, ModelSpec
from urbextag.models.dual_encoder import ImageEncoder, TextEncoder
from urbextag.models.installed import Installed
from urbextag.models.pixels import RESAMPLE, prepare
from urbextag.models.tokens import canonical

TINY = Path(__file__).parent / "data" / "tiny"
FAMILIES = ("siglip", "siglip2", "clip")
STRIP = 5
"""Index of the picture beyond 16 : 1, which CLIP's way samples otherwise than transformers."""


def tiny(family: str, **parts: Path) -> Installed:
    folder = TINY / family
    spec = ModelSpec.model_validate_json((folder / "spec.json").read_text())
    files = {part: folder / file.path for part, file in {**spec.files["fp32"], **spec.common}.items()}
    return Installed(spec, spec.revision or "", "fp32", {**files, **parts})


def openclip_layout() -> Installed:
    folder = TINY / "siglip"
    found = tiny("siglip", vision_model=folder / "visual" / "model.onnx", text_model=folder / "textual" / "model.onnx")
    return replace(found, precision="fp16")


@cache
def golden(family: str) -> dict[str, Any]:
    told = json.loads((TINY / family / "golden.json").read_text(encoding="utf-8"))
    with np.load(TINY / family / "golden.npz") as arrays:
        whole = {**told, **arrays}
    whole["pictures"] = [whole[f"pixels_{index}"] for index in range(len(whole["values"]))]
    return whole


def image_encoder(found: Installed) -> ImageEncoder:
    encoder = ImageEncoder(found, threads=1)
    encoder.load()
    return encoder


def text_encoder(found: Installed) -> TextEncoder:
    encoder = TextEncoder(found, threads=1)
    encoder.load()
    return encoder


# parity with transformers


@pytest.mark.parametrize("family", FAMILIES)
def test_pixel_values_are_those_of_transformers(family: str):
    values = prepare(golden(family)["pictures"], tiny(family).spec.image, RESAMPLE[family])
    assert values.dtype == np.float32
    assert values.flags["C_CONTIGUOUS"]
    exact = [index for index in range(len(values)) if family != "clip" or index != STRIP]
    np.testing.assert_allclose(values[exact], golden(family)["values"][exact], rtol=0, atol=1e-6)


def test_strip_that_is_cropped_differs_by_two_levels_at_most():
    spec = tiny("clip").spec.image
    gaps = prepare(golden("clip")["pictures"], spec)[STRIP] - golden("clip")["values"][STRIP]
    assert np.abs(gaps * np.array(spec.std)[:, None, None]).max() * 255 <= 2.01


@pytest.mark.parametrize("family", FAMILIES)
def test_token_ids_are_those_of_transformers(family: str):
    told = golden(family)
    assert len(told["prompts"]) >= 20
    assert text_encoder(tiny(family)).token_ids(told["prompts"]) == told["ids"]


@pytest.mark.parametrize("family", FAMILIES)
def test_embeddings_and_logits_are_those_of_transformers(family: str):
    told, found = golden(family), tiny(family)
    texts = text_encoder(found)
    exact = [index for index in range(len(told["pictures"])) if family != "clip" or index != STRIP]
    images = image_encoder(found).encode([told["pictures"][index] for index in exact])
    prompts = texts.encode(told["prompts"])
    np.testing.assert_allclose(images, told["images"][exact], rtol=0, atol=1e-4)
    np.testing.assert_allclose(prompts, told["texts"], rtol=0, atol=1e-4)
    logits = images @ prompts.T * texts.logit_scale + texts.logit_bias
    np.testing.assert_allclose(logits, told["logits"][exact], rtol=0, atol=2e-3)
    for rows in (images, prompts):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_openclip_layout_in_fp16_is_found_and_says_the_same():
    """Inputs `image` and `text` (int32, with a mask), output `embedding`, float16, one item at a time."""
    told, found = golden("siglip"), openclip_layout()
    np.testing.assert_allclose(image_encoder(found).encode(told["pictures"]), told["images"], rtol=0, atol=5e-3)
    np.testing.assert_allclose(text_encoder(found).encode(told["prompts"]), told["texts"], rtol=0, atol=5e-3)


# prompts


def test_siglip_loses_case_and_punctuation_siglip2_case_and_clip_neither():
    prompt = "  A Boiler-Room,\twith PIPES!  "
    assert canonical(prompt, tiny("siglip")) == "a boilerroom with pipes"
    assert canonical(prompt, tiny("siglip2")) == "a boiler-room, with pipes!"
    assert canonical(prompt, tiny("clip")) == "A Boiler-Room, with PIPES!"


@pytest.mark.parametrize("family", FAMILIES)
@given(prompts=st.lists(st.text(max_size=60), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_prompt_has_a_vector_that_does_not_depend_on_its_neighbours(family: str, prompts: list[str]):
    encoder = shared_text_encoder(family)
    together = encoder.encode(prompts)
    assert np.isfinite(together).all()
    for prompt, row in zip(prompts, together, strict=True):
        np.testing.assert_array_equal(encoder.encode([prompt])[0], row)
        ids = encoder.token_ids([prompt])[0]
        assert 1 <= len(ids) <= 77


@cache
def shared_text_encoder(family: str) -> TextEncoder:
    return text_encoder(tiny(family))


@cache
def shared_image_encoder(family: str) -> ImageEncoder:
    return image_encoder(tiny(family))


# photos


@pytest.mark.parametrize("family", FAMILIES)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_any_photo_has_values_in_bounds_and_a_vector(family: str, height: int, width: int, seed: int):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    spec = tiny(family).spec.image
    values = prepare([picture], spec, RESAMPLE[family])
    mean, std = (np.array(side)[:, None, None] for side in (spec.mean, spec.std))
    levels = (values[0] * std + mean) * 255
    assert levels.min() >= -0.01
    assert levels.max() <= 255.01
    assert np.isfinite(shared_image_encoder(family).encode([picture])).all()


@given(level=st.tuples(*[st.integers(0, 255)] * 3), height=st.integers(1, 50), width=st.integers(1, 50))
@settings(max_examples=25, deadline=None)
def test_a_flat_photo_stays_flat_whatever_its_shape(level: tuple[int, int, int], height: int, width: int):
    picture = np.full((height, width, 3), level, np.uint8)
    for resize in ("squash", "crop"):
        spec = ImageSpec(size=16, resize=resize, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        values = prepare([picture], spec) * 255
        np.testing.assert_allclose(values, np.array(level, np.float32)[None, :, None, None] + 0 * values, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 1), (20, 30_000), (30_000, 20), (1, 5000)])
def test_photos_of_extreme_shapes_have_vectors(family: str, shape: tuple[int, int]):
    picture = np.arange(shape[0] * shape[1] * 3, dtype=np.uint32).astype(np.uint8).reshape(*shape, 3)
    row = shared_image_encoder(family).encode([picture])
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "picture", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_what_is_no_picture_is_refused(picture: np.ndarray):
    with pytest.raises(ValueError, match="expected uint8"):
        shared_image_encoder("clip").encode([picture])


def test_views_of_larger_arrays_are_read_as_they_look():
    whole = np.random.default_rng(5).integers(0, 256, (80, 80, 3), np.uint8)
    view = whole[10:70:2, 70:10:-1]
    encoder = shared_image_encoder("siglip")
    np.testing.assert_array_equal(encoder.encode([view]), encoder.encode([view.copy()]))


def test_prompt_that_is_no_text_is_read_as_far_as_it_goes():
    encoder = shared_text_encoder("siglip")
    np.testing.assert_array_equal(encoder.encode(["rust \udc80"]), encoder.encode(["rust ?"]))


def test_no_photos_and_no_prompts_give_no_rows():
    assert len(shared_image_encoder("clip").encode([])) == 0
    assert len(shared_text_encoder("clip").encode([])) == 0


# life


def test_encoders_say_what_they_are():
    found = tiny("siglip")
    for encoder in (ImageEncoder(found, 1), TextEncoder(found, 1)):
        assert encoder.name == "tiny-siglip"
        assert encoder.identity == f"{found.revision}/fp32"
    assert TextEncoder(found, 1).logit_scale == pytest.approx(np.exp(3.2), rel=1e-6)


def test_encode_before_load_and_after_unload_is_a_programming_error():
    for encoder in (ImageEncoder(tiny("siglip"), 1), TextEncoder(tiny("siglip"), 1)):
        with pytest.raises(RuntimeError, match="load"):
            encoder.encode([])
        encoder.load()
        encoder.encode([])
        encoder.unload()
        with pytest.raises(RuntimeError, match="load"):
            encoder.encode([])


def test_many_threads_get_what_one_thread_gets():
    told = golden("siglip")
    images, texts = image_encoder(tiny("siglip")), text_encoder(tiny("siglip"))
    expected = images.encode(told["pictures"]), texts.encode(told["prompts"])
    found: list[tuple[np.ndarray, np.ndarray]] = []

    def work() -> None:
        found.append((images.encode(told["pictures"]), texts.encode(told["prompts"])))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(threads)
    for rows in found:
        np.testing.assert_array_equal(rows[0], expected[0])
        np.testing.assert_array_equal(rows[1], expected[1])


class Watched(list[np.ndarray]):
    """Pictures that tell when the first of them is taken, and hand it out once they may."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        super().__init__(pictures)
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def __getitem__(self, where: Any) -> Any:
        self.begun.set()
        assert self.may_go_on.wait(10)
        return super().__getitem__(where)


def test_unload_while_another_thread_encodes_lets_it_finish():
    pictures = Watched(golden("siglip")["pictures"])
    images = image_encoder(tiny("siglip"))
    rows: list[np.ndarray] = []
    worker = threading.Thread(target=lambda: rows.append(images.encode(pictures)))
    worker.start()
    assert pictures.begun.wait(10)
    images.unload()
    gc.collect()
    pictures.may_go_on.set()
    worker.join()
    np.testing.assert_allclose(rows[0], golden("siglip")["images"], rtol=0, atol=1e-4)


# files that do not fit


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_models_pass_the_check(family: str):
    layout.check(tiny(family))


def test_the_openclip_layout_passes_the_check():
    layout.check(openclip_layout())


@pytest.mark.parametrize("part", ["vision_model", "text_model", "tokenizer"])
def test_missing_file_is_named_with_the_remedy(part: str, tmp_path: Path):
    with pytest.raises(ModelError, match="is missing") as caught:
        layout.check(tiny("siglip", **{part: tmp_path / "none"}))
    assert "urbextag models" in caught.value.remedy


@pytest.mark.parametrize("part", ["vision_model", "text_model", "tokenizer"])
@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_truncated_file_is_refused(part: str, kept: int, tmp_path: Path):
    whole = tiny("siglip")
    cut = tmp_path / whole.parts[part].name
    cut.write_bytes(whole.parts[part].read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"cannot be (loaded|used|read)"):
        layout.check(tiny("siglip", **{part: cut}))


def test_foreign_onnx_file_is_refused_with_what_it_has():
    with pytest.raises(ModelError, match=r"expected one input of floats \(n, 3, 32, 32\), found image float \(.*260"):
        ImageEncoder(tiny("siglip", vision_model=EFFICIENTNET_LITE2.path), 1).load()
    with pytest.raises(ModelError, match="expected one input of integer token ids .*, found image float"):
        TextEncoder(tiny("siglip", text_model=EFFICIENTNET_LITE2.path), 1).load()


def test_text_model_in_place_of_the_vision_model_is_refused():
    text = tiny("siglip").parts["text_model"]
    with pytest.raises(ModelError, match="expected one input of floats .* found input_ids int64"):
        ImageEncoder(tiny("siglip", vision_model=text), 1).load()


def test_vision_model_of_another_size_is_refused():
    found = tiny("siglip")
    other = found.spec.model_copy(update={"image": found.spec.image.model_copy(update={"size": 48})})
    with pytest.raises(ModelError, match=r"48, 48\), found pixel_values float \(.*32, 32\)"):
        ImageEncoder(replace(found, spec=other), 1).load()


def test_text_model_of_another_length_is_refused():
    found = tiny("siglip")
    other = found.spec.model_copy(update={"text": found.spec.text.model_copy(update={"length": 32})})
    with pytest.raises(ModelError, match=r"expected token ids \(n, 32\), found input_ids int64 \(.*64\)"):
        TextEncoder(replace(found, spec=other), 1).load()


def test_halves_of_two_models_are_refused():
    clip, siglip = tiny("clip"), tiny("siglip")
    image = clip.spec.image.model_copy(update={"resize": "squash"})
    mixed = tiny("clip", vision_model=siglip.parts["vision_model"])
    with pytest.raises(ModelError, match="expected vectors of one length, found 24 .* and 20"):
        layout.check(replace(mixed, spec=clip.spec.model_copy(update={"image": image})))


@pytest.mark.parametrize(("model", "tokenizer"), [(a, b) for a in FAMILIES for b in FAMILIES if a != b])
def test_tokenizer_of_another_model_is_refused_on_load(model: str, tokenizer: str, capfd: pytest.CaptureFixture[str]):
    swapped = tiny(model, tokenizer=tiny(tokenizer).parts["tokenizer"])
    with pytest.raises(ModelError, match="tokenizer.* is of another model: expected .*, found ids up to"):
        TextEncoder(swapped, 1).load()
    assert capfd.readouterr().err == ""


def test_tokenizer_that_does_not_end_a_prompt_is_refused(tmp_path: Path):
    content = json.loads(tiny("siglip").parts["tokenizer"].read_text(encoding="utf-8"))
    content["post_processor"] = None
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match="expected a special token at the end"):
        TextEncoder(tiny("siglip", tokenizer=path), 1).load()


@pytest.mark.parametrize("part", ["vision_model", "text_model"])
def test_weights_that_are_no_numbers_give_an_error_and_no_vector(part: str, tmp_path: Path):
    found = tiny("siglip")
    spoilt = tmp_path / "spoilt.onnx"
    ones = struct.pack("<24f", *[1.0] * 24)  # the scale of a layer norm with random weights
    content = found.parts[part].read_bytes()
    assert ones in content
    spoilt.write_bytes(content.replace(ones, struct.pack("<24f", *[float("nan")] * 24)))
    with pytest.raises(ModelError, match=r"tiny-siglip fp32 .* gives no usable vector: .* found NaN"):
        layout.check(tiny("siglip", **{part: spoilt}))


def test_a_generative_model_has_no_text_encoder():
    found = tiny("siglip")
    other = found.spec.model_copy(update={"text": None})
    with pytest.raises(ModelError, match="no dual encoder"):
        TextEncoder(replace(found, spec=other), 1)
