"""Photos and their files: one row per content (SHA-256), any number of paths, and files that could not be read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import PurePath, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from urbextag.errors import UsageError
from urbextag.files import FileStamp
from urbextag.records import PhotoFacts
from urbextag.store import grid
from urbextag.store.db import now

Added = Literal["new", "copy", "moved", "elsewhere"]
Assigned = Literal["unchanged", "assigned", "elsewhere"]


def known(db: sqlite3.Connection, stored: str, stamp: FileStamp) -> str | None:
    """The SHA-256 of an unchanged file that is in the archive, else None."""
    row = db.execute(
        "SELECT sha FROM ut_paths WHERE path = ? AND size = ? AND mtime_ns = ?", (stored, stamp.size, stamp.mtime_ns)
    ).fetchone()
    return row["sha"] if row else None


def at_path(db: sqlite3.Connection, stored: str) -> str | None:
    """The SHA-256 of the content that was last seen at a path, None where none was."""
    row = db.execute("SELECT sha FROM ut_paths WHERE path = ?", (stored,)).fetchone()
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
        original: the absolute path or the web address that it was added from.
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
        if assign(db, sha, locid, move=move) == "elsewhere":
            outcome = "elsewhere"
    before = db.execute("SELECT sha FROM ut_paths WHERE path = ? AND sha <> ?", (stored, sha)).fetchone()
    db.execute(
        "INSERT OR REPLACE INTO ut_paths VALUES (?, ?, ?, ?, ?)", (stored, sha, stamp.size, stamp.mtime_ns, now())
    )
    db.execute("DELETE FROM ut_file_failures WHERE path = ?", (stored,))
    if before:
        _lose_path(db, before["sha"], sha)
    grid.put(db, [sha, before["sha"]] if before else [sha])
    return outcome


def _lose_path(db: sqlite3.Connection, old: str, new: str) -> None:
    """The content `old` gave way to `new` at its path: point to a copy of it, else let `new` take its place.

    The replaced photo is kept but hidden; its location and what a person decided go over to the new one.
    """
    copy = db.execute("SELECT path FROM ut_paths WHERE sha = ? ORDER BY path LIMIT 1", (old,)).fetchone()
    if copy:
        db.execute("UPDATE imgs SET imgloc = ? WHERE imgsha = ?", (copy["path"], old))
        return
    db.execute("UPDATE imgs SET hidden = 1, hidden_reason = 'replaced' WHERE imgsha = ?", (old,))
    db.execute("DELETE FROM ut_jobs WHERE sha = ? AND state <> 'running'", (old,))
    db.execute(
        """UPDATE imgs SET locid = coalesce(imgs.locid, old.locid), hidden = 0, hidden_reason = NULL,
            subid = CASE WHEN coalesce(imgs.locid, old.locid) = old.locid THEN coalesce(imgs.subid, old.subid)
                ELSE imgs.subid END
        FROM imgs AS old WHERE old.imgsha = ? AND imgs.imgsha = ?""",
        (old, new),
    )
    db.execute(
        """INSERT INTO ut_decisions (sha, concept, label, verdict, at)
        SELECT ?, concept, label, verdict, at FROM ut_decisions WHERE sha = ? ORDER BY id""",
        (new, old),
    )


def assign(db: sqlite3.Connection, sha: str, locid: str | None, *, move: bool = False) -> Assigned:
    """Put a photo into a location. `elsewhere`: it is in another one and was left there (unless `move`)."""
    has = db.execute("SELECT locid FROM imgs WHERE imgsha = ?", (sha,)).fetchone()["locid"]
    if locid is None or has == locid:
        return "unchanged"
    if has is not None and not move:
        return "elsewhere"
    db.execute("UPDATE imgs SET locid = ?, subid = NULL WHERE imgsha = ?", (locid, sha))  # a part of the other place
    grid.put(db, [sha])
    return "assigned"


def _insert(
    db: sqlite3.Connection, sha: str, stored: str, original: str, stamp: FileStamp, facts: PhotoFacts, locid: str | None
) -> None:
    row = {
        "imgsha": sha,
        "imgnam": PurePath(stored).name,
        "imgnamo": _name_of(original),
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


def _name_of(original: str) -> str:
    """The file's name in a path or web address."""
    if "://" not in original:
        return PurePath(original).name
    address = urlsplit(original)
    return unquote(PurePosixPath(address.path).name) or address.netloc


