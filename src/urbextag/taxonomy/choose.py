"""Chooses a photo's tags among what was weighed: sure enough, fitting, the most specific of their line, in budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from urbextag.records import TagScore, ViewType, Why
from urbextag.taxonomy.concept import FACETS, Concept, Facet
from urbextag.taxonomy.fuse import LIKELY_FROM, Opinion, seen_by, threshold
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.sources import Rules


class Weighed(NamedTuple):
    """One concept that the evidence names, context included, before tags are chosen."""

    opinion: Opinion
    nudges: tuple[Why, ...]
    confidence: float
    """In [0, 1]."""
    ruled: bool = False
    """Whether a person says that it is there: then it is a tag, whatever else holds."""


def choose(taxonomy: Taxonomy, weighed: Mapping[str, Weighed], view: ViewType) -> tuple[TagScore, ...]:
    """The tags of a photo, best first: what a person ruled, then the model's up to the budgets.

    The model's are sure enough, corroborated where one witness is not enough, fit the view and are the most specific of
    their line. They are ranked by confidence times specificity; a facet's budget and the whole one are filled in that
    order. What a person ruled takes its place in both and stands even beyond them. What the owner wants (`wanted`) is
    heeded last.
    """
    usual = {facet: threshold(taxonomy, facet) for facet in FACETS}
    sure = _sure(taxonomy, weighed, view, usual)
    ruled = {concept_id for concept_id, one in sure.items() if one.ruled}
    best = _within(taxonomy, _ranked(taxonomy, sure, sure.keys() - _outdone(taxonomy, sure)), ruled)
    if taxonomy.wanted:
        sure = _sure(taxonomy, weighed, view, {**usual, **taxonomy.wanted})
        best = _as_wanted(taxonomy, sure, usual, best)
    return tuple([_tag(taxonomy.concepts[concept_id], weighed[concept_id]) for concept_id in best])


def _sure(
    taxonomy: Taxonomy, weighed: Mapping[str, Weighed], view: ViewType, least: Mapping[Facet, float]
) -> dict[str, Weighed]:
    """What may be a tag and is sure enough, and what a person ruled."""
    concepts = taxonomy.concepts
    return {
        concept_id: one
        for concept_id, one in weighed.items()
        if one.ruled
        or (one.confidence >= least[concepts[concept_id].facet] and _stands(taxonomy, concept_id, one, view))
    }


def _outdone(taxonomy: Taxonomy, sure: Mapping[str, Weighed]) -> set[str]:
    """What is merely possible and gives way to what it stands below."""
    return {
        concept_id
        for concept_id, one in sure.items()
        if one.confidence < LIKELY_FROM and _gives_way(taxonomy, concept_id, sure)
    }


def _ranked(taxonomy: Taxonomy, sure: Mapping[str, Weighed], among: AbstractSet[str]) -> list[str]:
    """The most specific of their line among these, best first; what a person ruled comes before all."""
    concepts, rules = taxonomy.concepts, taxonomy.sources.rules
    above = {ancestor for concept_id in among for ancestor in concepts[concept_id].lineage}
    ruled = {concept_id for concept_id, one in sure.items() if one.ruled}
    ranked: list[tuple[bool, float, str]] = []
    for concept_id in (among - above) | ruled:
        rank = sure[concept_id].confidence * specificity(rules, concepts[concept_id])
        ranked.append((concept_id not in ruled, -rank, concept_id))
    ranked.sort()
    return [concept_id for _, _, concept_id in ranked]


def _as_wanted(
    taxonomy: Taxonomy, sure: Mapping[str, Weighed], usual: Mapping[Facet, float], best: Sequence[str]
) -> list[str]:
    """The tags by the owner's thresholds. To raise one never adds to what is said: to tags and what they stand below.

    Where it is raised, a tag that is not sure enough goes, and what it stands below comes in its place where that is.
    Where it is lowered, more comes on top, the surest first, as far as the facet's budget reaches.

    Args:
        taxonomy: with what the owner wants.
        sure: what is sure enough by that.
        usual: the thresholds without it.
        best: the tags by those.

    """
    concepts, wanted, most = taxonomy.concepts, taxonomy.wanted, taxonomy.sources.rules.facet_budget
    able = sure.keys() - _outdone(taxonomy, sure)
    said = {one for concept_id in best for one in (concept_id, *concepts[concept_id].lineage)}
    room = {facet: most.get(facet, len(able)) for facet, least in wanted.items() if least < usual[facet]}
    for concept_id in best:
        facet = concepts[concept_id].facet
        if facet in room:
            room[facet] -= 1
    kept = able & said
    for concept_id in sorted(able - said, key=lambda one: (-sure[one].confidence, one)):
        facet = concepts[concept_id].facet
        if room.get(facet, 0) > 0:
            room[facet] -= 1
            kept.add(concept_id)
    return _ranked(taxonomy, sure, kept)


def specificity(rules: Rules, concept: Concept) -> float:
    """How much a tag tells, as a factor of its rank: less where generic, more the deeper and the more at home it is."""
    if concept.generic:
        return rules.generic_rank
    return 1.0 + rules.depth_rank * len(concept.lineage) + (rules.home_rank if concept.places else 0.0)


def _within(taxonomy: Taxonomy, ranked: Iterable[str], ruled: set[str]) -> list[str]:
    """The best of the ranked concepts (what a person ruled comes first) that the budgets leave room for."""
    rules, kept = taxonomy.sources.rules, list[str]()
    count: dict[Facet, int] = {}
    for concept_id in ranked:
        facet = taxonomy.concepts[concept_id].facet
        has = count.get(facet, 0)
        if concept_id not in ruled:
            if len(kept) >= rules.budget:
                break
            if has >= rules.facet_budget.get(facet, rules.budget):
                continue
        count[facet] = has + 1
        kept.append(concept_id)
    return kept


def _gives_way(taxonomy: Taxonomy, concept_id: str, sure: Mapping[str, Weighed]) -> bool:
    """Whether a (merely possible) concept stands below a much surer one that is not generic: one tag per line."""
    own, gap = sure[concept_id].confidence, taxonomy.sources.rules.line_gap
    for ancestor in taxonomy.concepts[concept_id].lineage:
        if ancestor in sure and not taxonomy.concepts[ancestor].generic and sure[ancestor].confidence > own + gap:
            return True
    return False


def _stands(taxonomy: Taxonomy, concept_id: str, one: Weighed, view: ViewType) -> bool:
    """Whether a concept that is sure enough may be a tag: it fits the view and has the witnesses that it needs.

    A folder's name alone never makes a tag, however low calibration has set a facet's threshold.
    """
    concept = taxonomy.concepts[concept_id]
    sources = taxonomy.sources
    if one.opinion.cap < sources.rules.threshold or not _fits(concept, view):
        return False
    return not concept.corroborate or seen_by(sources, one.opinion, sources.rules.corroboration) >= 2


def _fits(concept: Concept, view: ViewType) -> bool:
    """A document shows no condition of the place, and a known view leaves no room for another view's name."""
    if view == "document" and concept.facet == "condition":
        return False
    return concept.facet != "view" or view == "unknown" or not concept.views or view in concept.views


def _tag(concept: Concept, one: Weighed) -> TagScore:
    why = one.opinion.why()
    if one.nudges:
        why += tuple([Why(push.source, push.label, round(push.weight, 3)) for push in one.nudges])
    return TagScore(concept.id, concept.label, round(one.confidence, 4), concept.synonyms, concept.ancestors, why)
