"""`ut_grid`: a narrow row for each photo with all that grids of photos filter and sort by.

Rows of `imgs` are wide and the table may be another application's, so no index of ours can be on it. The copy is
written in the transactions that write the photo (`put`, `put_tags`), and `catch_up` finds by comparing what another
program has changed; it can be dropped and filled again at any time.

A photo's tags are one text of items, each of ten characters: what it is (`OWN`, `HIGHER`, `FURTHER`), five letters for
the concept, a digit for the band, three for the confidence in thousandths; the least sure come first. Letters stand
nowhere else, so the five of a concept are found by `instr` where they belong or not at all. A concept above tags has
an item for each band that they are in. One scan answers what would take a join of millions of tags: which photos show
a concept or something below it, in which band, and how sure.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from urbextag.errors import ArchiveError
from urbextag.store.db import write, write_in_slices

BAND_DIGITS: Final = {"possible": "1", "likely": "2", "certain": "3", "yours": "4"}
"""In the order of how sure they are, so that items sort as text."""
OWN, HIGHER, FURTHER = ".", ",", ";"
"""How items begin: of a tag, of a concept above tags, and of a concept that the photo has one of these for already."""
SURE: Final = 7
"""Where in an item the band and the confidence begin, counted from 1."""
VERSION: Final = "1"
"""Of what the rows hold: those of another are made again."""
AT_ONCE: Final = 2000
"""Photos whose rows are made while somebody waits for a list."""
_KEY = "grid"
"""In `ut_settings`: the version that all photos have a row of."""

_COPIED: Final = {
    "name": "imgs.imgnam", "locid": "imgs.locid", "subid": "imgs.subid", "added": "imgs.imgadd",
    "taken": "imgs.meta_date_taken", "view": "imgs.view_type", "quality": "imgs.quality_score",
    "hidden": "coalesce(imgs.hidden, 0)", "width": "imgs.meta_width", "height": "imgs.meta_height",
    "camera": "coalesce(imgs.meta_camera_make, '') || '|' || coalesce(imgs.meta_camera_model, '')",
}  # fmt: skip
"""Column and where in `imgs` it comes from."""
_LINES = """coalesce((SELECT json_array_length(data, '$.lines') FROM ut_results
        WHERE ut_results.sha = imgsha AND stage = 'ocr'), 0)"""
_FOUND: Final = {
    "tagged": "tagged_at IS NOT NULL",
    "condition": "condition_label",
    "lines": _LINES,
    "described": "EXISTS (SELECT 1 FROM ut_results WHERE ut_results.sha = imgsha AND stage = 'vlm')",
}
"""Column and where in our tables it comes from."""


def put(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Bring the rows of these photos up to date, but for their tags. Call it inside `db.write`, after what changed."""
    columns = {**_COPIED, **_FOUND}
    names = ", ".join(columns)
    marks = json.dumps(list(shas))
    db.execute(
        f"""INSERT INTO ut_grid (sha, {names})
        SELECT imgsha, {", ".join(columns.values())} FROM imgs LEFT JOIN ut_photos ON ut_photos.sha = imgsha
        WHERE imgsha IN (SELECT value FROM json_each(?)) AND hidden_reason IS NOT 'replaced'
        ON CONFLICT (sha) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in columns)}
        WHERE ({", ".join(f"ut_grid.{name}" for name in columns)}) IS NOT
            ({", ".join(f"excluded.{name}" for name in columns)})""",
        (marks,),
    )
    db.execute(
        """DELETE FROM ut_grid WHERE sha IN (SELECT value FROM json_each(?)) AND sha NOT IN
            (SELECT imgsha FROM imgs WHERE imgsha IN (SELECT value FROM json_each(?1))
                AND hidden_reason IS NOT 'replaced')""",
        (marks,),
    )


def put_tags(db: sqlite3.Connection, tags: Mapping[str, Iterable[tuple[str, str, float, str]]]) -> None:
    """Bring the tags of these photos up to date: {SHA-256: (concept, label, confidence, origin)}. Inside `db.write`."""
    read = {sha: list(found) for sha, found in tags.items()}
    labels = {concept: label for found in read.values() for concept, label, _, _ in found}
    numbers = _numbers(db, labels)
    rows = [(*_items(found, numbers), sha) for sha, found in read.items()]
    db.executemany("UPDATE ut_grid SET tags = ?, bands = ? WHERE sha = ? AND tags IS NOT ?1", rows)


def number_of(db: sqlite3.Connection, concept: str) -> str | None:
    """The five letters of a concept in items; None where no photo has ever shown it."""
    row = db.execute("SELECT number FROM ut_grid_concepts WHERE concept = ?", (concept,)).fetchone()
    return _letters(row[0]) if row else None


def _letters(number: int) -> str:
    """Five letters from a to p, the lowest four bits first: so first letters differ, and `instr` passes on quickly."""
    return "".join(["abcdefghijklmnop"[number >> bits & 15] for bits in range(0, 20, 4)])


