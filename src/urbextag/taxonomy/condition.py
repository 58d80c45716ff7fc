"""Scores the condition of a place and of its elements from the decay that its tags show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from urbextag.records import Condition, ElementCondition, TagScore
from urbextag.taxonomy.concept import Concept

WORN_FROM, DECAYED_FROM, RUINED_FROM = 0.2, 0.45, 0.8
LEVELS = ("sound", "worn", "decayed", "ruined")
FURTHER_ELEMENTS = 0.25
"""Share with which decay of further elements adds to that of the worst one."""


def condition_label(score: float) -> str:
    """The word for a condition score in [0, 1]: sound, worn (from 0.2), decayed (from 0.45), ruined (from 0.8)."""
    return LEVELS[condition_level(score)]


def condition_level(score: float) -> int:
    """A condition score in [0, 1] on an ordinal scale: 0 = sound, 1 = worn, 2 = decayed, 3 = ruined."""
    return sum(score >= least for least in (WORN_FROM, DECAYED_FROM, RUINED_FROM))


def condition_of(tags: Iterable[TagScore], concepts: Mapping[str, Concept]) -> Condition | None:
    """The condition that these tags show, in all and per element; None where none of them tells.

    Each tag counts with its decay times its confidence. Per element (roof, paint, ..., and `general` for what speaks of
    the whole place) only the worst tag counts; the worst element sets the score and the others raise it towards 1.
    Another sign of decay never lowers any of the scores.
    """
    shown: dict[str, list[tuple[float, str]]] = {}
    for tag in tags:
        concept = concepts[tag.id]
        if concept.decay is not None:
            shown.setdefault(concept.element or "general", []).append((concept.decay * tag.confidence, concept.label))
    if not shown:
        return None
    elements = [_element(name, signs) for name, signs in shown.items()]
    elements.sort(key=lambda one: (-one.score, one.element))
    score = joined_score([max(signs)[0] for signs in shown.values()])
    return Condition(round(score, 4), condition_label(score), tuple(elements))


def joined_score(scores: Iterable[float]) -> float:
    """One score of the scores of several elements, all in [0, 1]: the worst, raised towards 1 by the others."""
    first, *others = sorted(scores, reverse=True)
    sound = 1.0 - first
    for value in others:
        sound *= 1.0 - FURTHER_ELEMENTS * value
    return 1.0 - sound


def _element(name: str, signs: list[tuple[float, str]]) -> ElementCondition:
    signs.sort(key=lambda sign: (-sign[0], sign[1]))
    score = signs[0][0]
    because = tuple([label for _, label in signs])
    return ElementCondition(name, round(score, 4), condition_level(score), condition_label(score), because)
