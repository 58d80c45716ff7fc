"""The prompts: the packaged ones fit the taxonomy and read as English; a user's file is heard or refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from urbextag.errors import ConfigError
from urbextag.taxonomy import FACETS, Taxonomy, load_taxonomy
from urbextag.zeroshot import Prompts, load_prompts
from urbextag.zeroshot.build import evidence_label
from urbextag.zeroshot.phrases import fill
from urbextag.zeroshot.prompts import COMMON, VIEWS

PLAN = {
    "interior": "interior of an abandoned building",
    "exterior": "exterior of an abandoned building",
    "aerial": "aerial view of abandoned buildings",
    "detail": "close-up detail shot of decay or equipment",
}
NOT_ASKED = {"view"}
"""Facets without sentences: view types have prompts of their own."""


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return load_prompts()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def with_mine(path: Path, text: str) -> Prompts:
    path.write_text(text, encoding="utf-8")
    return load_prompts(path)


def test_every_view_has_five_prompts_and_the_plan_s_among_them(prompts: Prompts) -> None:
    assert tuple(prompts.views) == VIEWS
    assert all(len(set(prompts.views[view])) >= 5 for view in VIEWS)
    assert all(prompt in prompts.views[view] for view, prompt in PLAN.items())
    assert "close-up detail shot of decay" in prompts.views["detail"]


def test_every_concept_is_asked_about_twice_or_left_out_on_purpose(prompts: Prompts, taxonomy: Taxonomy) -> None:
    asked = prompts.of_concepts(taxonomy)
    assert all(len(set(sentences)) >= 2 for sentences in asked.values())
    for concept in taxonomy.concepts.values():
        silent = (
            concept.category or concept.facet in NOT_ASKED or f"{concept.facet}/{concept.slug}" in prompts.leave_out
        )
        assert (concept.id in asked) is not silent, concept.id


def test_no_two_concepts_ask_the_same(prompts: Prompts, taxonomy: Taxonomy) -> None:
    owner: dict[str, str] = {}
    for concept_id, sentences in prompts.of_concepts(taxonomy).items():
        for sentence in sentences:
            assert owner.setdefault(sentence, concept_id) == concept_id, sentence


def test_sentences_are_english(prompts: Prompts, taxonomy: Taxonomy) -> None:
    every = [text for sentences in prompts.of_concepts(taxonomy).values() for text in sentences]
    every += [text for kind in prompts.background for member in prompts.of_background(kind) for text in member]
    for text in every:
        assert not re.search(r"[{}]|  |\b(a|an|the) (a|an|the)\b", text), text
        assert not re.search(r"\ba (?:[aei]|[uU]n(?!i)|o(?!ne))", text), text
        assert not re.search(r"\ban (?![aeiouAEFHILMNORSXx])", text), text


def test_packaged_names_are_concepts_of_the_packaged_taxonomy(prompts: Prompts, taxonomy: Taxonomy) -> None:
    known = {f"{concept.facet}/{concept.slug}" for concept in taxonomy.concepts.values()}
    assert prompts.names.keys() | prompts.concepts.keys() | prompts.leave_out <= known
    assert not prompts.names.keys() & prompts.concepts.keys()


def test_every_label_leads_back_to_its_concept(taxonomy: Taxonomy) -> None:
    for concept in taxonomy.concepts.values():
        label = evidence_label(taxonomy, concept)
        assert label is not None
        assert [found.concept.id for found in taxonomy.match(label).found] == [concept.id]


def test_backgrounds_are_large_and_varied(prompts: Prompts) -> None:
    assert sum(len(set(prompts.background[kind])) for kind in COMMON) >= 80
    for facet in FACETS:
        if facet not in NOT_ASKED:
            assert len(set(prompts.background[facet])) >= 20, facet
            assert len(prompts.of_background(facet)[0]) == len(prompts.templates[facet])


def test_the_look_is_asked_with_the_prompts_of_the_paper(prompts: Prompts) -> None:
    first = prompts.quality["quality"]
    assert (first.positive, first.negative) == (("Good photo.",), ("Bad photo.",))
    assert {"sharpness", "brightness", "noisiness", "composition"} <= prompts.quality.keys()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("bar stool", "a photo of a bar stool"),
        ("armchair", "a photo of an armchair"),
        ("hourglass", "a photo of an hourglass"),
        ("utility pole", "a photo of a utility pole"),
        ("urinal", "a photo of a urinal"),
        ("umbrella", "a photo of an umbrella"),
        ("unsafe staircase", "a photo of an unsafe staircase"),
        ("one room schoolhouse", "a photo of a one room schoolhouse"),
        ("x-ray room", "a photo of an x-ray room"),
        ("IV stand", "a photo of an IV stand"),
        ("CRT monitor", "a photo of a CRT monitor"),
        ("missing bricks", "a photo of missing bricks"),
        ("bleachers", "a photo of bleachers"),
        ("gas", "a photo of a gas"),
        ("hole in the roof", "a photo of a hole in the roof"),
        ("pile of bricks", "a photo of a pile of bricks"),
        ("nurses' station", "a photo of a nurses' station"),
        ("moss", "a photo of moss"),
        ("stained glass", "a photo of stained glass"),
        ("glass block", "a photo of a glass block"),
    ],
)
def test_articles(words: str, sentence: str) -> None:
    assert fill("a photo of {a label}", words, {"moss", "glass"}) == sentence


def test_a_word_before_the_label_takes_the_article() -> None:
    assert fill("{a old label} left behind", "bathtub", ()) == "an old bathtub left behind"
    assert fill("{a abandoned label}", "weeds", ()) == "abandoned weeds"
    assert fill("the texture of {label}", "brick", ()) == "the texture of brick"


def test_a_user_s_file_adds(mine: Path, prompts: Prompts, taxonomy: Taxonomy) -> None:
    more = with_mine(
        mine,
        """
