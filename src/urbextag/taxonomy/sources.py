"""Reads `sources.yaml`: how far each source is believed, and the few numbers that steer the fusion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import yaml

from urbextag.records import VIEW_TYPES, ViewType
from urbextag.taxonomy.concept import FACETS, Facet
from urbextag.taxonomy.nodes import Reader, Where

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the fusion. Weights are log-odds (natural logarithm)."""

    prior: float
    """Log-odds of a concept before anyone has spoken."""
    threshold: float
    """Confidence from which a concept is a tag."""
    budget: int
    """Most tags of one photo."""
    facet_budget: Mapping[Facet, int]
    """Most tags of one photo in a facet; facets that are not named have no bound of their own."""
    implied: float
    """Weight of a concept that a certain tag implies."""
    implied_cap: float
    ancestor_support: float
    """Weight that a named concept gains from a certain ancestor that is not generic."""
    excluded: float
    """Weight that the less likely of two concepts loses when the other, a certain one, excludes it."""
    rival: float
    """Weight that a place loses when the photo shows another, certain one and the context names none."""
    line_gap: float
    """A possible descendant gives way to its ancestor when it is less sure than that by more than this."""
    most_support: float
    """All that raises a concept besides its own evidence adds at most this share of that evidence's weight."""
    place_match: float
    """Weight that a concept gains in a place of context where it is at home."""
    place_mismatch: float
    """Weight that it loses in a known place which is not one of its own."""
    place_seen: float
    """Weight that it gains when the photo itself shows such a place and the context names none."""
    view_match: float
    view_contradiction: float
    era_match: float
    era_contradiction: float
    corroboration: float
    """Least weight of each of the two groups of sources that a concept needs where one is not enough."""
    document_text: float
    """Weight that a place, room or hazard loses in a document where only its text or its file's name tells of it."""
    generic_rank: float
    """Share of the rank that a generic concept keeps."""
    depth_rank: float
    """Gain of rank for each ancestor."""
    home_rank: float
    """Gain of rank of what is at home in certain kinds of place only: it tells more than what stands everywhere."""
    view_named: float
    """Weight of a view that a source names, in the sum that infers the view type."""
    view_shown: float
    """Weight of a view that a concept speaks for, in that sum."""
    view_margin: float
    """Log-odds by which the best view must lead; below it the view stays unknown."""
    view_conflict: float
    """Confidence from which concepts that contradict a view are a conflict."""
    view_overturn: float
    """Confidence left to the picture's own scores in a conflict at which the concepts' view holds instead."""


@dataclass(frozen=True, slots=True)
class Source:
    """How far one source is believed."""

    name: str
    weight: float
    """Log-odds weight of a phrase without a score."""
    curve: Curve
    """(score, weight) points, rising; weights between them are interpolated, beyond them the ends hold."""
    ceiling: float
    """Greatest weight that this source can give one concept: it reaches `cap` when it speaks alone."""
    cap: float
    """Highest confidence that this source reaches alone, context included."""
    repeat: float
    """Share of the weight that each further phrase for the same concept still adds, falling geometrically."""
    group: str
    """Sources of one group are not independent: only the strongest of them counts."""
    facets: frozenset[Facet]
    """Facets that this source can speak of."""
    vocabulary: bool
    """Whether its unknown words are terms that a taxonomy may want."""

    def weigh(self, score: float | None) -> float:
        """Log-odds weight, >= 0, of a phrase with this score in [0, 1] (None = the source gives no scores)."""
        if score is None or not self.curve:
            return self.weight
        before_x, before_y = self.curve[0]
        if score <= before_x:
            return before_y
        for x, y in self.curve[1:]:
            if score <= x:
                return before_y + (y - before_y) * (score - before_x) / (x - before_x)
            before_x, before_y = x, y
        return before_y


@dataclass(frozen=True, slots=True)
class Sources:
    """Every source's reliability and the rules of the fusion."""

    rules: Rules
    by_name: Mapping[str, Source]
    default: Source
    """Stands for sources that have no entry."""
    view_bias: Mapping[ViewType, float]
    """Log-odds of each view before anything is seen."""

    def get(self, name: str) -> Source:
        """The reliability of a source by its name in the evidence."""
        return self.by_name.get(name, self.default)


