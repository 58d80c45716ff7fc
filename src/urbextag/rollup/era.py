"""The era of a place: what the cues of all views say together, as a chain of evidence with its conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import nsmallest
from typing import Literal

from urbextag.records import EraHint, Years
from urbextag.rollup.records import EraCue, PhotoSummary, PlaceEra, View
from urbextag.rollup.tags import EXAMPLES, named

Told = tuple[EraHint, PhotoSummary]
"""A cue, and the photo that shows it."""


def place_era(views: Sequence[View]) -> PlaceEra | None:
    """The interval that the views' cues give together; None where no cue tells."""
    from urbextag.taxonomy import join_era

    told = era_cues(views)
    era = join_era([hint for hint, _ in told])
    if era is None:
        return None
    shown: dict[tuple[str, Literal["built", "used"], Years], list[Told]] = defaultdict(list)
    for hint, photo in told:
        shown[hint.concept, hint.kind, hint.years].append((hint, photo))

    def cue(hint: EraHint) -> EraCue:
        found = shown[hint.concept, hint.kind, hint.years]
        best = nsmallest(EXAMPLES, found, key=lambda one: (-one[0].confidence, one[1].name, one[1].sha))
        examples = tuple(named(photo) for _, photo in best)
        return EraCue(hint.years, hint.concept, hint.kind, hint.confidence, hint.because, len(found), examples)

    chain = tuple(cue(hint) for hint in era.chain)
    conflicts = tuple((cue(surer), cue(other)) for surer, other in era.conflicts)
    return PlaceEra(era.built, era.used, era.confidence, chain, conflicts)


def era_cues(views: Sequence[View]) -> list[Told]:
    """Every cue of every view. Documents and historic photographs give none: they show another time."""
    return [(hint, view.speaker) for view in views if view.speaker.shows_the_place for hint in view.speaker.era]
