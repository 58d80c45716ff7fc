"""Open an archive's SQLite file: refuse what is newer or not ours, migrate, write in one transaction at a time."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from urbextag.errors import ArchiveError
from urbextag.store.migrations import MIGRATIONS

Item = TypeVar("Item")

FULL_BYTES = 2**20
"""With less than this free, an I/O error of SQLite means that the disk is full."""
SLICE_SECONDS = 0.015
"""Time under the write lock that a slice of a long write aims at; other programs are promised 0.05 at most."""
FIRST_SLICE = 32
YIELD_SECONDS = 0.001
"""Between two slices: one that waits for the lock looks for it again only now and then."""
BUSY_SECONDS = 60.0
"""How long a statement waits for another process's write; every write here takes well under a second."""


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the database, bringing its schema up to date.

    The file is looked at read-only first, so that one from a newer release stays as it is, to the byte.

    Raises:
        ArchiveError: missing, not a database, damaged, newer than this release, locked, or the disk is full.

    """
    if not create and not (path.is_file() and path.stat().st_size):
        raise ArchiveError(
            f"the archive's database {path} is missing or empty", "Restore it from a backup, or run: urbextag init"
        )
    with faults(path):
        if path.exists():
            with closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            ) as look:
                pending = _pending(path, look)
        else:
            pending = list(MIGRATIONS)
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = NORMAL")
            if pending:
                db.execute("PRAGMA journal_mode = WAL")
                _migrate(path, db)
        except BaseException:
            db.close()
            raise
    return db


def _applied(db: sqlite3.Connection) -> set[str] | None:
    """Names of the migrations that were applied; None where the file has none of our tables."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ut_migrations'").fetchone():
        return None
    return {name for (name,) in db.execute("SELECT name FROM ut_migrations")}


def _pending(path: Path, db: sqlite3.Connection) -> list[tuple[str, str]]:
    applied = _applied(db)
    if applied is None:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ArchiveError(f"{path} is a database of another program", "Name another folder: urbextag init DIR")
        return list(MIGRATIONS)
    unknown = applied - {name for name, _ in MIGRATIONS}
    if unknown:
        raise ArchiveError(
            f"{path} was written by a newer urbextag (it has {min(unknown)!r}); it was left as it is",
            "Upgrade urbextag",
        )
    return [(name, sql) for name, sql in MIGRATIONS if name not in applied]


def _migrate(path: Path, db: sqlite3.Connection) -> None:
    """Apply what is pending. Looked at again under the write lock: two processes may open a fresh file at once."""
    with write(db):
        db.execute("CREATE TABLE IF NOT EXISTS ut_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        applied = _applied(db) or set()
        for name, sql in MIGRATIONS:
            if name in applied:
                continue
            for statement in sql.split(";\n"):
                db.execute(statement)
            db.execute("INSERT INTO ut_migrations VALUES (?, ?)", (name, now()))


@contextmanager
def write(db: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: all of it or nothing. Takes the write lock at once, so it never fails half way."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def write_in_slices(db: sqlite3.Connection, items: Sequence[Item], each: Callable[[Sequence[Item]], None]) -> None:
    """Write many items, a transaction for each slice of them, so that no other program waits long for its turn.

    The first slice is small and each further one as large as the speed so far allows; `each` is called inside `write`.
    """
    start, size = 0, FIRST_SLICE
    while start < len(items):
        part = items[start : start + size]
        with write(db):
            began = time.perf_counter()
            each(part)
            took = time.perf_counter() - began
        start += len(part)
        size = max(1, min(4 * size, int(len(part) * SLICE_SECONDS / max(took, 1e-6))))
        if start < len(items):
            time.sleep(YIELD_SECONDS)


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into an ArchiveError with its remedy; nothing that was committed is lost."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_IOERR and shutil.disk_usage(path.parent).free < FULL_BYTES:
            code = sqlite3.SQLITE_FULL  # the log's index file could not grow
        remedies = {
            sqlite3.SQLITE_FULL: ("the disk is full", "Free some space and run the same command again"),
            sqlite3.SQLITE_BUSY: ("another program holds it locked", "Close that program and run again"),
            sqlite3.SQLITE_READONLY: ("it cannot be written", "Give yourself write permission on its folder"),
            sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Look at the permissions of its folder"),
            sqlite3.SQLITE_IOERR: (f"the disk fails: {error}", "Look at the disk's health and free space"),
        }
        if code not in remedies:
            raise
        what, remedy = remedies[code]
        raise ArchiveError(f"{path}: {what}", f"{remedy}; nothing that was finished is lost") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InternalError)):
            raise
        raise ArchiveError(
            f"{path} is not an intact SQLite database: {error}", "Restore it from a backup, then run: urbextag doctor"
        ) from error


def now() -> str:
    """The time in UTC, ISO 8601 with seconds: sorts as text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
