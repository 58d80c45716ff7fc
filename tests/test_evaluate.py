"""Golden sets, which tags their words mean, the figures and their laws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_taxonomy import small
from urbextag.errors import UsageError
from urbextag.evaluate.figures import PhotoScore
from urbextag.evaluate.golden import Golden, Truth, fingerprint, read_golden
from urbextag.evaluate.score import evaluate, facets, figures, score_tags
from urbextag.evaluate.words import Words
from urbextag.records import Record
from urbextag.taxonomy import Taxonomy, load_taxonomy

GOLDEN = Path(__file__).parent / "data" / "golden" / "places.jsonl"


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


@pytest.fixture(scope="module")
def words(taxonomy: Taxonomy) -> Words:
    return Words(taxonomy)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Words:
    return Words(small(tmp_path_factory.mktemp("evaluate") / "data"))


def goldens(path: Path = GOLDEN) -> list[Golden]:
    return [Golden(entry.record, entry.truth) for entry in read_golden(path) if entry.truth]


def tag(words: Words, label: str) -> str:
    concept = words.taxonomy.find(label)
    assert concept is not None
    return concept.id


def scored(words: Words, truth: Truth, *labels: str, view: str = "unknown") -> PhotoScore:
    return score_tags(words, "p", truth, [tag(words, label) for label in labels], view)


# Which tags a word means


@pytest.mark.parametrize(
    ("label", "word", "covers"),
    [
        ("bar stool", "bar stool", True),
        ("bar stool", "Barstools", True),  # a synonym, another case, a plural
        ("bar stool", "furniture", True),  # an ancestor
        ("furniture", "bar stool", False),  # less than what is asked for
        ("bar stool", "bar", False),  # the head of a compound is its last word
        ("clock tower", "tower", True),
        ("power plant", "plant", False),  # the last word, of another family of facets
        ("brick wall", "brick", True),  # what it is made of
        ("paper mill", "paper", False),
        ("chapel", "hospital", False),
    ],
)
def test_a_word_is_covered_by_the_taxonomy(words: Words, label: str, word: str, covers: bool) -> None:
    assert words.covers(tag(words, label), word) is covers
    assert words.asserts(tag(words, label), word) is covers  # known words mean the same on both sides


def test_a_word_without_a_concept_is_looked_for_in_the_labels(few: Words) -> None:
    assert few.meaning("rotary") is None and few.meaning("trolley") is None
    assert few.covers(tag(few, "rotary phone"), "rotary") and few.asserts(tag(few, "rotary phone"), "rotary")
    assert not few.covers(tag(few, "rotary phone"), "rot")
    # a synonym covers what is there and is no ground to call a tag false
    assert few.covers(tag(few, "gurney"), "trolley") and not few.asserts(tag(few, "gurney"), "trolley")


def test_a_tag_that_says_less_is_right_and_covers_nothing(few: Words) -> None:
    score = scored(few, Truth(must=("bar stool",)), "furniture")
    assert score.recall("must") == 0 and score.precision == 1


def test_a_wrong_tag_is_never_right(few: Words) -> None:
    score = scored(few, Truth(must=("furniture",), wrong=("stool",)), "bar stool", "bed")
    assert score.wrong == (tag(few, "bar stool"),) and score.right == (tag(few, "bed"),)
    assert score.false == {"stool": (tag(few, "bar stool"),)} and score.precision == 0.5


def test_the_true_view_s_own_tag_is_right(words: Words) -> None:
    assert scored(words, Truth(view="interior"), "interior").precision == 1
    assert scored(words, Truth(view="exterior"), "interior").precision == 0


# The laws

LABELS = st.sampled_from(["hospital", "church", "diner", "ward", "window", "tower", "furniture", "stool", "bar stool",
                          "bed", "gurney", "pew", "peeling paint", "collapsed roof", "restaurant"])  # fmt: skip
SETS = st.lists(LABELS, unique=True, max_size=8)
TRUTHS = st.builds(
    lambda must, should, may, wrong: Truth(
        tuple(must), tuple(should), tuple(may), tuple(word for word in wrong if word not in must + should + may)
    ),
    SETS, SETS, SETS, SETS,
)  # fmt: skip


@given(st.lists(LABELS, unique=True, min_size=1, max_size=8))
def test_a_perfect_system_scores_one(few: Words, labels: list[str]) -> None:
    score = scored(few, Truth(must=tuple(labels), view="interior"), *labels, view="interior")
    reached = figures([score])
    assert (reached.must, reached.precision, reached.view, reached.unjudged) == (1, 1, 1, 0)
    assert sum(facet.must.found for facet in facets(few, [score]).values()) == len(labels)


@given(TRUTHS, SETS, LABELS)
@settings(max_examples=300)
def test_one_more_tag(few: Words, truth: Truth, labels: list[str], more: str) -> None:
    """It never lowers a recall or takes a false positive away; one that is not right never raises precision."""
    less, after = scored(few, truth, *labels), scored(few, truth, *dict.fromkeys([*labels, more]))
    for kind in ("must", "should", "may"):
        before = less.recall(kind)
        assert before is None or before <= after.recall(kind)  # type: ignore[operator]
    assert set(less.false) <= set(after.false)
    if tag(few, more) not in after.right and less.precision is not None:
        assert after.precision is not None and after.precision <= less.precision


@given(TRUTHS, SETS, st.randoms(use_true_random=False))
def test_the_order_of_tags_and_words_does_not_matter(few: Words, truth: Truth, labels: list[str], chance: Any) -> None:
    mixed = chance.sample(labels, len(labels))
    turned = Truth(truth.must[::-1], truth.should[::-1], truth.may[::-1], truth.wrong[::-1])
    assert figures([scored(few, truth, *labels)]) == figures([scored(few, turned, *mixed)])


@given(TRUTHS, SETS)
def test_every_tag_is_right_or_wrong_or_unjudged(few: Words, truth: Truth, labels: list[str]) -> None:
    score = scored(few, truth, *labels)
    assert sorted(score.right + score.wrong + score.unjudged) == sorted(tag(few, label) for label in labels)


# Figures of a set


def test_figures_are_means_over_the_photos_that_they_speak_of(few: Words) -> None:
    scores = [
        scored(few, Truth(must=("bed", "pew"), wrong=("gurney",), view="interior"), "bed", "gurney", view="exterior"),
        scored(few, Truth(must=("ward",)), "ward"),
        scored(few, Truth(should=("tower",))),
    ]
    reached = figures(scores)
    assert (reached.must, reached.should, reached.may) == (0.75, 0, None)
    assert (reached.precision, reached.false, reached.view, reached.tags) == (0.75, 1, 0, 1)


def test_a_set_is_evaluated(taxonomy: Taxonomy) -> None:
    done: list[int] = []
    result = evaluate(taxonomy, goldens(), ["not-yet-looked-at"], done.append)
    assert (result.photos, done, result.taxonomy) == (3, [1, 2, 3], taxonomy.version)
    assert result.figures.must == 1 and result.false == {"car": ("mill-yard",)}
    # a context that names the view proves nothing of it
    assert result.views == {"exterior": {"exterior": 1}, "interior": {"interior": 1}}
    assert result.facets["vehicle"].wrong == 1 and result.facets["object"].must.of == 3
    assert set(result.sources) == {"florence", "ram++"} and result.unknown_words == ()


def test_a_source_alone_is_what_its_evidence_gives_alone(taxonomy: Taxonomy) -> None:
    whole = goldens()
    alone = [
        Golden(
            Record(one.record.id, one.record.context, tuple(e for e in one.record.evidence if e.source == "ram++")),
            one.truth,
        )
        for one in whole
    ]
    result, other = evaluate(taxonomy, whole), evaluate(taxonomy, alone)
    assert result.sources["ram++"] == other.figures != result.figures


# Golden sets


def test_the_older_shape_means_the_same(tmp_path: Path) -> None:
    for number, line in enumerate(GOLDEN.read_text().splitlines()):
        item = json.loads(line)
        said = item.pop("truth")
        names = {"must": "must_have", "should": "should_have", "may": "contextual", "not": "false_positive_triggers"}
        truth = said and {names.get(key, key): value for key, value in said.items()} | {"description": "a note"}
        (tmp_path / f"{number}.json").write_text(json.dumps({"record": item, "truth": truth}, indent=1))
    assert [(e.record, e.truth) for e in read_golden(tmp_path)] == [(e.record, e.truth) for e in read_golden(GOLDEN)]


def test_the_page_s_example_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "evaluate.md").read_text()
    path = tmp_path / "golden.jsonl"
    path.write_text(page.split("```json\n")[1].split("```")[0])
    ward, mill = read_golden(path)
    assert ward.truth == Truth(("gurney", "ward"), (), ("radiator",), ("animal",), "interior") and ward.photo is None
    assert mill.photo == tmp_path / "photos" / "mill-yard.jpg" and mill.record.id == "photos/mill-yard.jpg"


def test_words_stand_once_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text('{"id": "a", "evidence": [], "truth": {"must": ["Pew", "altar", "pews"]}}')
    (entry,) = read_golden(path)
    assert entry.truth == Truth(must=("Pew", "altar"))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"id": "a", "evidence": [], "truth": {"musst": ["pew"]}}', "truth.musst is no list of a truth"),
        ('{"id": "a", "evidence": [], "truth": {"must": "pew"}}', "truth.must must be a list of words"),
        ('{"id": "a", "evidence": [], "truth": {"must": ["pew", "the"]}}', "truth.must must be a list of words"),
        ('{"id": "a", "evidence": [], "truth": {"must": ["pew"], "must_have": ["pew"]}}', "mean the same"),
        ('{"id": "a", "evidence": [], "truth": {"must": ["pew"], "not": ["Pews"]}}', "stands under must and under not"),
        ('{"id": "a", "evidence": [], "truth": {"view": "inside"}}', "truth.view must be null or one of"),
        ('{"id": "a", "evidence": [], "truth": {}}', "truth says nothing"),
        ('{"id": "a", "evidence": [], "truth": null}', "holds no photo with a truth"),
        ('{"id": "a", "truth": {"must": ["pew"]}}', "evidence must be a list"),
        ('{"photo": 7, "truth": {"must": ["pew"]}}', "photo must be a path"),
        ('{"photo": "a.jpg", "evidence": [], "truth": {"must": ["pew"]}}', "has a photo and evidence"),
        ('\n{"id": "a", "evidence": []}\n{"id": "a", "evidence": []}', "the id 'a' stands twice"),
        ("", "holds no photo with a truth"),
    ],
)
def test_a_malformed_set_is_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(lines)
    with pytest.raises(UsageError) as caught:
        read_golden(path)
    assert complaint in caught.value.message and str(path) in caught.value.message


def test_a_set_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(b'{"id": "\xff"}')
    with pytest.raises(UsageError, match=r"b\.json is not UTF-8"):
        read_golden(tmp_path)


def test_a_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_golden(tmp_path / "none.jsonl")


def test_the_fingerprint_is_of_ids_and_truth_alone() -> None:
    one, two = ("a", Truth(must=("pew",))), ("b", Truth(view="detail"))
    assert fingerprint([one, two]) == fingerprint([two, one])
    others = [fingerprint([one]), fingerprint([("a", Truth(should=("pew",))), two]), fingerprint([("c", one[1]), two])]
    assert fingerprint([one, two]) not in others and len(set(others)) == 3
