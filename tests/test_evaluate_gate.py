"""The gate between two configurations, and the command `evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from conftest import draw, urbextag
from small_taxonomy import small
from urbextag.choices import GATED
from urbextag.errors import Regression, UsageError
from urbextag.evaluate.compare import compare, hold, read_evaluation
from urbextag.evaluate.figures import Evaluation
from urbextag.evaluate.golden import Golden, Truth
from urbextag.evaluate.score import evaluate
from urbextag.records import Context, Evidence, Record
from urbextag.taxonomy import Taxonomy

GOLDEN = Path(__file__).parent / "data" / "golden" / "places.jsonl"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("gate") / "data")


def result_of(taxonomy: Taxonomy, *pieces: tuple[str, tuple[str, ...]]) -> Evaluation:
    """An evaluation of photos that florence and ram++ agree on; pieces: id and what is said to be there."""
    truth = Truth(must=("bed", "pew"), wrong=("gurney",))
    records = [
        Record(name, Context(), tuple(Evidence(s, label, 0.95) for label in labels for s in ("florence", "ram++")))
        for name, labels in pieces
    ]
    return evaluate(taxonomy, [Golden(record, truth) for record in records])


def test_the_gate_tells_better_from_worse(few: Taxonomy) -> None:
    before = result_of(few, ("a", ("bed", "pew")), ("b", ("bed", "gurney")))
    after = result_of(few, ("a", ("bed",)), ("b", ("bed", "pew")))
    there, back = compare(before, after, GATED, 0.01), compare(after, before, GATED, 0.01)
    assert [(photo.id, photo.verdict) for photo in there.photos] == [("a", "worse"), ("b", "better")]
    assert there.photos[0].lost == ("pew",) and there.photos[1].false_lost == ("gurney",)
    verdicts = {change.name: change.verdict for change in there.figures}
    assert verdicts["false"] == "better" and verdicts["must"] == "same" and verdicts["tags"] == "neither"
    assert there.failed == ()
    hold(there, 0.01)
    assert "false" in back.failed
    with pytest.raises(Regression, match=r"false 0\.0 -> 0\.5") as caught:
        hold(back, 0.01)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(("tolerance", "failed"), [(0.0, True), (0.2499, True), (0.25, False), (0.9, False)])
def test_the_tolerance_is_a_bound_that_holds(few: Taxonomy, tolerance: float, failed: bool) -> None:
    before = result_of(few, ("a", ("bed", "pew")), ("b", ("bed", "pew")))
    after = result_of(few, ("a", ("bed",)), ("b", ("bed", "pew")))
    assert ("must" in compare(before, after, ["must"], tolerance).failed) is failed
    assert compare(before, after, ["false"], tolerance).failed == ()


def test_what_can_no_longer_be_measured_fails(few: Taxonomy) -> None:
    before, after = result_of(few, ("a", ("bed",))), result_of(few, ("a", ()))
    assert after.figures.precision is None and compare(before, after, ["precision"], 1.0).failed == ("precision",)


def test_nothing_changes_against_itself_and_through_a_file(few: Taxonomy, tmp_path: Path) -> None:
    result = result_of(few, ("a", ("bed", "pew")), ("b", ("gurney",)))
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(asdict(result) | {"comparison": None}))
    assert read_evaluation(path) == result
    same = compare(read_evaluation(path), result, GATED, 0.0)
    assert same.photos == () and same.failed == () and {change.verdict for change in same.figures} == {"same"}


def test_another_golden_set_is_no_baseline(few: Taxonomy) -> None:
    with pytest.raises(UsageError, match="another golden set"):
        compare(result_of(few, ("a", ())), result_of(few, ("b", ())), GATED, 0.0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"golden": 1}'])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "before.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no result of evaluate"):
        read_evaluation(path)


def test_the_command_holds_a_worse_taxonomy_back(tmp_path: Path) -> None:
    before, after, worse = tmp_path / "before.json", tmp_path / "after.json", tmp_path / "worse.yaml"
    first = urbextag("evaluate", GOLDEN, "--save", before, "--photos", cwd=tmp_path)
    assert first.code == 0 and "ward-east" in first.out and "florence alone" in first.out
    assert urbextag("evaluate", GOLDEN, "--json", cwd=tmp_path).json == json.loads(before.read_text())

    worse.write_text("facet: object\nconcepts:\n  gurney: {remove: true}\n")
    arguments = ("evaluate", GOLDEN, "--taxonomy", worse, "--baseline", before)
    second = urbextag(*arguments, "--json", "--save", after, cwd=tmp_path)
    assert second.code == 5 and "worse than the baseline" in second.err and "must" in second.err
    (photo,) = second.json["comparison"]["photos"]
    assert photo["id"] == "ward-east" and photo["lost"] == ["gurney"]
    assert json.loads(after.read_text()) == {key: part for key, part in second.json.items() if key != "comparison"}
    assert urbextag(*arguments, "--gate", "false", cwd=tmp_path).code == 0
    assert urbextag(*arguments, "--tolerance", "0.5", cwd=tmp_path).code == 0
    assert urbextag(*arguments, "--tolerance", "nan", cwd=tmp_path).code == 2
    refused = urbextag("evaluate", GOLDEN, "--baseline", before, "--save", before, cwd=tmp_path)
    assert refused.code == 2 and "overwrite the baseline" in refused.err


def test_photos_are_looked_at(tmp_path: Path) -> None:
    draw(tmp_path / "photos" / "door.png", "BOILER ROOM")
    truth = {"must": ["boiler room"], "not": ["car"]}
    path = tmp_path / "golden.jsonl"
    path.write_text(json.dumps({"photo": "photos/door.png", "truth": truth}))
    result = urbextag("evaluate", path, "--profile", "starter", "--json").json
    assert result["figures"]["must"] == 1 and result["sources"]["ocr"]["must"] == 1
    assert [score["id"] for score in result["each"]] == ["photos/door.png"]
    path.write_text(json.dumps({"photo": "photos/gone.png", "truth": truth}))
    gone = urbextag("evaluate", path, "--profile", "starter")
    assert gone.code == 5 and "gone.png" in gone.err and gone.out == ""
