"""START HERE for the taxonomy: the short map from one record of evidence to its tags, view, condition and era."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from urbextag.records import Derived, Record, SceneResult, TagScore, ViewType, Why
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.condition import condition_of
from urbextag.taxonomy.context import Situation, nudges, situation
from urbextag.taxonomy.era import era_hints
from urbextag.taxonomy.fuse import (
    CONFIDENCE_LIMIT,
    LIKELY_FROM,
    NAME_GROUP,
    Opinion,
    confidence,
    hear,
    join,
    opinions,
    seen_by,
)
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.sources import log_odds
from urbextag.taxonomy.view import infer, rule_view, settle_view, without_text

_IMPLIED_REPEAT = 0.5
PERSON_GROUP = "person"
"""Group of a person's rulings among those that speak of a concept."""
NO_RULINGS: Mapping[str, bool] = MappingProxyType({})


class Weighed(NamedTuple):
    """One concept that the evidence names, context included, before tags are chosen."""

    opinion: Opinion
    nudges: tuple[Why, ...]
    confidence: float
    """In [0, 1]."""
    ruled: bool = False
    """Whether a person says that it is there: then it is a tag, whatever else holds."""


@dataclass(frozen=True, slots=True)
class Scales:
    """A record weighed."""

    view: ViewType
    view_confidence: float
    weighed: Mapping[str, Weighed]
    unmatched: tuple[str, ...]


def derive(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None = None, rulings: Mapping[str, bool] = NO_RULINGS
) -> Derived:
    """All that follows from one photo's evidence.

    A person's ruling on the view outranks the view type of the context, that outranks `scene`, and that outranks the
    view inferred from the evidence. A photo of a document gets no condition: decay in an old picture is not the decay
    of the place.

    Args:
        taxonomy: the concepts and rules.
        record: the evidence with its context.
        scene: what the scene stage made of the photo.
        rulings: a person's word by concept id, oldest first: True = it is there and a tag with confidence 1, False =
            it is not and what named it was wrong. Concepts that the taxonomy does not know are passed over.
    """
    scales = weigh_record(taxonomy, record, scene, rulings)
    tags = choose(taxonomy, scales.weighed, scales.view)
    return Derived(
        id=record.id,
        tags=tags,
        view_type=scales.view,
        view_confidence=round(scales.view_confidence, 4),
        condition=None if scales.view == "document" else condition_of(tags, taxonomy.concepts),
        era=era_hints(tags, record.evidence, taxonomy.concepts),
        unmatched=scales.unmatched,
    )


def weigh_record(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None = None, rulings: Mapping[str, bool] = NO_RULINGS
) -> Scales:
    """The first half of `derive`: every concept with evidence or a ruling is weighed, none is chosen yet."""
    said, unmatched = hear(taxonomy, record.evidence)
    opened = opinions(taxonomy.sources, said)
    heard = overrule(taxonomy, opened, rulings)
    if scene is None or scene.view_type == "unknown":
        shown, sure, _ = infer(taxonomy, overrule(taxonomy, without_text(taxonomy, said, opened), rulings))
    else:
        shown, sure = scene.view_type, scene.confidence
    view = rule_view(taxonomy, settle_view(record.context, (shown, sure)), rulings)
    known = situation(taxonomy, record.context, view, heard)
    weighed = weigh(taxonomy, heard, known, (shown, sure))
    for concept_id, is_there in rulings.items():
        if not is_there:  # implied or shown by the view, for what named it was overruled
            weighed.pop(concept_id, None)
        elif concept_id in heard:
            weighed[concept_id] = Weighed(heard[concept_id], (), 1.0, ruled=True)
    return Scales(view[0], view[1], weighed, unmatched)


def overrule(taxonomy: Taxonomy, heard: Mapping[str, Opinion], rulings: Mapping[str, bool]) -> dict[str, Opinion]:
    """The opinions with a person's above them: certain of what is there, silent on what is not."""
    ruled = dict(heard)
    for concept_id, is_there in rulings.items():
        if not is_there:
            ruled.pop(concept_id, None)
        elif concept_id in taxonomy.concepts:
            parts = heard[concept_id].parts if concept_id in heard else ()
            groups = heard[concept_id].groups if concept_id in heard else frozenset()
            ruled[concept_id] = Opinion(inf, 1.0, groups | {PERSON_GROUP}, parts)
    return ruled


