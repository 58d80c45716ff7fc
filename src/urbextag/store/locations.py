"""Locations: find or make one by name, set what the owner knows of it, and the context it gives its photos."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields

from urbextag.errors import UsageError
from urbextag.records import Context, Years
from urbextag.states import STATES
from urbextag.store import grid
from urbextag.store.db import now


@dataclass(frozen=True, slots=True)
class LocationFacts:
    """What the owner says of a location; None = says nothing (never erases what is known)."""

    type: str | None = None
    """Category: "Medical"."""
    stype: str | None = None
    """Class within it: "hospital"."""
    address_city: str | None = None
    address_state: str | None = None
    """Two letters."""
    built_year: str | None = None
    """"1887" or "1870-1910"."""
    built_type: str | None = None
    """"year" or "range"."""


def find(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The location of that id, short id or name (letter case aside).

    Raises:
        UsageError: no location is called that, or several are.

    """
    rows = db.execute(
        "SELECT * FROM locs WHERE locid = ? OR loc12 = ? OR locnam = ? COLLATE NOCASE LIMIT 3", (name, name, name)
    ).fetchall()
    if not rows:
        raise UsageError(f"no location is called {name!r}", "See: urbextag locations list")
    if len(rows) > 1:
        ids = ", ".join(row["loc12"] for row in rows)
        raise UsageError(f"several locations are called {name!r}", f"Name one by its id: {ids}")
    row: sqlite3.Row = rows[0]
    return row


