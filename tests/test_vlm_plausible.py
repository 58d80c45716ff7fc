from __future__ import annotations

import json
import random
import string
from typing import Any

import pytest

from urbextag.vlm.answer import Answer, Rejected
from urbextag.vlm.plausible import check
from urbextag.vlm.records import Known
from vlm_answers import KNOWN, PROMPT, SYSTEM, answer, request

ESTIMATE = answer()["abandonment_estimate"]


def made(**changes: Any) -> Answer:
    return Answer.model_validate_json(json.dumps(answer(**changes)))


def checked(known: Known = KNOWN, **changes: Any) -> tuple[Answer, tuple[str, ...]]:
    return check(made(**changes), request(known))


def refused(known: Known = KNOWN, **changes: Any) -> str:
    with pytest.raises(Rejected) as rejected:
        check(made(**changes), request(known))
    return rejected.value.reason


def tag(name: str, evidence: str = "seen at left") -> dict[str, str]:
    return {"tag": name, "facet": "object", "evidence": evidence, "confidence": "likely"}


def test_a_sound_answer_comes_through_whole() -> None:
    assert checked() == (made(), ())


@pytest.mark.parametrize(
    "text",
    [
        "Describe: architectural style and notable features, current condition and decay indicators.",
        "three to five sentences about what can be seen",
        "Architectural style and notable features",
        SYSTEM,
        PROMPT[:400],
        "This is an interior photograph of Saint Mary Asylum for the Chronic Insane, an abandoned hospital",
        "A hospital. Please describe: 1. Architectural style and notable features. 2. Current condition.",
    ],
)
@pytest.mark.parametrize("field", ["description", "condition_notes", "spatial_notes"])
def test_the_instructions_said_again_are_refused(field: str, text: str) -> None:
    assert "the instructions" in refused(**{field: text})


def test_the_instructions_are_refused_as_text_on_a_wall_and_as_evidence() -> None:
    assert "the instructions" in refused(
        readable_text=["Describe current condition and decay indicators", SYSTEM[:100]]
    )
    assert "the instructions" in refused(abandonment_estimate=ESTIMATE | {"evidence": SYSTEM[:100]})
    assert "the instructions" in refused(enhanced_tags=[tag("gurney", "current condition and decay indicators")])


def test_a_long_name_that_was_told_is_no_echo() -> None:
    text = "The sign of the Saint Mary Asylum for the Chronic Insane hangs from one nail above the door."
    assert checked(description=text)[0].description == text


@pytest.mark.parametrize(
    "text",
    [
        "<description>",
        "string",
        '"string"',
        "description",
        "condition_notes",
        "Condition notes",
        "This is a {view_type} of an old mill with broken windows.",
        "A corridor with {{tags}} on the wall.",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
        "[Insert description of the picture]",
        "<your answer goes in this place>",
        "Description goes here.",
        '{"description": "A corridor with tiles", "tags": []}',
    ],
)
def test_a_form_that_was_not_filled_is_refused(text: str) -> None:
    assert "form" in refused(description=text)


def test_a_form_that_was_not_filled_is_refused_in_its_small_parts() -> None:
    assert "form" in refused(enhanced_tags=[tag("string")])
    assert "form" in refused(enhanced_tags=[tag("gurney", "string")])
    assert "form" in refused(readable_text=["<text>"])
    assert "form" in refused(architectural_style="<architectural_style>")


@pytest.mark.parametrize(
    "text",
    [
        "The user wants a description of an interior. There are tiles.",
        "Let me look at the picture. There are tiles on the wall.",
        "There are tiles. Let me describe the floor as well.",
        "Okay, so the picture shows a corridor with tiles.",
        "Okay, a corridor with tiles.",
        "Hmm, tiles on the wall.",
        "Tiles on the wall. Wait, those may be bricks.",
        "First I need to identify the materials: tiles.",
        "I should check the tags that were detected.",
        "So, let's see what is on the wall: tiles.",
        "As an AI, I see tiles on the wall.",
        "As a large language model I see tiles.",
        "I'm sorry, but this picture is too dark.",
        "I cannot see the picture.",
        "Here is the description: tiles on the wall.",
        "The JSON needs a description, so: tiles.",
        "The prompt says not to repeat the tags.",
        "We need to output eight fields. Tiles on the wall.",
        "I\u2019ll start with the walls: tiles.",
        "<think>tiles?</think> Tiles on the wall.",
        "Tiles on the wall.<|im_end|>",
    ],
)
@pytest.mark.parametrize("field", ["description", "condition_notes"])
def test_reasoning_is_no_description(field: str, text: str) -> None:
    assert "model's" in refused(**{field: text})


