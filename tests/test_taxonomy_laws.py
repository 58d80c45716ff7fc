from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_taxonomy import small
from urbextag.records import Context, EraHint, Evidence, Record, SceneResult, TagScore, ViewType
from urbextag.taxonomy import FACETS, Taxonomy, condition_of, derive, is_archive_material, join_era
from urbextag.taxonomy.calibration import Calibration
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
calibrations = st.just(Calibration()) | st.builds(
    Calibration,
    st.dictionaries(st.tuples(st.sampled_from(SOURCES), st.sampled_from(FACETS)), st.floats(0, 2), max_size=30),
    st.dictionaries(st.sampled_from(FACETS), st.floats(0.05, 0.95)),
)
records = st.builds(Record, st.just("x"), contexts, st.lists(pieces, max_size=8).map(tuple))


def by_id(taxonomy: Taxonomy, said: dict[str, bool]) -> dict[str, bool]:
    """Rulings on labels as rulings on concepts; what the taxonomy does not know stays as it is."""
    found = {label: taxonomy.find(label) for label in said}
    return {(one.id if (one := found[label]) else label): there for label, there in said.items()}


@given(records, scenes, rulings, calibrations)
@settings(max_examples=150)
def test_confidences_are_probabilities(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, said: dict[str, bool], taught: Calibration
) -> None:
    derived = derive(replace(taxonomy, calibration=taught), record, scene, by_id(taxonomy, said))
    sure = (
        [tag.confidence for tag in derived.tags] + [hint.confidence for hint in derived.era] + [derived.view_confidence]
    )
    if derived.condition:
        sure += [derived.condition.score, *(element.score for element in derived.condition.elements)]
    if derived.view_conflict:
        sure.append(derived.view_conflict.confidence)
    assert all(0 <= value <= 1 for value in sure)
    assert len({tag.id for tag in derived.tags}) == len(derived.tags)


@given(records, scenes, st.randoms(use_true_random=False), calibrations)
@settings(max_examples=150)
def test_the_order_of_evidence_never_matters(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, dice: random.Random, taught: Calibration
) -> None:
    taxonomy = replace(taxonomy, calibration=taught)
    shuffled = list(record.evidence)
    dice.shuffle(shuffled)
    one, other = derive(taxonomy, record, scene), derive(taxonomy, replace(record, evidence=tuple(shuffled)), scene)
    assert replace(one, unmatched=()) == replace(other, unmatched=())
    assert sorted(one.unmatched) == sorted(other.unmatched)


@given(records, scenes, rulings, calibrations)
@settings(max_examples=400)
def test_a_person_s_ruling_always_wins(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None, said: dict[str, bool], taught: Calibration
) -> None:
    ruled = by_id(taxonomy, said)
    derived = derive(replace(taxonomy, calibration=taught), record, scene, ruled)
    found = {tag.id: tag.confidence for tag in derived.tags}
    there = {concept_id for concept_id, is_there in ruled.items() if is_there and concept_id in taxonomy.concepts}
    assert dict.fromkeys(there, 1.0).items() <= found.items()
    assert not found.keys() & (ruled.keys() - there)
    assert {hint.concept for hint in derived.era if not hint.concept.isdigit()} <= found.keys()
    if is_archive_material(derived.view_type, found):
        assert derived.condition is None and derived.era == ()
    else:
        assert {one for one in there if taxonomy.concepts[one].years} <= {hint.concept for hint in derived.era}
        decay = [taxonomy.concepts[one].decay or 0.0 for one in there]
        assert not any(decay) or (derived.condition is not None and derived.condition.score >= max(decay))
    named = [taxonomy.concepts[one].views[0] for one in ruled if one in there and one.startswith("view/")]
    if named:
        assert (derived.view_type, derived.view_confidence) == (named[-1], 1.0)
    else:
        assert derived.view_type == "unknown" or ruled.get(taxonomy.views[derived.view_type]) is not False
    if any(one.startswith("view/") for one in ruled):
        assert derived.view_conflict is None
    elif record.context.view_type not in (None, "unknown"):
        assert (derived.view_type, derived.view_confidence) == (record.context.view_type, 1.0)


@given(contexts, scenes, calibrations)
def test_context_alone_creates_no_tag(
    taxonomy: Taxonomy, context: Context, scene: SceneResult | None, taught: Calibration
) -> None:
    derived = derive(replace(taxonomy, calibration=taught), Record("x", context, ()), scene)
    seen = taxonomy.views[scene.view_type] if scene and scene.view_type != "unknown" else None
    assert {tag.id for tag in derived.tags} <= {seen} and derived.condition is None and derived.era == ()


@given(st.lists(st.sampled_from(LABELS), max_size=6), contexts, calibrations)
def test_names_of_folders_create_no_tag_in_any_context(
    taxonomy: Taxonomy, names: list[str], context: Context, taught: Calibration
) -> None:
    record = Record("x", context, tuple(Evidence("folder", name) for name in names))
    derived = derive(replace(taxonomy, calibration=taught), record)
    assert {tag.id for tag in derived.tags} <= set(taxonomy.views.values()), "a view alone may follow from names"


@given(records, contexts, calibrations)
@settings(max_examples=150)
def test_context_adds_no_concept_without_evidence(
    taxonomy: Taxonomy, record: Record, other: Context, taught: Calibration
) -> None:
    named = {one.concept.id for piece in record.evidence for one in taxonomy.match(piece.label).found}
    implied = {target for concept_id in named for target in taxonomy.concepts[concept_id].implies}
    shown = {taxonomy.views[view] for concept_id in named for view in taxonomy.concepts[concept_id].views}
    found = {tag.id for tag in derive(replace(taxonomy, calibration=taught), replace(record, context=other)).tags}
    assert found <= named | implied | shown


