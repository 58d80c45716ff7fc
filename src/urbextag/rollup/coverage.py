"""What of a place has been photographed and what has not: views, rooms, parts; and the documents that were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from urbextag.records import ViewType
from urbextag.rollup.records import Coverage, Document, Known, PhotoSummary, SubLocation, View
from urbextag.rollup.tags import view_counts

if TYPE_CHECKING:
    from urbextag.taxonomy import Concept, Taxonomy

WANTED: tuple[ViewType, ...] = ("exterior", "interior", "aerial")
LINES = 3
"""Lines of a document that are shown, each with so many letters:"""
LETTERS = 80


def coverage(views: Sequence[View], taxonomy: Taxonomy, known: Known, kind: str | None) -> Coverage:
    """What has been photographed, and what a place of this kind usually has beyond it.

    Args:
        views: the distinct views.
        taxonomy: knows which rooms are usual where.
        known: what the owner said of the place, its parts among it.
        kind: label of a kind of place, None where neither the owner nor the photos tell.
    """
    seen = view_counts(view for view in views if view.speaker.shows_the_place)
    rooms: Counter[str] = Counter()
    for view in views:
        if view.speaker.shows_the_place:
            rooms.update(tag.label for tag in view.speaker.tags if tag.concept.startswith("room/"))
    place = taxonomy.place(kind) if kind else None
    unseen = unseen_rooms(views, taxonomy, place) if place else ()
    return Coverage(
        tuple(view for view in WANTED if not seen.get(view)),
        dict(sorted(rooms.items(), key=lambda item: (-item[1], item[0]))),
        unseen,
        place.label if place and unseen else None,
        tuple(sub.name for sub in known.subs if not sub.photos),
        _without_exterior(views, known.subs),
    )


def unseen_rooms(views: Iterable[View], taxonomy: Taxonomy, place: Concept) -> tuple[str, ...]:
    """Rooms that are usual in such a place and that no photo shows, those of the fewest kinds of place first.

    A room counts as seen where a finer one was: who saw the autopsy room saw the morgue. Rooms of a coarser kind of
    place count too: what a hospital has, a children's hospital has. A category has no rooms of its own.
    """
    shown = {tag.concept for view in views for tag in view.speaker.tags}
    seen = shown | {above for one in shown if one in taxonomy.concepts for above in taxonomy.concepts[one].lineage}
    homes = {place.id, *(above for above in place.lineage if not taxonomy.concepts[above].category)}
    usual = [
        one
        for one in taxonomy.concepts.values()
        if one.facet == "room" and homes.intersection(one.places) and one.id not in seen
    ]
    return tuple(one.label for one in sorted(usual, key=lambda one: (len(one.places), one.label)))


def _without_exterior(views: Iterable[View], subs: Sequence[SubLocation]) -> tuple[str, ...]:
    """Sub-locations with photos of which none shows it from outside."""
    outside = {view.speaker.subid for view in views if view.speaker.view_type in ("exterior", "aerial")}
    inside = {view.speaker.subid for view in views}
    return tuple(sub.name for sub in subs if sub.subid in inside - outside)


def documents(views: Iterable[View], taxonomy: Taxonomy) -> tuple[Document, ...]:
    """Every document and historic photograph, with what it is and how its text begins.

    Pages are listed one by one: two pages of a register are near-duplicates to a model.
    """
    found = [photo for view in views for photo in view.photos if not photo.shows_the_place]
    listed = [Document(photo.sha, photo.name, _kind(photo, taxonomy), _lines(photo.text)) for photo in found]
    return tuple(sorted(listed, key=lambda one: (one.kind, one.name, one.sha)))


def _kind(photo: PhotoSummary, taxonomy: Taxonomy) -> str:
    """The surest tag that names a kind of document: "floor plan"."""
    kinds = []
    for tag in photo.tags:
        concept = taxonomy.concepts.get(tag.concept)
        if concept is not None and concept.views == ("document",) and concept.slug != "document":
            kinds.append((-tag.confidence, tag.label))
    if kinds:
        return min(kinds)[1]
    return "historic photograph" if photo.archival else "document"


def _lines(text: Sequence[str]) -> tuple[str, ...]:
    lines = [" ".join(line.split()) for line in text]
    return tuple(line if len(line) <= LETTERS else f"{line[: LETTERS - 1]}…" for line in lines if line)[:LINES]
