from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from small_taxonomy import small
from urbextag.cli.taxonomy import taxonomy as command
from urbextag.errors import UsageError
from urbextag.records import Context, Evidence, Record
from urbextag.taxonomy import band, derive, derived_to_dict, parse_record

LINE = {
    "id": "img-1",
    "context": {"view_type": "interior", "location_type": "hospital", "state": "New York", "era": None},
    "evidence": [
        {"source": "florence", "label": "an empty bar with several stools", "score": None},
        {"source": "ram++", "label": "bar stool", "score": 0.88},
        {"source": "siglip", "label": "counter", "score": 0.89, "box": [0, 0.1, 0.5, 1]},
    ],
}


def test_a_line_becomes_a_record() -> None:
    record = parse_record(json.dumps(LINE))
    assert record.context == Context(view_type="interior", location_type="hospital", state="New York")
    assert record.evidence[2] == Evidence("siglip", "counter", 0.89, (0.0, 0.1, 0.5, 1.0))
    assert parse_record('{"id": "a", "evidence": []}') == Record("a", Context(), ())
    assert parse_record('{"id": "a", "evidence": [], "context": {"era": "1870-1910"}}').context.era == (1870, 1910)


SAID = {"source": "a", "label": "b"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ({"id": 7}, "id must be a text"),
        ({"id": ""}, "id must be a text"),
        ({"evidence": None}, "evidence must be a list"),
        ({"evidence": ["bar"]}, "evidence[0] must be an object"),
        ({"evidence": [SAID, {"source": "a"}]}, "evidence[1].label must be a text"),
        ({"evidence": [SAID | {"score": 1.5}]}, "evidence[0].score must be a number between 0 and 1"),
        ({"evidence": [SAID | {"score": True}]}, "evidence[0].score must be a number"),
        ({"evidence": [SAID | {"score": float("nan")}]}, "evidence[0].score must be a number"),
        ({"evidence": [SAID | {"box": [1, 2]}]}, "evidence[0].box must be"),
        ({"context": []}, "context must be an object"),
        ({"context": {"view_type": "inside"}}, "context.view_type must be"),
        ({"context": {"state": 3}}, "context.state must be a text"),
        ({"context": {"era": [1990, 1980]}}, "context.era ends in 1980"),
        ({"context": {"era": "soon"}}, "context.era: 'soon' is not an era"),
    ],
)
def test_a_bad_line_is_named_with_its_field(change: str | dict[str, object], complaint: str) -> None:
    text = change if isinstance(change, str) else json.dumps(LINE | change)
    with pytest.raises(UsageError) as caught:
        parse_record(text, 12)
    assert caught.value.message.startswith("line 12: ") and complaint in caught.value.message


def test_the_answer_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    taxonomy = small(tmp_path / "data")
    answer = derived_to_dict(derive(taxonomy, parse_record(json.dumps(LINE))))
    assert list(answer) == ["id", "tags", "view_type", "condition", "era", "era_summary", "unmatched"]
    assert answer["view_type"] == {"value": "interior", "confidence": 1.0}
    assert answer["condition"] is None and answer["era_summary"] is None
    stool = next(tag for tag in answer["tags"] if tag["label"] == "bar stool")
    assert set(stool) == {"id", "label", "confidence", "band", "synonyms", "ancestors", "why"}
    assert stool["band"] == band(stool["confidence"])
    assert {"source": "ram++", "label": "bar stool"}.items() <= stool["why"][0].items()
    assert json.loads(json.dumps(answer)) == answer


def test_derive_reads_files_and_standard_input(tmp_path: Path) -> None:
    lines = "\n".join([json.dumps(LINE), "", json.dumps(LINE | {"id": "img-2"})]) + "\n"
    path = tmp_path / "in.jsonl"
    path.write_text(lines)
    from_file = CliRunner().invoke(command, ["derive", str(path)])
    from_stdin = CliRunner().invoke(command, ["derive", "-"], input=lines)
    assert from_file.exit_code == from_stdin.exit_code == 0
    assert from_file.stdout == from_stdin.stdout
    assert [json.loads(line)["id"] for line in from_file.stdout.splitlines()] == ["img-1", "img-2"]


def test_derive_answers_good_lines_before_a_bad_one_and_names_it(tmp_path: Path) -> None:
    lines = json.dumps(LINE) + "\n{\n"
    result = CliRunner().invoke(command, ["derive", "-"], input=lines)
    assert isinstance(result.exception, UsageError) and result.exception.message.startswith("line 2: ")
    assert json.loads(result.stdout)["id"] == "img-1"
    missing = CliRunner().invoke(command, ["derive", str(tmp_path / "none.jsonl")])
    assert isinstance(missing.exception, UsageError)


def test_derive_uses_the_users_taxonomy(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("facet: object\nconcepts:\n  frobnicator: {}\n")
    line = json.dumps({"id": "a", "evidence": [{"source": "florence", "label": "a frobnicator"}]})
    with_it = CliRunner().invoke(command, ["derive", "-", "--taxonomy", str(mine)], input=line)
    without = CliRunner().invoke(command, ["derive", "-"], input=line)
    assert json.loads(with_it.stdout)["tags"][0]["id"] == "object/frobnicator"
    assert json.loads(without.stdout)["unmatched"] == ["frobnicator"]