add:
  views: {aerial: [a kite photo of a roof]}
  concepts: {object/bar-stool: [a red stool at a bar], place/faith: [a religious place]}
  background: {object: [lava lamp], ordinary: [a photo of a kettle]}
  quality: {mood: {positive: [Moody photo.], negative: [Plain photo.]}}
calibration: {centre: 3.5}
""",
    )
    assert more.views["aerial"] == (*prompts.views["aerial"], "a kite photo of a roof")
    before, after = prompts.of_concepts(taxonomy), more.of_concepts(taxonomy)
    stool = "object/furniture/bar-stool"
    assert after[stool] == (*before[stool], "a red stool at a bar")
    assert after["place/faith"] == ("a religious place",)
    assert {k: v for k, v in after.items() if k not in {stool, "place/faith"}} == {
        k: v for k, v in before.items() if k != stool
    }
    assert more.of_background("object")[-1] == (
        "a photo of a lava lamp in an abandoned building",
        "an old lava lamp left behind",
    )
    assert more.quality.keys() == prompts.quality.keys() | {"mood"}
    assert more.calibration == prompts.calibration.model_copy(update={"centre": 3.5})
    assert more.version != prompts.version


def test_a_user_s_file_replaces(mine: Path, prompts: Prompts, taxonomy: Taxonomy) -> None:
    other = with_mine(
        mine,
        """
replace:
  views: {detail: [a close look]}
  templates: {vehicle: ['{a wrecked label}']}
  names: {object/furniture/bar-stool: diner stool, condition/decay: rot}
  concepts: {hazard/hazard: [a dangerous spot]}
  quality: {look: {positive: [Good photo.], negative: [Bad photo.]}}
leave_out: [object/mirror]
""",
    )
    asked = other.of_concepts(taxonomy)
    assert other.views["detail"] == ("a close look",)
    assert asked["vehicle/vehicle/car"] == ("a wrecked car",)
    assert asked["object/furniture/bar-stool"][1] == "an old diner stool left behind"
    assert asked["condition/decay"] == ("a photo of a rot in an abandoned building", "a rot at a derelict place")
    assert asked["hazard/hazard"] == ("a dangerous spot",)
    assert "object/mirror" not in asked and "object/mirror" in prompts.of_concepts(taxonomy)
    assert tuple(other.quality) == ("look",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("add: {views: {sideways: [x]}}", r"add.views.sideways"),
        ("add: {views: {aerial: []}}", r"add.views.aerial: Tuple should have at least 1 item"),
        ("add: {views: {aerial: [' ']}}", r"add.views.aerial.0: String should have at least 1 character"),
        ("add: {views: {aerial: [12]}}", r"add.views.aerial.0: Input should be a valid string"),
        ("view: {aerial: [x]}", r"view: Extra inputs are not permitted"),
        ("replace: {templates: {object: [a photo]}}", r"replace.templates.object.0: .*must hold one \{label\}"),
        ("replace: {templates: {object: ['{label} {label}']}}", r"must hold one \{label\}"),
        ("add: {concepts: {Bar Stool: [x]}}", r"add.concepts.Bar Stool"),
        ("add: {quality: {sharpness: {positive: [a], negative: [b]}}}", r"add.quality.sharpness is there already"),
        ("add: {quality: {mood: {positive: [a]}}}", r"add.quality.mood.negative: Field required"),
        ("replace: {background: {ordinary: [one, two]}}", r"background: .*at least 16 are needed"),
        ("calibration: {slope: -1}", r"calibration.slope: Input should be greater than 0"),
        ("calibration: {steepness: 1}", r"calibration.steepness: Extra inputs"),
        ("add: {views: {aerial: [x], aerial: [y]}}", r"line 1: aerial stands twice"),
        ("add: ]", r"mine.yaml: line 1: is not YAML"),
        ("- one\n- two", r"mine.yaml: .*valid dictionary"),
    ],
)
def test_a_user_s_faults_are_named(mine: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        with_mine(mine, text)
    assert str(mine) in caught.value.message and caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.yaml is missing"):
        load_prompts(tmp_path / "gone.yaml")


def test_a_file_that_is_no_text_is_named(mine: Path) -> None:
    mine.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"mine.yaml cannot be read"):
        load_prompts(mine)


@pytest.mark.parametrize("name", ["object/flying-saucer", "object/wrong/bar-stool", "place/bar-stool"])
def test_a_concept_that_is_none_is_named(mine: Path, taxonomy: Taxonomy, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        with_mine(mine, f"add: {{concepts: {{{name}: [x]}}}}").of_concepts(taxonomy)


def test_an_empty_file_changes_nothing(mine: Path, prompts: Prompts) -> None:
    assert with_mine(mine, "{}").version == prompts.version == load_prompts().version


def test_the_version_is_the_same_in_every_process_and_needs_no_numpy(prompts: Prompts) -> None:
    code = (
        "import sys; from urbextag.zeroshot import load_prompts as load; print(load().version, 'numpy' in sys.modules)"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.split() == [prompts.version, "False"]