def weigh(
    taxonomy: Taxonomy, heard: Mapping[str, Opinion], known: Situation, seen_view: tuple[ViewType, float]
) -> dict[str, Weighed]:
    """Every concept with evidence, with its confidence. Context changes confidences and adds no concept.

    Args:
        taxonomy: the concepts and rules.
        heard: fused evidence per concept.
        known: the place, view and era it is weighed against.
        seen_view: the view that the picture itself shows, with its confidence: evidence for that view's concept.
    """
    rules = taxonomy.sources.rules
    base = {concept_id: confidence(rules.prior, opinion) for concept_id, opinion in heard.items()}
    full = dict(heard)
    for concept_id, opinion in _implied(taxonomy, heard, base).items():
        full[concept_id] = join(full.get(concept_id), opinion)
    if seen_view[0] in taxonomy.views and seen_view[1] > 0:
        concept_id = taxonomy.views[seen_view[0]]
        weight = max(0.0, log_odds(min(seen_view[1], CONFIDENCE_LIMIT)) - rules.prior)
        shown = Opinion(weight, seen_view[1], frozenset({"view"}), ((weight, "view", seen_view[0]),))
        named = full.get(concept_id)  # not joined: an inferred view rests on that very evidence
        if named is None or confidence(rules.prior, shown) > confidence(rules.prior, named):
            full[concept_id] = shown
    excluded = _excluded(taxonomy, base)
    weighed: dict[str, Weighed] = {}
    for concept_id, opinion in full.items():
        concept = taxonomy.concepts[concept_id]
        pushes = nudges(taxonomy, concept, known, opinion.groups)
        if concept_id in heard:
            pushes += _lines(taxonomy, concept, base)
        if concept_id in excluded:
            pushes.append(Why("excluded", excluded[concept_id], -rules.excluded))
        if not pushes and opinion is heard.get(concept_id):  # as with most concepts
            weighed[concept_id] = Weighed(opinion, (), base[concept_id])
            continue
        pushes = _bounded(pushes, rules.most_support * opinion.weight)
        further = sum(push.weight for push in pushes)
        weighed[concept_id] = Weighed(opinion, tuple(pushes), confidence(rules.prior, opinion, further))
    return weighed


def _bounded(pushes: list[Why], most: float) -> list[Why]:
    """The pushes with those upwards scaled down to `most` in sum: faint evidence cannot be carried by context alone."""
    upwards = sum(push.weight for push in pushes if push.weight > 0)
    if upwards <= most:
        return pushes
    return [Why(push.source, push.label, push.weight * most / upwards) if push.weight > 0 else push for push in pushes]


def _lines(taxonomy: Taxonomy, concept: Concept, base: Mapping[str, float]) -> list[Why]:
    """The support of named ancestors: where a stool is certain, a bar stool is likelier. Generic ones tell little."""
    found: list[Why] = []
    for ancestor_id in concept.lineage:
        if ancestor_id in base:
            ancestor = taxonomy.concepts[ancestor_id]
            if not ancestor.generic and not ancestor.category:
                support = taxonomy.sources.rules.ancestor_support * base[ancestor_id]
                found.append(Why("ancestor", ancestor.label, support))
    return [max(found, key=lambda why: why.weight)] if found else found


def _implied(taxonomy: Taxonomy, heard: Mapping[str, Opinion], base: Mapping[str, float]) -> dict[str, Opinion]:
    """Weak evidence for what is implied by concepts that the picture itself shows; implications do not chain."""
    rules = taxonomy.sources.rules
    found: dict[str, list[tuple[float, str]]] = {}
    for concept_id, opinion in heard.items():
        concept = taxonomy.concepts[concept_id]
        if concept.implies and base[concept_id] >= rules.threshold and opinion.groups != {NAME_GROUP}:
            for target in concept.implies:
                found.setdefault(target, []).append((rules.implied * base[concept_id], concept.label))
    implied: dict[str, Opinion] = {}
    for target, reasons in found.items():
        reasons.sort(key=lambda reason: (-reason[0], reason[1]))
        parts = tuple((weight * _IMPLIED_REPEAT**i, "implied", label) for i, (weight, label) in enumerate(reasons))
        weight = sum(part[0] for part in parts)
        implied[target] = Opinion(weight, rules.implied_cap, frozenset({"implied"}), parts)
    return implied


