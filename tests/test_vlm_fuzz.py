"""Whatever a server says: no crash, nothing accepted that the schema refuses, nothing that was not said."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urbextag.vlm.answer import schema
from urbextag.vlm.believe import Believed, Rejected, believe
from urbextag.vlm.evidence import result
from urbextag.vlm.plausible import check
from urbextag.vlm.reading import Reading, letters
from urbextag.vlm.repair import Beginning, Whole, examine
from vlm_answers import FACETS, KNOWN, PROBED, answer, fits, reply, request

SCHEMA = schema(FACETS)
REQUEST = request()
GOOD = json.dumps(answer(), ensure_ascii=False)

texts = st.text() | st.text(st.characters(), max_size=200) | st.text('{}[]",:\\ue0-1.tfn`\n \ud800', max_size=80)
"""Half characters among them: JSON can say them, and a string of Python can hold them."""
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=8
)


def heard(content: str, thinking: str = "") -> Believed | None:
    """What is believed, held against the schema by a checker of the tests' own; None where nothing is."""
    came = reply(content, thinking)
    try:
        found = believe(came, REQUEST)
    except Rejected as rejected:
        assert rejected.reason and rejected.reason.isprintable()
        return None
    assert fits(found.answer.model_dump(mode="json", by_alias=True), SCHEMA)
    json.dumps(result(found, REQUEST, came, PROBED, "http://127.0.0.1:1").data, allow_nan=False).encode()
    return found


