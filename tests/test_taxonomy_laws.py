from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_taxonomy import small
from urbextag.records import Context, Evidence, Record, SceneResult, ViewType
from urbextag.taxonomy import Taxonomy, derive
from urbextag.taxonomy.derive import weigh_record


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    return small(tmp_path_factory.mktemp("laws") / "data")


SOURCES = ("florence", "ram++", "siglip", "vlm", "imagenet", "ocr", "keyword", "filename", "folder", "legacy", "else")
LABELS = (
    *("bar", "a bar stool", "stool", "furniture", "gurney", "church", "chapel", "steeple", "tree", "grass", "bench"),
    *("window screen", "peeling paint", "collapsed roof", "newspaper", "aerial view", "close-up", "indoor", "hospital"),
    *("ward", "morgue", "art deco", "what looks like a morgue", "no windows", "restaurant", "diner", "menu"),
    "rotary phone",
)
VIEWS: tuple[ViewType | None, ...] = (None, "interior", "exterior", "aerial", "detail", "document", "unknown")

scores = st.none() | st.floats(0, 1)
pieces = st.builds(Evidence, st.sampled_from(SOURCES), st.sampled_from(LABELS), scores)
contexts = st.builds(
    Context,
    view_type=st.sampled_from(VIEWS),
    location_type=st.sampled_from([None, "hospital", "medical", "church", "restaurant", "moon base"]),
    era=st.sampled_from([None, (1870, 1890), (1920, 1935), (1990, 2000)]),
)
scenes = st.none() | st.builds(SceneResult, st.sampled_from(VIEWS[1:]), st.floats(0, 1), st.just("siglip"))
records = st.builds(Record, st.just("x"), contexts, st.lists(pieces, max_size=8).map(tuple))


@given(records, scenes)
@settings(max_examples=150)
def test_confidences_are_probabilities(taxonomy: Taxonomy, record: Record, scene: SceneResult | None) -> None:
    derived = derive(taxonomy, record, scene)
    sure = (
        [tag.confidence for tag in derived.tags] + [hint.confidence for hint in derived.era] + [derived.view_confidence]
    )
    assert all(0 <= value <= 1 for value in sure)
    assert derived.condition is None or 0 <= derived.condition.score <= 1
    assert len({tag.id for tag in derived.tags}) == len(derived.tags)


@given(records, scenes, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_order_of_evidence_never_matters(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, dice: random.Random
) -> None:
    shuffled = list(record.evidence)
    dice.shuffle(shuffled)
    one, other = derive(taxonomy, record, scene), derive(taxonomy, replace(record, evidence=tuple(shuffled)), scene)
    assert replace(one, unmatched=()) == replace(other, unmatched=())
    assert sorted(one.unmatched) == sorted(other.unmatched)


@given(contexts)
def test_context_alone_creates_no_tag(taxonomy: Taxonomy, context: Context) -> None:
    derived = derive(taxonomy, Record("x", context, ()))
    assert derived.tags == () and derived.condition is None and derived.era == ()


@given(records, contexts)
@settings(max_examples=150)
def test_context_adds_no_concept_without_evidence(taxonomy: Taxonomy, record: Record, other: Context) -> None:
    named = {one.concept.id for piece in record.evidence for one in taxonomy.match(piece.label).found}
    implied = {target for concept_id in named for target in taxonomy.concepts[concept_id].implies}
    shown = {taxonomy.views[view] for concept_id in named for view in taxonomy.concepts[concept_id].views}
    found = {tag.id for tag in derive(taxonomy, replace(record, context=other)).tags}
    assert found <= named | implied | shown


@given(records, st.sampled_from(LABELS), st.sampled_from(SOURCES), scores, scenes)
@settings(max_examples=400)
def test_agreeing_evidence_never_lowers(
    taxonomy: Taxonomy, record: Record, label: str, source: str, score: float | None, scene: SceneResult | None
) -> None:
    before = weighed(taxonomy, record, scene)
    after = weighed(taxonomy, replace(record, evidence=(*record.evidence, Evidence(source, label, score))), scene)
    for one in taxonomy.match(label).found:
        if one.concept.id in before:
            assert after[one.concept.id] >= before[one.concept.id] - 1e-9, one.concept.id


def weighed(taxonomy: Taxonomy, record: Record, scene: SceneResult | None) -> dict[str, float]:
    """Confidence of every named concept before tags are chosen: choosing may prefer a descendant or a better tag."""
    return {concept_id: one.confidence for concept_id, one in weigh_record(taxonomy, record, scene).weighed.items()}
