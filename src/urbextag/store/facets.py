"""How many of the photos asked for have what, and the numbers of every tag of the archive."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from urbextag.store import grid
from urbextag.store.photo_filter import BANDS, PhotoFilter, condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOP_TAGS: Final = 40
"""Tags among the choices."""
_ROWS: Final = 4096
"""Photos that are read at a time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that narrows a list down, with how many photos would be left."""

    value: str
    label: str
    photos: int


@dataclass(frozen=True, slots=True)
class TagNumbers:
    """A concept that photos have as a tag, or that a person has spoken about."""

    concept: str
    label: str
    photos: int
    """That have the tag; the sum of the four below."""
    certain: int
    likely: int
    possible: int
    yours: int
    """Accepted or added by a person."""
    rejected: int
    """Photos on which a person has rejected it."""

    @property
    def decided(self) -> int:
        """Photos on which a person has spoken about it."""
        return self.yours + self.rejected


def facets(db: sqlite3.Connection, wanted: PhotoFilter) -> dict[str, list[Choice]]:
    """How many of the photos have what: by `view`, `condition`, `place_type`, `has_text` ("yes", "no"), `band`, `tags`.

    Names are those of `PhotoFilter`'s fields, and each number is of the photos that are left where the value is asked
    for too. The most first, but for bands; `tags` has the most frequent that are not asked for.
    """
    grid.ready(db)
    with _one_state(db):
        return _facets(db, wanted)


def _facets(db: sqlite3.Connection, wanted: PhotoFilter) -> dict[str, list[Choice]]:
    where, values = condition(db, wanted)
    columns: tuple[Counter[Any], ...] = tuple(Counter[Any]() for _ in range(5))
    count = _concepts(db)
    shown, asked = _Shown(_zeros(count), _zeros(4)), _numbers(db, wanted.tags)
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute(f"SELECT view, condition, locid, lines > 0, bands, tags FROM ut_grid WHERE {where}", values)
    while rows := cursor.fetchmany(_ROWS):
        *plain, tags = zip(*rows, strict=True)
        for counter, column in zip(columns, plain, strict=True):
            counter.update(column)
        shown.add(tags, asked, wanted.exact)
    views, conditions, places, text, bands = columns
    return {
        "view": _choices(views),
        "condition": _choices(conditions),
        "place_type": _place_types(db, places),
        "has_text": [Choice(value, value, text[flag]) for value, flag in (("yes", 1), ("no", 0)) if text[flag]],
        "band": _bands_of_asked(wanted, shown.bands) if wanted.tags else _bands(wanted, bands),
        "tags": _top_tags(db, wanted, shown.each),
    }


def tag_list(db: sqlite3.Connection) -> list[TagNumbers]:
    """Every concept with its numbers, the most frequent first; hidden photos count, replaced ones do not.

    Photos that have a concept itself, not those with one below it: `PhotoFilter(tags=(concept,), exact=True)`.
    """
    grid.ready(db)
    with _one_state(db):
        return _tag_list(db)


def _tag_list(db: sqlite3.Connection) -> list[TagNumbers]:
    count = _concepts(db)
    by_band = _zeros(4 * count).reshape(count, 4)
    for tags in _tags(db):
        by_band += _own_by_band(tags, count)
    rejected = _rejected(db)
    rows = db.execute("SELECT number, concept, label FROM ut_grid_concepts WHERE label IS NOT NULL").fetchall()
    numbers = {concept: (label, by_band[number].tolist()) for number, concept, label in rows}
    for concept, (label, _) in rejected.items():
        numbers.setdefault(concept, (label, [0, 0, 0, 0]))
    found = []
    for concept, (label, (possible, likely, certain, yours)) in numbers.items():
        photos, no = possible + likely + certain + yours, rejected.get(concept, ("", 0))[1]
        if photos or no:
            found.append(TagNumbers(concept, label, photos, certain, likely, possible, yours, no))
    return sorted(found, key=lambda one: (-one.photos, one.label, one.concept))


@contextmanager
def _one_state(db: sqlite3.Connection) -> Iterator[None]:
    """Inside the block all is read as it stood at its beginning, whatever others write."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def _rejected(db: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    """The label of each concept that was rejected, and on how many photos it stands so."""
    rows = db.execute(
        """SELECT concept, max(label), count(*) FROM ut_decisions JOIN ut_grid USING (sha)
        WHERE id IN (SELECT max(id) FROM ut_decisions GROUP BY sha, concept) AND verdict = 'reject' GROUP BY concept"""
    )
    return {concept: (label, photos) for concept, label, photos in rows}


def _concepts(db: sqlite3.Connection) -> int:
    """One more than the highest number of a concept."""
    return int(db.execute("SELECT coalesce(max(number), 0) + 1 FROM ut_grid_concepts").fetchone()[0])


def _zeros(count: int) -> NDArray[np.int64]:
    import numpy as np

    return np.zeros(count, np.int64)


def _tags(db: sqlite3.Connection) -> Iterator[Sequence[str]]:
    cursor = db.cursor()
    cursor.row_factory = None
    cursor.execute("SELECT tags FROM ut_grid")
    while rows := cursor.fetchmany(_ROWS):
        yield [tags for (tags,) in rows]


def _read(tags: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The letters of all items (n, 10), and the numbers of their concepts (n,)."""
    import numpy as np

    letters = np.frombuffer("".join(tags).encode("ascii"), np.uint8).reshape(-1, grid.ITEM)
    numbers = np.zeros(len(letters), np.int32)
    for place in range(5):
        numbers += (letters[:, 1 + place].astype(np.int32) - ord("a")) << (4 * place)
    return letters, numbers