@pytest.mark.parametrize(
    "text",
    [
        "Graffiti on the far wall reads \u201cI need to look for God\u201d above a rusted stove.",
        "Someone has sprayed 'let me see the sun' across the tiles.",
        "The user manual of a lathe lies open; the user's chair is gone.",
        "The instructions are posted beside the boiler. So much plaster has fallen that lath shows.",
        "Okay Motel, reads the sign over the door. Nowhere is the glass whole.",
        "A language school: charts of irregular verbs hang beside the blackboard.",
        "The hall serves as a vision of decay: paint peels, ferns grow, ice covers the floor.",
        "Water, water everywhere; the floor is wet, wet leaves lie on wet boards.",
        "Rows and rows and rows of seats face the stage. A strong draught. A stopped clock.",
    ],
)
def test_what_only_looks_like_reasoning_or_repetition_is_believed(text: str) -> None:
    assert checked(description=text)[0].description == text


@pytest.mark.parametrize(
    "text",
    [
        "The wall is peeling peeling peeling peeling",
        "Peeling, peeling, peeling, peeling paint.",
        "There is a bed and " * 8,
        "The paint on the wall is peeling off. " * 3,
        "Tiles are broken. The floor is wet. Tiles are broken. Paint peels. Tiles are broken.",
        "the ceiling has come down at last\nthe ceiling has come down at last\nthe ceiling has come down at last",
        "rust and dust and rot and mould in the old dark hall " * 4,
    ],
)
@pytest.mark.parametrize("field", ["description", "condition_notes", "spatial_notes"])
def test_endless_repetition_is_refused(field: str, text: str) -> None:
    assert "says" in refused(**{field: text})


def test_one_sentence_in_every_field_is_repetition() -> None:
    same = "The paint on the wall is peeling."
    assert "3 times" in refused(description=same, condition_notes=same, spatial_notes=same)


@pytest.mark.parametrize(
    "text",
    [
        "An interior photograph of an abandoned hospital in Utica, New York.",
        "This is Saint Mary Asylum for the Chronic Insane.",
        "Peeling paint, a bed frame and windows.",
        "A photograph of an abandoned building.",
        "Hospital built circa 1880.",
    ],
)
def test_a_description_of_what_was_known_is_none(text: str) -> None:
    assert "known already" in refused(description=text)


@pytest.mark.parametrize("text", ["   ", "...", "- - -", "\n", "?!", "\u2014\u2014\u2014"])
def test_a_description_without_a_word_is_none(text: str) -> None:
    assert "no word" in refused(description=text)


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31mred", "bell\x07", "x\x85y", "abc\u202edef"])
def test_control_characters_are_refused_everywhere(text: str) -> None:
    for change in (
        {"description": f"A corridor {text}"},
        {"readable_text": [text]},
        {"enhanced_tags": [tag(text)]},
        {"enhanced_tags": [tag("gurney", text)]},
        {"architectural_style": text},
        {"abandonment_estimate": ESTIMATE | {"evidence": text}},
    ):
        assert "control character" in refused(**change)


def test_lines_and_tabs_are_no_control_characters() -> None:
    text = "A corridor.\n\tTiles on the walls.\r\nA gurney."
    assert checked(description=text, readable_text=["KEEP\nOUT"])[1] == ()


