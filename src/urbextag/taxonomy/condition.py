"""Scores the condition of a place from the decay that its tags show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from urbextag.records import Condition, TagScore
from urbextag.taxonomy.concept import Concept

WORN_FROM, DECAYED_FROM, RUINED_FROM = 0.2, 0.45, 0.8
FURTHER_ELEMENTS = 0.25
"""Share with which decay of further elements adds to that of the worst one."""


def condition_label(score: float) -> str:
    """The word for a condition score in [0, 1]: sound, worn (from 0.2), decayed (from 0.45), ruined (from 0.8)."""
    if score >= RUINED_FROM:
        return "ruined"
    if score >= DECAYED_FROM:
        return "decayed"
    return "worn" if score >= WORN_FROM else "sound"


def condition_of(tags: Iterable[TagScore], concepts: Mapping[str, Concept]) -> Condition | None:
    """The condition that these tags show, None where none of them tells.

    Each tag counts with its decay times its confidence, per element (roof, paint, ...) only the worst tag; the worst
    element sets the score and the others raise it towards 1. Another sign of decay never lowers the score.
    """
    worst: dict[str, float] = {}
    for tag in tags:
        concept = concepts[tag.id]
        if concept.decay is not None:
            element = concept.element or "general"
            worst[element] = max(worst.get(element, 0.0), concept.decay * tag.confidence)
    if not worst:
        return None
    first, *others = sorted(worst.values(), reverse=True)
    sound = 1.0 - first
    for value in others:
        sound *= 1.0 - FURTHER_ELEMENTS * value
    score = 1.0 - sound
    return Condition(round(score, 4), condition_label(score))
