"""The tags of a place: how many views and photos show each, how sure they are, and the best examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from math import fsum

from urbextag.rollup.records import Named, PhotoSummary, TagCount, View

EXAMPLES = 3
UNMEASURED = 0.5
"""Quality that a photo without a measured one is taken to have."""


def tag_counts(views: Sequence[View]) -> tuple[TagCount, ...]:
    """Every tag of the views, the one with the largest share first."""
    shown: dict[str, list[_Shown]] = defaultdict(list)
    for view in views:
        photo, quality = view.speaker, quality_of(view.speaker)
        for concept, label, sure in photo.tags:
            # as an example it is worth half for how sure it is, half for how good it looks
            shown[concept].append((-sure - quality, photo.name, photo.sha, label, sure))
    photos = Counter([concept for view in views for photo in view.photos for concept, _, _ in photo.tags])
    counts = []
    for concept, found in shown.items():
        total = fsum([one[4] for one in found])
        counts.append(
            TagCount(
                concept,
                min(found)[3],
                concept.split("/")[0],
                len(found),
                photos[concept],
                total / len(views),
                total / len(found),
                tuple(Named(sha, name) for _, name, sha, _, _ in nsmallest(EXAMPLES, found)),
            )
        )
    return tuple(sorted(counts, key=lambda count: (-count.share, -count.views, count.concept)))


_Shown = tuple[float, str, str, str, float]
"""Worth as an example (the least is the best), name, SHA-256, label, confidence."""


def quality_of(photo: PhotoSummary) -> float:
    """A photo's quality in [0, 1], a middling one where none was measured."""
    return UNMEASURED if photo.quality is None else photo.quality


def named(photo: PhotoSummary) -> Named:
    """A photo by its id and name."""
    return Named(photo.sha, photo.name)


def view_counts(views: Iterable[View]) -> dict[str, int]:
    """Distinct views by view type, the most first."""
    counts = Counter(view.speaker.view_type for view in views)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
