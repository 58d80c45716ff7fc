"""What is read out of Florence-2's answers: against transformers' post-processing, and by laws."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_florence import GOLDEN
from urbextag.models.florence_text import (
    BINS,
    SENTENCES,
    Region,
    evidence,
    loop_start,
    phrases,
    plain,
    quads,
    regions,
    sentences,
)
from urbextag.records import Evidence

WIDTH, HEIGHT = GOLDEN["picture_size"]
ALL_TASKS = [*SENTENCES, "<GENERATE_TAGS>", "<MIXED_CAPTION>"]


def pixels(box: tuple[float, ...]) -> list[int]:
    """Shares as transformers' whole pixels of the golden picture."""
    return [int(side * (WIDTH if at % 2 == 0 else HEIGHT)) for at, side in enumerate(box)]


def bins_in_pixels(region: Region) -> list[int]:
    return pixels(tuple((side + 0.5) / BINS for side in region.bins))


def folded(label: str) -> str:
    """A label as transformers has it: without letters beyond ASCII; with what its pattern takes for a label beside a
    mark (`sep>door`) cut off."""
    return " ".join(label.rpartition(">")[2].encode("ascii", "ignore").decode().split())


@pytest.mark.parametrize("task", ["<OD>", "<DENSE_REGION_CAPTION>"])
def test_boxes_are_those_of_transformers(task: str):
    compared = 0
    for parsed in GOLDEN["parsed"]:
        if parsed["task"] == task:
            result = parsed["result"]
            theirs = [(folded(label), box) for label, box in zip(result["labels"], result["bboxes"], strict=True)]
            ours = [(folded(region.label), bins_in_pixels(region)) for region in regions(parsed["text"])]
            assert [entry for entry in ours if entry[0]] == [entry for entry in theirs if entry[0]], parsed["text"]
            compared += len(theirs)
    assert compared >= 2


def test_proposals_are_those_of_transformers():
    found = [parsed for parsed in GOLDEN["parsed"] if parsed["task"] == "<REGION_PROPOSAL>"]
    assert [len(parsed["result"]["bboxes"]) for parsed in found] == [2, 0]
    for parsed in found:
        assert [bins_in_pixels(region) for region in regions(parsed["text"])] == parsed["result"]["bboxes"]
        assert evidence("<REGION_PROPOSAL>", parsed["text"], whole=True) == ()


def test_quads_are_those_of_transformers():
    compared = 0
    for parsed in GOLDEN["parsed"]:
        if parsed["task"] == "<OCR_WITH_REGION>":
            result = parsed["result"]
            theirs = [(folded(label), box) for label, box in zip(result["labels"], result["quad_boxes"], strict=True)]
            ours = [(folded(region.label), bins_in_pixels(region)) for region in quads(parsed["text"])]
            assert [entry for entry in ours if entry[0]] == [entry for entry in theirs if entry[0]], parsed["text"]
            compared += len(theirs)
    assert compared >= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<s>door<loc_0><loc_9><loc_9><loc_9></s>", [Evidence("florence", "door", None, (0.0005, *(0.0095,) * 3))]),
        ("<s>a cut box<loc_10><loc_20><loc_30></s>", []),
        ("<s>a label alone</s>", []),
        ("<s><loc_1><loc_2><loc_3><loc_4></s>", []),
        ("<s>upside down<loc_9><loc_8><loc_7><loc_6></s>", [Evidence("florence", "upside down")]),
        ("<s>window<sep><loc_1><loc_2><loc_3><loc_4></s>", []),
        ("<s>off<loc_1000><loc_2><loc_3><loc_4></s>", []),
        ("<s>café  table<loc_1><loc_1><loc_1><loc_1></s>", [Evidence("florence", "café table", None, (0.0015,) * 4)]),
    ],
)  # fmt: skip
def test_regions_as_evidence(text: str, expected: list[Evidence]):
    assert list(evidence("<OD>", text, whole=True)) == expected


def test_lines_of_text_are_words_that_were_read():
    text = "<s>RINK POLICY<loc_10><loc_20><loc_300><loc_25><loc_298><loc_90><loc_8><loc_85></s>"
    assert evidence("<OCR_WITH_REGION>", text, whole=True) == (
        Evidence("ocr", "RINK POLICY", None, (0.0085, 0.0205, 0.3005, 0.0905)),
    )
    assert evidence("<OCR>", "</s><s>RINK POLICY NO SKAT</s>", whole=False) == (Evidence("ocr", "RINK POLICY NO"),)


def test_captions_are_sentences():
    text = "</s><s>The image shows a hallway. Paint peels off St. Mary's walls! Is it a ward? The floor is w</s>"
    whole = [piece.label for piece in evidence("<MORE_DETAILED_CAPTION>", text, whole=True)]
    assert whole[:3] == ["The image shows a hallway.", "Paint peels off St. Mary's walls!", "Is it a ward?"]
    assert whole[3:] == ["The floor is w"]
    cut = [piece.label for piece in evidence("<MORE_DETAILED_CAPTION>", text, whole=False)]
    assert cut == whole[:3]
    assert sentences("<s>A rusty bed in a roo</s>", whole=False) == ["A rusty bed in a"]
    assert sentences("<s>Bed</s>", whole=False) == []
    assert sentences("</s><s></s>") == []


