from __future__ import annotations

import json
from typing import Any

import pytest

from urbextag.records import Evidence
from urbextag.taxonomy import load_taxonomy
from urbextag.vlm.answer import Answer, schema
from urbextag.vlm.believe import Believed, Rejected, believe
from urbextag.vlm.evidence import result
from urbextag.vlm.reading import Reading
from urbextag.vlm.repair import MOST_DEPTH, Beginning, Other, Whole, examine
from vlm_answers import FACETS, KNOWN, PROBED, PROMPT, answer, fits, reply, request

GOOD = json.dumps(answer())
ALL_FIELDS = [
    *("description", "condition_notes", "enhanced_tags", "era_hints", "readable_text", "spatial_notes"),
    *("architectural_style", "abandonment_estimate"),
]


def believed(content: str, thinking: str = "", finish: Any = "stop") -> Believed:
    return believe(reply(content, thinking, finish), request())


def why_not(content: str, thinking: str = "", finish: Any = "stop") -> str:
    with pytest.raises(Rejected) as rejected:
        believed(content, thinking, finish)
    return rejected.value.reason


def test_the_schema_is_plain_and_asks_for_every_field_in_order() -> None:
    made = schema(FACETS)
    assert list(made["properties"]) == made["required"] == ALL_FIELDS
    text = json.dumps(made)
    assert all(word not in text for word in ("$ref", "anyOf", "$defs", "title", "default", "allOf", "number"))
    assert made["properties"]["description"] == {"type": "string", "minLength": 1, "maxLength": 900}
    tags = made["properties"]["enhanced_tags"]
    assert tags["maxItems"] == 24 and tags["items"]["additionalProperties"] is False
    assert tags["items"]["properties"]["facet"] == {"type": "string", "enum": list(FACETS)}
    estimate = made["properties"]["abandonment_estimate"]
    assert estimate["required"] == ["from", "to", "confidence", "evidence"]
    assert estimate["properties"]["from"] == {"type": "integer", "minimum": 1500, "maximum": 2100}
    assert estimate["properties"]["confidence"] == {"type": "integer", "minimum": 0, "maximum": 100}


def test_a_schema_without_facets_is_refused() -> None:
    with pytest.raises(ValueError):
        schema([])


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        f"\n\n  {GOOD}  \n",
        f"\ufeff{GOOD}",
        json.dumps(answer(), indent=2, ensure_ascii=False),
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```\n",
        f"```JSON\r\n{GOOD}\r\n```",
        f"```{GOOD}```",
        f"```json\n{GOOD}\n``",
    ],
)
def test_a_sound_answer_is_believed_in_a_fence_and_without(content: str) -> None:
    found = believed(content)
    assert found.how == "content" and found.dropped == ()
    assert found.answer.model_dump(mode="json", by_alias=True) == answer()


@pytest.mark.parametrize("content", ["", "  \n", "I looked at the image.", "{}", "null", '{"description": "cut o'])
def test_an_answer_among_the_reasoning_is_believed_where_the_content_is_none(content: str) -> None:
    found = believed(content, thinking=f"```json\n{GOOD}\n```")
    assert found.how == "thinking" and found.answer.enhanced_tags[0].tag == "gurney"


def test_the_content_comes_before_the_reasoning() -> None:
    other = json.dumps(answer(architectural_style="Gothic"))
    assert believed(GOOD, thinking=other).answer.architectural_style == "Kirkbride plan"


@pytest.mark.parametrize(
    "thinking", ["", f"So the answer is {GOOD}", GOOD[:-1], f"{GOOD} That should do.", "The picture shows a gurney."]
)
def test_reasoning_that_only_holds_an_answer_is_not_believed(thinking: str) -> None:
    reason = why_not("", thinking)
    assert reason.startswith("the answer is empty")
    assert ("reasoning" in reason) == bool(thinking)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("Tags: gurney, corridor, tiles", "is no JSON object"),
        (f"Here is the answer: {GOOD}", "is no JSON object"),
        (f"<think>hm</think>{GOOD}", "is no JSON object"),
        (f"{GOOD} I hope this helps!", "goes on after"),
        (f"{GOOD}\n{GOOD}", "is more than one JSON object"),
        (f"```json\n{GOOD}\n```\nAnything else?", "goes on after"),
        (f"[{GOOD}]", "is no JSON object"),
        (json.dumps(GOOD), "is no JSON object"),
        (json.dumps({"answer": answer()}), "does not fit"),
        (GOOD.replace('"description"', "'description'"), "is no JSON"),
        (GOOD.replace(": 40", ": NaN"), "is no JSON"),
        (GOOD.replace(": 40", ": 040"), "is no JSON"),
        (GOOD[:-1] + ",}", "is no JSON"),
        (GOOD[:-1] + ', "description": "Something else."}', "says 'description' twice"),
        (GOOD[:-1] + ', "\\u0064escription": "Something else."}', "says 'description' twice"),
        (GOOD.replace("gurney", "gur\nney"), "is no JSON"),
        (GOOD.replace("A long", "\\ud800 long"), "does not fit"),
        ("{" * 100_000, "is no JSON"),
        ('{"a":' * 20_000, f"nests more than {MOST_DEPTH} levels"),
        ('{"a": ' + "[" * 100_000, f"nests more than {MOST_DEPTH} levels"),
        (GOOD.replace(": 40", ": 4" + "0" * 10_000), "does not fit"),
        ('{"description": "' + "the wall is peeling and " * 20_000, "characters, more than any answer"),
    ],
)
def test_what_is_no_single_object_is_refused_with_a_reason(content: str, said: str) -> None:
    assert said in why_not(content)


