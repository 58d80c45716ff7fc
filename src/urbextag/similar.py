"""Which photos show what a query says, and which show the same: cosines of embeddings. Pure functions and an index."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAME = 0.97
"""Cosine from which two photos count as near-duplicates. It depends on the model and on taste, so the commands take
another. Published for CLIP: 0.95 to 0.99; from about 0.98 up other exposures of one scene, from 0.97 down another
composition; Immich asks for 0.99. Photos of abandoned rooms lie closer together than photos of all the world."""
BURST = 0.90
"""Cosine that is enough within a burst: that nobody walked on is known from the clock."""
BURST_GAP_SECONDS = 3.0
"""A burst goes on while the next photo of the camera follows within this time."""
BLOCK_ROWS, BLOCK_COLUMNS = 1024, 8192
"""Cosines computed at once while photos are compared with each other: 32 MB, with the copies that they take 90 MB."""
MIN_BACKGROUND = 50
"""Fewer photos do not tell what is usual."""
CHANCE = 0.05
"""How often a query that no photo answers may still make one stand out."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What grouping needs to know of a photo."""

    sha: str
    quality: float | None = None
    """In [0, 1]; None = not measured."""
    camera: str | None = None
    taken: str | None = None
    """ISO 8601 local time."""
    pixels: int = 0
    """Width x height."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A photo that shows the same as the best of its group, and the cosine between the two."""

    sha: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that show the same: one that stands for them, and the others, nearest first."""

    best: str
    others: tuple[Alike, ...] = ()
    burst: bool = False
    """Whether all were taken in one burst."""


class Index:
    """Embeddings in memory, for one question after the other.

    float32, because that is what the processor multiplies: 100,000 x 768 take 307 MB and 14 ms a query on 2 cores,
    where float16 would take half the memory and 150 ms, nearly all of it for widening.
    """

    def __init__(self, shas: Sequence[str], matrix: NDArray[np.float32]) -> None:
        """Keep n photos' embeddings, float32 (n, dimensions), L2-normalised; they are not copied."""
        if len(shas) != len(matrix):
            raise ValueError(f"{len(shas)} photos, {len(matrix)} embeddings")
        self.shas = list(shas)
        self.matrix = matrix

    def cosines(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The cosine of a normalised (dimensions,) query with each photo: float32 (n,) in [-1, 1]."""
        import numpy as np

        cosines: NDArray[np.float32] = np.clip(self.matrix @ query, -1.0, 1.0)
        return cosines

    def nearest(self, query: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """The k photos (or all there are) nearest to a normalised (dimensions,) query, with their cosines."""
        cosines = self.cosines(query)
        return [(self.shas[row], float(cosines[row])) for row in self.ranked(cosines, k)]

    def ranked(self, cosines: NDArray[np.float32], k: int) -> list[int]:
        """Rows of the k highest cosines, highest first, equal ones by SHA-256; rows with -inf never."""
        import numpy as np

        k = min(k, len(cosines))
        if k < 1:
            return []
        least = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        rows = np.flatnonzero((cosines >= least) & (cosines > -np.inf)).tolist()
        return sorted(rows, key=lambda row: (-float(cosines[row]), self.shas[row]))[:k]


def nearest_in(
    blocks: Iterable[tuple[Sequence[str], NDArray[np.float32]]],
    query: NDArray[np.float32],
    k: int,
    allowed: Container[str] | None = None,
) -> list[tuple[str, float]]:
    """`Index.nearest` over embeddings that are never in memory together.

    Args:
        blocks: photos' SHA-256 and embeddings, float32 (n, dimensions), L2-normalised (`store.embeddings.blocks`).
        query: normalised (dimensions,).
        k: how many photos, or all there are.
        allowed: only these photos; None = all.

    Returns:
        SHA-256 and cosine, nearest first, equally near ones by SHA-256.

    """
    import numpy as np

    best: list[tuple[str, float]] = []
    for shas, matrix in blocks:
        # not `@`: the threads that BLAS takes for it wait for each other longer than so small a product takes
        cosines = np.clip(np.einsum("ij,j->i", matrix, query), -1.0, 1.0)
        if allowed is not None:
            cosines[[sha not in allowed for sha in shas]] = -np.inf
        if len(best) < k or (best and cosines.max() >= best[-1][1]):
            ranked = Index(shas, matrix).ranked(cosines, k)
            best += [(shas[row], float(cosines[row])) for row in ranked]
            best = sorted(best, key=lambda one: (-one[1], one[0]))[:k]
    return best


@dataclass(frozen=True, slots=True)
class Background:
    """How a query scores photos that do not answer it: what a photo must rise above to stand out."""

    centre: float
    spread: float
    """One standard deviation."""
    least: float
    """Standard deviations above the centre that chance seldom reaches among so many photos."""

    def sigma(self, cosine: float) -> float:
        """Standard deviations above the centre."""
        return (cosine - self.centre) / self.spread


def background(cosines: NDArray[np.float32]) -> Background | None:
    """What is usual for a query, from its cosines (n,) with all photos; None where too few or no differences tell.

    A dual encoder's cosine means nothing by itself: 0.1 may be a hit for one query and noise for another. So a query is
    measured against the archive. Photos that answer it lie above the median, so the spread is taken below it (median
    minus 16th percentile, one standard deviation of a normal distribution). `least` is where the best of n photos ends
    up by chance in `CHANCE` of the queries, if the cosines were normal and the photos independent; neither is quite
    true, so it is a guide. A query that half of the photos answer makes none of them stand out.
    """
    from statistics import NormalDist

    import numpy as np

    if len(cosines) < MIN_BACKGROUND:
        return None
    low, centre = np.percentile(cosines, (100 * NormalDist().cdf(-1), 50))
    if centre <= low:
        return None
    return Background(float(centre), float(centre - low), NormalDist().inv_cdf(1 - CHANCE / len(cosines)))


def groups(
    pictures: Sequence[Picture],
    matrix: NDArray[np.float32],
    same: float = SAME,
    done: Callable[[int], None] = lambda count: None,
) -> list[Group]:
    """The groups of two or more photos that show the same, largest first.

    Each is led by its best photo: by quality as far as people see it (two decimals), then by size, since a copy that
    was scaled down is as good per pixel.

    Args:
        pictures: n photos, in any order: the groups do not depend on it.
        matrix: their embeddings, float32 (n, dimensions), L2-normalised.
        same: cosine of near-duplicates; within a burst `BURST` is enough.
        done: hears now and then how many photos are through.

    """

    def preference(row: int) -> tuple[float, int, str]:
        picture = pictures[row]
        return 1.0 if picture.quality is None else -round(picture.quality, 2), -picture.pixels, picture.sha

    rows = sorted(range(len(pictures)), key=preference)
    folded = fold([pictures[row] for row in rows], matrix, rows, same, done)
    return sorted((group for group in folded if group.others), key=lambda group: (-len(group.others), group.best))


def fold(
    pictures: Sequence[Picture],
    matrix: NDArray[np.float32],
    rows: Sequence[int],
    same: float = SAME,
    done: Callable[[int], None] = lambda count: None,
) -> list[Group]:
    """Every photo in one group, led by the one that comes first; groups in the order of their leaders.

    Each photo is compared with the leader alone, and the leader is what is shown or kept in its place. So the groups do
    not drift, as those of single linkage do: photos of a walk through a corridor, each like the one before, part where
    they no longer look like the leader. (Complete linkage would promise likeness of every pair as well, at the price of
    all pairs in memory and of leaders that need not be near to anything.) Two followers may differ by twice the angle.

    Args:
        pictures: n photos, the preferred first.
        matrix: embeddings, float32 (any number, dimensions), L2-normalised.
        rows: where in the matrix each photo's embedding is, (n,).
        same: cosine of near-duplicates; within a burst `BURST` is enough.
        done: hears now and then how many photos are through.

    """
    import numpy as np

    burst = bursts(pictures)
    leaders, cosines = _leaders(matrix, np.asarray(rows, np.intp), burst, same, done)
    members: dict[int, list[int]] = {}
    for number, leader in enumerate(leaders.tolist()):
        members.setdefault(leader, []).append(number)
    return [_group(pictures, leader, numbers, cosines, burst) for leader, numbers in members.items()]


def _group(
    pictures: Sequence[Picture],
    leader: int,
    numbers: list[int],
    cosines: NDArray[np.float32],
    burst: NDArray[np.int32],
) -> Group:
    others = [Alike(pictures[number].sha, min(1.0, float(cosines[number]))) for number in numbers if number != leader]
    others.sort(key=lambda other: (-other.cosine, other.sha))
    return Group(pictures[leader].sha, tuple(others), bool(others and (burst[numbers] == burst[leader]).all()))


def _leaders(
    matrix: NDArray[np.float32],
    rows: NDArray[np.intp],
    burst: NDArray[np.int32],
    same: float,
    done: Callable[[int], None],
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of n photos the number of the one that leads it, and the cosine between the two.

    In order: a photo that no earlier leader took becomes one, and takes every later one that is alike and free.
    Blockwise, with at most `BLOCK_ROWS` x `BLOCK_COLUMNS` cosines in memory: first who leads within the block, then
    what these leaders take of the rest, each going to the first leader that it is like.
    """
    import numpy as np

    total = len(rows)
    leaders = np.full(total, -1, np.intp)
    cosines = np.ones(total, np.float32)

    def compare(some: NDArray[np.intp], others: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        products = matrix[rows[some]] @ matrix[rows[others]].T
        together = burst[some][:, np.newaxis] == burst[others]
        return products, (products >= same) | (together & (products >= BURST))

    def free(start: int, end: int) -> NDArray[np.intp]:
        return start + np.flatnonzero(leaders[start:end] < 0)

    for start in range(0, total, BLOCK_ROWS):
        block = free(start, start + BLOCK_ROWS)
        done(min(total, start + BLOCK_ROWS))
        if not len(block):
            continue
        products, alike = compare(block, block)
        for place, photo in enumerate(block):
            if leaders[photo] < 0:
                mine = alike[place] & (leaders[block] < 0)
                mine[place] = False
                leaders[block[mine]], cosines[block[mine]] = photo, products[place, mine]
                leaders[photo] = photo
        block = block[leaders[block] == block]
        for left in range(start + BLOCK_ROWS, total, BLOCK_COLUMNS):
            rest = free(left, left + BLOCK_COLUMNS)
            products, alike = compare(block, rest)
            taken = np.flatnonzero(alike.any(axis=0))
            first = alike[:, taken].argmax(axis=0)
            leaders[rest[taken]], cosines[rest[taken]] = block[first], products[first, taken]
    return leaders, cosines


def bursts(pictures: Sequence[Picture]) -> NDArray[np.int32]:
    """The number of the burst that each photo was taken in, (n,); one whose camera or time is not known has its own."""
    import numpy as np

    numbers = np.arange(len(pictures), dtype=np.int32)
    timed = sorted(
        (picture.camera, seconds, row)
        for row, picture in enumerate(pictures)
        if picture.camera and (seconds := moment(picture.taken)) is not None
    )
    for (camera, seconds, row), (next_camera, next_seconds, next_row) in pairwise(timed):
        if camera == next_camera and next_seconds - seconds <= BURST_GAP_SECONDS:
            numbers[next_row] = numbers[row]
    return numbers


def moment(taken: str | None) -> float | None:
    """Seconds on the camera's own clock; None where the text is no time."""
    try:
        clock = datetime.fromisoformat(taken or "").replace(tzinfo=None)
    except ValueError:
        return None
    return (clock - datetime.min).total_seconds()
