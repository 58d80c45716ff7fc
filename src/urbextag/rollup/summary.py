"""START HERE: `summarise` is the map of the roll-up, from a place's photos to all that they say together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from urbextag.cycles import no_search_for_cycles
from urbextag.rollup.condition import condition
from urbextag.rollup.coverage import coverage, documents
from urbextag.rollup.era import place_era
from urbextag.rollup.hero import heroes
from urbextag.rollup.records import Known, LocationSummary, Named, PhotoSummary, SubLocation, SubSummary, View
from urbextag.rollup.suggest import suggestions
from urbextag.rollup.tags import named, tag_counts, view_counts
from urbextag.rollup.views import Embeddings, distinct_views

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy

TOP_TAGS = 6
"""Tags that a sub-location is described with."""


def summarise(
    photos: Iterable[PhotoSummary], taxonomy: Taxonomy, known: Known | None = None, embeddings: Embeddings | None = None
) -> LocationSummary:
    """What the photos of a place say together.

    Nothing is kept: it is worked out afresh from the tags that stand, so it is right after any of them has changed.

    Args:
        photos: those with tags, in any order.
        taxonomy: what the tags mean.
        known: what the owner has said of the place, None for nothing.
        embeddings: of as many of the photos as have one of the same model.
    """
    with no_search_for_cycles():
        return _summarise(list(photos), taxonomy, known or Known(), embeddings)


def _summarise(
    photos: Sequence[PhotoSummary], taxonomy: Taxonomy, known: Known, embeddings: Embeddings | None
) -> LocationSummary:
    views = distinct_views(photos, embeddings)
    suggested = suggestions(views, taxonomy, known)
    faces = heroes(views)
    kind = known.stype or known.type or next((one.value for one in suggested if one.kind == "type"), None)
    return LocationSummary(
        photos=sum(len(view.photos) for view in views),
        distinct_views=len(views),
        views=view_counts(views),
        suggestions=suggested,
        condition=condition(views),
        era=place_era(views),
        coverage=coverage(views, taxonomy, known, kind),
        documents=documents(views, taxonomy),
        hero=faces[0] if faces else None,
        heroes=faces,
        locked_hero=_locked(photos, known),
        sublocations=tuple(_sub(sub, views) for sub in known.subs),
        tags=tag_counts(views),
    )


def _locked(photos: Iterable[PhotoSummary], known: Known) -> Named | None:
    """The owner's choice; by its id alone where that photo has no tags or is in another place."""
    if not known.hero_sha:
        return None
    found = (named(photo) for photo in photos if photo.sha == known.hero_sha)
    return next(found, Named(known.hero_sha, known.hero_sha[:12]))


def _sub(sub: SubLocation, views: Sequence[View]) -> SubSummary:
    mine = [view for view in views if view.speaker.subid == sub.subid]
    tags = tuple(tag.label for tag in tag_counts(mine)[:TOP_TAGS])
    return SubSummary(sub.subid, sub.name, sub.photos, len(mine), condition(mine), tags)
