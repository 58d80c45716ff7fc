"""Shows our tables and columns out of the application's database: what stood there before stands there again."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal

from urbextag.store import jobs
from urbextag.store.attach import Guest, note
from urbextag.store.db import FIRST_SLICE, YIELD_SECONDS, columns_of, next_slice, write, write_in_slices
from urbextag.store.migrations import MIGRATIONS, PUBLISHED

TURN_SECONDS = 0.2
"""Between two columns that are taken out: SQLite rewrites the table for each, and others get their turn."""


def busy(db: sqlite3.Connection) -> bool:
    """Whether a worker that is alive holds photos."""
    sql = "SELECT 1 FROM {} WHERE state = 'running' AND lease_until > ?"
    return any(db.execute(sql.format(queue), (time.time(),)).fetchone() for queue in (jobs.TAGGING, jobs.VLM))


def leaving(db: sqlite3.Connection, stay: Guest, step: Literal["columns", "tables"]) -> None:
    """Note what `detach` is at: from here on, it alone works on the file, and goes on there."""
    with write(db):
        note(db, replace(stay, leaving=step))


def restore(db: sqlite3.Connection, stay: Guest) -> None:
    """Put back what stood in the columns that were there before us, in short transactions."""
    theirs = [column for column in PUBLISHED if column not in stay.added.get("imgs", ())]
    rows = db.execute(
        """SELECT sha FROM ut_photos WHERE published_at IS NOT NULL OR tagged_at IS NOT NULL
        UNION SELECT sha FROM ut_originals UNION SELECT sha FROM ut_backfill"""
    ).fetchall()

    def put_back(part: Sequence[str]) -> None:
        stood = db.execute(
            f"SELECT sha, columns FROM ut_originals WHERE sha IN ({','.join('?' * len(part))})", tuple(part)
        )
        originals: dict[str, dict[str, Any]] = {sha: {} for sha in part} | {
            row[0]: json.loads(row[1]) for row in stood.fetchall()
        }
        for sha, columns in originals.items():
            values = [columns.get(column) for column in theirs]
            places = [
                f"{column} = {'CAST(? AS TEXT)' if _is_odd(value) else '?'}"
                for column, value in zip(theirs, values, strict=True)
            ]
            db.execute(f"UPDATE imgs SET {', '.join(places)} WHERE imgsha = ?", (*map(_value, values), sha))

    if theirs:
        write_in_slices(db, [row[0] for row in rows], put_back)


def _is_odd(value: Any) -> bool:
    """A text that is no UTF-8: it goes back byte for byte."""
    return isinstance(value, str) and not value.isascii() and any("\udc80" <= letter <= "\udcff" for letter in value)


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return value.encode("utf-8", "surrogateescape") if _is_odd(value) else value


def drop_columns(db: sqlite3.Connection, stay: Guest) -> float:
    """Take out the columns that were added. Returns the longest time, in seconds, that the write lock was held for it.

    SQLite has no way to take a column out that does not rewrite the table under the lock; they are emptied first, so
    that little is rewritten, and go one at a time.
    """
    longest = 0.0
    for table, columns in stay.added.items():
        here = [column for column in columns if column in columns_of(db, table)]
        if not here:
            continue
        filled = " OR ".join(f"{column} IS NOT NULL" for column in here)
        rows = [row[0] for row in db.execute(f"SELECT rowid FROM {table} WHERE {filled}")]
        _empty_columns(db, table, here, rows)
        for column in reversed(here):
            time.sleep(TURN_SECONDS)
            with write(db):
                began = time.perf_counter()
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
            longest = max(longest, time.perf_counter() - began)
    return longest


def _empty_columns(db: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[int]) -> None:
    sql = f"UPDATE {table} SET {', '.join(f'{column} = NULL' for column in columns)} WHERE rowid = ?"

    def empty(part: Sequence[int]) -> None:
        db.executemany(sql, [(row,) for row in part])

    write_in_slices(db, rows, empty)


def drop_tables(db: sqlite3.Connection) -> None:
    """Empty our tables in short transactions, then drop them all at once."""
    tables = own_tables()
    for table in tables:
        if table not in ("ut_settings", "ut_migrations") and columns_of(db, table):
            _empty(db, table)
    with write(db):
        for table in tables:
            db.execute(f"DROP TABLE IF EXISTS {table}")


def own_tables() -> list[str]:
    """Names of all tables of ours."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for _, sql in MIGRATIONS:
            empty.executescript(sql)
        rows = empty.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'ut\\_%' ESCAPE '\\'")
        return [*(row[0] for row in rows), "ut_migrations"]


def _empty(db: sqlite3.Connection, table: str) -> None:
    info = db.execute(f"PRAGMA table_info({table})").fetchall()
    key = ", ".join(row[1] for row in info if row[5])
    size, gone = FIRST_SLICE, 1
    while gone:
        with write(db):
            began = time.perf_counter()
            gone = db.execute(
                f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT ?)", (size,)
            ).rowcount
        size = next_slice(size, time.perf_counter() - began)
        time.sleep(YIELD_SECONDS)
