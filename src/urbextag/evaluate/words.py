"""Decides which tags a word of truth means, by the taxonomy where it knows the word and by the labels where not."""

from __future__ import annotations

from functools import cache

from urbextag.taxonomy import Concept, Taxonomy
from urbextag.taxonomy.words import fold_phrase

_BUILT = frozenset({"place", "room", "element"})
"""One family: an office building (place) is a building (element)."""
_MADE_OF = frozenset({"element", "material", "condition"})
"""Labels of these facets name what things are of: a brick wall is of brick, but a paper mill is not of paper."""


class Words:
    """The words of truth in one taxonomy; answers are remembered.

    A tag *covers* a word that names a concept where the tag is this concept or lies below it; where the tag's label, or
    an ancestor's, ends in the word and is of the same family of facets (a clock tower is a tower; a power plant is no
    plant); or where the word names a material that stands in the tag's label ("brick wall"). It covers a word that
    names no concept where the word stands in its label, a synonym or an ancestor's label.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.meaning = cache(taxonomy.find)
        """The concept that a word names, None where it names none."""
        self.covers = cache(lambda concept_id, word: self._says(concept_id, word, synonyms=True))
        """Whether the tag with this id says what a word says, or something more specific."""
        self.asserts = cache(lambda concept_id, word: self._says(concept_id, word, synonyms=False))
        """Whether the tag with this id says a word of "not": as `covers`, but a mere synonym asserts nothing."""

    def bears_out(self, word: str, concept_id: str) -> bool:
        """Whether a word of truth makes the tag with this id right: the tag covers it, or says less of the same."""
        if self.covers(concept_id, word):
            return True
        named = self.meaning(word)
        return named is not None and concept_id in named.lineage

    def _says(self, concept_id: str, word: str, *, synonyms: bool) -> bool:
        concept, named, words = self.taxonomy.concepts[concept_id], self.meaning(word), fold_phrase(word)
        if named is not None:
            return self._is(concept, named, words)
        labels = (concept.label, *concept.ancestors, *(concept.synonyms if synonyms else ()))
        return any(_stands_in(words, fold_phrase(label)) for label in labels)

    def _is(self, concept: Concept, named: Concept, words: tuple[str, ...]) -> bool:
        if named.id == concept.id or named.id in concept.lineage:
            return True
        if concept.facet == named.facet or {concept.facet, named.facet} <= _BUILT:
            for label in (concept.label, *concept.ancestors):
                if fold_phrase(label)[-len(words) :] == words:
                    return True
        if named.facet == "material" and concept.facet in _MADE_OF:
            return _stands_in(words, fold_phrase(concept.label))
        return False


def _stands_in(words: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Whether the words stand in the text, one after the other."""
    return any(text[at : at + len(words)] == words for at in range(len(text) - len(words) + 1))
