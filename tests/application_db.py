"""Makes databases as the desktop application does that owns existing archives, and does to them what it does."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("ram++", "mock", "manual", "hybrid", "florence", None)
"""What `auto_tags_source` may hold; None = a photo that was never tagged."""
WORDS = ("bar stool", "building", "peeling paint", "window", "gurney", "graffiti", "blackboard", "machine", "corridor")

LOCS = """locid TEXT PRIMARY KEY, loc12 TEXT UNIQUE NOT NULL, locnam TEXT NOT NULL, slocnam TEXT, akanam TEXT,
    type TEXT, stype TEXT, gps_lat REAL, gps_lng REAL, gps_source TEXT, address_street TEXT, address_city TEXT,
    address_county TEXT, address_state TEXT CHECK(address_state IS NULL OR length(address_state) = 2),
    address_zipcode TEXT, condition TEXT, status TEXT, documentation TEXT, access TEXT, historic INTEGER DEFAULT 0,
    favorite INTEGER DEFAULT 0, built_year TEXT, built_type TEXT, abandoned_year TEXT, abandoned_type TEXT,
    hero_{key} TEXT, hero_focal_x REAL, hero_focal_y REAL, historical_name TEXT, locnam_verified INTEGER DEFAULT 0,
    cultural_region TEXT, country TEXT, locadd TEXT, locup TEXT, auth_imp TEXT, regions TEXT, state TEXT"""
SLOCS = """subid TEXT PRIMARY KEY, locid TEXT NOT NULL REFERENCES locs(locid) ON DELETE CASCADE,
    subnam TEXT NOT NULL, type TEXT, status TEXT, hero_{key} TEXT"""
IMGS = """{key} TEXT PRIMARY KEY, imgnam TEXT NOT NULL, imgnamo TEXT NOT NULL, imgloc TEXT NOT NULL,
    imgloco TEXT NOT NULL, locid TEXT REFERENCES locs(locid) ON DELETE SET NULL,
    subid TEXT REFERENCES slocs(subid) ON DELETE SET NULL, auth_imp TEXT, imgadd TEXT, meta_exiftool TEXT,
    meta_width INTEGER, meta_height INTEGER, meta_date_taken TEXT, meta_camera_make TEXT, meta_camera_model TEXT,
    meta_gps_lat REAL, meta_gps_lng REAL, thumb_path_sm TEXT, thumb_path_lg TEXT, preview_path TEXT,
    preview_extracted INTEGER DEFAULT 0, xmp_synced INTEGER DEFAULT 0, xmp_modified_at TEXT, darktable_path TEXT,
    hidden INTEGER DEFAULT 0, hidden_reason TEXT, is_live_photo INTEGER DEFAULT 0, media_source TEXT,
    is_contributed INTEGER DEFAULT 0, preview_quality TEXT, file_size_bytes INTEGER"""
NOTES = "note_id INTEGER PRIMARY KEY, {key} TEXT NOT NULL REFERENCES imgs({key}) ON DELETE CASCADE, note TEXT NOT NULL"


@dataclass(frozen=True, slots=True)
class Release:
    """What sets releases of the application apart."""

    key: str
    """Name of the primary key of `imgs`."""
    digits: int
    """Hex digits of a key: 64 of the content's SHA-256, or 16 of another hash."""
    tagging: str
    """Definitions of the tagging columns that it knows, each after a comma."""

    def imgs(self) -> str:
        """The columns of `imgs` as this release defines them."""
        return IMGS.format(key=self.key) + self.tagging


TAGGING = """, auto_tags TEXT, auto_tags_source TEXT, auto_tags_confidence TEXT, {at} TEXT, quality_score REAL,
    view_type TEXT"""
OLD = Release("imgsha", 64, "")
TAGGED = Release("imgsha", 64, TAGGING.format(at="auto_tags_generated_at"))
NEW = Release("imghash", 64, TAGGING.format(at="auto_tags_at"))
SHORT = Release("imghash", 16, TAGGING.format(at="auto_tags_at"))
"""Its keys are not the SHA-256 of the content."""
RELEASES = (OLD, TAGGED, NEW, SHORT)


def make(
    path: Path, rows: int, release: Release, *, photos: Sequence[Path] = (), tagged: bool = False, locations: int = 5
) -> list[str]:
    """Make a database: these photos first, then rows of photos that are not there. Returns the keys, in order.

    `tagged`: rows carry tags of all kinds of `SOURCES` in turn (the release must have the columns).
    """
    with closing(opened(path)) as db, db:
        db.execute(f"CREATE TABLE locs ({LOCS.format(key=release.key)})")
        db.execute(f"CREATE TABLE slocs ({SLOCS.format(key=release.key)})")
        db.execute(f"CREATE TABLE imgs ({release.imgs()})")
        db.execute("CREATE INDEX idx_imgs_locid ON imgs(locid)")
        db.execute(f"CREATE TABLE img_notes ({NOTES.format(key=release.key)})")
        db.execute("CREATE TABLE users (user_id TEXT PRIMARY KEY, name TEXT NOT NULL)")
        db.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        db.execute("INSERT INTO schema_version VALUES (57)")
        for number in range(locations):
            db.execute(
                """INSERT INTO locs (locid, loc12, locnam, type, stype, address_state, built_year, locadd)
                VALUES (?, ?, ?, 'Medical', 'hospital', 'NY', '1887', '2024-05-01')""",
                (f"loc-{number}", f"{number:012x}", f"Place {number}"),
            )
            db.execute(
                "INSERT INTO slocs (subid, locid, subnam) VALUES (?, ?, 'Boiler house')",
                (f"sub-{number}", f"loc-{number}"),
            )
        keys = insert(db, release, range(rows), photos=photos, tagged=tagged, locations=locations)
        db.executemany(
            f"INSERT INTO img_notes ({release.key}, note) VALUES (?, 'seen')", [(key,) for key in keys[::100]]
        )
        db.execute(f"UPDATE locs SET hero_{release.key} = ?", (keys[0] if keys else None,))
    return keys


