"""Open an archive's SQLite file: refuse what is newer or not ours, migrate, write in one transaction at a time."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from urbextag.errors import ArchiveError
from urbextag.store import dialect
from urbextag.store.migrations import APPLICATION_TABLES, MIGRATIONS, NEEDED

Item = TypeVar("Item")

FULL_BYTES = 2**20
"""With less than this free, an I/O error of SQLite means that the disk is full."""
SLICE_SECONDS = 0.005
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
        pending, names = list(MIGRATIONS), {}
        if path.exists():
            with closing(look_at(path)) as look:
                pending, names = _pending(path, look), dialect.other_names(look)
                _refuse_lost_columns(path, look)
        db = open_file(path, names)
        try:
            if pending:
                db.execute("PRAGMA journal_mode = WAL")
                with write(db):
                    migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def look_at(path: Path) -> sqlite3.Connection:
    """Open a database to read alone."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def open_file(path: Path, names: Mapping[str, str]) -> sqlite3.Connection:
    """Open a database as it is, whatever its schema; `names`: what it calls columns (`dialect.other_names`)."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, factory=dialect.connection(names))
    if not names:
        db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def open_as_it_is(path: Path) -> sqlite3.Connection:
    """`open_file` with the names that this file has for its columns."""
    with closing(look_at(path)) as look:
        names = dialect.other_names(look)
    return open_file(path, names)


def _applied(db: sqlite3.Connection) -> set[str] | None:
    """Names of the migrations that were applied; None where the file has none of our tables."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ut_migrations'").fetchone():
        return None
    return {name for (name,) in db.execute("SELECT name FROM ut_migrations")}


def _pending(path: Path, db: sqlite3.Connection) -> list[tuple[str, str]]:
    applied = _applied(db)
    if applied is None:
        if is_applications(db):
            raise ArchiveError(f"{path} is the archive application's and not attached", f"Run: urbextag attach {path}")
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


def is_applications(db: sqlite3.Connection) -> bool:
    """Whether the file has the tables of the archive application."""
    names = dialect.other_names(db)
    return all(
        {names.get(column, column) for column in columns} <= columns_of(db, table)
        for table, columns in APPLICATION_TABLES.items()
    )


def is_attached(db: sqlite3.Connection) -> bool:
    """Whether the file is the application's and our tables are guests in it."""
    ours = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ut_settings'").fetchone()
    return bool(ours and db.execute("SELECT 1 FROM ut_settings WHERE key = 'attached'").fetchone())


def is_own(db: sqlite3.Connection) -> bool:
    """Whether the file is an archive of its own: our tables are in it, and not as guests."""
    return bool(columns_of(db, "ut_migrations")) and not is_attached(db)


def columns_of(db: sqlite3.Connection, table: str) -> set[str]:
    """Names of a table's columns, as the file has them."""
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def missing_columns(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """(table, column, type) of what is needed in the application's tables and is not there."""
    names = dialect.other_names(db)
    return [
        (table, column, kind)
        for table, needed in NEEDED.items()
        for column, kind in needed.items()
        if names.get(column, column) not in columns_of(db, table)
    ]


def _refuse_lost_columns(path: Path, db: sqlite3.Connection) -> None:
    """An application that rebuilds its tables from the columns it knows loses those that were added to them.

    Neither is there anything to work with where somebody is about to detach the file.
    """
    if not is_attached(db):
        return
    if db.execute("SELECT json_extract(value, '$.leaving') FROM ut_settings WHERE key = 'attached'").fetchone()[0]:
        raise ArchiveError(f"a detach of {path} was begun and not finished", "Finish it: urbextag detach")
    if missing := missing_columns(db):
        some = ", ".join(f"{table}.{column}" for table, column, _ in missing[:3])
        raise ArchiveError(
            f"the application has rebuilt its tables in {path} and {len(missing)} columns are gone ({some} ...)",
            "Put them back, filled as they were: urbextag attach",
        )


def migrate(db: sqlite3.Connection, given: Sequence[str] = ()) -> None:
    """Apply what is pending. Call it inside `write`: two processes may open a fresh file at once.

    `given`: migrations whose tables are there already.
    """
    db.execute("CREATE TABLE IF NOT EXISTS ut_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
    applied = _applied(db) or set()
    for name, sql in MIGRATIONS:
        if name in applied:
            continue
        for statement in () if name in given else sql.split(";\n"):
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


def write_in_slices(
    db: sqlite3.Connection,
    items: Sequence[Item],
    each: Callable[[Sequence[Item]], None],
    done: Callable[[int], None] = lambda count: None,
    *,
    first: int = FIRST_SLICE,
) -> None:
    """Write many items, a transaction for each slice of them, so that no other program waits long for its turn.

    The first slice has `first` items and each further one as many as the speed so far allows; `each` is called inside
    `write`, `done` after it, with the number of items written so far.
    """
    start, size = 0, first
    while start < len(items):
        part = items[start : start + size]
        with write(db):
            began = time.perf_counter()
            each(part)
        took = time.perf_counter() - began  # the commit, which copies what was written into the log, is part of it
        start += len(part)
        done(start)
        size = next_slice(len(part), took)
        if start < len(items):
            time.sleep(YIELD_SECONDS)


def next_slice(size: int, took: float) -> int:
    """How many items the next slice may have, after one of this size took so many seconds."""
    return max(1, min(2 * size, int(size * SLICE_SECONDS / max(took, 1e-6))))


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
            if "no such column" in str(error) or "no such table" in str(error):  # gone while this ran
                with closing(look_at(path)) as look:
                    _refuse_lost_columns(path, look)
            raise
        what, remedy = remedies[code]
        raise ArchiveError(f"{path}: {what}", f"{remedy}; nothing that was finished is lost") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InternalError)):
            raise
        raise ArchiveError(
            f"{path} is not an intact SQLite database: {error}", "Restore it from a backup, then run: urbextag doctor"
        ) from error


@contextmanager
def any_bytes(db: sqlite3.Connection) -> Iterator[None]:
    """Other programs leave texts that are no UTF-8: inside the block they are read as they are, byte for byte."""
    before = db.text_factory
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        db.text_factory = before


def now() -> str:
    """The time in UTC, ISO 8601 with seconds: sorts as text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
