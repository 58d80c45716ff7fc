"""What the owner's decisions taught: how far each source is to be believed per facet, and from where a tag stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from urbextag.taxonomy.concept import Facet


@dataclass(frozen=True, slots=True)
class Calibration:
    """Corrections of `sources.yaml`; what is not named stands as it is there."""

    reliability: Mapping[tuple[str, Facet], float] = field(default_factory=dict)
    """(source, facet) -> factor on the log-odds weight of what it says there, in [0, 2]."""
    thresholds: Mapping[Facet, float] = field(default_factory=dict)
    """Facet -> confidence in (0, 1) from which a concept of it is a tag, in place of `rules.threshold`."""