def insert(
    db: sqlite3.Connection,
    release: Release,
    numbers: range,
    *,
    photos: Sequence[Path] = (),
    tagged: bool = False,
    locations: int = 5,
) -> list[str]:
    """Insert photos as an import of the application does; `numbers` name those without a file. Returns the keys."""
    rows = [
        (hashlib.sha256(photo.read_bytes()).hexdigest()[: release.digits], photo.name, str(photo)) for photo in photos
    ]
    for number in numbers:
        key = hashlib.sha256(f"photo {number}".encode()).hexdigest()[: release.digits]
        rows.append((key, f"{key[:12]}.jpg", f"/Volumes/archive/locations/loc-{number % locations}/org-img/{key}.jpg"))
    columns = [release.key, "imgnam", "imgnamo", "imgloc", "imgloco", "locid", "subid", "imgadd", "meta_exiftool"]
    columns += ["meta_width", "meta_height", "meta_date_taken", "meta_gps_lat", "file_size_bytes"]
    if tagged:
        columns += ["auto_tags", "auto_tags_source", "auto_tags_confidence", "quality_score", "view_type"]
        columns.append(next(name for name in ("auto_tags_at", "auto_tags_generated_at") if name in release.tagging))
    made = (
        (key, name, f"DSC_{number:05d}.jpg", place, f"/media/card/{name}", f"loc-{number % locations}",
         f"sub-{number % locations}" if number % 3 == 0 else None, "2024-05-01T10:00:00.000Z",
         json.dumps({"ISO": 100 + number}), 6000, 4000, "2023-06-01T12:00:00", 42.5 + number / 1e6, 5_000_000 + number)
        + (tags if tagged else ())
        for number, ((key, name, place), tags) in enumerate(zip(rows, _tags(), strict=False))
    )  # fmt: skip
    db.executemany(f"INSERT INTO imgs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", made)
    return [key for key, _, _ in rows]


def _tags() -> Iterator[tuple[object, ...]]:
    """Tagging columns, all kinds of source in turn."""
    chance = random.Random(1)
    views = ("interior", "exterior", "aerial", "detail", None)
    for number in itertools.count():
        source = SOURCES[number % len(SOURCES)]
        if source is None:
            yield (None,) * 6
            continue
        words = chance.sample(WORDS, 3)
        scores = {word: round(chance.uniform(0.5, 0.99), 3) for word in words}
        yield (
            json.dumps(words), source, json.dumps(scores), 0.5 + number % 50 / 100, views[number % len(views)],
            "2024-06-01T08:00:00.000Z",
        )  # fmt: skip


def opened(path: Path) -> sqlite3.Connection:
    """The database as the application opens it: WAL, foreign keys on."""
    db = sqlite3.connect(path, timeout=60)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


def rebuild(path: Path, release: Release, *, foreign_keys: bool) -> None:
    """Rebuild `imgs` from the columns that the application knows: all others are lost.

    With foreign keys on, dropping the old table deletes all its rows first, with whatever refers to them.
    """
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as db:
        db.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"CREATE TABLE imgs_new ({release.imgs()})")
        names = ", ".join(row[1] for row in db.execute("PRAGMA table_info(imgs_new)"))
        db.execute(f"INSERT INTO imgs_new ({names}) SELECT {names} FROM imgs")
        db.execute("DROP TABLE imgs")
        db.execute("ALTER TABLE imgs_new RENAME TO imgs")
        db.execute("CREATE INDEX idx_imgs_locid ON imgs(locid)")
        db.execute("COMMIT")


def content_hash(path: Path, release: Release, *, without: Sequence[str] = ()) -> str:
    """A hash of all rows of the application's tables in the columns that it knows, less the columns `without`."""
    definitions = {"locs": LOCS, "slocs": SLOCS, "img_notes": NOTES, "imgs": release.imgs()}
    digest = hashlib.sha256()
    with closing(sqlite3.connect(path)) as db:
        for table, definition in definitions.items():
            db.execute(f"CREATE TEMP TABLE known_{table} ({definition.format(key=release.key)})")
            names = [row[1] for row in db.execute(f"PRAGMA temp.table_info(known_{table})") if row[1] not in without]
            for row in db.execute(f"SELECT {', '.join(names)} FROM main.{table} ORDER BY 1"):
                digest.update(repr(row).encode())
    return digest.hexdigest()


def schema(path: Path) -> list[tuple[str, ...]]:
    """Names and statements of all tables, indexes, triggers and views."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def columns(path: Path, table: str = "imgs") -> list[str]:
    """Names of a table's columns, in order."""
    with closing(sqlite3.connect(path)) as db:
        return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