def part_of(part: Any, whole: Any) -> bool:
    """Whether a JSON value says nothing that another does not: lists may end earlier, all else is the same."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return part.keys() <= whole.keys() and all(part_of(part[name], whole[name]) for name in part)
    if isinstance(whole, list) and isinstance(part, list):
        return len(part) <= len(whole) and all(map(part_of, part, whole))
    return type(part) is type(whole) and part == whole


@given(texts, texts)
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_and_nothing_crashes(content: str, thinking: str) -> None:
    assert heard(content, thinking) is None


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_and_nothing_crashes(content: bytes) -> None:
    for text in (
        content.decode("latin-1"),
        content.decode("utf-8", "replace"),
        content.decode("utf-8", "surrogateescape"),
    ):
        assert heard(text) is None


@given(values)
@settings(max_examples=300, deadline=None)
def test_any_json_is_examined_as_the_standard_says(value: Any) -> None:
    text = json.dumps(value)
    constants = any(word in json.dumps(value) for word in ("NaN", "Infinity"))
    if isinstance(value, dict) and not constants:
        assert examine(text) == Whole(text)
    elif not isinstance(value, dict):
        assert not isinstance(examine(text), Whole)
    heard(text)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for name, item in inner for path in paths(item, (*at, name)))]


@given(
    st.sampled_from(paths(answer())[1:]),
    values | st.sampled_from([1500, 2100, 0, 100, 101, "sign", "likely", "", [], {}]),
)
@settings(max_examples=600, deadline=None)
def test_an_answer_with_anything_in_any_place_is_believed_only_if_the_schema_allows_it(
    path: tuple[Any, ...], value: Any
) -> None:
    said = answer()
    inner: Any = said
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    found = heard(json.dumps(said))
    assert found is None or fits(said, SCHEMA)


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_damaged_answer_is_believed_only_if_the_schema_allows_it(
    chance: random.Random, times: int, fence: bool
) -> None:
    damaged = list(f"```json\n{GOOD}\n```" if fence else GOOD)
    for _ in range(times):
        place = chance.randrange(len(damaged))
        edit = chance.randrange(4)
        if edit == 0:
            del damaged[place : place + chance.choice((1, 1, 2, 40))]
        elif edit == 1:
            damaged.insert(place, chance.choice('{}[]",:\\`019e. \n\x00é'))
        elif edit == 2:
            damaged[place] = chance.choice('{}[]",:\\`019e. \n\x00é')
        else:
            damaged[place:place] = damaged[place : place + 30]
    found = heard("".join(damaged))
    if found is not None and found.how == "content":
        bare = re.sub(r"^```[A-Za-z]*", "", "".join(damaged).strip()).rstrip("`\n ")
        assert fits(json.loads(bare), SCHEMA)


def orders() -> list[dict[str, Any]]:
    """The sound answer with each of its fields as the last one, as servers without grammars may give it."""
    made = []
    for last in answer():
        said = answer()
        said[last] = said.pop(last)
        made.append(said)
    return made


@pytest.mark.parametrize("said", orders(), ids=lambda said: f"{list(said)[-1]} last")
@pytest.mark.parametrize("style", ["bare", "fence", "indented"])
def test_an_answer_cut_at_any_byte_is_refused_or_a_part_of_it(said: dict[str, Any], style: str) -> None:
    text = json.dumps(said, ensure_ascii=False, indent=2 if style == "indented" else None)
    whole = (f"```json\n{text}\n```" if style == "fence" else text).encode()
    uncut = heard(whole.decode())
    assert uncut is not None and uncut.how == "content"
    repaired = 0
    for end in range(len(whole)):
        found = heard(whole[:end].decode("utf-8", "ignore"))
        if found is not None:
            repaired += found.how == "repaired"
            assert found.dropped == () and part_of(found.answer.model_dump(mode="json", by_alias=True), said)
        assert heard(whole[:end].decode("utf-8", "replace")) == found
    kept_whole = isinstance(list(said.values())[-1], list)
    assert repaired > 20 if kept_whole else 1 <= repaired <= 8


@given(st.dictionaries(st.text(max_size=8), values), st.data())
@settings(max_examples=120, deadline=None)
def test_any_object_cut_anywhere_is_a_part_of_it(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:
        return
    end = data.draw(st.integers(1, len(text) - 1))
    found = examine(text[:end])
    assert isinstance(found, Beginning) and part_of(json.loads(found.text), value)


WORDS = (
    "tile",
    "gurney",
    "lath",
    "fern",
    "rust",
    "plank",
    "girder",
    "boiler",
    "hatch",
    "stair",
    "cable",
    "kiln",
    "silo",
)
words = st.sampled_from(WORDS)
prose = st.lists(words, min_size=2, max_size=40, unique=True).map(" ".join)
brief = st.lists(words, max_size=4, unique=True).map(" ".join)
year = st.integers(1500, 2100)
spans = st.tuples(year, year).map(sorted)
answers = st.builds(
    lambda description, notes, tags, eras, read, layout, style, span, sure, evidence: {
        "description": description,
        "condition_notes": notes,
        "enhanced_tags": [
            {"tag": tag, "facet": facet, "evidence": evidence, "confidence": band} for tag, facet, band in tags
        ],
        "era_hints": [{"kind": kind, "from": first, "to": last, "evidence": evidence} for kind, (first, last) in eras],
        "readable_text": read,
        "spatial_notes": f"beyond {layout}",
        "architectural_style": style,
        "abandonment_estimate": {"from": span[0], "to": span[1], "confidence": sure, "evidence": evidence},
    },
    prose,
    brief,
    st.lists(
        st.tuples(words, st.sampled_from(FACETS), st.sampled_from(["certain", "likely", "possible"])),
        max_size=12,
        unique_by=lambda tag: tag[0],
    ),
    st.lists(st.tuples(st.sampled_from(["built", "used", "abandoned"]), spans), max_size=4),
    st.lists(words, max_size=8, unique=True),
    brief,
    brief,
    spans,
    st.integers(0, 100),
    brief,
)


@given(answers, st.sampled_from([None, 1, 4]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_sound_answer_is_believed_as_it_was_said(
    said: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    assert fits(said, SCHEMA)
    found = heard(json.dumps(said, indent=indent, ensure_ascii=ascii_only))
    assert found is not None and found.how == "content" and found.dropped == ()
    assert found.answer.model_dump(mode="json", by_alias=True) == said
    assert check(found.answer, REQUEST) == (found.answer, ())


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_line_agrees_with_itself_wherever_it_stands(text: str, lines: list[str]) -> None:
    read = Reading([*lines, text, *KNOWN.lines])
    assert read.agrees(text) == bool(letters(text))
    assert not Reading([]).agrees(text)