def _excluded(taxonomy: Taxonomy, base: Mapping[str, float]) -> dict[str, str]:
    """Concepts that a likelier one excludes, with the label of that one."""
    threshold = taxonomy.sources.rules.threshold
    found: dict[str, str] = {}
    for concept_id in sorted(base):
        for target in taxonomy.concepts[concept_id].excludes:
            if target in base and base[concept_id] > max(base[target], threshold):
                found.setdefault(target, taxonomy.concepts[concept_id].label)
    return found


def choose(taxonomy: Taxonomy, weighed: Mapping[str, Weighed], view: ViewType) -> tuple[TagScore, ...]:
    """The tags of a photo, best first: what a person ruled, then the model's up to the budget.

    The model's are sure enough, corroborated where one witness is not enough, fit the view and are the most specific of
    their line.
    """
    rules, concepts = taxonomy.sources.rules, taxonomy.concepts
    sure = {
        concept_id: one
        for concept_id, one in weighed.items()
        if one.ruled or (one.confidence >= rules.threshold and _stands(taxonomy, concept_id, one, view))
    }
    outdone = {
        concept_id
        for concept_id, one in sure.items()
        if one.confidence < LIKELY_FROM and _gives_way(taxonomy, concept_id, sure)
    }
    above = {ancestor for concept_id in sure.keys() - outdone for ancestor in concepts[concept_id].lineage}
    ruled = {concept_id for concept_id, one in sure.items() if one.ruled}
    ranked: list[tuple[bool, float, str]] = []
    for concept_id in (sure.keys() - outdone - above) | ruled:
        concept = concepts[concept_id]
        worth = rules.generic_rank if concept.generic else 1.0 + rules.depth_rank * len(concept.lineage)
        ranked.append((concept_id not in ruled, -sure[concept_id].confidence * worth, concept_id))
    ranked.sort()
    best = ranked[: max(rules.budget, len(ruled))]
    return tuple([_tag(concepts[concept_id], sure[concept_id]) for _, _, concept_id in best])


def _gives_way(taxonomy: Taxonomy, concept_id: str, sure: Mapping[str, Weighed]) -> bool:
    """Whether a (merely possible) concept stands below a much surer one that is not generic: one tag per line."""
    own, gap = sure[concept_id].confidence, taxonomy.sources.rules.line_gap
    for ancestor in taxonomy.concepts[concept_id].lineage:
        if ancestor in sure and not taxonomy.concepts[ancestor].generic and sure[ancestor].confidence > own + gap:
            return True
    return False


def _stands(taxonomy: Taxonomy, concept_id: str, one: Weighed, view: ViewType) -> bool:
    """Whether a concept that is sure enough may be a tag: it fits the view and has the witnesses that it needs."""
    concept = taxonomy.concepts[concept_id]
    if not _fits(concept, view):
        return False
    sources = taxonomy.sources
    return not concept.corroborate or seen_by(sources, one.opinion, sources.rules.corroboration) >= 2


def _fits(concept: Concept, view: ViewType) -> bool:
    """A document shows no condition of the place, and a known view leaves no room for another view's name."""
    if view == "document" and concept.facet == "condition":
        return False
    return concept.facet != "view" or view == "unknown" or view in concept.views


def _tag(concept: Concept, one: Weighed) -> TagScore:
    why = one.opinion.why()
    if one.nudges:
        why += tuple([Why(push.source, push.label, round(push.weight, 3)) for push in one.nudges])
    return TagScore(concept.id, concept.label, round(one.confidence, 4), concept.synonyms, concept.ancestors, why)
