"""Fuses what the sources say of a concept into one confidence: log-odds that add up over independent sources."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from urbextag.records import Evidence, Why
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


@dataclass(frozen=True, slots=True)
class Opinion:
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
        return tuple(Why(source, label[:LONGEST_WHY], round(weight, 3)) for weight, source, label in self.parts)


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


def hear(taxonomy: Taxonomy, evidence: Iterable[Evidence]) -> tuple[Said, tuple[str, ...]]:
    """What was said of which concept, and the unknown words of the sources whose words are vocabulary (in order)."""
    said: Said = {}
    unknown: dict[tuple[str, ...], str] = {}
    for piece in evidence:
        source = taxonomy.sources.get(piece.source)
        weight = source.weigh(piece.score)
        if weight <= 0.0:
            continue
        matches = taxonomy.match(piece.label)
        for found in matches.found:
            if found.concept.facet in source.facets:
                by_source = said.setdefault(found.concept.id, {})
                by_source.setdefault(piece.source, []).append((weight * found.certainty, piece.label))
        if source.vocabulary:
            for words in matches.leftover:
                unknown.setdefault(fold_phrase(words), words)
    return said, tuple(unknown.values())


def opinions(sources: Sources, said: Said) -> dict[str, Opinion]:
    """One opinion per concept that was named."""
    return {concept_id: _opinion(sources, by_source) for concept_id, by_source in said.items()}


def _single(sources: Sources, name: str, weight: float, label: str) -> Opinion:
    """`_opinion` where one source spoke once, as for most concepts: the same result without the bookkeeping."""
    source = sources.get(name)
    weight = min(weight, source.ceiling)
    group = source.group if source is not sources.default else name
    return Opinion(weight, source.cap, frozenset((group,)), ((weight, name, label),))


def _opinion(sources: Sources, by_source: Mapping[str, list[tuple[float, str]]]) -> Opinion:
    """The opinion of all sources on one concept; every step is monotone and blind to order.

    The best phrase of a source counts in full, repeats fall off geometrically, the source's ceiling holds; of the
    sources of one group the strongest counts; groups add up.
    """
    if len(by_source) == 1:
        ((name, phrases),) = by_source.items()
        if len(phrases) == 1:
            return _single(sources, name, *phrases[0])
    best: dict[str, tuple[float, list[tuple[float, str, str]]]] = {}
    caps: dict[str, float] = {}
    for name in sorted(by_source):
        source = sources.get(name)
        group = source.group if source is not sources.default else name
        parts: list[tuple[float, str, str]] = []
        share, total = 1.0, 0.0
        for weight, label in sorted(by_source[name], key=lambda one: (-one[0], one[1])):
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
        source = sources.get(name)
        group = source.group if source is not sources.default else name
        weights[group] = weights.get(group, 0.0) + weight
    return sum(group not in BLIND_GROUPS and weight >= least for group, weight in weights.items())


def join(first: Opinion | None, second: Opinion) -> Opinion:
    """Two opinions of independent origin as one; their groups must differ."""
    if first is None:
        return second
    parts = sorted((*first.parts, *second.parts), key=lambda part: (-part[0], part[1], part[2]))
    return Opinion(first.weight + second.weight, CONFIDENCE_LIMIT, first.groups | second.groups, tuple(parts))