@dataclass(slots=True)
class _Shown:
    """How many photos show what, added up over some photos at a time."""

    each: NDArray[np.int64]
    """Photos with each concept, itself or something below it; (concepts,)."""
    bands: NDArray[np.int64]
    """Photos on which all tags asked for are in a band, the least sure first; (4,)."""

    def add(self, tags: Sequence[str], asked: Sequence[int], exact: bool) -> None:
        """Count these photos' tags too; `asked`: numbers of the concepts that are asked for."""
        import numpy as np

        letters, numbers = _read(tags)
        self.each += np.bincount(numbers[letters[:, 0] != ord(grid.FURTHER)], minlength=len(self.each))
        if not asked:
            return
        photo = np.repeat(np.arange(len(tags)), [len(one) // grid.ITEM for one in tags])
        bands = letters[:, grid.SURE - 1] - ord("1")
        among = letters[:, 0] == ord(grid.OWN) if exact else np.ones(len(letters), bool)
        held = np.ones((len(tags), 4), bool)
        for number in asked:
            of_it = np.flatnonzero((numbers == number) & among)
            has = np.zeros((len(tags), 4), bool)
            has[photo[of_it], bands[of_it]] = True
            held &= has
        self.bands += held.sum(axis=0)


def _own_by_band(tags: Sequence[str], count: int) -> NDArray[np.int64]:
    """How many of these photos have each concept as a tag in each band, the least sure first; (count, 4)."""
    import numpy as np

    letters, numbers = _read(tags)
    own = letters[:, 0] == ord(grid.OWN)
    bands = letters[own, grid.SURE - 1].astype(np.int64) - ord("1")
    return np.bincount(numbers[own] * 4 + bands, minlength=4 * count).reshape(count, 4)


def _choices(counted: Counter[Any]) -> list[Choice]:
    known = [(value, photos) for value, photos in counted.items() if value]
    return [Choice(value, value, photos) for value, photos in sorted(known, key=lambda one: (-one[1], one[0]))]


def _place_types(db: sqlite3.Connection, places: Counter[Any]) -> list[Choice]:
    """By the categories and classes of locations: a photo in a hospital counts for both its words."""
    counted: Counter[str] = Counter()
    label: dict[str, str] = {}
    for locid, *words in db.execute("SELECT locid, type, stype FROM locs"):
        for word in filter(None, dict.fromkeys(str(one).lower() if one else "" for one in words)):
            counted[word] += places[locid]
            label.setdefault(word, next(str(one) for one in words if one and str(one).lower() == word))
    return [Choice(label[one.value], label[one.value], one.photos) for one in _choices(counted) if one.photos]


def _bands(wanted: PhotoFilter, counted: Counter[Any]) -> list[Choice]:
    """By the bands that any tag of a photo is in."""
    found = {
        band: sum(photos for digits, photos in counted.items() if grid.BAND_DIGITS[band] in digits)
        for band in BANDS
        if wanted.band in (None, band)
    }
    return [Choice(band, band, photos) for band, photos in found.items() if photos]


def _bands_of_asked(wanted: PhotoFilter, counted: NDArray[np.int64]) -> list[Choice]:
    """By the bands that every tag asked for is in."""
    found = {band: int(counted[int(grid.BAND_DIGITS[band]) - 1]) for band in BANDS if wanted.band in (None, band)}
    return [Choice(band, band, photos) for band, photos in found.items() if photos]


def _numbers(db: sqlite3.Connection, concepts: Sequence[str]) -> list[int]:
    rows = db.execute(
        "SELECT number FROM ut_grid_concepts WHERE concept IN (SELECT value FROM json_each(?))", (json.dumps(concepts),)
    )
    return [number for (number,) in rows]


def _top_tags(db: sqlite3.Connection, wanted: PhotoFilter, shown: NDArray[np.int64]) -> list[Choice]:
    rows = db.execute("SELECT number, concept, label FROM ut_grid_concepts WHERE label IS NOT NULL").fetchall()
    found = [
        Choice(concept, label, int(shown[number]))
        for number, concept, label in rows
        if number < len(shown) and shown[number] and concept not in wanted.tags
    ]
    return sorted(found, key=lambda one: (-one.photos, one.label, one.value))[:TOP_TAGS]
