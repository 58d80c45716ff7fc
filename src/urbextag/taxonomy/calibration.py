"""What the owner's decisions taught: how far each source is to be believed per facet, and from where a tag stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from urbextag.taxonomy.concept import FACETS, Facet
from urbextag.taxonomy.nodes import Reader

MOST_RELIABILITY = 2.0
LEAST_THRESHOLD, MOST_THRESHOLD = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Calibration:
    """Corrections of `sources.yaml`; what is not named stands as it is there."""

    reliability: Mapping[tuple[str, Facet], float] = field(default_factory=dict)
    """(source, facet) -> factor on the log-odds weight of what it says there, in [0, 2]."""
    thresholds: Mapping[Facet, float] = field(default_factory=dict)
    """Facet -> confidence in (0, 1) from which a concept of it is a tag, in place of `rules.threshold`."""


def read_calibration(reader: Reader, root: yaml.Node) -> Calibration:
    """The content of a calibration file; what is wrong goes to the reader's complaints.

    Sources may have any name: evidence comes from wherever it comes.
    """
    top = reader.known(root, "the file", ("reliability", "thresholds")) or {}
    reliability: dict[tuple[str, Facet], float] = {}
    if "reliability" in top:
        for source, (node, _) in (reader.mapping(top["reliability"][0], "reliability") or {}).items():
            factors = _by_facet(reader, node, source, 0.0, MOST_RELIABILITY)
            reliability |= {(source, facet): factor for facet, factor in factors.items()}
    thresholds: dict[Facet, float] = {}
    if "thresholds" in top:
        thresholds = _by_facet(reader, top["thresholds"][0], "thresholds", LEAST_THRESHOLD, MOST_THRESHOLD)
    return Calibration(reliability, thresholds)


def _by_facet(reader: Reader, node: yaml.Node, what: str, low: float, high: float) -> dict[Facet, float]:
    """Facets with a number in [low, high] each."""
    entries = reader.known(node, what, FACETS) or {}
    read = {facet: reader.number(entries[facet][0], facet, low, high) for facet in FACETS if facet in entries}
    return {facet: value for facet, value in read.items() if value is not None}


def written(calibration: Calibration, note: str) -> str:
    """A calibration as the file that `read_calibration` reads, with a comment above it; three decimals."""
    by_source: dict[str, dict[str, float]] = {}
    for (source, facet), factor in sorted(calibration.reliability.items()):
        by_source.setdefault(source, {})[facet] = round(factor, 3)
    thresholds = {facet: round(value, 3) for facet, value in sorted(calibration.thresholds.items())}
    body = yaml.safe_dump({"reliability": by_source, "thresholds": thresholds}, sort_keys=False, allow_unicode=True)
    return "".join(f"# {line}\n" for line in note.splitlines()) + body
