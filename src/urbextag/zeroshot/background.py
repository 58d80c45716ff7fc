"""Compares a photo's cosine with a concept to its cosines with unrelated prompts: robust z-scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from urbextag.taxonomy.concept import FACETS, Facet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution, in median absolute deviations."""
MOST_LEFT_OUT = 8
"""Background prompts that may be too near to one concept: more would hardly move a median, and each costs time."""
_LARGEST_SHARE = 0.25
"""Share of a kind that may be too near to one concept: with less of it left there is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the concepts of one facet are compared with."""

    facet: Facet
    rows: slice
    """Rows of the facet's concepts."""
    kinds: tuple[slice, ...]
    """Rows of the background prompts, kind by kind: those common to all facets, last the facet's own if it has any."""
    left_out: NDArray[np.intp]
    """(groups, at most 8): positions in the background, counted over its kinds, of prompts too near to a concept; -1 =
    none. A row per group of concepts that leave out the same, those that leave out most first."""
    groups: NDArray[np.intp]
    """(concepts,): the group of each."""


def lay_out(
    facets: Sequence[Facet], concepts: Floats, grounds: Mapping[str, Floats], near: float, floor: float
) -> tuple[list[int], Floats, tuple[Ground, ...]]:
    """Decide what each concept is compared with, and order the concepts by facet.

    A background prompt that says much the same as a concept would punish it for being right. What is too near is told
    by the texts alone: its cosine with the concept lies `near` spreads above those of its kind (the facet's own share a
    sentence with the concept, which brings them all nearer). No fixed cosine would do: how near unrelated texts lie
    differs from model to model.

    Args:
        facets: facet of each concept.
        concepts: text embeddings (concepts, dimensions), L2-normalised.
        grounds: text embeddings of the backgrounds by kind: facets, and others, which are common to all facets.
        near: spreads above the median from which a prompt is too near.
        floor: least spread, in cosine.

    Returns:
        Order of the concepts as indices, the background embeddings (prompts, dimensions) and what each facet uses.
    """
    import numpy as np

    common = [name for name in grounds if name not in FACETS]
    starts = np.cumsum([0, *(len(vectors) for vectors in grounds.values())]).tolist()
    places = {name: slice(start, stop) for name, (start, stop) in zip(grounds, pairwise(starts), strict=True)}
    order: list[int] = []
    laid: list[Ground] = []
    for facet in dict.fromkeys(facets):
        members = [index for index, one in enumerate(facets) if one == facet]
        kinds = [*common, *([facet] if facet in grounds else [])]
        leads = np.concatenate([_leads(concepts[members] @ grounds[name].T, floor) for name in kinds], axis=1)
        left_out, groups = _grouped(_too_near(leads, near))
        rows = slice(len(order), len(order) + len(members))
        laid.append(Ground(facet, rows, tuple(places[name] for name in kinds), left_out, groups))
        order += members
    return order, np.concatenate(list(grounds.values())), tuple(laid)


def z_scores(with_concepts: Floats, with_background: Floats, grounds: Sequence[Ground], floor: float) -> Floats:
    """How far each concept stands out of its background, photo by photo.

    z = (cosine - level) / spread. Level: the median of the concept's background, or of its facet's own part of that
    where it lies higher: those prompts have the concept's sentences, and what these alone share with the photo
    (nearly all photos of an archive show something abandoned) speaks for no concept. Spread: 1.4826 times the median
    absolute deviation, at least `floor`, deviations being taken from the median of a prompt's own kind, since what sets
    the kinds apart is no spread of unrelated prompts. Medians are blind to the few prompts that happen to fit the
    photo; of an even number of values they are the lower of the two in the middle. The prompts that one concept leaves
    out stay in the spread: they are too few to move it.

    Args:
        with_concepts: cosines (concepts, photos), concepts as `lay_out` orders them. A row per concept and not per
            photo: one concept's numbers then lie side by side in memory, which makes this several times faster.
        with_background: cosines (prompts, photos).
        grounds: as `lay_out` gives them.
        floor: least spread, in cosine.

    Returns:
        z (concepts, photos), float32.
    """
    import numpy as np

    found = np.empty_like(with_concepts)
    deviations = np.empty_like(with_background)
    for start, stop in {(kind.start, kind.stop) for ground in grounds for kind in ground.kinds}:
        part = with_background[start:stop]
        np.abs(part - _middle(_ranked(part)), out=deviations[start:stop])
    for ground in grounds:
        cosines = np.concatenate([with_background[kind] for kind in ground.kinds])
        middle = _middle(_ranked(np.concatenate([deviations[kind] for kind in ground.kinds])))
        own = len(cosines) - (ground.kinds[-1].stop - ground.kinds[-1].start)
        level = _medians_without(cosines, ground.left_out)
        np.maximum(level, _medians_without(cosines[own:], np.maximum(ground.left_out - own, -1)), out=level)
        np.subtract(with_concepts[ground.rows], level[ground.groups], out=found[ground.rows])
        found[ground.rows] /= np.maximum(np.float32(_MAD_TO_SIGMA) * middle, np.float32(floor))
    return found


