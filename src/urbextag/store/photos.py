"""Photos and their files: one row per content (SHA-256), any number of paths, and files that could not be read."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import PurePath
from typing import Literal

from urbextag.errors import UsageError
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts
from urbextag.store.db import now

Added = Literal["new", "copy", "moved", "elsewhere"]


def known(db: sqlite3.Connection, stored: str, stamp: FileStamp) -> str | None:
    """The SHA-256 of an unchanged file that is in the archive, else None."""
    row = db.execute(
        "SELECT sha FROM ut_paths WHERE path = ? AND size = ? AND mtime_ns = ?", (stored, stamp.size, stamp.mtime_ns)
    ).fetchone()
    return row["sha"] if row else None


def known_failure(db: sqlite3.Connection, stored: str, stamp: FileStamp) -> str | None:
    """Why an unchanged file could not be read, else None."""
    row = db.execute(
        "SELECT reason FROM ut_file_failures WHERE path = ? AND size = ? AND mtime_ns = ?",
        (stored, stamp.size, stamp.mtime_ns),
    ).fetchone()
    return row["reason"] if row else None


def add(
    db: sqlite3.Connection,
    sha: str,
    stored: str,
    original: str,
    stamp: FileStamp,
    facts: PhotoFacts,
    locid: str | None,
    *,
    current_gone: bool,
    move: bool,
) -> Added:
    """Record one file. Call it inside `db.write`.

    Args:
        sha: SHA-256 of the content in hex, the photo's identity.
        stored: the path as the archive keeps it.
        original: the absolute path that it was added from.
        stamp: size and time of the file.
        facts: what the file says of itself.
        locid: the location to put it in, None to leave that open.
        current_gone: the path that the archive has for this content exists no more.
        move: take the photo out of another location.

    Returns:
        `new`; `copy` of a photo that is here; `moved`: the photo was missing and is found again;
        `elsewhere`: it is here, in another location, and was left there.

    """
    row = db.execute("SELECT imgloc, locid FROM imgs WHERE imgsha = ?", (sha,)).fetchone()
    outcome: Added = "new"
    if row is None:
        _insert(db, sha, stored, original, stamp, facts, locid)
    else:
        outcome = "copy"
        if current_gone and row["imgloc"] != stored:
            outcome = "moved"
            db.execute("DELETE FROM ut_paths WHERE path = ?", (row["imgloc"],))
            db.execute("UPDATE imgs SET imgloc = ?, imgnam = ? WHERE imgsha = ?", (stored, PurePath(stored).name, sha))
        if not assign(db, sha, locid, move=move):
            outcome = "elsewhere"
    db.execute(
        "INSERT OR REPLACE INTO ut_paths VALUES (?, ?, ?, ?, ?)", (stored, sha, stamp.size, stamp.mtime_ns, now())
    )
    db.execute("DELETE FROM ut_file_failures WHERE path = ?", (stored,))
    return outcome


def assign(db: sqlite3.Connection, sha: str, locid: str | None, *, move: bool = False) -> bool:
    """Put a photo into a location. False: it is in another one and was left there (unless `move`)."""
    if locid is None:
        return True
    has = db.execute("SELECT locid FROM imgs WHERE imgsha = ?", (sha,)).fetchone()["locid"]
    if has not in (None, locid) and not move:
        return False
    if has != locid:
        db.execute("UPDATE imgs SET locid = ? WHERE imgsha = ?", (locid, sha))
    return True


def _insert(
    db: sqlite3.Connection, sha: str, stored: str, original: str, stamp: FileStamp, facts: PhotoFacts, locid: str | None
) -> None:
    row = {
        "imgsha": sha,
        "imgnam": PurePath(stored).name,
        "imgnamo": PurePath(original).name,
        "imgloc": stored,
        "imgloco": original,
        "locid": locid,
        "imgadd": now(),
        "meta_exiftool": json.dumps(asdict(facts)),
        "meta_width": facts.width,
        "meta_height": facts.height,
        "meta_date_taken": facts.taken,
        "meta_camera_make": facts.camera_make,
        "meta_camera_model": facts.camera_model,
        "meta_gps_lat": facts.latitude,
        "meta_gps_lng": facts.longitude,
        "file_size_bytes": stamp.size,
    }
    db.execute(f"INSERT INTO imgs ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})", row)
    db.execute(
        "INSERT INTO ut_photos (sha, format, altitude, drone_make) VALUES (?, ?, ?, ?)",
        (sha, facts.format, facts.altitude, facts.drone_make),
    )


def record_failure(db: sqlite3.Connection, stored: str, stamp: FileStamp, reason: str) -> None:
    """Keep that a file could not be read, and why; it is tried again when the file changes."""
    db.execute(
        "INSERT OR REPLACE INTO ut_file_failures VALUES (?, ?, ?, ?, ?)",
        (stored, stamp.size, stamp.mtime_ns, reason, now()),
    )


def file_failures(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """The files that could not be read, each with its reason."""
    return db.execute("SELECT path, reason, failed_at FROM ut_file_failures ORDER BY path").fetchall()


def link_pairs(db: sqlite3.Connection, raw_formats: frozenset[str]) -> int:
    """Link each RAW with the JPEG or HEIC of the same folder, stem and capture time. Returns the new links.

    A capture time that only one of the two carries does not part them.
    """
    raws = db.execute(
        f"""SELECT imgsha, imgloc, meta_date_taken AS taken FROM imgs JOIN ut_photos ON ut_photos.sha = imgsha
        WHERE pair_sha IS NULL AND format IN ({",".join("?" * len(raw_formats))})""",
        sorted(raw_formats),
    ).fetchall()
    pairs = []
    for raw in raws:
        stem = str(PurePath(raw["imgloc"]).with_suffix(""))
        developed = db.execute(
            """SELECT imgsha FROM ut_paths JOIN imgs ON imgsha = ut_paths.sha JOIN ut_photos USING (sha)
            WHERE path > ?1 || '.' AND path < ?1 || '/' AND format IN ('jpeg', 'heic')
                AND (meta_date_taken IS NULL OR ?2 IS NULL OR meta_date_taken = ?2)""",
            (stem, raw["taken"]),
        ).fetchone()
        if developed:
            pairs.append((developed["imgsha"], raw["imgsha"]))
    db.executemany("UPDATE ut_photos SET pair_sha = ? WHERE sha = ?", pairs)
    return len(pairs)


def find(db: sqlite3.Connection, name: str, stored: str | None = None) -> sqlite3.Row:
    """The photo of that SHA-256 (or its first digits), path or file name.

    Args:
        db: the archive.
        name: what the person typed.
        stored: the same as a path in the archive's form, where it could be one.

    Raises:
        UsageError: no photo is called that, or several are.

    """
    queries = [("SELECT imgs.* FROM ut_paths JOIN imgs ON imgsha = sha WHERE path = ?", stored)]
    if len(name) >= 4 and all(digit in "0123456789abcdef" for digit in name):
        queries.append(("SELECT * FROM imgs WHERE imgsha >= ?1 AND imgsha < ?1 || 'g' LIMIT 6", name))
    queries.append(("SELECT * FROM imgs WHERE imgnam = ? OR imgnamo = ?1 LIMIT 6", name))
    for sql, argument in queries:
        rows = db.execute(sql, (argument,)).fetchall()
        if len(rows) == 1:
            row: sqlite3.Row = rows[0]
            return row
        if rows:
            ids = ", ".join(row["imgsha"][:12] for row in rows)
            raise UsageError(f"several photos are called {name!r}", f"Name one by its id or path: {ids}")
    raise UsageError(
        f"no photo of the archive is called {name!r}", "Give its path, file name or id (see: urbextag status)"
    )


def paths_of(db: sqlite3.Connection, sha: str) -> list[tuple[str, FileStamp]]:
    """Every path at which this content was seen, the archive's own first."""
    rows = db.execute(
        """SELECT path, size, mtime_ns FROM ut_paths JOIN imgs ON imgsha = sha WHERE sha = ?
        ORDER BY path <> imgloc, path""",
        (sha,),
    )
    return [(row["path"], FileStamp(row["size"], row["mtime_ns"])) for row in rows]


def restamp(db: sqlite3.Connection, stored: str, stamp: FileStamp) -> None:
    """Note the new time of a file whose content was found to be the same."""
    db.execute("UPDATE ut_paths SET size = ?, mtime_ns = ? WHERE path = ?", (stamp.size, stamp.mtime_ns, stored))


def current_path(db: sqlite3.Connection, sha: str) -> str | None:
    """Where the archive looks for this content, None if it has no such photo."""
    row = db.execute("SELECT imgloc FROM imgs WHERE imgsha = ?", (sha,)).fetchone()
    return row["imgloc"] if row else None
