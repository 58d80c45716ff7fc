"""The photos that introduce a place: the establishing exterior first, then quality, then another view each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from urbextag.records import ViewType
from urbextag.rollup.records import Hero, PhotoSummary, View
from urbextag.rollup.tags import quality_of

HEROES = 5
HERO_VIEWS: dict[ViewType, float] = {
    "exterior": 1.0, "aerial": 0.75, "interior": 0.4, "unknown": 0.35, "detail": 0.2, "document": 0.0,
}  # fmt: skip
"""How well each view introduces a place. An exterior gives way to an interior only where it is hardly worth showing."""
VIEW_SHARE, QUALITY_SHARE, ESTABLISHING_SHARE = 0.55, 0.35, 0.1
"""Of the score: the view, the quality, and whether an exterior or aerial view shows what the place is."""
ESTABLISHING = ("place/", "element/building", "element/facade")
"""What a view shows that shows the whole: how the ids of such concepts begin."""
SAME_VIEW_TYPE, SAME_TAGS = 0.1, 0.3
"""What the next best loses for a view type that is there already, and for each share of the same tags."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    photo: PhotoSummary
    view: View
    score: float
    establishes: tuple[str, ...]


def heroes(views: Sequence[View]) -> tuple[Hero, ...]:
    """The best photos for the place's face, the best first, each of another view and unlike those before it.

    Never a document or a historic photograph, nor one that the owner hides, nor a RAW file with a developed picture.
    Of each view it is the photo of the best quality.
    """
    left = [found for view in views if (found := _candidate(view)) is not None]
    left.sort(key=lambda one: (-one.score, one.photo.name, one.photo.sha))
    exteriors = sum(one.photo.view_type == "exterior" for one in left)
    chosen: list[_Candidate] = []
    left = left[: HEROES * 40]  # what is far behind cannot come forward by being different
    while left and len(chosen) < HEROES:
        best = min(left, key=lambda one: (_likeness(one, chosen) - one.score, one.photo.name, one.photo.sha))
        left.remove(best)
        chosen.append(best)
    return tuple(_hero(one, exteriors) for one in chosen)


def _candidate(view: View) -> _Candidate | None:
    allowed = [photo for photo in view.photos if photo.shows_the_place and not photo.hidden]
    if not allowed:
        return None
    photo = min(allowed, key=lambda one: (-quality_of(one), -one.pixels, one.sha))
    sure = HERO_VIEWS["unknown"]
    trusted = sure + (HERO_VIEWS[photo.view_type] - sure) * photo.view_confidence
    shows: list[tuple[float, str]] = []
    if photo.view_type in ("exterior", "aerial"):
        shows = sorted((-tag.confidence, tag.label) for tag in photo.tags if tag.concept.startswith(ESTABLISHING))
    bonus = -shows[0][0] if shows else 0.0
    score = VIEW_SHARE * trusted + QUALITY_SHARE * quality_of(photo) + ESTABLISHING_SHARE * bonus
    return _Candidate(photo, view, score, tuple(label for _, label in shows[:2]))


def _likeness(one: _Candidate, chosen: Sequence[_Candidate]) -> float:
    """What a candidate loses because of those that were chosen before it."""
    if not chosen:
        return 0.0
    mine = {tag.concept for tag in one.photo.tags}
    overlaps = []
    for other in chosen:
        theirs = {tag.concept for tag in other.photo.tags}
        overlaps.append(len(mine & theirs) / max(1, len(mine | theirs)))
    same = sum(other.photo.view_type == one.photo.view_type for other in chosen)
    return SAME_TAGS * max(overlaps) + SAME_VIEW_TYPE * same


_QUALITY_WORDS: Mapping[float, str] = {0.7: "very good", 0.55: "good", 0.4: "fair", 0.0: "poor"}
"""Words by the quality from which they hold."""


def _hero(one: _Candidate, exteriors: int) -> Hero:
    photo, view = one.photo, one.photo.view_type
    article = "an" if view[0] in "aeiu" else "a"
    reasons = [f"{article} {view} view" if view != "unknown" else "a view of unknown kind"]
    if view == "exterior" and exteriors > 1:
        reasons[0] += f", one of {exteriors}"
    if one.establishes:
        reasons.append(f"shows the whole: {', '.join(one.establishes)}")
    if photo.quality is None:
        reasons.append("quality not measured")
    else:
        word = next(word for least, word in _QUALITY_WORDS.items() if photo.quality >= least)
        reasons.append(f"{word} quality ({photo.quality:.2f})")
    if len(one.view.photos) > 1:
        reasons.append(f"the best of {len(one.view.photos)} photos of this view")
    return Hero(photo.sha, photo.name, view, one.score, tuple(reasons))