def above(concept: str) -> list[str]:
    """The concepts above one, by its id alone: `object/furniture/chair` -> `object/furniture`; facets are none."""
    parts = concept.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def _numbers(db: sqlite3.Connection, labels: Mapping[str, str]) -> dict[str, str]:
    """The letters of concepts and of all above them; those that have none get some."""
    db.executemany(
        """INSERT INTO ut_grid_concepts (concept, label) VALUES (?, ?) ON CONFLICT (concept) DO UPDATE
        SET label = excluded.label WHERE label IS NOT excluded.label""",
        list(labels.items()),
    )
    higher = {one for concept in labels for one in above(concept)} - labels.keys()
    db.executemany("INSERT OR IGNORE INTO ut_grid_concepts (concept) VALUES (?)", [(one,) for one in higher])
    rows = db.execute(
        "SELECT concept, number FROM ut_grid_concepts WHERE concept IN (SELECT value FROM json_each(?))",
        (json.dumps([*labels, *higher]),),
    )
    return {concept: _letters(number) for concept, number in rows}


def _items(tags: Iterable[tuple[str, str, float, str]], numbers: Mapping[str, str]) -> tuple[str, str]:
    """The items of a photo's tags, and the bands they are in."""
    from urbextag.taxonomy import band

    own: dict[str, str] = {}
    higher: dict[tuple[str, str], str] = {}
    for concept, _, confidence, origin in tags:
        digit = BAND_DIGITS[band(confidence) if origin == "model" else "yours"]
        own[numbers[concept]] = sure = f"{digit}{min(999, int(confidence * 1000)):03}"
        for one in above(concept):
            key = (numbers[one], digit)
            higher[key] = min(higher.get(key, sure), sure)
    items = [(sure, OWN, number) for number, sure in own.items()]
    counted = set(own)
    for (number, digit), sure in sorted(higher.items()):
        if own.get(number, "")[:1] != digit:  # one item for a concept in a band
            items.append((sure, FURTHER if number in counted else HIGHER, number))
            counted.add(number)
    items.sort()
    return "".join([mark + number + sure for sure, mark, number in items]), "".join(
        sorted({s[0] for s in own.values()})
    )


def ready(db: sqlite3.Connection) -> None:
    """See to it that every photo has its row: of a small archive at once, where that was never done.

    Raises:
        ArchiveError: the rows of a large one are still to be made, which is `prepare`'s to do.

    """
    if is_ready(db):
        return
    made, photos = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("ut_grid", "imgs"))
    if photos > AT_ONCE:
        raise ArchiveError(
            f"the lists of photos are being prepared, {min(made, photos):,} of {photos:,}",
            "Look again in a moment; this is done once",
        )
    prepare(db)


def is_ready(db: sqlite3.Connection) -> bool:
    """Whether every photo has been given its row."""
    row = db.execute("SELECT value FROM ut_settings WHERE key = ?", (_KEY,)).fetchone()
    return row is not None and row[0] == VERSION


def prepare(db: sqlite3.Connection, done: Callable[[int, int], None] = lambda count, total: None) -> None:
    """Give every photo its row; `done` hears how many so far, and of how many."""
    if db.execute("SELECT 1 FROM ut_settings WHERE key = ? AND value <> ?", (_KEY, VERSION)).fetchone():
        write_in_slices(db, _all(db), lambda part: _forget(db, part))
    catch_up(db, done)
    with write(db):
        db.execute("INSERT OR REPLACE INTO ut_settings VALUES (?, ?)", (_KEY, VERSION))


def catch_up(db: sqlite3.Connection, done: Callable[[int, int], None] = lambda count, total: None) -> int:
    """Bring the rows up to date that are not: another program has changed `imgs`. Returns how many.

    Reads every row of `imgs`, writes in short transactions; `done` hears how many so far, and of how many.
    """
    stale = outdated(db)
    write_in_slices(db, stale, lambda part: _make(db, part), lambda count: done(count, len(stale)))
    return len(stale)


def outdated(db: sqlite3.Connection) -> list[str]:
    """The photos whose row is missing, is not as `imgs` has it, or should not be."""
    rows = db.execute(
        f"""SELECT imgsha FROM imgs LEFT JOIN ut_grid ON ut_grid.sha = imgsha
        WHERE hidden_reason IS NOT 'replaced' AND (ut_grid.sha IS NULL OR
            ({", ".join(f"ut_grid.{name}" for name in _COPIED)}) IS NOT
            ({", ".join(_COPIED.values())}))
        UNION SELECT sha FROM ut_grid
        WHERE sha NOT IN (SELECT imgsha FROM imgs) OR sha IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced')
        """
    )
    return [sha for (sha,) in rows]


def _make(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    put(db, shas)
    found: dict[str, list[tuple[str, str, float, str]]] = {sha: [] for sha in shas}
    rows = db.execute(
        """SELECT sha, concept, label, confidence, origin FROM ut_tags
        WHERE sha IN (SELECT value FROM json_each(?))""",
        (json.dumps(list(shas)),),
    )
    for sha, *tag in rows:
        found[sha].append(tuple(tag))
    put_tags(db, found)


def _all(db: sqlite3.Connection) -> list[str]:
    return [sha for (sha,) in db.execute("SELECT sha FROM ut_grid")]


def _forget(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    db.executemany("DELETE FROM ut_grid WHERE sha = ?", [(sha,) for sha in shas])
