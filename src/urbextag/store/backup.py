"""A copy of a database in one consistent state, proved, while other programs go on writing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from urbextag.errors import ArchiveError
from urbextag.store.db import faults, look_at

MARGIN_BYTES = 2**20


def snapshot(path: Path, target: Path) -> None:
    """Copy a database with `VACUUM INTO`, prove the copy, and give it its name only then.

    Holds no lock that a writer of a database in WAL mode waits for.

    Raises:
        ArchiveError: no room, the target cannot be written, or the copy is not what it should be; nothing is left.

    """
    part = target.with_name(f"{target.name}.part")
    refuse_where_it_does_not_fit(database_bytes(path), target.parent)
    try:
        with faults(part):
            # A copy cannot be made within a transaction, and others write: it is as before, as after, or between
            with faults(path), closing(look_at(path)) as db:
                before = _shape(db)
                db.execute("VACUUM INTO ?", (str(part.absolute()),))
                after = _shape(db)
            with closing(look_at(part)) as copy:
                _prove(copy, before, after)
        sync(part)
        part.replace(target)
    except OSError as error:
        raise ArchiveError(f"{target} cannot be written: {error.strerror}", "Name another folder") from error
    finally:
        for leftover in (part, part.with_name(f"{part.name}-journal")):
            leftover.unlink(missing_ok=True)


def database_bytes(path: Path) -> int:
    """The size of a database, what still stands in its log included; raises ArchiveError."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def refuse_where_it_does_not_fit(size: int, folder: Path) -> None:
    """Raises ArchiveError where a folder is not there or its disk has not that much room."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ArchiveError(
            f"the folder {folder} for the backup is not there", "Make it, plug in its drive, or name another"
        ) from error
    if free < size + MARGIN_BYTES:
        raise ArchiveError(
            f"the backup needs {size / 1e6:,.0f} MB in {folder}, and {free / 1e6:,.0f} MB are free: the disk is full",
            "Free some space, or name another folder",
        )


def sync(path: Path) -> None:
    """Wait until a file is on its disk; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_Shape = tuple[list[tuple[str, ...]], dict[str, int]]
"""Names and statements of the schema, and the number of rows by table."""


def _shape(db: sqlite3.Connection) -> _Shape:
    db.execute("BEGIN")  # one state of both
    try:
        schema = db.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY 1, 2").fetchall()
        tables = [
            name for kind, name, sql in schema if kind == "table" and not sql.upper().startswith("CREATE VIRTUAL")
        ]
        return schema, {
            name: db.execute(f'SELECT count(*) FROM "{name.replace(chr(34), chr(34) * 2)}"').fetchone()[0]
            for name in tables
            if not name.startswith("sqlite_")
        }
    finally:
        db.execute("ROLLBACK")


def _prove(copy: sqlite3.Connection, before: _Shape, after: _Shape) -> None:
    problems = [row[0] for row in copy.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
    schema, rows = _shape(copy)
    if schema not in (before[0], after[0]):
        problems.append("it has another schema")
    elif before[0] == after[0]:
        for name, number in rows.items():
            low, high = sorted((before[1][name], after[1][name]))
            if not low <= number <= high:
                problems.append(f"{number:,} rows of {name} instead of {low:,}")
    if problems:
        raise ArchiveError(
            f"the backup did not come out right: {'; '.join(problems)}", "Look at the disk's health: urbextag doctor"
        )
