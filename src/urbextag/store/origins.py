"""Where photos from the web came from: the address that was asked for, and the one that answered."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from urbextag.store.db import now


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one photo was fetched from."""

    url: str
    """The address that was asked for."""
    final_url: str
    """The one at the end of the redirects."""
    media_type: str | None
    """What the server called it: `image/jpeg`."""


def save(db: sqlite3.Connection, sha: str, origin: Origin) -> None:
    """Keep where a photo came from; one may come from several addresses. Call it inside `db.write`."""
    db.execute(
        """INSERT INTO ut_origins (sha, url, final_url, media_type, at)
        VALUES (:sha, :url, :final_url, :media_type, :at)
        ON CONFLICT (sha, url) DO UPDATE SET
            final_url = excluded.final_url, media_type = excluded.media_type, at = excluded.at""",
        asdict(origin) | {"sha": sha, "at": now()},
    )


def of(db: sqlite3.Connection, sha: str) -> list[dict[str, Any]]:
    """The origins of a photo, the first one first: url, final_url, media_type, at."""
    rows = db.execute("SELECT url, final_url, media_type, at FROM ut_origins WHERE sha = ? ORDER BY at, url", (sha,))
    return [dict(row) for row in rows]


def fetched(db: sqlite3.Connection, url: str) -> tuple[str, Origin] | None:
    """The photo that last came from this address, with its origin; None where none did."""
    row = db.execute(
        "SELECT sha, url, final_url, media_type FROM ut_origins WHERE url = ? ORDER BY at DESC, sha LIMIT 1", (url,)
    ).fetchone()
    return (row["sha"], Origin(row["url"], row["final_url"], row["media_type"])) if row else None
