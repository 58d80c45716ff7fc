"""A location's photos together: tag summary, condition, era, suggested type, hero. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from urbextag.records import Condition, EraHint, ViewType, Years

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy

EXAMPLES = 3
HERO_VIEWS: dict[ViewType, float] = {
    "exterior": 1.0, "aerial": 0.75, "interior": 0.6, "unknown": 0.5, "detail": 0.3,
}  # fmt: skip
"""How well each view introduces a place; documents never do."""
HINT_WEIGHT = 0.35
"""What a room or object that is usual in a kind of place counts against a photo that shows the place itself."""
MIN_SUGGESTION = 0.6
"""Summed weight below which no type is suggested: one certain photo or several likely ones."""


@dataclass(frozen=True, slots=True)
class PhotoTag:
    """One tag that stands for a photo."""

    concept: str
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class PhotoSummary:
    """What the roll-up needs to know of one tagged photo."""

    sha: str
    name: str
    view_type: ViewType
    view_confidence: float
    quality: float
    tags: tuple[PhotoTag, ...]
    condition: float | None = None
    """0 = sound, 1 = ruin; None = nothing tells."""
    era: tuple[EraHint, ...] = ()
    pair_sha: str | None = None
    """The developed picture that a RAW file belongs to."""


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag of the location: how many photos show it, how sure the mean is, and some that do."""

    concept: str
    label: str
    facet: str
    photos: int
    share: float
    confidence: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EraSummary:
    """A cue to the era, with the number of photos that show it."""

    concept: str
    kind: str
    years: Years
    photos: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The kind of place the photos speak for."""

    type: str
    """Category ("Medical")."""
    stype: str
    """Class ("hospital")."""
    share: float
    """Of the weight that all photos together give to any kind of place, in (0, 1]."""
    photos: tuple[str, ...]
    """Names of the photos that support it, strongest first."""


@dataclass(frozen=True, slots=True)
class Hero:
    """The photo that introduces the place, and why."""

    sha: str
    name: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocationSummary:
    """All that a location's photos say together."""

    photos: int
    """Distinct pictures: a RAW and its developed picture are one."""
    views: dict[str, int]
    tags: tuple[TagCount, ...]
    condition: Condition | None
    era: tuple[EraSummary, ...]
    suggestion: Suggestion | None
    hero: Hero | None


def summarise(photos: Iterable[PhotoSummary], taxonomy: Taxonomy) -> LocationSummary:
    """The map of the roll-up: each part is a function of the distinct pictures."""
    pictures = distinct(list(photos))
    return LocationSummary(
        photos=len(pictures),
        views=_views(pictures),
        tags=tag_counts(pictures),
        condition=condition(pictures),
        era=era(pictures),
        suggestion=suggest_type(pictures, taxonomy),
        hero=hero(pictures),
    )


def distinct(photos: Sequence[PhotoSummary]) -> list[PhotoSummary]:
    """The photos without the RAW files whose developed picture is among them."""
    here = {photo.sha for photo in photos}
    return [photo for photo in photos if photo.pair_sha not in here]


def _views(photos: Sequence[PhotoSummary]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for photo in photos:
        counts[photo.view_type] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def tag_counts(photos: Sequence[PhotoSummary]) -> tuple[TagCount, ...]:
    """Every tag with its photos, the most shown first; examples are the surest photos."""
    shown: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for photo in photos:
        for tag in photo.tags:
            shown[tag.concept, tag.label].append((tag.confidence, photo.name))
    counts = [
        TagCount(
            concept,
            label,
            concept.split("/")[0],
            len(found),
            len(found) / len(photos),
            fsum(confidence for confidence, _ in found) / len(found),
            tuple(name for _, name in sorted(found, key=lambda item: (-item[0], item[1]))[:EXAMPLES]),
        )
        for (concept, label), found in shown.items()
    ]
    return tuple(sorted(counts, key=lambda count: (-count.photos, -count.confidence, count.concept)))


def condition(photos: Sequence[PhotoSummary]) -> Condition | None:
    """The mean of the photos' condition scores; None where no photo tells."""
    from urbextag.taxonomy import condition_label

    scores = [photo.condition for photo in photos if photo.condition is not None]
    if not scores:
        return None
    mean = fsum(scores) / len(scores)
    return Condition(mean, condition_label(mean))


def era(photos: Sequence[PhotoSummary]) -> tuple[EraSummary, ...]:
    """Every cue to the era, the most shown first."""
    shown: dict[tuple[str, str, Years], set[str]] = defaultdict(set)
    for photo in photos:
        for hint in photo.era:
            shown[hint.concept, hint.kind, hint.years].add(photo.sha)
    cues = [EraSummary(*key, len(shas)) for key, shas in shown.items()]
    return tuple(sorted(cues, key=lambda cue: (-cue.photos, cue.years, cue.concept)))


def suggest_type(photos: Sequence[PhotoSummary], taxonomy: Taxonomy) -> Suggestion | None:
    """The class of place that the photos' tags speak for, None where they say too little.

    A tag of the place facet counts with its confidence; a room or object that is usual in a few kinds of place gives
    each a share of `HINT_WEIGHT`.
    """
    votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for photo in photos:
        for tag in photo.tags:
            concept = taxonomy.concepts.get(tag.concept)
            if concept is None:
                continue
            if concept.facet == "place":
                votes[concept.id][photo.sha] += 0.0 if concept.category else tag.confidence
            for place in concept.places:
                votes[place][photo.sha] += HINT_WEIGHT * tag.confidence / len(concept.places)
    totals = {place: fsum(by_photo.values()) for place, by_photo in votes.items()}
    if not totals:
        return None
    best = min(totals, key=lambda place: (-totals[place], place))
    if totals[best] < MIN_SUGGESTION:
        return None
    concept = taxonomy.concepts[best]
    names = {photo.sha: photo.name for photo in photos}
    supporting = sorted((-weight, names[sha], sha) for sha, weight in votes[best].items() if weight > 0)
    return Suggestion(
        type=concept.category_name,
        stype=concept.label,
        share=totals[best] / fsum(totals.values()),
        photos=tuple(name for _, name, _ in supporting),
    )


def hero(photos: Sequence[PhotoSummary]) -> Hero | None:
    """The photo that introduces the place best: an exterior of good quality first, never a document."""
    heroes = [_hero(photo) for photo in photos if photo.view_type != "document"]
    return min(heroes, key=lambda found: (-found.score, found.name, found.sha), default=None)


def _hero(photo: PhotoSummary) -> Hero:
    view = HERO_VIEWS[photo.view_type]
    unsure = HERO_VIEWS["unknown"]
    trusted = unsure + (view - unsure) * photo.view_confidence
    score = 0.5 * trusted + 0.5 * photo.quality
    reasons = (f"{photo.view_type} view", f"quality {photo.quality:.2f}", f"{len(photo.tags)} tags")
    return Hero(photo.sha, photo.name, score, reasons)
