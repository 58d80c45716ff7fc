"""Photos by the tags, file names and places that a query names."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def tagged(db: sqlite3.Connection, concepts: Sequence[str], most: int) -> list[tuple[str, int, float]]:
    """(SHA-256, how many of these concepts it has, their confidences together), the best first.

    What lies below a concept counts as the concept itself.
    """
    if not concepts:
        return []
    each = " UNION ALL ".join(
        """SELECT sha, ? AS asked, max(confidence) AS sure FROM ut_tags
        WHERE concept = ? OR (concept > ? AND concept < ?) GROUP BY sha"""
        for _ in concepts
    )
    values = [value for n, one in enumerate(concepts) for value in (n, one, f"{one}/", f"{one}0")]
    rows = db.execute(
        f"""SELECT sha, count(*), sum(sure) FROM ({each}) GROUP BY sha
        ORDER BY count(*) DESC, sum(sure) DESC, sha LIMIT ?""",
        (*values, most),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def named(db: sqlite3.Connection, words: str, most: int) -> list[str]:
    """Photos whose file or place is called like that, letter case aside; names that begin so first."""
    like = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = db.execute(
        """SELECT sha FROM ut_grid WHERE name LIKE ?1 ESCAPE '\\'
            OR locid IN (SELECT locid FROM locs WHERE locnam LIKE ?1 ESCAPE '\\')
        ORDER BY name NOT LIKE ?2 ESCAPE '\\', name COLLATE NOCASE, sha LIMIT ?3""",
        (f"%{like}%", f"{like}%", most),
    )
    return [row[0] for row in rows]