_BOUNDS = {
    "prior": (-20.0, 0.0),
    "threshold": (0.01, 0.99),
    "implied_cap": (0.01, 0.99),
    "line_gap": (0.0, 1.0),
    "generic_rank": (0.0, 1.0),
    "place_seen": (0.0, 5.0),
    "view_conflict": (0.5, 1.0),
    "view_overturn": (0.0, 0.5),
}
_MOST_TAGS = 1000
_SOURCE_FIELDS = ("weight", "curve", "cap", "repeat", "group", "facets", "vocabulary")


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)) for p in (0, 1)."""
    return math.log(probability / (1.0 - probability))


def read_sources(reader: Reader, root: yaml.Node) -> Sources | None:
    """The content of `sources.yaml`, None (with complaints) where it is not as the dataclasses above ask."""
    top = reader.known(root, "sources.yaml", ("rules", "sources", "view_bias"))
    if top is None:
        return None
    for name in ("rules", "sources", "view_bias"):
        if name not in top:
            reader.complain(root, f"{name} is missing")
            return None
    rules = _read_rules(reader, top["rules"][0])
    bias = _read_bias(reader, top["view_bias"][0])
    entries = reader.mapping(top["sources"][0], "sources")
    if rules is None or bias is None or entries is None:
        return None
    read = {name: _read_source(reader, name, node, where, rules) for name, (node, where) in entries.items()}
    if "default" not in read:
        reader.complain(top["sources"][0], "the source default is missing")
    known = {name: source for name, source in read.items() if source is not None}
    if len(known) < len(read) or "default" not in known:
        return None
    return Sources(rules, known, known["default"], bias)


def _read_rules(reader: Reader, node: yaml.Node) -> Rules | None:
    names = [entry.name for entry in fields(Rules)]
    entries = reader.known(node, "rules", names)
    if entries is None:
        return None
    numbers = [name for name in names if name not in ("budget", "facet_budget")]
    for name in (*numbers, "budget"):
        if name not in entries:
            reader.complain(node, f"{name} is missing in rules")
            return None
    budget = reader.integer(entries["budget"][0], "budget", 1, _MOST_TAGS)
    facets = _read_facet_budget(reader, entries["facet_budget"][0]) if "facet_budget" in entries else {}
    values: dict[str, float] = {}
    for name in numbers:
        value = reader.number(entries[name][0], name, *_BOUNDS.get(name, (0.0, 20.0)))
        if value is not None:
            values[name] = value
    if budget is None or facets is None or len(values) < len(numbers):
        return None
    return Rules(budget=budget, facet_budget=facets, **values)


def _read_facet_budget(reader: Reader, node: yaml.Node) -> dict[Facet, int] | None:
    entries = reader.known(node, "facet_budget", FACETS)
    if entries is None:
        return None
    read = {facet: reader.integer(entries[facet][0], facet, 0, _MOST_TAGS) for facet in FACETS if facet in entries}
    known = {facet: most for facet, most in read.items() if most is not None}
    return known if len(known) == len(read) else None


def _read_bias(reader: Reader, node: yaml.Node) -> dict[ViewType, float] | None:
    views: list[ViewType] = [view for view in VIEW_TYPES if view != "unknown"]
    entries = reader.known(node, "view_bias", views)
    if entries is None:
        return None
    read = {view: reader.number(entries[view][0], view, -20, 20) for view in views if view in entries}
    for view in views:
        if view not in read:
            reader.complain(node, f"{view} is missing in view_bias")
    known = {view: value for view, value in read.items() if value is not None}
    return known if len(known) == len(views) else None


def _read_source(reader: Reader, name: str, node: yaml.Node, where: Where, rules: Rules) -> Source | None:
    entries = reader.known(node, f"source {name}", _SOURCE_FIELDS)
    if entries is None:
        return None
    for needed in ("weight", "cap"):
        if needed not in entries:
            reader.complaints.add(where, f"{needed} is missing in source {name}")
            return None
    weight = reader.number(entries["weight"][0], "weight", 0, 20)
    cap = reader.number(entries["cap"][0], "cap", 0.01, 0.99)
    repeat = reader.number(entries["repeat"][0], "repeat", 0, 0.9) if "repeat" in entries else 0.0
    group = reader.string(entries["group"][0], "group") if "group" in entries else name
    vocabulary = reader.boolean(entries["vocabulary"][0], "vocabulary") if "vocabulary" in entries else True
    curve = _read_curve(reader, entries["curve"][0]) if "curve" in entries else ()
    facets = _read_facets(reader, entries["facets"][0]) if "facets" in entries else frozenset(FACETS)
    if weight is None or cap is None or repeat is None or group is None or vocabulary is None:
        return None
    if curve is None or facets is None:
        return None
    ceiling = max(0.0, log_odds(cap) - rules.prior)
    return Source(name, weight, curve, ceiling, cap, repeat, group, facets, vocabulary)


def _read_curve(reader: Reader, node: yaml.Node) -> Curve | None:
    points: list[tuple[float, float]] = []
    for item in reader.items(node, "curve") or ():
        pair = reader.items(item, "a point of curve")
        if pair is None or len(pair) != 2:
            reader.complain(item, "a point of curve must be [score, weight]")
            return None
        score = reader.number(pair[0], "the score of a point of curve", 0, 1)
        weight = reader.number(pair[1], "the weight of a point of curve", 0, 20)
        if score is None or weight is None:
            return None
        if points and (score <= points[-1][0] or weight < points[-1][1]):
            reader.complain(item, "the scores of curve must rise and its weights must not fall")
            return None
        points.append((score, weight))
    if not points:
        reader.complain(node, "curve needs at least one point")
        return None
    return tuple(points)


def _read_facets(reader: Reader, node: yaml.Node) -> frozenset[Facet] | None:
    named = reader.strings(node, "facets")
    if named is None:
        return None
    for text, where in named:
        if text not in FACETS:
            reader.complaints.add(where, f"unknown facet {text}; known are {', '.join(FACETS)}")
    return frozenset(facet for facet in FACETS if facet in {text for text, _ in named})