@pytest.mark.parametrize(
    "change",
    [
        {"description": ""},
        {"description": "word " * 181},
        {"description": None},
        {"description": ["A corridor."]},
        {"condition_notes": "w" * 601},
        {"enhanced_tags": "gurney, skylight"},
        {"enhanced_tags": ["gurney"]},
        {"enhanced_tags": {}},
        {"enhanced_tags": [answer()["enhanced_tags"][0] | {"facet": "gear"}]},
        {"enhanced_tags": [answer()["enhanced_tags"][0] | {"confidence": "sure"}]},
        {"enhanced_tags": [answer()["enhanced_tags"][0] | {"confidence": 0.9}]},
        {"enhanced_tags": [answer()["enhanced_tags"][0] | {"score": 1}]},
        {"enhanced_tags": [answer()["enhanced_tags"][0]] * 25},
        {"era_hints": [answer()["era_hints"][0] | {"from": 1499}]},
        {"era_hints": [answer()["era_hints"][0] | {"to": "1910"}]},
        {"era_hints": [answer()["era_hints"][0] | {"from_": 1890}]},
        {"readable_text": [7]},
        {"readable_text": ["a"] * 21},
        {"abandonment_estimate": None},
        {"abandonment_estimate": answer()["abandonment_estimate"] | {"confidence": 101}},
        {"abandonment_estimate": answer()["abandonment_estimate"] | {"confidence": True}},
        {"abandonment_estimate": answer()["abandonment_estimate"] | {"confidence": 40.5}},
        {"mood": "gloomy"},
    ],
)
def test_what_the_schema_refuses_is_refused(change: dict[str, Any]) -> None:
    said = answer(**change)
    assert not fits(said, schema(FACETS))
    assert "does not fit" in why_not(json.dumps(said))


@pytest.mark.parametrize("field", ALL_FIELDS)
def test_a_field_that_is_missing_is_not_made_up(field: str) -> None:
    said = answer()
    del said[field]
    assert why_not(json.dumps(said)).startswith(f"the answer does not fit: {field}: ")


def test_an_object_cut_within_its_brackets_is_closed() -> None:
    assert believed(GOOD[:-1], finish="length").how == "repaired"
    assert believed(GOOD[:-2], finish="length").how == "repaired"
    assert believed(f"```json\n{GOOD[:-1]}\n").how == "repaired"


def test_of_a_cut_list_only_whole_items_are_kept() -> None:
    last = answer()
    last["enhanced_tags"] = last.pop("enhanced_tags")
    text = json.dumps(last)
    cut = text[: text.index("light from above") + 5]
    found = believed(cut, finish="length")
    assert found.how == "repaired" and [tag.tag for tag in found.answer.enhanced_tags] == ["gurney"]


def test_a_cut_string_or_number_is_not_taken_for_a_whole_one() -> None:
    last = answer()
    last["architectural_style"] = last.pop("architectural_style")
    text = json.dumps(last)
    reason = why_not(text[: text.index("Kirkbride") + 5], finish="length")
    assert "cut off" in reason and "most tokens" in reason
    last["abandonment_estimate"] = dict(reversed(last.pop("abandonment_estimate").items()))
    assert "cut off" in why_not(json.dumps(last)[:-3])  # 1985 became 198


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": [1, 2', '{"a": [1]}'),
        ('{"a": [1, 2,', '{"a": [1, 2]}'),
        ('{"a": [1, {"b": 2', '{"a": [1]}'),
        ('{"a": [[1, 2], [3, 4', '{"a": [[1, 2]]}'),
        ('{"a": {"b": 1, "c', '{"a": {"b": 1}}'),
        ('{"a": "x\\u00', "{}"),
        ('{"a": "x\\', "{}"),
        ('{"a": tru', "{}"),
        ('{"a": -', "{}"),
        ('{"a": 1.5e', "{}"),
        ('{"a": 1 ,', '{"a": 1}'),
        ("{", "{}"),
    ],
)
def test_a_beginning_is_closed_after_what_was_said_to_its_end(text: str, kept: str) -> None:
    found = examine(text)
    assert isinstance(found, Beginning) and json.loads(found.text) == json.loads(kept)


