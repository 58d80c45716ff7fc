"""Fuses what the sources say of a concept into one confidence: log-odds that add up over independent sources."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from urbextag.records import Evidence, Why
from urbextag.taxonomy.concept import Facet
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.sources import Sources
from urbextag.taxonomy.words import fold_phrase

Band = Literal["certain", "likely", "possible"]
CERTAIN_FROM, LIKELY_FROM = 0.85, 0.6
CONFIDENCE_LIMIT = 0.99
"""No number of agreeing sources makes more than this."""
LONGEST_WHY = 200
"""Characters of a label that a reason repeats: a page-long label stands behind hundreds of concepts."""
NAME_GROUP = "name"
"""Group of the sources that read names of files and folders and never look at the picture."""

BLIND_GROUPS = frozenset({NAME_GROUP, "ocr", "camera", "implied", "view"})
"""Groups that never see a thing: they read names, letters and settings, or follow from what others saw."""

Said = dict[str, dict[str, list[tuple[float, str]]]]
"""Concept id -> source -> (log-odds weight, label) of every phrase that names the concept."""


class Opinion(NamedTuple):
    """What all sources together say of one concept, before context."""

    weight: float
    """Log-odds, >= 0."""
    cap: float
    """Highest confidence that this evidence can reach, whatever the context."""
    groups: frozenset[str]
    """Groups of sources that spoke."""
    parts: tuple[tuple[float, str, str], ...]
    """(weight, source, label), heaviest first; the weights add up to `weight`."""

    def why(self) -> tuple[Why, ...]:
        """The parts as reasons of a tag."""
        return tuple([Why(source, label[:LONGEST_WHY], round(weight, 3)) for weight, source, label in self.parts])


def band(confidence: float) -> Band:
    """How a confidence in [0, 1] is shown to people: certain from 0.85, likely from 0.6, else possible."""
    if confidence >= CERTAIN_FROM:
        return "certain"
    return "likely" if confidence >= LIKELY_FROM else "possible"


def probability(log_odds: float) -> float:
    """The logistic function, safe for any finite argument."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    growth = math.exp(log_odds)
    return growth / (1.0 + growth)


def threshold(taxonomy: Taxonomy, facet: Facet) -> float:
    """Confidence from which a concept of this facet is a tag: what calibration taught, else what the rules say."""
    return taxonomy.calibration.thresholds.get(facet, taxonomy.sources.rules.threshold)


def hear(taxonomy: Taxonomy, evidence: Iterable[Evidence]) -> tuple[Said, tuple[str, ...]]:
    """What was said of which concept, and the unknown words of the sources whose words are vocabulary (in order).

    What calibration taught of a source's reliability in a facet scales its weights there.
    """
    said: Said = {}
    taught = taxonomy.calibration.reliability
    unknown: dict[tuple[str, ...], str] = {}
    match = taxonomy.matcher.match
    by_name, default = taxonomy.sources.by_name, taxonomy.sources.default
    for piece in evidence:
        name, label = piece.source, piece.label
        source = by_name.get(name, default)
        weight = source.weigh(piece.score)
        if weight <= 0.0:
            continue
        matches = match(label)
        for concept, _, _, certainty in matches.found:
            if concept.facet in source.facets:
                believed = weight * certainty
                if taught and (name, concept.facet) in taught:
                    believed *= taught[name, concept.facet]
                    if believed <= 0.0:
                        continue
                by_source = said.get(concept.id)
                if by_source is None:
                    said[concept.id] = {name: [(believed, label)]}
                else:
                    by_source.setdefault(name, []).append((believed, label))
        if source.vocabulary:
            for words in matches.leftover:
                unknown.setdefault(fold_phrase(words), words)
    return said, tuple(unknown.values())


def opinions(sources: Sources, said: Said) -> dict[str, Opinion]:
    """One opinion per concept that was named."""
    alone: dict[str, tuple[float, float, frozenset[str]]] = {}
    found: dict[str, Opinion] = {}
    for concept_id, by_source in said.items():
        if len(by_source) == 1:
            ((name, phrases),) = by_source.items()
            if len(phrases) == 1:  # as for most concepts: what `_opinion` gives, without the bookkeeping
                if name not in alone:
                    source = sources.get(name)
                    alone[name] = source.ceiling, source.cap, frozenset((_group(sources, name),))
                ceiling, cap, groups = alone[name]
                ((weight, label),) = phrases
                weight = min(weight, ceiling)
                found[concept_id] = Opinion(weight, cap, groups, ((weight, name, label),))
                continue
        found[concept_id] = _opinion(sources, by_source)
    return found


def _group(sources: Sources, name: str) -> str:
    source = sources.get(name)
    return source.group if source is not sources.default else name


def _opinion(sources: Sources, by_source: Mapping[str, list[tuple[float, str]]]) -> Opinion:
    """The opinion of all sources on one concept; every step is monotone and blind to order.

    The best phrase of a source counts in full, repeats fall off geometrically, the source's ceiling holds; of the
    sources of one group the strongest counts; groups add up.
    """
    best: dict[str, tuple[float, list[tuple[float, str, str]]]] = {}
    caps: dict[str, float] = {}
    for name in sorted(by_source):
        source = sources.get(name)
        group = source.group if source is not sources.default else name
        parts: list[tuple[float, str, str]] = []
        share, total = 1.0, 0.0
        phrases = by_source[name]
        for weight, label in sorted(phrases, key=lambda one: (-one[0], one[1])) if len(phrases) > 1 else phrases:
            parts.append((weight * share, name, label))
            total += weight * share
            share *= source.repeat
        if total > source.ceiling:
            shrink = source.ceiling / total
            parts = [(weight * shrink, name, label) for weight, name, label in parts]
            total = source.ceiling
        if group not in best or total > best[group][0]:
            best[group] = (total, parts)
        caps[group] = max(source.cap, caps.get(group, 0.0))
    cap = CONFIDENCE_LIMIT if len(caps) > 1 else next(iter(caps.values()))
    everything = [part for _, parts in best.values() for part in parts]
    if len(everything) > 1:
        everything.sort(key=lambda part: (-part[0], part[1], part[2]))
    return Opinion(math.fsum(total for total, _ in best.values()), cap, frozenset(best), tuple(everything))


def confidence(prior: float, opinion: Opinion, further: float = 0.0) -> float:
    """Confidence in [0, 1] of a concept, `further` log-odds from context included but never past the cap."""
    sure = probability(prior + opinion.weight + further)
    return sure if sure < opinion.cap else opinion.cap


def seen_by(sources: Sources, opinion: Opinion, least: float) -> int:
    """How many groups of sources saw the concept in the picture itself, each with at least this log-odds weight."""
    weights: dict[str, float] = {}
    for weight, name, _ in opinion.parts:
        group = _group(sources, name)
        weights[group] = weights.get(group, 0.0) + weight
    return sum(group not in BLIND_GROUPS and weight >= least for group, weight in weights.items())


def join(first: Opinion | None, second: Opinion) -> Opinion:
    """Two opinions of independent origin as one; their groups must differ."""
    if first is None:
        return second
    parts = sorted((*first.parts, *second.parts), key=lambda part: (-part[0], part[1], part[2]))
    return Opinion(first.weight + second.weight, CONFIDENCE_LIMIT, first.groups | second.groups, tuple(parts))
