"""The taxonomy as the program holds it: the immutable whole that finds and matches concepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from urbextag.records import ViewType
from urbextag.taxonomy.calibration import Calibration
from urbextag.taxonomy.concept import Concept, Facet
from urbextag.taxonomy.match import Matcher, Matches
from urbextag.taxonomy.words import fold_phrase

if TYPE_CHECKING:
    from urbextag.taxonomy.sources import Sources


@dataclass(frozen=True)
class Taxonomy:
    """All concepts with the words that lead to them and the rules of fusion; immutable."""

    version: str
    """First 16 hexadecimal digits of the SHA-256 of all files read, in order, and of the owner's thresholds."""
    concepts: Mapping[str, Concept]
    sources: Sources
    matcher: Matcher = field(repr=False)
    phrases: Mapping[tuple[str, ...], str] = field(repr=False)
    """Folded label or synonym -> concept id."""
    slugs: Mapping[str, str] = field(repr=False)
    """Slug -> concept id, where one concept alone has it."""
    views: Mapping[ViewType, str] = field(repr=False)
    """View type -> id of the view concept that names it."""
    calibration: Calibration = field(default_factory=Calibration)
    """What the owner's decisions taught."""
    wanted: Mapping[Facet, float] = field(default_factory=dict)
    """Facet -> confidence from which the owner wants to see its tags, in place of the usual one."""

    def find(self, text: str) -> Concept | None:
        """The concept with this id, label, synonym or slug (case, accents and plural folded), None if there is none."""
        name = text.strip()
        found = name if name in self.concepts else self.phrases.get(fold_phrase(name)) or self.slugs.get(name.lower())
        return self.concepts[found] if found is not None else None

    def place(self, text: str) -> Concept | None:
        """The place concept with this label or synonym ("hospital", "Post Office", "medical"), None if none has it."""
        name = text.strip()
        found = self.concepts.get(name) or self.concepts.get(self.phrases.get(fold_phrase(name), ""))
        return found if found is not None and found.facet == "place" else None

    def match(self, text: str) -> Matches:
        """The concepts that a word, phrase, sentence or slugged_phrase names, and the words left over."""
        return self.matcher.match(text)
