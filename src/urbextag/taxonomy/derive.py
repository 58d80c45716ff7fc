"""START HERE for the taxonomy: the short map from one record of evidence to its tags, view, condition and era."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

from urbextag.records import Derived, Record, SceneResult, ViewConflict, ViewType, Why
from urbextag.taxonomy.choose import Weighed, choose
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.condition import condition_of
from urbextag.taxonomy.context import Situation, nudges, situation
from urbextag.taxonomy.era import era_hints
from urbextag.taxonomy.fuse import (
    CONFIDENCE_LIMIT,
    NAME_GROUP,
    Opinion,
    confidence,
    hear,
    join,
    opinions,
    threshold,
)
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.sources import log_odds
from urbextag.taxonomy.view import is_archive_material, judge, tally, without_text

_IMPLIED_REPEAT = 0.5
PERSON_GROUP = "person"
"""Group of a person's rulings among those that speak of a concept."""
NO_RULINGS: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scales:
    """A record weighed."""

    view: ViewType
    view_confidence: float
    view_conflict: ViewConflict | None
    weighed: Mapping[str, Weighed]
    unmatched: tuple[str, ...]


def derive(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None = None, rulings: Mapping[str, bool] = NO_RULINGS
) -> Derived:
    """All that follows from one photo's evidence.

    A person's ruling on the view outranks the view type of the context, that outranks `scene`, and that outranks the
    view inferred from the evidence; where the evidence contradicts one of the three latter, it is told
    (`view_conflict`), and `scene` loses confidence or gives way. Documents and historic photos get no condition and no
    era: decay in an old picture is not the decay of the place, and its years are its own.

    Args:
        taxonomy: the concepts and rules.
        record: the evidence with its context.
        scene: what the scene stage made of the photo.
        rulings: a person's word by concept id, oldest first: True = it is there and a tag with confidence 1, False =
            it is not and what named it was wrong. Concepts that the taxonomy does not know are passed over.
    """
    scales = weigh_record(taxonomy, record, scene, rulings)
    tags = choose(taxonomy, scales.weighed, scales.view)
    archival = is_archive_material(scales.view, [tag.id for tag in tags])
    return Derived(
        id=record.id,
        tags=tags,
        view_type=scales.view,
        view_confidence=round(scales.view_confidence, 4),
        condition=None if archival else condition_of(tags, taxonomy.concepts),
        era=() if archival else era_hints(tags, record.evidence, taxonomy.concepts),
        unmatched=scales.unmatched,
        view_conflict=scales.view_conflict,
    )


def weigh_record(
    taxonomy: Taxonomy, record: Record, scene: SceneResult | None = None, rulings: Mapping[str, bool] = NO_RULINGS
) -> Scales:
    """The first half of `derive`: every concept with evidence or a ruling is weighed, none is chosen yet."""
    said, unmatched = hear(taxonomy, record.evidence)
    opened = opinions(taxonomy.sources, said)
    heard = overrule(taxonomy, opened, rulings)
    counted = tally(taxonomy, overrule(taxonomy, without_text(taxonomy, said, opened), rulings))
    judged = judge(taxonomy, counted, record.context, scene, rulings)
    known = situation(taxonomy, record.context, judged.view, heard)
    weighed = weigh(taxonomy, heard, known, judged.seen)
    for concept_id, is_there in rulings.items():
        if not is_there:  # implied or shown by the view, for what named it was overruled
            weighed.pop(concept_id, None)
        elif concept_id in heard:
            weighed[concept_id] = Weighed(heard[concept_id], (), 1.0, ruled=True)
    return Scales(*judged.view, judged.conflict, weighed, unmatched)


def overrule(taxonomy: Taxonomy, heard: Mapping[str, Opinion], rulings: Mapping[str, bool]) -> Mapping[str, Opinion]:
    """The opinions with a person's above them: certain of what is there, silent on what is not."""
    if not rulings:
        return heard
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
            pushes.append(excluded[concept_id])
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
        if not concept.implies or opinion.groups == {NAME_GROUP}:
            continue
        if base[concept_id] >= threshold(taxonomy, concept.facet):
            for target in concept.implies:
                found.setdefault(target, []).append((rules.implied * base[concept_id], concept.label))
    implied: dict[str, Opinion] = {}
    for target, reasons in found.items():
        reasons.sort(key=lambda reason: (-reason[0], reason[1]))
        parts = tuple((weight * _IMPLIED_REPEAT**i, "implied", label) for i, (weight, label) in enumerate(reasons))
        weight = sum(part[0] for part in parts)
        implied[target] = Opinion(weight, rules.implied_cap, frozenset({"implied"}), parts)
    return implied


def _excluded(taxonomy: Taxonomy, base: Mapping[str, float]) -> dict[str, Why]:
    """The less sure of two concepts that exclude each other, with what the surest of its rivals takes from it.

    Exclusion goes both ways, whichever of the two names it; between equals nothing is decided.
    """
    rules = taxonomy.sources.rules
    found: dict[str, tuple[float, str]] = {}
    for concept_id, own in base.items():
        for target in taxonomy.concepts[concept_id].excludes:
            if target not in base or base[target] == own:
                continue
            winner, loser = (concept_id, target) if own > base[target] else (target, concept_id)
            named = taxonomy.concepts[winner]
            if base[winner] >= threshold(taxonomy, named.facet):
                found[loser] = max((base[winner], named.label), found.get(loser, (0.0, "")))
    return {loser: Why("excluded", label, -rules.excluded * sure) for loser, (sure, label) in found.items()}