def test_tags_are_phrases():
    text = "</s><s>no humans, hallway, peeling paint, broken window, hallway</s>"
    assert [piece.label for piece in evidence("<GENERATE_TAGS>", text, whole=True)] == [
        "no humans", "hallway", "peeling paint", "broken window",
    ]  # fmt: skip
    sentence = "A long hallway with doors on both sides, lit by tall windows at its far end"
    assert phrases(sentence) == [sentence]
    mixed = "<s>hallway, door, indoors\nA hallway stretches into the dark.</s>"
    assert [piece.label for piece in evidence("<MIXED_CAPTION>", mixed, whole=True)] == [
        "hallway", "door", "indoors", "A hallway stretches into the dark.",
    ]  # fmt: skip


TOKENS = st.one_of(
    st.integers(-1, 1100).map(lambda place: f"<loc_{place}>"),
    st.sampled_from(
        ["<s>", "</s>", "<pad>", "<sep>", "<poly>", "<", ">", "<loc_", "loc_1>", "\n", " ", ".", ",", "\ufffd"]
    ),
    st.text(max_size=8),
)


@given(st.lists(TOKENS, max_size=40).map("".join), st.sampled_from(ALL_TASKS), st.booleans())
def test_any_text_is_read_without_fault_and_nothing_is_invented(text: str, task: str, whole: bool):
    found = evidence(task, text, whole)
    assert len(set(found)) == len(found)
    for piece in found:
        assert piece.label.strip() and "\n" not in piece.label
        assert piece.score is None
        assert not re.search(r"<loc_\d+>|</?s>|<pad>", piece.label)
        for word in re.findall(r"\w+", piece.label):
            assert word in text
        if piece.box is not None:
            left, top, right, bottom = piece.box
            assert 0 <= left <= right <= 1 and 0 <= top <= bottom <= 1


LABEL = st.text(st.characters(categories=["Ll", "Lu"], include_characters=" "), min_size=1, max_size=20).filter(
    lambda text: text.strip() == text and "  " not in text
)
BIN = st.integers(0, BINS - 1)


@given(st.lists(st.tuples(LABEL, st.lists(st.tuples(BIN, BIN, BIN, BIN), min_size=1, max_size=3)), max_size=6))
def test_regions_come_back_as_they_were_written(written: list[tuple[str, list[tuple[int, int, int, int]]]]):
    text = "".join(label + "".join(f"<loc_{side}>" for box in boxes for side in box) for label, boxes in written)
    expected = [Region(plain(label), box) for label, boxes in written for box in boxes]
    assert regions(f"</s><s>{text}</s><pad>") == expected


# -- repetition ----------------------------------------------------------------------------------------------------

PLACES = {1000 + place: place for place in range(BINS)}


def test_an_exact_loop_is_found_where_it_begins():
    start = list(range(50))
    loop = [70, 71, 72, 73, 74]
    assert loop_start(start, PLACES) is None
    assert loop_start(start + loop, PLACES) is None
    found = loop_start(start + loop * 9, PLACES)
    assert found is not None and 50 <= found <= 50 + 2 * len(loop)


def test_a_loop_that_avoids_trigrams_is_found():
    """A walk over few words without a trigram twice, as a model does that is stuck under `no_repeat_ngram`."""
    words = random.Random(1)
    ids, grams = [0, 1], set()
    while free := [token for token in range(6) if (*ids[-2:], token) not in grams]:
        grams.add((*ids[-2:], token := words.choice(free)))
        ids.append(token)
    assert len(ids) > 60
    found = loop_start(ids, PLACES)
    assert found is not None and found < 6**3


def test_prose_is_no_loop():
    text = (
        "The image shows the interior of an abandoned building. The walls are covered in graffiti and the floor is"
        " littered with debris. There are several windows on the left side of the image and a large window on the"
        " right side of the image. The windows have bars on them and the sky is visible through the windows. The"
        " ceiling is made of wooden beams and there is a metal staircase in the middle of the image that leads to the"
        " second floor. On the right side of the image there is a pile of wood and on the left side of the image there"
        " is a small table with a chair. The overall mood of the image is one of neglect and decay."
    )
    words = {word: number for number, word in enumerate(dict.fromkeys(text.split()))}
    assert loop_start([words[word] for word in text.split()], PLACES) is None


def region(label: int, *bins: int) -> list[int]:
    return [label, *(1000 + place for place in bins)]


def test_many_windows_are_no_loop_but_one_window_again_and_again_is():
    corners = itertools.product(range(0, 720, 90), repeat=2)
    facade = [token for x, y in corners for token in region(5, x, y, x + 50, y + 60)]
    assert loop_start([2, 0, *facade], PLACES) is None
    creeping = [token for step in range(8) for token in region(6, 100 + step, 200, 300 + step, 400)]
    assert loop_start([2, 0, *facade, *creeping], PLACES) == 2 + len(facade) + 5
    assert loop_start([2, 0, *facade, *creeping[: 4 * 5]], PLACES) is None


@given(st.lists(st.integers(990, 1100), max_size=120))
def test_a_loop_begins_within_the_text(ids: list[int]):
    found = loop_start(ids, PLACES)
    assert found is None or 0 < found < len(ids)
