"""Is the database intact, and are the photos where it says?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path


def problems(db: sqlite3.Connection) -> list[str]:
    """What SQLite's own checks complain of; empty for an intact file."""
    found = [row[0] for row in db.execute("PRAGMA quick_check") if row[0] != "ok"]
    found += [
        f"table {row[0]} points to a row of {row[2]} that is gone" for row in db.execute("PRAGMA foreign_key_check")
    ]
    return found


def missing_files(db: sqlite3.Connection, locate: Callable[[str], Path], limit: int) -> tuple[int, int]:
    """(missing, looked at) among at most `limit` photos spread evenly over the archive."""
    total = db.execute("SELECT count(*) FROM ut_photos").fetchone()[0]
    step = max(1, total // limit)
    rows = db.execute("SELECT imgloc FROM imgs WHERE rowid % ? = 0 LIMIT ?", (step, limit)).fetchall()
    return sum(not locate(row["imgloc"]).exists() for row in rows), len(rows)