def _leads(cosines: Floats, floor: float) -> Floats:
    """How many spreads each background text (concepts, texts of one kind) lies above the median of its kind.

    -inf for all but the nearest quarter.
    """
    import numpy as np

    median = np.median(cosines, axis=1, keepdims=True)
    spread = np.maximum(_MAD_TO_SIGMA * np.median(np.abs(cosines - median), axis=1, keepdims=True), floor)
    leads = np.asarray((cosines - median) / spread, np.float32)
    rest = np.argsort(-leads, axis=1, kind="stable")[:, int(_LARGEST_SHARE * cosines.shape[1]) :]
    np.put_along_axis(leads, rest, -np.inf, axis=1)
    return leads


def _too_near(leads: Floats, near: float) -> NDArray[np.intp]:
    """The positions (concepts, at most 8) of the texts that lead by `near` or more, ascending; -1 = none."""
    import numpy as np

    nearest = np.argsort(-leads, axis=1, kind="stable")[:, :MOST_LEFT_OUT]
    return np.sort(np.where(np.take_along_axis(leads, nearest, axis=1) >= near, nearest, -1), axis=1)


def _grouped(left_out: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The different rows, those with most entries first, and which of them each row is."""
    import numpy as np

    rows, which = np.unique(left_out, axis=0, return_inverse=True)
    order = np.argsort(-(rows >= 0).sum(axis=1), kind="stable")
    return rows[order], np.argsort(order)[which.reshape(-1)]


def _ranked(values: Floats) -> Floats:
    """The values of each column in ascending order."""
    import numpy as np

    return np.ascontiguousarray(np.sort(values.T.copy(), axis=1).T)


def _middle(ranked: Floats) -> Floats:
    """The lower median of each sorted column."""
    middle: Floats = ranked[(len(ranked) - 1) // 2]
    return middle


def _medians_without(values: Floats, left_out: NDArray[np.intp]) -> Floats:
    """The lower median of each column (prompts, photos) without the values that each group leaves out.

    One sorting serves all groups: taken in ascending order, each value left out that is not above the middle moves the
    middle one place up, until one is.

    Args:
        values: (prompts, photos).
        left_out: (groups, few): rows of `values`, -1 = none.

    Returns:
        (groups, photos).
    """
    import numpy as np

    ranked = _ranked(values)
    there = left_out >= 0
    middle = (len(ranked) - there.sum(axis=1) - 1) // 2
    found: Floats = ranked[middle]
    below = np.ones(found.shape, bool)
    for step, gone in enumerate(_gone(values, left_out, there), start=1):
        count = len(gone)
        below[:count] &= gone <= found[:count]
        further = ranked[np.minimum(middle[:count] + step, len(ranked) - 1)]
        np.copyto(found[:count], further, where=below[:count])
        below[count:] = False
    return found


def _gone(values: Floats, left_out: NDArray[np.intp], there: NDArray[np.bool_]) -> list[Floats]:
    """The values left out, in ascending order: the least of each group (groups, photos), the next least, ...

    Each part ends with the last group that has any. Rows are put in order against each other, which for so few is much
    quicker than a sort of each column.
    """
    import numpy as np

    counts = [int(np.max(np.flatnonzero(column), initial=-1)) + 1 for column in there.T]
    parts = [
        np.where(there[:count, entry, None], values[left_out[:count, entry]], np.float32(np.inf))
        for entry, count in enumerate(counts)
        if count
    ]
    parts.sort(key=len, reverse=True)
    for last in range(len(parts) - 1, 0, -1):
        for one in range(last):
            count = len(parts[one + 1])
            lower, upper = parts[one][:count], parts[one + 1]
            least = np.minimum(lower, upper)
            np.maximum(lower, upper, out=upper)
            parts[one][:count] = least
    return parts