def by_id(db: sqlite3.Connection, locid: str) -> sqlite3.Row | None:
    """The location of exactly this id, None where there is none."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM locs WHERE locid = ?", (locid,)).fetchone()
    return row


def find_or_make(db: sqlite3.Connection, name: str) -> str:
    """The id of the location of that name; made where there is none. Call it inside `db.write`.

    Raises:
        UsageError: the name is empty, or several locations have it.

    """
    name = name.strip()
    if not name:
        raise UsageError("a location needs a name", 'Give one: --location "Willard Asylum"')
    if db.execute(
        "SELECT 1 FROM locs WHERE locid = ? OR loc12 = ? OR locnam = ? COLLATE NOCASE", (name,) * 3
    ).fetchone():
        return str(find(db, name)["locid"])
    locid = str(uuid.uuid4())
    db.execute(
        "INSERT INTO locs (locid, loc12, locnam, locadd) VALUES (?, ?, ?, ?)",
        (locid, locid.replace("-", "")[:12], name, now()),
    )
    return locid


def set_facts(db: sqlite3.Connection, locid: str, facts: LocationFacts) -> bool:
    """Set what the facts say. Returns whether anything changed (its photos' tags then want deriving again)."""
    said = {f.name: getattr(facts, f.name) for f in fields(facts) if getattr(facts, f.name) is not None}
    if not said:
        return False
    if facts.type is not None and facts.stype is None:
        said["stype"] = None  # the class of another category would contradict it
        row = db.execute("SELECT type, stype FROM locs WHERE locid = ?", (locid,)).fetchone()
        if row["type"] == facts.type:
            said["stype"] = row["stype"]
    columns = ", ".join(f"{name} = :{name}" for name in said)
    differs = " OR ".join(f"{name} IS NOT :{name}" for name in said)
    return bool(
        db.execute(
            f"UPDATE locs SET {columns}, locup = :locup WHERE locid = :locid AND ({differs})",
            said | {"locup": now(), "locid": locid},
        ).rowcount
    )


def all_rows(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Every row of `locs`."""
    return db.execute("SELECT * FROM locs").fetchall()


def context(location: sqlite3.Row) -> Context:
    """What a row of `locs` tells about each of its photos."""
    kind = location["stype"] or location["type"]
    return Context(
        location_type=kind.lower() if kind else None,
        state=STATES.get(location["address_state"], location["address_state"]),
        era=years_in(location["built_year"]),
        location_name=location["locnam"],
        city=location["address_city"],
    )


def contexts(db: sqlite3.Connection, shas: list[str]) -> dict[str, Context]:
    """The context of each of these photos; empty for one without a location."""
    rows = db.execute(
        f"""SELECT imgsha, locs.* FROM imgs LEFT JOIN locs USING (locid)
        WHERE imgsha IN ({",".join("?" * len(shas))})""",
        shas,
    )
    return {row["imgsha"]: context(row) if row["locid"] else Context() for row in rows}


def of_photo(db: sqlite3.Connection, sha: str) -> sqlite3.Row | None:
    """The location a photo is in, None where it is in none."""
    row: sqlite3.Row | None = db.execute(
        "SELECT locs.* FROM imgs JOIN locs USING (locid) WHERE imgsha = ?", (sha,)
    ).fetchone()
    return row


def tagged_count(db: sqlite3.Connection, locid: str) -> int:
    """How many of a location's photos have been tagged."""
    row = db.execute(
        "SELECT count(tagged_at) FROM imgs JOIN ut_photos ON sha = imgsha WHERE locid = ?", (locid,)
    ).fetchone()
    return int(row[0])


def listing(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Every location with its numbers of photos and of tagged photos, by name."""
    return db.execute(
        """SELECT locs.locid, loc12, locnam, type, stype, address_city, address_state, built_year,
            count(imgs.imgsha) AS photos, count(ut_photos.tagged_at) AS tagged
        FROM locs LEFT JOIN imgs ON imgs.locid = locs.locid AND hidden_reason IS NOT 'replaced'
        LEFT JOIN ut_photos ON ut_photos.sha = imgs.imgsha
        GROUP BY locs.locid ORDER BY locnam COLLATE NOCASE"""
    ).fetchall()


def photos_with_evidence(db: sqlite3.Connection, locid: str) -> list[str]:
    """The photos of a location that tags can be derived of again, in the order of their ids."""
    rows = db.execute(
        """SELECT imgsha FROM imgs JOIN ut_photos ON sha = imgsha WHERE locid = ? AND tagged_at IS NOT NULL
            AND hidden_reason IS NOT 'replaced' ORDER BY imgsha""",
        (locid,),
    )
    return [row["imgsha"] for row in rows]


def set_hero(db: sqlite3.Connection, locid: str, sha: str | None) -> bool:
    """Lock the photo that introduces a place, None to leave it to us. Call it inside `db.write`; on a person's word."""
    return bool(
        db.execute(
            "UPDATE locs SET hero_imgsha = ?1, locup = ?2 WHERE locid = ?3 AND hero_imgsha IS NOT ?1",
            (sha, now(), locid),
        ).rowcount
    )


def find_sub(db: sqlite3.Connection, locid: str, name: str) -> str | None:
    """The id of a place's sub-location of that id or name (letter case aside); None where there is none.

    Raises:
        UsageError: several are called that.

    """
    rows = db.execute(
        "SELECT subid FROM slocs WHERE locid = ? AND (subid = ? OR subnam = ? COLLATE NOCASE) ORDER BY subid",
        (locid, name, name),
    ).fetchall()
    if len(rows) > 1:
        ids = ", ".join(row["subid"] for row in rows)
        raise UsageError(f"several sub-locations are called {name!r}", f"Name one by its id: {ids}")
    return str(rows[0]["subid"]) if rows else None


def find_or_make_sub(db: sqlite3.Connection, locid: str, name: str) -> str:
    """The id of a place's sub-location of that name; made where there is none. Call it inside `db.write`.

    Raises:
        UsageError: the name is empty, or several are called that.

    """
    name = name.strip()
    if not name:
        raise UsageError("a sub-location needs a name", 'Give one: --sub "Boiler House"')
    if found := find_sub(db, locid, name):
        return found
    subid = str(uuid.uuid4())
    db.execute("INSERT INTO slocs (subid, locid, subnam) VALUES (?, ?, ?)", (subid, locid, name))
    return subid


def put_into_sub(db: sqlite3.Connection, subid: str, paths: Sequence[str], *, move: bool) -> int:
    """Put the photos at these paths into a sub-location, as far as they are in its place. Call it inside `db.write`.

    Those in another sub-location stay there unless `move`. Returns how many were put.
    """
    rows = db.execute(
        """UPDATE imgs SET subid = ?1
        WHERE imgsha IN (SELECT sha FROM ut_paths JOIN json_each(?2) ON ut_paths.path = value)
            AND locid = (SELECT locid FROM slocs WHERE subid = ?1) AND subid IS NOT ?1 AND (?3 OR subid IS NULL)
        RETURNING imgsha""",
        (subid, json.dumps(list(paths)), move),
    ).fetchall()
    grid.put(db, [sha for (sha,) in rows])
    return len(rows)


def years_in(text: str | None) -> Years | None:
    """The years in a text: "1870-1910" -> (1870, 1910), "c. 1887" -> (1887, 1887); the application allows any."""
    years = [int(year) for year in re.findall(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)", text or "")]
    return (min(years), max(years)) if years else None
