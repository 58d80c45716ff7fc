"""Weighs kinds of place: how much each view of a place speaks for a class or category, and how much against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import fsum
from typing import TYPE_CHECKING

from urbextag.rollup.records import PhotoSummary, View, Voice

if TYPE_CHECKING:
    from urbextag.taxonomy import Concept, Taxonomy

HINT_WEIGHT = 0.35
"""What a room or object that is usual in one kind of place counts against a tag that names the place itself. What is
usual in n kinds counts 1 / sqrt(n) of it for each: a ward speaks for five of them, and for their category."""
DOCUMENT_WEIGHT = 0.5
"""What a document's word counts against that of a photo: a newspaper tells of many places."""
COARSER = 0.5
"""What "mill" counts for a textile mill, which it does not contradict."""
SAME_CATEGORY = 0.5
"""What "asylum" counts against a hospital, compared with what "church" does."""
SHOWN = 3
"""Things that a view is said to show."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A kind of place with what all views say of it."""

    place: Concept
    support: float
    against: float
    agree: int
    """Views that speak for it rather than against it."""
    tell: int
    """Views that speak for or against it."""

    @property
    def share(self) -> float:
        """Of the weight for and against it, in [0, 1]."""
        total = self.support + self.against
        return self.support / total if total else 0.0


class Speech:
    """What the views say of kinds of place. Only tags that tell of some are kept, so that each question is quick."""

    def __init__(self, views: Iterable[View], taxonomy: Taxonomy) -> None:
        """Keep what the speakers of the views say."""
        self.taxonomy = taxonomy
        self._factors: dict[tuple[str, str], tuple[float, float]] = {}
        self._said: list[tuple[PhotoSummary, list[tuple[str, str, float]]]] = []
        telling = {one.id for one in taxonomy.concepts.values() if one.facet == "place" or one.places}
        for view in views:
            photo = view.speaker
            share = 1.0 if photo.shows_the_place else DOCUMENT_WEIGHT
            said = [(concept, label, share * sure) for concept, label, sure in photo.tags if concept in telling]
            if said:
                self._said.append((photo, sorted(said)))
        heard: dict[str, list[float]] = defaultdict(list)
        for _, said in self._said:
            for concept_id, _, sure in said:
                heard[concept_id].append(sure)
        self._named = {concept_id: fsum(sures) for concept_id, sures in heard.items()}

    def named(self) -> dict[str, float]:
        """Every kind of place that is spoken for, categories included, with a first measure of how much."""
        votes: dict[str, list[float]] = defaultdict(list)
        for concept_id, total in self._named.items():
            concept = self.taxonomy.concepts[concept_id]
            homes = (concept_id,) if concept.facet == "place" else concept.places
            for place in {one for home in homes for one in (home, *self.taxonomy.concepts[home].lineage)}:
                votes[place].append(total * self._factor(concept_id, place)[0])
        return {place: fsum(weights) for place, weights in votes.items()}

    def weigh(self, place: Concept) -> Weighed:
        """What all views together say of this kind of place."""
        factors = {concept_id: self._factor(concept_id, place.id) for concept_id in self._named}
        pairs = [_of_view(said, factors) for _, said in self._said]
        return Weighed(
            place,
            fsum(speaks for speaks, _ in pairs),
            fsum(denies for _, denies in pairs),
            sum(speaks > denies for speaks, denies in pairs),
            sum(bool(speaks or denies) for speaks, denies in pairs),
        )

    def voices(self, place: Concept) -> tuple[tuple[Voice, ...], tuple[Voice, ...]]:
        """The views that speak for it, and those that speak against it, each with what it shows."""
        sides: tuple[list[Voice], list[Voice]] = ([], [])
        factors = {concept_id: self._factor(concept_id, place.id) for concept_id in self._named}
        for photo, said in self._said:
            for side, weight in enumerate(_of_view(said, factors)):
                if weight:
                    told = [(factors[one][side] * sure, label) for one, label, sure in said]
                    shows = nsmallest(SHOWN, [(-much, label) for much, label in told if much])
                    sides[side].append(Voice(photo.sha, photo.name, tuple(label for _, label in shows), weight))
        return strongest_first(sides[0]), strongest_first(sides[1])

    def _factor(self, concept_id: str, place: str) -> tuple[float, float]:
        """How much a concept speaks for and against a kind of place."""
        key = concept_id, place
        if key not in self._factors:
            self._factors[key] = self._judge(self.taxonomy.concepts[concept_id], self.taxonomy.concepts[place])
        return self._factors[key]

    def _judge(self, concept: Concept, place: Concept) -> tuple[float, float]:
        homes = (concept.id,) if concept.facet == "place" else concept.places
        weight = 1.0 if concept.facet == "place" else HINT_WEIGHT / len(homes) ** 0.5
        agrees = [self._agreement(self.taxonomy.concepts[home], place) for home in homes]
        best = max(agrees)
        return (weight * best, 0.0) if best >= 0 else (0.0, -weight * best)

    @staticmethod
    def _agreement(named: Concept, place: Concept) -> float:
        """Of a named kind of place with one that is asked for: 1 the same, 0 neither for nor against, -1 another."""
        if place.id == named.id or place.id in named.lineage:
            return 1.0
        if named.id in place.lineage:
            return 0.0 if named.category else COARSER
        return -SAME_CATEGORY if named.category_name == place.category_name else -1.0


def _of_view(said: Sequence[tuple[str, str, float]], factors: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    """How much one view speaks for and against a kind of place, each in [0, 1]: as independent witnesses do."""
    silent = undenied = 1.0
    for concept_id, _, sure in said:
        speaks, denies = factors[concept_id]
        if speaks:
            silent *= 1.0 - speaks * sure
        if denies:
            undenied *= 1.0 - denies * sure
    return 1.0 - silent, 1.0 - undenied


def strongest_first(voices: Iterable[Voice]) -> tuple[Voice, ...]:
    """Voices by weight, then name."""
    return tuple(sorted(voices, key=lambda voice: (-voice.weight, voice.name, voice.sha)))