def record_failure(db: sqlite3.Connection, stored: str, stamp: FileStamp, reason: str) -> None:
    """Keep that a file could not be read, and why; it is tried again when the file changes."""
    db.execute(
        "INSERT OR REPLACE INTO ut_file_failures VALUES (?, ?, ?, ?, ?)",
        (stored, stamp.size, stamp.mtime_ns, reason, now()),
    )


def forget_failures(db: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Drop the failures of files that exist no more."""
    db.executemany("DELETE FROM ut_file_failures WHERE path = ?", [(path,) for path in paths])


def file_failures(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """The files that could not be read, each with its reason."""
    return db.execute("SELECT path, reason, failed_at FROM ut_file_failures ORDER BY path").fetchall()


def link_pairs(db: sqlite3.Connection, paths: Iterable[str], raw_formats: frozenset[str]) -> int:
    """Link RAW files with the JPEG or HEIC of the same folder, stem and capture time. Returns the new links.

    A capture time that only one of the two carries does not part them.

    Args:
        db: the archive.
        paths: where to look: only pairs that one of these belongs to.
        raw_formats: names of the RAW formats.

    """
    pairs = 0
    for stem in {str(PurePath(path).with_suffix("")) for path in paths}:
        pairs += db.execute(
            f"""UPDATE ut_photos SET pair_sha = developed.sha FROM
            (SELECT ut_paths.sha, meta_date_taken AS taken FROM ut_paths JOIN imgs ON imgsha = ut_paths.sha
                JOIN ut_photos USING (sha)
                WHERE path > ?1 || '.' AND path < ?1 || '/' AND instr(substr(path, length(?1) + 2), '.') = 0
                    AND format IN ('jpeg', 'heic') ORDER BY path) AS developed
            WHERE ut_photos.pair_sha IS NULL AND format IN ({",".join("?" * len(raw_formats))})
                AND ut_photos.sha IN (SELECT sha FROM ut_paths
                    WHERE path > ?1 || '.' AND path < ?1 || '/' AND instr(substr(path, length(?1) + 2), '.') = 0)
                AND (SELECT meta_date_taken IS NULL OR developed.taken IS NULL OR meta_date_taken = developed.taken
                    FROM imgs WHERE imgsha = ut_photos.sha)""",
            (stem, *sorted(raw_formats)),
        ).rowcount
    return pairs


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
    queries.append(("SELECT imgs.* FROM ut_paths JOIN imgs ON imgsha = sha WHERE path = ?", name))
    if len(name) >= 4 and all(digit in "0123456789abcdef" for digit in name):
        queries.append(("SELECT * FROM imgs WHERE imgsha >= ?1 AND imgsha < ?1 || 'g' LIMIT 6", name))
    queries.append(
        ("SELECT * FROM imgs WHERE (imgnam = ? OR imgnamo = ?1) AND hidden_reason IS NOT 'replaced' LIMIT 6", name)
    )
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


def by_id(db: sqlite3.Connection, sha: str) -> sqlite3.Row | None:
    """The photo of exactly this id, None where there is none."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM imgs WHERE imgsha = ?", (sha,)).fetchone()
    return row


def present(db: sqlite3.Connection, shas: Sequence[str]) -> set[str]:
    """Those of these ids that are photos of the archive."""
    these = json.dumps(list(shas))
    return {
        row[0]
        for row in db.execute("SELECT imgsha FROM imgs WHERE imgsha IN (SELECT value FROM json_each(?))", (these,))
    }


def current_path(db: sqlite3.Connection, sha: str) -> str | None:
    """Where the archive looks for this content, None if it has no such photo."""
    row = db.execute("SELECT imgloc FROM imgs WHERE imgsha = ?", (sha,)).fetchone()
    return row["imgloc"] if row else None
