"""Florence-2 against transformers on the tiny model, its layouts, and files that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from small_florence import ARRAYS, GOLDEN, HALF, LAYOUTS, PICTURES, PUBLISHED, SPEC, SPLIT, TINY, installed
from urbextag.errors import ModelError
from urbextag.models.florence import Florence
from urbextag.models.florence_decoder import TokenDecoder
from urbextag.models.florence_layout import check
from urbextag.models.florence_text import SENTENCES
from urbextag.models.generation import write
from urbextag.models.pixels import prepare

TASK = "<MORE_DETAILED_CAPTION>"


@pytest.fixture(scope="module", params=["published", "exported"])
def florence(request: pytest.FixtureRequest) -> Florence:
    model = Florence(installed(request.param), threads=1)
    model.load()
    return model


@pytest.fixture(scope="module")
def half() -> Florence:
    model = Florence(installed("half"), threads=1)
    model.load()
    return model


def decoder(model: Florence, features: np.ndarray, task: str) -> TokenDecoder:
    return model.decoder(model.encode(features, SENTENCES[task]))


def test_pixel_values_are_those_of_transformers():
    for number, picture in enumerate(PICTURES):
        np.testing.assert_array_equal(prepare([picture], SPEC.image)[0], ARRAYS[f"pixels_{number}"])


def test_prompts_are_those_of_transformers(florence: Florence):
    for task, ids in GOLDEN["prompts"].items():
        image, rest = ids[:5], ids[5:]
        assert len(set(image)) == 1 and image[0] not in rest
        assert florence.prompt_ids(SENTENCES[task]) == rest


def test_image_features_are_those_of_torch(florence: Florence):
    for number, picture in enumerate(PICTURES):
        np.testing.assert_allclose(florence.look(picture)[0], ARRAYS[f"features_{number}"], atol=1e-4)


def test_encoder_states_are_those_of_torch(florence: Florence):
    for number, picture in enumerate(PICTURES):
        encoded = florence.encode(florence.look(picture), SENTENCES[TASK])
        np.testing.assert_allclose(encoded.states.numpy()[0], ARRAYS[f"states_{number}"], atol=1e-4)


@pytest.mark.parametrize("number", [0, 2])
def test_logits_of_every_step_are_those_of_torch(florence: Florence, number: int):
    expected = ARRAYS[f"logits_{number}"]
    wanted = {"picture": number, "task": TASK, "beams": 1, "length": 40}
    ids = next(case["ids"] for case in GOLDEN["cases"] if wanted.items() <= case.items())
    steps = decoder(florence, florence.look(PICTURES[number]), TASK)
    found = [steps.first(ids[0])[0]]
    found += [steps.next([token])[0] for token in ids[1 : len(expected)]]
    np.testing.assert_allclose(np.stack(found), expected, atol=1e-3)


def test_beams_do_not_disturb_each_other(florence: Florence):
    features = florence.look(PICTURES[0])
    texts = [[5, 6, 7], [5, 9, 1000], [5, 6, 300]]
    alone = []
    for text in texts:
        steps = decoder(florence, features, TASK)
        steps.first(2)
        alone.append([steps.next([token])[0] for token in text][-1])
    together = decoder(florence, features, TASK)
    together.first(2)
    together.reorder([0, 0, 0])
    together.next([5, 5, 5])
    together.next([9, 6, 6])
    together.reorder([1, 0, 2])
    np.testing.assert_allclose(together.next([7, 1000, 300]), np.stack(alone), atol=1e-4)


def test_generated_tokens_and_texts_are_those_of_transformers(florence: Florence):
    features = [florence.look(picture) for picture in PICTURES]
    assert SPEC.generation is not None
    for case in GOLDEN["cases"]:
        steps = decoder(florence, features[case["picture"]], case["task"])
        written = write(steps, SPEC.generation, case["beams"], case["length"], None)
        assert list(written.ids) == case["ids"], case
        answer = florence.answer(
            features[case["picture"]], case["task"], max_new_tokens=case["length"], beams=case["beams"]
        )
        assert answer.text == case["text"]
        assert answer.tokens == len(case["ids"]) - 1
        assert answer.prompt == SENTENCES[case["task"]]


def test_goldens_are_worth_comparing():
    texts = [tuple(case["ids"]) for case in GOLDEN["cases"]]
    assert len(set(texts)) > 40, "texts depend on picture, task, length and beams"
    assert sum(len(text) <= case["length"] for text, case in zip(texts, GOLDEN["cases"], strict=True)) >= 3, "some end"


def test_half_precision_files_run_and_stay_near(half: Florence):
    features = half.look(PICTURES[0])
    states = half.encode(features, SENTENCES[TASK]).states.numpy()
    assert states.dtype == np.float16
    np.testing.assert_allclose(states[0], ARRAYS["states_0"], atol=0.05)
    expected = ARRAYS["logits_0"]
    steps = decoder(half, features, TASK)
    first = steps.first(2)
    assert first.dtype == np.float32
    np.testing.assert_allclose(first[0], expected[0], atol=0.25)
    assert half.answer(features, TASK, max_new_tokens=20, beams=3).tokens <= 20


def test_a_prompt_may_go_on_after_the_task(florence: Florence):
    features = florence.look(PICTURES[1])
    answer = florence.answer(features, "<GENERATE_TAGS>", "An abandoned building.", max_new_tokens=5)
    assert answer.prompt == "<GENERATE_TAGS> An abandoned building."
    plain = florence.answer(features, "<GENERATE_TAGS>", max_new_tokens=5)
    assert plain.prompt == "<GENERATE_TAGS>"


def test_unknown_task_is_refused(florence: Florence):
    with pytest.raises(ModelError, match=r"no task <BARK>.*<CAPTION>"):
        florence.answer(florence.look(PICTURES[0]), "<BARK>", max_new_tokens=5)


def test_use_before_load_is_a_mistake_of_ours():
    with pytest.raises(RuntimeError, match="load"):
        Florence(installed(), threads=1).look(PICTURES[0])


def test_unload_and_load_again():
    model = Florence(installed(), threads=1)
    model.load()
    before = model.look(PICTURES[0])
    model.unload()
    with pytest.raises(RuntimeError, match="load"):
        model.look(PICTURES[0])
    model.load()
    np.testing.assert_array_equal(model.look(PICTURES[0]), before)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_check_passes_every_layout(layout: str):
    check(installed(layout))


@pytest.mark.parametrize("picture", [np.zeros((1, 1, 3), np.uint8), np.full((3, 30_000, 3), 90, np.uint8)])
def test_pictures_of_odd_shapes_are_looked_at(florence: Florence, picture: np.ndarray):
    assert florence.look(picture).shape == (1, 5, 32)


# -- files that are not what they should be ------------------------------------------------------------------------

WRONG_PARTS = {
    "decoder of an encoder": ("published", {"decoder": PUBLISHED / "encoder_model.onnx"}, "decoder.*does not fit"),
    "encoder of a decoder": ("published", {"encoder_model": SPLIT / "decoder_with_past_model.onnx"}, "encoder_model"),
    "vision of a table": ("published", {"vision_encoder": PUBLISHED / "embed_tokens.onnx"}, "pixel_values.*found inp"),
    "table of a vision": ("published", {"embed_tokens": PUBLISHED / "vision_encoder.onnx"}, "embed_tokens.*input_ids"),
    "vision of siglip": ("published", {"vision_encoder": TINY / "siglip" / "onnx" / "vision_model.onnx"}, "3, 64, 64"),
    "published encoder, our decoder": (
        "published",
        {"decoder": SPLIT / "decoder_with_past_model.onnx"},
        r"encoder_model.*expected 4 outputs present.*found 0",
    ),
    "tokenizer of siglip": ("published", {"tokenizer": TINY / "siglip" / "tokenizer.json"}, "tokenizer.*another model"),
    "no tokenizer": ("published", {"tokenizer": PUBLISHED / "golden.json"}, "Tokenizer .* cannot be used"),
    "missing": ("published", {"decoder": PUBLISHED / "nothing.onnx"}, "nothing.onnx is missing"),
    "no model": ("published", {"decoder": PUBLISHED / "golden.json"}, "cannot be loaded"),
}


@pytest.mark.parametrize("name", sorted(WRONG_PARTS))
def test_wrong_files_are_refused(name: str):
    layout, other, message = WRONG_PARTS[name]
    with pytest.raises(ModelError, match=message) as caught:
        Florence(installed(layout, **other), threads=1).load()
    assert caught.value.remedy


@pytest.mark.parametrize("part", ["vision_encoder", "embed_tokens", "encoder_model", "decoder"])
def test_truncated_files_are_refused(part: str, tmp_path: Path):
    cut = tmp_path / "cut.onnx"
    content = LAYOUTS["published"][part].read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"cut\.onnx cannot be loaded"):
        Florence(installed(**{part: cut}), threads=1).load()


def test_a_tokenizer_of_another_size_is_refused(tmp_path: Path):
    content = json.loads((PUBLISHED / "tokenizer.json").read_text(encoding="utf-8"))
    content["added_tokens"] += [
        {**content["added_tokens"][-1], "id": 5000 + extra, "content": f"<extra_{extra}>"} for extra in range(3)
    ]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer.*another model.*expected about"):
        Florence(installed(tokenizer=path), threads=1).load()


def test_a_tokenizer_with_other_ends_is_refused(tmp_path: Path):
    text = (PUBLISHED / "tokenizer.json").read_text(encoding="utf-8")
    path = tmp_path / "tokenizer.json"
    path.write_text(text.replace('"<loc_7>"', '"<place_7>"'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer.*another model.*no <loc_7>"):
        Florence(installed(tokenizer=path), threads=1).load()


def poisoned(source: Path, target: Path) -> Path:
    """The ONNX file with NaN in place of its largest block of weights."""
    content = bytearray(source.read_bytes())
    at, length = max(weights(content), key=lambda block: block[1])
    content[at : at + length] = np.full(length // 4, np.nan, np.float32).tobytes()
    target.write_bytes(content)
    return target


def weights(content: bytearray) -> Iterator[tuple[int, int]]:
    """(start, length) of the fields `raw_data` (tag 0x4a, a length in seven bits a byte) that hold sane float32."""
    for at in range(len(content) - 4):
        length, place = 0, at + 1
        if content[at] != 0x4A:
            continue
        for shift in (0, 7, 14):
            length |= (content[place] & 0x7F) << shift
            place += 1
            if not content[place - 1] & 0x80:
                break
        if 1024 <= length <= len(content) - place and length % 4 == 0:
            with np.errstate(invalid="ignore"):
                sizes = np.abs(np.frombuffer(content, np.float32, length // 4, place))
                if ((sizes > 1e-12) & (sizes < 1e3)).all():
                    yield place, length


@pytest.mark.parametrize("part", ["vision_encoder", "encoder_model", "decoder"])
def test_values_that_are_no_numbers_are_refused(part: str, tmp_path: Path):
    broken = poisoned(LAYOUTS["exported"][part], tmp_path / "broken.onnx")
    model = Florence(installed("exported", **{part: broken}), threads=1)
    model.load()
    with pytest.raises(ModelError, match=rf"{part}.*no numbers"):
        model.answer(model.look(PICTURES[0]), TASK, max_new_tokens=5)
    with pytest.raises(ModelError, match=rf"{part}.*no numbers"):
        check(installed("exported", **{part: broken}))


def test_a_model_of_another_image_size_is_refused():
    bigger = SPEC.model_copy(update={"image": SPEC.image.model_copy(update={"size": 768})})
    with pytest.raises(ModelError, match=r"expected inputs pixel_values \(1, 3, 768, 768\).*found pixel_values"):
        Florence(installed(spec=bigger), threads=1).load()


def test_a_model_with_another_number_of_image_tokens_is_refused():
    assert SPEC.generation is not None
    other = SPEC.model_copy(update={"generation": SPEC.generation.model_copy(update={"image_tokens": 577})})
    model = Florence(installed(spec=other), threads=1)
    model.load()
    with pytest.raises(ModelError, match=r"expected 577 image tokens, found 5"):
        model.look(PICTURES[0])


def test_a_model_that_does_not_write_is_refused():
    scene = SPEC.model_copy(update={"family": "siglip", "generation": None})
    with pytest.raises(ModelError, match="does not write text"):
        Florence(installed(spec=scene), threads=1)


def test_ports_are_found(florence: Florence):
    ports = florence.ports
    assert ports.decoder.vocabulary is None or ports.decoder.vocabulary > 1000
    assert list(ports.decoder.own_past) == [(0, "key"), (0, "value"), (1, "key"), (1, "value")]
    assert ports.decoder.merged == (len(ports.encoder.cross) == 0)
    assert not ports.decoder.takes_ids


def test_data_is_small():
    sizes = {path: path.stat().st_size for folder in (PUBLISHED, SPLIT, HALF) for path in folder.iterdir()}
    assert max(sizes.values()) < 500_000