@pytest.mark.parametrize(
    "name",
    [
        *("peeling paint", "Bed Frames", "windows", "hospital", "Abandoned Hospital", "hospital building", "Utica"),
        *("New York", "hospital in Utica", "interior", "the Saint Mary Asylum for the Chronic Insane", "object"),
        *("abandoned building", "...", "-", "abandoned"),
    ],
)
def test_a_tag_that_was_known_or_names_no_thing_is_dropped(name: str) -> None:
    kept, dropped = checked(enhanced_tags=[tag("gurney"), tag(name), tag("stretcher")])
    assert [one.tag for one in kept.enhanced_tags] == ["gurney", "stretcher"]
    assert len(dropped) == 1 and repr(name) in dropped[0]


@pytest.mark.parametrize(
    "name",
    [
        *("hospital bed", "asylum", "paint", "bed", "stage", "photograph", "window frame", "mary statue"),
        *("picture", "frame", "hospital corridor", "exterior", "new york subway sign", "\u00e9tag\u00e8re"),
    ],
)
def test_a_tag_that_says_more_is_kept(name: str) -> None:
    kept, dropped = checked(enhanced_tags=[tag(name)])
    assert [one.tag for one in kept.enhanced_tags] == [name] and dropped == ()


def test_a_tag_is_kept_once() -> None:
    kept, dropped = checked(enhanced_tags=[tag("gurney"), tag("Gurneys"), tag("gurney")])
    assert [one.tag for one in kept.enhanced_tags] == ["gurney"] and len(dropped) == 2


def test_a_text_that_was_told_needs_another_reader() -> None:
    told = [KNOWN.location_name, "UTICA", "New York"]
    kept, dropped = checked(readable_text=[*told, "BOILER ROOM"])
    assert kept.readable_text == ("BOILER ROOM",) and len(dropped) == 3
    read = Known(location_name="Saint Mary", city="Utica", lines=("SAINT MARY", "Utlca"))
    assert checked(read, readable_text=["Saint Mary", "Utica"])[0].readable_text == ("Saint Mary", "Utica")


def test_a_text_that_is_none_or_said_before_is_dropped() -> None:
    kept, dropped = checked(
        readable_text=["EXIT", "exit!", "None", "n/a", "No visible text", "", "--", "HA HA HAA", "stop " * 9]
    )
    assert kept.readable_text == ("EXIT", "HA HA HAA") and len(dropped) == 7


@pytest.mark.parametrize("style", ["unknown", "None", "N/A", "not evident", "Cannot be determined", "-", " "])
def test_a_style_that_is_none_is_none(style: str) -> None:
    assert checked(architectural_style=style)[0].architectural_style == ""


def test_years_the_wrong_way_round_are_no_finding() -> None:
    hints = [{"kind": "built", "from": 1910, "to": 1890, "evidence": "tiles"}, *answer()["era_hints"]]
    kept, dropped = checked(era_hints=hints, abandonment_estimate=ESTIMATE | {"from": 1999, "to": 1985})
    assert len(kept.era_hints) == 2 and len(dropped) == 2
    estimate = kept.abandonment_estimate
    assert (estimate.from_, estimate.to, estimate.confidence) == (1985, 1999, 0)


def test_what_is_checked_once_is_sound() -> None:
    first, _ = checked(
        enhanced_tags=[tag("gurney"), tag("gurneys"), tag("hospital")],
        readable_text=["none", "EXIT", "Utica", "exit"],
        architectural_style="unknown",
        abandonment_estimate=ESTIMATE | {"from": 1999, "to": 1985},
    )
    assert check(first, request()) == (first, ())


def test_any_printable_text_may_be_said() -> None:
    chance = random.Random(4)
    letters = string.digits + string.ascii_letters + string.punctuation + " " * 4
    for _ in range(300):
        texts = ["".join(chance.choices(letters, k=chance.randint(20, 80))) for _ in range(6)]
        said = dict(
            zip(("description", "condition_notes", "spatial_notes", "architectural_style"), texts, strict=False)
        )
        said["readable_text"] = texts[4:]
        assert checked(**said)[0].description == texts[0]


def test_where_nothing_is_known_nothing_is_dropped() -> None:
    kept, dropped = checked(Known(), enhanced_tags=[tag("hospital"), tag("peeling paint")], readable_text=["UTICA"])
    assert len(kept.enhanced_tags) == 2 and kept.readable_text == ("UTICA",) and dropped == ()