@pytest.mark.parametrize(
    "text", ['{"a" 1', '{"a": 1 2', '{"a": trux', "{1", '{"a": [1 2', '{"a": [,', "}", '{"a": 1}}']
)
def test_what_no_object_begins_with_is_no_beginning(text: str) -> None:
    assert isinstance(examine(text), Other)


def test_a_reason_cannot_steer_a_terminal() -> None:
    reason = why_not(json.dumps(answer() | {"\x1b[31mred\n": 1}))
    assert reason.isprintable() and "red" in reason


def test_a_whole_object_is_given_back_as_it_stands() -> None:
    assert examine(' {"a": [1, {"b": null}], "c": "}"} ') == Whole('{"a": [1, {"b": null}], "c": "}"}')


def test_evidence_is_weak_and_marked_by_who_else_read_it() -> None:
    asked = request()
    came = reply(GOOD)
    made = result(believe(came, asked), asked, came, PROBED, "http://127.0.0.1:11434")
    assert made.stage == "vlm"
    assert made.evidence == (
        Evidence("vlm", "gurney", 0.7),
        Evidence("vlm", "skylight", 0.5),
        Evidence("vlm", "café table", 0.3),
        Evidence("vlm", "Kirkbride plan", 0.5),
        Evidence("vlm-text", "WARD 7B", 0.9),
        Evidence("vlm-text", "NO SMOKlNG", 0.9),
        Evidence("vlm-text", "DANGER ASBESTOS", 0.4),
    )
    data = json.loads(json.dumps(made.data))
    assert data["answer"] == answer() and data["raw"] == came.raw and data["how"] == "content"
    assert data["text"][2] == {"text": "DANGER ASBESTOS", "ocr": False} and data["text"][0]["ocr"] is True
    assert data["prompt"] == PROMPT and data["fingerprint"] == asked.fingerprint and data["seed"] == 1
    assert (data["model"], data["digest"]) == ("qwen3-vl:8b-instruct", "sha256:1")
    assert (data["endpoint"], data["seconds"]) == ("http://127.0.0.1:11434", 1.5)
    assert (data["prompt_tokens"], data["tokens"], data["template"]) == (1100, 300, "template")


def test_no_style_makes_no_evidence_and_a_label_is_one_line() -> None:
    asked = request()
    came = reply(json.dumps(answer(architectural_style="", readable_text=["KEEP\nOUT"], enhanced_tags=[])))
    made = result(believe(came, asked), asked, came, PROBED, "http://127.0.0.1:11434")
    assert made.evidence == (Evidence("vlm-text", "KEEP OUT", 0.4),)


def test_a_text_that_only_a_vlm_read_makes_no_tag_and_one_read_twice_is_no_second_opinion() -> None:
    sources = load_taxonomy().sources
    read, ocr = sources.get("vlm-text"), sources.get("ocr")
    assert sources.rules.prior + read.weigh(0.4) < -1.0
    assert read.weigh(0.4) < read.weigh(0.9) < ocr.weigh(0.9)
    assert read.group == ocr.group and read.facets == ocr.facets and not read.vocabulary


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("WARD 7B", True),
        ("ward 7-b", True),
        ("7B", True),
        ("B", False),
        ("", False),
        ("!!", False),
        ("NO SM0KING", True),
        ("SMOKING", True),
        ("MOKI", False),
        ("Authorized personnel only", True),
        ("personnel only beyond", True),
        ("Authorized personnel only beyond this", True),
        ("AUTHORISED PERSONNEL ONLY BEYOND THIS POINT", True),
        ("Utica State Hospital", False),
        ("EXIT", False),
        ("only beyond the pale", False),
    ],
)
def test_two_readings_agree_by_their_letters(text: str, agrees: bool) -> None:
    assert Reading(KNOWN.lines).agrees(text) is agrees


def test_nobody_agrees_with_a_reading_where_ocr_read_nothing() -> None:
    assert not Reading(()).agrees("WARD 7B")


def test_the_model_and_its_schema_hold_the_same_bounds() -> None:
    estimate = answer()["abandonment_estimate"]
    edge = answer(
        description="d" * 900,
        condition_notes="c" * 600,
        enhanced_tags=[{"tag": "t" * 48, "facet": "sign", "evidence": "", "confidence": "likely"}] * 24,
        era_hints=[{"kind": "abandoned", "from": 1500, "to": 2100, "evidence": "e" * 120}] * 4,
        readable_text=["r" * 120] * 20,
        spatial_notes="",
        architectural_style="s" * 80,
        abandonment_estimate=estimate | {"from": 1500, "to": 2100, "confidence": 100, "evidence": ""},
    )
    assert fits(edge, schema(FACETS))
    assert Answer.model_validate_json(json.dumps(edge)).model_dump(mode="json", by_alias=True) == edge
