"""The arithmetic of calibration: what decisions on tags tell of each source and of each facet's threshold.

Reliability. The fusion adds up log-odds, so a source is corrected as classifiers are calibrated: by one factor on its
log-odds (temperature scaling: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017; a
special case of Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood
Methods", 1999). The factor is fitted by maximum likelihood on the decided concepts that the source named, all other
evidence given, so that a source earns nothing for agreeing with one that is right anyway. Few decisions must not move
it far: `STRENGTH` imagined decisions that come out exactly as the source's own standard weight expects stand beside the
real ones (a prior written as data: Greenland, "Putting Background Information about Relative Risks into Conjugate
Prior Distributions", Biometrics 57, 2001). Where all
evidence is alike that is the Beta-binomial shrinkage of a precision towards the expected one, a Beta prior of that
strength; with none it leaves the factor at 1. Each factor is fitted with the others at 1, so a further rejection can
only lower it.

Threshold. Per facet the confidence that makes the fewest false and missed tags among the decided, drawn towards the
default as if that had been found best by `STRENGTH` decisions.

Limits: people decide on what they are shown, so what models never named, and nobody added, teaches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from urbextag.taxonomy.calibration import Calibration
from urbextag.taxonomy.concept import FACETS, Facet
from urbextag.taxonomy.fuse import probability
from urbextag.taxonomy.sources import Sources

STRENGTH = 20.0
"""Imagined decisions that stand for what is believed without any."""
LEAST_OF_SOURCE = 10
"""Decisions on what a source named in a facet, before its reliability there changes."""
LEAST_OF_FACET = 20
"""Decisions in a facet, before its threshold changes."""
FACTORS = (0.25, 1.5)
THRESHOLDS = (0.2, 0.8)
_HALVINGS = 24
"""Of the interval of factors: far finer than the three decimals that are kept."""


@dataclass(frozen=True, slots=True)
class Case:
    """One concept that a person ruled on, as the models' evidence alone weighs it."""

    key: str
    """What it was learned from: cases of one key are never parted between learning and trying."""
    facet: Facet
    right: bool
    base: float
    """Log-odds of everything but `parts`: the prior, context, what other concepts imply."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Source -> log-odds weight of what it said, > 0."""
    cap: float = 1.0
    """Highest confidence of that evidence."""
    count: float = 1.0
    """Decisions that it stands for; a ruling on a whole location is one, however many photos it concerns."""

    def log_odds(self, factors: Mapping[tuple[str, Facet], float]) -> float:
        """Log-odds with the sources' weights scaled."""
        return self.base + sum(weight * factors.get((source, self.facet), 1.0) for source, weight in self.parts.items())

    def confidence(self, factors: Mapping[tuple[str, Facet], float]) -> float:
        """Confidence in [0, 1] with the sources' weights scaled."""
        return min(probability(self.log_odds(factors)), self.cap)


@dataclass(frozen=True, slots=True)
class Learned:
    """What the decisions on one source in a facet, or on a facet (source None), tell."""

    source: str | None
    facet: Facet
    decisions: float
    right: float
    """Those of them in which the concept is there."""
    expected: float
    """How many of them, as the models' confidences have it."""
    value: float | None
    """Factor of a source's weight, threshold of a facet; None = too few decisions to say."""


def learn(cases: Sequence[Case], sources: Sources) -> tuple[Calibration, list[Learned]]:
    """What the cases teach, and the figures behind it: by source and facet, then by facet."""
    rows: list[Learned] = []
    factors: dict[tuple[str, Facet], float] = {}
    for (source, facet), named in sorted(_by_source(cases).items()):
        enough = sum(case.count for case in named) >= LEAST_OF_SOURCE
        factor = reliability(named, source, sources) if enough else None
        if factor is not None and factor != 1.0:
            factors[source, facet] = factor
        rows.append(_row(source, facet, named, {}, factor))
    thresholds: dict[Facet, float] = {}
    default = sources.rules.threshold
    for facet in FACETS:
        of_facet = [case for case in cases if case.facet == facet]
        enough = sum(case.count for case in of_facet) >= LEAST_OF_FACET
        value = threshold([(case.confidence(factors), case) for case in of_facet], default) if enough else None
        if value is not None and value != default:
            thresholds[facet] = value
        rows += [_row(None, facet, of_facet, factors, value)] if of_facet else []
    return Calibration(factors, thresholds), rows


def _by_source(cases: Sequence[Case]) -> dict[tuple[str, Facet], list[Case]]:
    found: dict[tuple[str, Facet], list[Case]] = {}
    for case in cases:
        for source in case.parts:
            found.setdefault((source, case.facet), []).append(case)
    return found


def _row(
    source: str | None,
    facet: Facet,
    cases: Sequence[Case],
    factors: Mapping[tuple[str, Facet], float],
    value: float | None,
) -> Learned:
    return Learned(
        source,
        facet,
        sum(case.count for case in cases),
        sum(case.count for case in cases if case.right),
        sum(case.count * case.confidence(factors) for case in cases),
        value,
    )


def reliability(named: Sequence[Case], source: str, sources: Sources) -> float:
    """The factor on a source's weights that its cases speak for, in `FACTORS`, with three decimals.

    The slope of the log-likelihood falls as the factor grows, so halving finds where it is nothing.
    """
    standard = sources.get(source).weight or 1.0
    expected = probability(sources.rules.prior + standard)

    def slope(factor: float) -> float:
        total = STRENGTH * standard * (expected - probability(sources.rules.prior + factor * standard))
        for case in named:
            weight = case.parts[source]
            surprise = case.right - probability(case.base + _others(case, source) + factor * weight)
            total += case.count * weight * surprise
        return total

    low, high = FACTORS
    if slope(low) <= 0.0:
        return low
    if slope(high) >= 0.0:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    return round((low + high) / 2, 3)


def _others(case: Case, source: str) -> float:
    return sum(weight for name, weight in case.parts.items() if name != source)


def threshold(sure: Sequence[tuple[float, Case]], default: float) -> float:
    """The threshold that makes the fewest mistakes, drawn towards the default, in `THRESHOLDS`, with three decimals.

    Args:
        sure: (confidence in [0, 1], case).
        default: the threshold that stands without decisions; kept where no other makes fewer mistakes.

    """
    ranked = sorted(sure, key=lambda one: one[0])
    mistakes = sum(case.count for _, case in ranked if not case.right)  # with a threshold below all of them
    low, best, found = 0.0, float("inf"), default
    for number in range(len(ranked) + 1):
        high = ranked[number][0] if number < len(ranked) else 1.0
        if high > low or number == len(ranked):  # thresholds in (low, high] make this many
            place = default if low < default <= high else (low + high) / 2
            if (round(mistakes, 9), abs(place - default)) < (best, abs(found - default)):
                best, found = round(mistakes, 9), place
        if number < len(ranked):
            case = ranked[number][1]
            mistakes += case.count if case.right else -case.count
            low = high
    total = sum(case.count for _, case in ranked)
    drawn = (total * found + STRENGTH * default) / (total + STRENGTH)
    return round(min(max(drawn, THRESHOLDS[0]), THRESHOLDS[1]), 3)
