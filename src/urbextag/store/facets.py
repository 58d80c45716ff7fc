"""How many of the photos asked for have what, and the numbers of every tag of the archive."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from urbextag.store import grid
from urbextag.store.photo_filter import BANDS, PhotoFilter, condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOP_TAGS: Final = 40
"""Tags, and locations, among the choices."""
_ROWS: Final = 8192
"""Photos that are read at a time; some megabytes."""
_BETWEEN, _WITHIN = "\x1e", "\x1f"
"""Separators of photos, and of what is said of one."""
_NO_ITEM: Final = "!aaaaa1000"
"""As long as an item; stands between the tags of two photos."""
_ITEM: Final = [("mark", "u1"), ("letters", "<u4"), ("fifth", "u1"), ("band", "u1"), ("sure", "S3")]
"""What an item of `ut_grid.tags` is made of, in bytes."""
_LOOK: Final = f" || '{_WITHIN}' || ".join(("coalesce(view, '')", "coalesce(condition, '')", "(lines > 0)", "bands"))
_LOOKS: Final = f"group_concat({_LOOK}, '{_BETWEEN}')"
_PLACES: Final = f"group_concat(coalesce(locid, ''), '{_BETWEEN}')"
_TAGS: Final = f"group_concat(tags, '{_NO_ITEM}')"


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
    """How many of the photos have what: by `view`, `condition`, `locid`, `place_type`, `has_text`, `band`, `tags`.

    Names are those of `PhotoFilter`'s fields, and each number is of the photos that are left where the value is asked
    for too. The most first, but for bands; `tags` has the most frequent that are not asked for.
    """
    grid.ready(db)
    with _one_state(db):
        return _facets(db, wanted)


def _facets(db: sqlite3.Connection, wanted: PhotoFilter) -> dict[str, list[Choice]]:
    looks, places = Counter[tuple[str, ...]](), Counter[str]()
    count = _concepts(db)
    shown, asked = _Shown(_zeros(count), _zeros(4)), _numbers(db, wanted.tags)
    for look, place, tags in _blocks(db, wanted, _LOOKS, _PLACES, _TAGS):
        looks.update({tuple(one.split(_WITHIN)): photos for one, photos in Counter(look.split(_BETWEEN)).items()})
        places.update(place.split(_BETWEEN))
        shown.add(tags, asked, wanted.exact)
    views, conditions, text, bands = (_counted(looks, column) for column in range(4))
    return {
        "view": _choices(views),
        "condition": _choices(conditions),
        "locid": _locations(db, places),
        "place_type": _place_types(db, places),
        "has_text": [Choice(value, value, text[flag]) for value, flag in (("yes", "1"), ("no", "0")) if text[flag]],
        "band": _bands_of_asked(wanted, shown.bands) if wanted.tags else _bands(wanted, bands),
        "tags": _top_tags(db, wanted, shown.each),
    }


def _blocks(db: sqlite3.Connection, wanted: PhotoFilter, *joined: str) -> Iterator[tuple[str, ...]]:
    """Columns of the photos asked for, each joined to one text (`_LOOKS`, ...), for some thousands at a time.

    One step of SQLite for each block: between steps, of which there would be one for each photo, other threads take
    turns, and each turn may last milliseconds.
    """
    where, values = condition(db, wanted)
    query = f"SELECT count(*), {', '.join(joined)} FROM ut_grid WHERE rowid > ? AND rowid <= ? AND {where}"
    last = db.execute("SELECT coalesce(max(rowid), 0) FROM ut_grid").fetchone()[0]
    for start in range(0, last, _ROWS):
        photos, *texts = db.execute(query, (start, start + _ROWS, *values)).fetchone()
        if photos:
            yield tuple(texts)


def _counted(looks: Mapping[tuple[str, ...], int], column: int) -> Counter[str]:
    """How many photos have each value of one part of `_LOOK`."""
    found = Counter[str]()
    for look, photos in looks.items():
        found[look[column]] += photos
    return found


def numbers_of(db: sqlite3.Connection, concept: str) -> TagNumbers | None:
    """The numbers of one concept as `tag_list` has them; None where it has none."""
    grid.ready(db)
    with _one_state(db):
        row = db.execute("SELECT label FROM ut_grid_concepts WHERE concept = ?", (concept,)).fetchone()
        item = f"{grid.OWN}{grid.number_of(db, concept)}"
        (digits,) = db.execute(
            f"""SELECT coalesce(group_concat(substr(tags, nullif(instr(tags, ?), 0) + {grid.SURE - 1}, 1), ''), '')
            FROM ut_grid""",
            (item,),
        ).fetchone()
        label, no = _rejected(db, concept).get(concept, (concept, 0))
    possible, likely, certain, yours = (digits.count(digit) for digit in grid.BAND_DIGITS.values())
    photos = possible + likely + certain + yours
    shown = row[0] if row and row[0] else label
    return TagNumbers(concept, shown, photos, certain, likely, possible, yours, no) if photos or no else None


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
    for (tags,) in _blocks(db, PhotoFilter(with_hidden=True), _TAGS):
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


def _rejected(db: sqlite3.Connection, concept: str | None = None) -> dict[str, tuple[str, int]]:
    """The label of each concept (or this one, if it was) that was rejected, and on how many photos it stands so."""
    rows = db.execute(
        """SELECT concept, max(label), count(*) FROM ut_decisions JOIN ut_grid USING (sha)
        WHERE id IN (SELECT max(id) FROM ut_decisions WHERE ?1 IS NULL OR concept = ?1 GROUP BY sha, concept)
            AND verdict = 'reject' GROUP BY concept""",
        (concept,),
    )
    return {concept: (label, photos) for concept, label, photos in rows}


def _concepts(db: sqlite3.Connection) -> int:
    """One more than the highest number of a concept."""
    return int(db.execute("SELECT coalesce(max(number), 0) + 1 FROM ut_grid_concepts").fetchone()[0])


def _zeros(count: int) -> NDArray[np.int64]:
    import numpy as np

    return np.zeros(count, np.int64)


def _read(tags: str) -> tuple[NDArray[np.void], NDArray[np.uint32]]:
    """The items of tags as `_ITEM` has them (n,), and the numbers of their concepts (n,).

    `tags`: those of some photos, with `_NO_ITEM` between photos, whose number no concept has.
    """
    import numpy as np

    items = np.frombuffer(tags.encode("ascii"), np.dtype(_ITEM))
    letters = items["letters"] - np.uint32(0x61616161)  # each from 0 to 15
    numbers = letters & np.uint32(15)
    for place in (1, 2, 3):
        numbers |= (letters >> np.uint32(4 * place)) & np.uint32(15 << 4 * place)
    numbers |= (items["fifth"].astype(np.uint32) - ord("a")) << np.uint32(16)
    return items, numbers


@dataclass(slots=True)
class _Shown:
    """How many photos show what, added up over some photos at a time."""

    each: NDArray[np.int64]
    """Photos with each concept, itself or something below it; (concepts,)."""
    bands: NDArray[np.int64]
    """Photos on which all tags asked for are in a band, the least sure first; (4,)."""

    def add(self, tags: str, asked: Sequence[int], exact: bool) -> None:
        """Count these tags (of `_read`) too; `asked`: numbers of the concepts that are asked for."""
        import numpy as np

        items, numbers = _read(tags)
        self.each += np.bincount(numbers[items["mark"] != ord(grid.FURTHER)], minlength=len(self.each))
        if not asked:
            return
        between = items["mark"] == ord(_NO_ITEM[0])
        photo, photos = np.cumsum(between), 1 + int(between.sum())
        among = items["mark"] == ord(grid.OWN) if exact else ~between
        held = np.ones((photos, 4), bool)
        for number in asked:
            of_it = np.flatnonzero((numbers == number) & among)
            has = np.zeros((photos, 4), bool)
            has[photo[of_it], items["band"][of_it] - ord("1")] = True
            held &= has
        self.bands += held.sum(axis=0)


def _own_by_band(tags: str, count: int) -> NDArray[np.int64]:
    """How many photos have each concept as a tag in each band, the least sure first; (count, 4). `tags`: of `_read`."""
    import numpy as np

    items, numbers = _read(tags)
    own = np.flatnonzero(items["mark"] == ord(grid.OWN))
    bands = items["band"][own] - np.uint32(ord("1"))
    return np.bincount(numbers[own] * 4 + bands, minlength=4 * count).reshape(count, 4)


def _choices(counted: Counter[Any]) -> list[Choice]:
    known = [(value, photos) for value, photos in counted.items() if value]
    return [Choice(value, value, photos) for value, photos in sorted(known, key=lambda one: (-one[1], one[0]))]


def _locations(db: sqlite3.Connection, places: Counter[Any]) -> list[Choice]:
    """The locations that most of the photos are in."""
    most = [(locid, photos) for locid, photos in places.most_common(TOP_TAGS) if locid is not None]
    found = [(locid, photos, db.execute("SELECT locnam FROM locs WHERE locid = ?", (locid,))) for locid, photos in most]
    named = [(locid, photos, row[0]) for locid, photos, rows in found if (row := rows.fetchone())]
    return [Choice(locid, str(name), photos) for locid, photos, name in named]


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
