"""The cards of locations: kept ready with a mark of what they were made from, so that outdated ones are known."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from urbextag.records import Years
from urbextag.store import grid
from urbextag.store.db import now


@dataclass(frozen=True, slots=True)
class CardSum:
    """What the photos of a place say together, as far as a card shows it: made by the roll-up alone."""

    pictures: int
    """Pictures with tags: a RAW file and its developed picture are one."""
    distinct_views: int
    views: dict[str, int]
    """Distinct views by view type, the most first."""
    missing_views: tuple[str, ...]
    """Of exterior, interior and aerial."""
    unseen_rooms: int
    """Rooms that such places usually have and that no photo shows."""
    condition: str | None
    """Label; None = nothing tells."""
    condition_score: float | None
    """0 = sound to 1 = ruin."""
    built: Years | None
    """By the photos' cues."""
    hero: str | None
    """SHA-256 of the photo that introduces the place: the owner's choice, else ours."""
    hero_why: tuple[str, ...]
    """Why it is ours; empty where the owner chose it."""
    suggestions: tuple[tuple[str, str], ...]
    """(kind, value) of those that wait for the owner's word."""
    tags: tuple[str, ...]
    """Labels of what most of it shows."""


@dataclass(frozen=True, slots=True)
class Card:
    """A location in short."""

    locid: str
    loc12: str
    name: str
    type: str | None
    stype: str | None
    city: str | None
    state: str | None
    """Two letters."""
    built_year: str | None
    hero_locked: bool
    """The owner has chosen the hero."""
    hero_focal: tuple[float, float] | None
    """Of the hero the owner chose: shares of width and height."""
    photos: int
    tagged: int
    described: int
    changed: str | None
    """When the row of the location was last changed (ISO 8601)."""
    sum: CardSum | None
    """None: never made so far."""
    stale: bool
    """Something has changed since `sum` was made, or it was never made."""


def mark(db: sqlite3.Connection, made_with: str = "", locid: str | None = None) -> dict[str, str]:
    """What the card of each location would be made from: another text as soon as the roll-up could say something else.

    Triggers on our tables count in `ut_places` what happens to a place's photos: they come, go or change, tags are
    published, a person decides. What the owner has said of the place itself is compared as it is.

    Args:
        db: the archive.
        made_with: what else the cards depend on (`urbextag.cards.made_with`).
        locid: of this location alone.
    """
    grid.ready(db)
    told: dict[str, list[object]] = {}
    only = "" if locid is None else "WHERE locid = ?1"
    values = () if locid is None else (locid,)
    facts = f"""SELECT locid, coalesce(changes, 0), type, stype, built_year, hero_imgsha
        FROM locs LEFT JOIN ut_places USING (locid) {only}"""
    parts = f"SELECT locid, subid, subnam FROM slocs {only} ORDER BY locid, subid"
    dismissals = f"SELECT locid, kind, value FROM ut_dismissals {only} ORDER BY locid, kind, value"
    for query in (facts, parts, dismissals):
        for place, *said in db.execute(query, values):
            told.setdefault(place, [made_with]).append(said)
    return {
        place: hashlib.sha256(repr(said).encode("utf-8", "replace")).hexdigest()[:32] for place, said in told.items()
    }


def listing(db: sqlite3.Connection, made_with: str = "", locid: str | None = None) -> list[Card]:
    """Every location, by name, with its card as it was made last; facts and numbers are those of this moment.

    Args:
        db: the archive.
        made_with: as in `mark`.
        locid: this location alone.
    """
    marks = mark(db, made_with, locid)
    only, values = ("", ()) if locid is None else ("WHERE locid = ?", (locid,))
    made = {
        place: (has, card) for place, has, card in db.execute(f"SELECT locid, mark, card FROM ut_cards {only}", values)
    }
    counts = f"""SELECT locid, count(*), sum(tagged), sum(described) FROM ut_grid
        {only or "WHERE locid IS NOT NULL"} GROUP BY locid"""
    counted = {place: tuple(numbers) for place, *numbers in db.execute(counts, values)}
    rows = db.execute(
        f"""SELECT locid, loc12, locnam, type, stype, address_city, address_state, built_year,
            hero_imgsha, hero_focal_x, hero_focal_y, locup FROM locs {only} ORDER BY locnam COLLATE NOCASE, locid""",
        values,
    )
    cards = []
    for row in rows:
        place = row["locid"]
        cards.append(_card(row, counted.get(place, (0, 0, 0)), made.get(place), marks.get(place)))
    return cards


def _card(row: sqlite3.Row, counts: tuple[int, ...], made: tuple[str, str] | None, current: str | None) -> Card:
    x, y = row["hero_focal_x"], row["hero_focal_y"]
    return Card(
        locid=row["locid"],
        loc12=row["loc12"],
        name=row["locnam"],
        type=row["type"] or None,
        stype=row["stype"] or None,
        city=row["address_city"] or None,
        state=row["address_state"] or None,
        built_year=row["built_year"] or None,
        hero_locked=bool(row["hero_imgsha"]),
        hero_focal=None if x is None or y is None else (x, y),
        photos=counts[0],
        tagged=counts[1],
        described=counts[2],
        changed=row["locup"],
        sum=_sum(json.loads(made[1])) if made else None,
        stale=made is None or made[0] != current,
    )


def _sum(said: Mapping[str, Any]) -> CardSum:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    plain["suggestions"] = tuple((kind, value) for kind, value in said["suggestions"])
    return CardSum(**plain)


def stale(db: sqlite3.Connection, made_with: str = "") -> list[str]:
    """The locations whose card is outdated or was never made, those that changed last first."""
    marks = mark(db, made_with)
    made = dict(map(tuple, db.execute("SELECT locid, mark FROM ut_cards")))
    rows = db.execute(
        """SELECT locid FROM locs LEFT JOIN ut_places USING (locid)
        ORDER BY max(coalesce(at, ''), coalesce(rtrim(locup, 'Z'), '')) DESC, locid"""
    )
    return [locid for (locid,) in rows if made.get(locid) != marks.get(locid)]


def save(db: sqlite3.Connection, locid: str, made_from: str, card: CardSum) -> None:
    """Keep a card with the mark that was read before what it was made from. Call it inside `db.write`."""
    db.execute(
        "INSERT OR REPLACE INTO ut_cards VALUES (?, ?, ?, ?)", (locid, made_from, json.dumps(asdict(card)), now())
    )


def forget_gone(db: sqlite3.Connection) -> None:
    """Drop the cards of locations that are no more. Call it inside `db.write`."""
    db.execute("DELETE FROM ut_cards WHERE locid NOT IN (SELECT locid FROM locs)")
