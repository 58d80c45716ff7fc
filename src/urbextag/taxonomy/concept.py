"""One concept of the taxonomy, with the facets and elements it can belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from urbextag.choices import FACETS, Facet
from urbextag.records import ViewType, Years

__all__ = ["ELEMENTS", "FACETS", "Concept", "Element", "Facet"]

Element = Literal[
    "roof", "glazing", "paint", "floor", "structure", "water", "vegetation", "vandalism", "fire", "general"
]
ELEMENTS: tuple[Element, ...] = get_args(Element)


@dataclass(frozen=True, slots=True)
class Concept:
    """One entry of the taxonomy. References to other concepts are ids."""

    id: str
    """Facet, ancestors and slug: `object/furniture/bar-stool`."""
    facet: Facet
    slug: str
    label: str
    synonyms: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    """Ids of the ancestors, nearest first."""
    ancestors: tuple[str, ...] = ()
    """Labels of the ancestors, nearest first."""
    generic: bool = False
    category: bool = False
    views: tuple[ViewType, ...] = ()
    """Views this concept is evidence for."""
    places: tuple[str, ...] = ()
    """Ids of place concepts where it is likelier."""
    corroborate: bool = False
    """Whether one group of sources is not enough: models see such things where there are none."""
    implies: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    element: Element | None = None
    decay: float | None = None
    """How far gone a place is that shows this, in [0, 1]; None = it says nothing of that."""
    years: Years | None = None
    years_kind: Literal["built", "used"] = "built"

    @property
    def category_name(self) -> str:
        """Label of the topmost ancestor, its own where it has none, each word with a capital ("Medical")."""
        return (self.ancestors[-1] if self.ancestors else self.label).title()
