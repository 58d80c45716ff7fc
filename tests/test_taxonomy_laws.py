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
RULED = (*LABELS, "interior", "exterior", "aerial", "detail", "document", "a concept that is gone")
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
rulings = st.dictionaries(st.sampled_from(RULED), st.booleans(), max_size=6)
records = st.builds(Record, st.just("x"), contexts, st.lists(pieces, max_size=8).map(tuple))


def by_id(taxonomy: Taxonomy, said: dict[str, bool]) -> dict[str, bool]:
    """Rulings on labels as rulings on concepts; what the taxonomy does not know stays as it is."""
    found = {label: taxonomy.find(label) for label in said}
    return {(one.id if (one := found[label]) else label): there for label, there in said.items()}


@given(records, scenes, rulings)
@settings(max_examples=150)
def test_confidences_are_probabilities(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, said: dict[str, bool]
) -> None:
    derived = derive(taxonomy, record, scene, by_id(taxonomy, said))
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


@given(records, scenes, rulings)
@settings(max_examples=400)
def test_a_person_s_ruling_always_wins(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, said: dict[str, bool]
) -> None:
    ruled = by_id(taxonomy, said)
    derived = derive(taxonomy, record, scene, ruled)
    found = {tag.id: tag.confidence for tag in derived.tags}
    there = {concept_id for concept_id, is_there in ruled.items() if is_there and concept_id in taxonomy.concepts}
    assert dict.fromkeys(there, 1.0).items() <= found.items()
    assert not found.keys() & (ruled.keys() - there)
    assert {hint.concept for hint in derived.era if not hint.concept.isdigit()} <= found.keys()
    assert {one for one in there if taxonomy.concepts[one].years} <= {hint.concept for hint in derived.era}
    decay = [taxonomy.concepts[one].decay or 0.0 for one in there]
    if derived.view_type != "document" and any(decay):
        assert derived.condition is not None and derived.condition.score >= max(decay)
    named = [taxonomy.concepts[one].views[0] for one in ruled if one in there and one.startswith("view/")]
    if named:
        assert (derived.view_type, derived.view_confidence) == (named[-1], 1.0)
    else:
        assert derived.view_type == "unknown" or ruled.get(taxonomy.views[derived.view_type]) is not False


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
