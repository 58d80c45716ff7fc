"""Which photos show the same, so that a burst of twenty speaks with the voice of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.rollup.records import PhotoSummary, View
from urbextag.similar import BURST_GAP_SECONDS, Picture, fold, moment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings of one model and revision: those of others do not compare."""

    shas: Sequence[str]
    matrix: NDArray[np.float32]
    """(n, dimensions), L2-normalised."""


def distinct_views(photos: Iterable[PhotoSummary], embeddings: Embeddings | None = None) -> list[View]:
    """The distinct views of a place, in the order of their speakers' ids; the order of the photos never matters.

    Photos of one sub-location show the same where their embeddings are alike, with the thresholds of
    `urbextag similar`. Where one of them has no embedding, the clock tells: same camera, same view type, and taken
    within `BURST_GAP_SECONDS` of the first; counted from the first and not from the one before, so that somebody who
    photographs every three seconds of a walk has not photographed one view.

    A view speaks through its best photo, and not through the mean or the sum of its photos: so a further frame that
    is no better changes nothing, and what is said of a view (its tags, condition and era) was seen in one picture.
    Photos that a person has spoken about go before better ones, since that word must count.
    """
    developed = without_raws(list(photos))
    leaders = {photo.sha: photo.sha for photo in developed}
    rows = {sha: row for row, sha in enumerate(embeddings.shas)} if embeddings else {}
    for part in _by_sub(developed):
        ranked = sorted(part, key=_preference)
        embedded = [photo for photo in ranked if photo.sha in rows]
        if embeddings and embedded:
            for group in fold([_picture(one) for one in embedded], embeddings.matrix, [rows[p.sha] for p in embedded]):
                leaders |= {other.sha: group.best for other in group.others}
        _join_by_clock(ranked, rows, leaders)
    groups: dict[str, list[PhotoSummary]] = defaultdict(list)
    for photo in developed:
        groups[leaders[photo.sha]].append(photo)
    views = []
    for members in groups.values():
        members.sort(key=_preference)
        views.append(View(members[0], tuple(members)))
    return sorted(views, key=lambda view: view.speaker.sha)


def without_raws(photos: Sequence[PhotoSummary]) -> list[PhotoSummary]:
    """The photos without the RAW files whose developed picture is among them."""
    here = {photo.sha for photo in photos}
    return [photo for photo in photos if photo.pair_sha not in here]


def _by_sub(photos: Iterable[PhotoSummary]) -> Iterable[list[PhotoSummary]]:
    """Two buildings may look alike; the owner knows that they are two."""
    parts: dict[str | None, list[PhotoSummary]] = defaultdict(list)
    for photo in photos:
        parts[photo.subid].append(photo)
    return parts.values()


def _preference(photo: PhotoSummary) -> tuple[bool, float, int, str]:
    """Who speaks for a view: as in `similar.groups`, but for a person's word."""
    quality = 1.0 if photo.quality is None else -round(photo.quality, 2)
    return not photo.reviewed, quality, -photo.pixels, photo.sha


def _picture(photo: PhotoSummary) -> Picture:
    return Picture(photo.sha, photo.quality, photo.camera, photo.taken, photo.pixels)


def _join_by_clock(ranked: Sequence[PhotoSummary], embedded: dict[str, int], leaders: dict[str, str]) -> None:
    """Let photos without an embedding join the best one of their moment, where possible one with an embedding."""
    if all(photo.sha in embedded for photo in ranked):
        return
    for window in _moments(ranked):
        first: dict[str, str] = {}
        for photo in sorted(window, key=lambda one: one.sha not in embedded):  # stable: the better still come first
            head = first.setdefault(photo.view_type, photo.sha)
            if photo.sha not in embedded:
                leaders[photo.sha] = leaders[head]


def _moments(ranked: Sequence[PhotoSummary]) -> Iterator[list[PhotoSummary]]:
    """The photos of each camera that were taken within a few seconds of a first one, in the order they come."""
    timed = sorted(
        (photo.camera, seconds, rank)
        for rank, photo in enumerate(ranked)
        if photo.camera and (seconds := moment(photo.taken)) is not None
    )
    window: list[int] = []
    began: tuple[str, float] | None = None
    for camera, seconds, rank in timed:
        if began and (camera != began[0] or seconds - began[1] > BURST_GAP_SECONDS):
            yield [ranked[one] for one in sorted(window)]
            window = []
        if not window:
            began = camera, seconds
        window.append(rank)
    if window:
        yield [ranked[one] for one in sorted(window)]