@given(records, st.sampled_from(LABELS), st.sampled_from(SOURCES), scores, scenes, calibrations)
@settings(max_examples=800)
def test_agreeing_evidence_never_lowers(
    taxonomy: Taxonomy,
    record: Record,
    label: str,
    source: str,
    score: float | None,
    scene: SceneResult | None,
    taught: Calibration,
) -> None:
    taxonomy = replace(taxonomy, calibration=taught)
    before = weighed(taxonomy, record, scene)
    after = weighed(taxonomy, replace(record, evidence=(*record.evidence, Evidence(source, label, score))), scene)
    for one in taxonomy.match(label).found:
        if one.concept.id in before:
            assert after[one.concept.id] >= before[one.concept.id] - 1e-9, one.concept.id


def weighed(taxonomy: Taxonomy, record: Record, scene: SceneResult | None) -> dict[str, float]:
    """Confidence of every named concept before tags are chosen: choosing may prefer a descendant or a better tag."""
    return {concept_id: one.confidence for concept_id, one in weigh_record(taxonomy, record, scene).weighed.items()}


@given(
    st.lists(pieces, max_size=25).map(tuple),
    rulings,
    calibrations,
    st.integers(1, 8),
    st.dictionaries(st.sampled_from(FACETS), st.integers(0, 3)),
)
@settings(max_examples=200)
def test_no_budget_is_overdrawn_but_by_a_person(
    taxonomy: Taxonomy,
    evidence: tuple[Evidence, ...],
    said: dict[str, bool],
    taught: Calibration,
    budget: int,
    facets: dict[str, int],
) -> None:
    sources = taxonomy.sources
    rules = replace(sources.rules, budget=budget, facet_budget=facets)
    strict = replace(taxonomy, calibration=taught, sources=replace(sources, rules=rules))
    ruled = by_id(taxonomy, said)
    tags = [tag.id for tag in derive(strict, Record("x", Context(), evidence), None, ruled).tags]
    mine = [one for one in tags if ruled.get(one)]
    assert len(tags) <= max(budget, len(mine))
    for facet, most in facets.items():
        there = [one for one in tags if one.split("/")[0] == facet]
        assert len(there) <= max(most, sum(one in mine for one in there)), facet


DECAYING = ("peeling-paint", "missing-windows", "collapsed-roof", "broken-window", "well-preserved")
signs = st.builds(lambda slug, sure: TagScore(f"condition/{slug}", slug, sure, (), (), ()),
                  st.sampled_from(DECAYING), st.floats(0, 1))  # fmt: skip


@given(st.lists(signs, min_size=1, max_size=6), signs)
def test_more_decay_never_lowers_the_condition(taxonomy: Taxonomy, shown: list[TagScore], further: TagScore) -> None:
    before, after = condition_of(shown, taxonomy.concepts), condition_of([*shown, further], taxonomy.concepts)
    assert before is not None and after is not None and after.score >= before.score
    scores = {element.element: (element.score, element.level) for element in after.elements}
    assert all(scores[one.element] >= (one.score, one.level) for one in before.elements)


intervals = st.tuples(st.integers(1850, 2000), st.integers(0, 60)).map(lambda one: (one[0], one[0] + one[1]))
hints = st.lists(
    st.builds(
        lambda years, concept, kind, sure: EraHint(years, concept, kind, round(sure, 4), (f"florence: {concept}",)),
        intervals, st.sampled_from(["era/art-deco", "object/phone", "1950"]), st.sampled_from(["built", "used"]),
        st.floats(0, 1),
    ),
    max_size=8,
)  # fmt: skip


@given(hints, st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_the_era_never_depends_on_the_order_of_its_cues(cues: list[EraHint], dice: random.Random) -> None:
    shuffled = list(cues)
    dice.shuffle(shuffled)
    assert join_era(cues) == join_era(shuffled)


@given(hints)
@settings(max_examples=300)
def test_the_era_agrees_with_every_cue_of_its_chain_and_hides_none(cues: list[EraHint]) -> None:
    era = join_era(cues)
    if era is None:
        assert not cues
        return
    names = {(hint.years, hint.concept, hint.kind) for hint in cues}
    told = {(hint.years, hint.concept, hint.kind) for hint in (*era.chain, *(other for _, other in era.conflicts))}
    assert told == names
    for hint in era.chain:
        if hint.kind == "built":
            assert era.built and hint.years[0] <= era.built[0] <= era.built[1] <= hint.years[1]
        else:
            assert era.used and (hint.years[0] <= era.used[1] and hint.years[1] >= era.used[0])
            assert era.built is None or era.built[1] <= hint.years[1]
    assert all(one in era.chain and one.confidence >= other.confidence for one, other in era.conflicts)
    assert 0 <= era.confidence <= max(hint.confidence for hint in era.chain)


@given(hints.filter(bool), st.integers(1, 5))
def test_a_cue_that_is_met_again_never_loses(cues: list[EraHint], times: int) -> None:
    def sure(given: list[EraHint]) -> float:
        era = join_era(given)
        assert era is not None
        every = (*era.chain, *(other for _, other in era.conflicts))
        key = (cues[0].years, cues[0].concept, cues[0].kind)
        return next(hint.confidence for hint in every if (hint.years, hint.concept, hint.kind) == key)

    assert sure(cues + cues[:1] * times) >= sure(cues)
