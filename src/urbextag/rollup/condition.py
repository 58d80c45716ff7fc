"""The condition of a place: one score, and a profile of its elements, from the views that tell of decay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import nsmallest
from math import fsum

from urbextag.records import ElementCondition
from urbextag.rollup.records import ElementProfile, PhotoSummary, PlaceCondition, View
from urbextag.rollup.tags import EXAMPLES, named

BECAUSE = 3
"""Tags that are named as reasons for the condition of an element."""
LEVELS = ("sound", "worn", "decayed", "ruined")


def condition(views: Sequence[View]) -> PlaceCondition | None:
    """The mean of the views' scores with a profile of the elements; None where no view tells.

    A score is decay times the confidence of what shows it (`taxonomy.condition`), so unsure tags count for less. A view
    that shows no sign of decay says nothing: that a photo of a chair shows no roof does not make the roof sound.
    Documents and historic photographs do not show the place as it is and are left out.
    """
    from urbextag.taxonomy import condition_label

    told = [
        (view.speaker, view.speaker.condition)
        for view in views
        if view.speaker.condition is not None and view.speaker.shows_the_place
    ]
    if not told:
        return None
    by_element: dict[str, list[tuple[ElementCondition, PhotoSummary]]] = defaultdict(list)
    for photo, seen in told:
        for element in seen.elements:
            by_element[element.element].append((element, photo))
    elements = [_profile(found, len(told)) for found in by_element.values()]
    score = fsum(seen.score for _, seen in told) / len(told)
    ordered = sorted(elements, key=lambda one: (-one.score, -one.views, one.element))
    return PlaceCondition(score, condition_label(score), len(told), tuple(ordered))


def _profile(found: Sequence[tuple[ElementCondition, PhotoSummary]], told: int) -> ElementProfile:
    from urbextag.taxonomy import condition_label

    score = fsum(element.score for element, _ in found) / len(found)
    label = condition_label(score)
    levels = Counter(element.level for element, _ in found)
    reasons = Counter(label for element, _ in found for label in element.because)
    worst = nsmallest(EXAMPLES, found, key=lambda shown: (-shown[0].score, shown[1].name, shown[1].sha))
    return ElementProfile(
        found[0][0].element,
        score,
        LEVELS.index(label),
        label,
        len(found),
        len(found) / told,
        (levels[0], levels[1], levels[2], levels[3]),
        tuple(sorted(reasons, key=lambda reason: (-reasons[reason], reason))[:BECAUSE]),
        tuple(named(photo) for _, photo in worst),
    )
