"""The queues as people look at them: which photos are in hand, wait or were set aside, and how quickly it goes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from urbextag.store.jobs import TAGGING, Queue

Listed = Literal["running", "queued", "aside", "done"]
_CHOICE: dict[Listed, tuple[str, str]] = {
    "running": ("state = 'running'", "priority, id"),
    "queued": ("state = 'queued'", "priority, deaths, id"),
    "aside": ("state IN ('set_aside', 'missing') AND discarded_at IS NULL", "state DESC, id"),
    "done": ("state = 'done'", "finished_at DESC, id DESC"),
}
"""Condition and order; all but `aside` are read off an index."""


@dataclass(frozen=True, slots=True)
class Job:
    """A photo in a queue."""

    sha: str
    name: str
    location: str | None
    state: str
    priority: int
    strikes: int
    deaths: int
    reason: str | None
    queued_at: str
    finished_at: str | None
    seconds: float | None


def listed(
    db: sqlite3.Connection, which: Listed, queue: Queue = TAGGING, limit: int = 60, offset: int = 0
) -> list[Job]:
    """Jobs of one kind, those that come next (or ended last) first; photos that the application removed left out."""
    condition, order = _CHOICE[which]
    rows = db.execute(
        f"""SELECT job.sha, imgnam, locnam, job.state, priority, strikes, deaths, reason, queued_at, finished_at,
            seconds
        FROM (SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM {queue} WHERE {condition}
            ORDER BY {order} LIMIT ? OFFSET ?) AS job
        JOIN imgs ON imgsha = job.sha LEFT JOIN locs USING (locid) ORDER BY place""",
        (limit, offset),
    )
    return [Job(*row) for row in rows]


def given_up(db: sqlite3.Connection) -> int:
    """Photos without tags that a person has given up."""
    row = db.execute(
        "SELECT count(*) FROM ut_jobs JOIN ut_photos USING (sha) WHERE discarded_at IS NOT NULL AND tagged_at IS NULL"
    ).fetchone()
    return int(row[0])


def per_minute(db: sqlite3.Connection, queue: Queue = TAGGING, minutes: int = 5) -> float | None:
    """Photos that were finished a minute over the last minutes; None where none was."""
    since = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    count, first = db.execute(
        f"SELECT count(*), min(finished_at) FROM {queue} WHERE state = 'done' AND finished_at >= ?", (since,)
    ).fetchone()
    if not count:
        return None
    began = datetime.strptime(first, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return float(count / max((datetime.now(UTC) - began).total_seconds() / 60, 1 / 6))


def seconds_per_photo(db: sqlite3.Connection, queue: Queue = TAGGING) -> float | None:
    """Mean seconds of the last 200 finished photos, None before the first."""
    row = db.execute(
        f"""SELECT avg(seconds) FROM
        (SELECT seconds FROM {queue} WHERE state = 'done' ORDER BY finished_at DESC LIMIT 200)"""
    ).fetchone()
    return row[0] if row[0] is None else float(row[0])


def last_finished(db: sqlite3.Connection) -> str | None:
    """When the last photo was finished (ISO 8601), None before the first."""
    row = db.execute("SELECT max(finished_at) FROM ut_jobs WHERE state = 'done'").fetchone()
    return row[0] if row[0] is None else str(row[0])


def troubled(db: sqlite3.Connection, request: str | None = None, queue: Queue = TAGGING) -> list[sqlite3.Row]:
    """The photos that are set aside or missing, of all or of one request, each with its path and reason."""
    return db.execute(
        f"""SELECT job.sha, imgs.imgloc AS path, state, strikes, deaths, reason FROM {queue} AS job
        JOIN imgs ON imgs.imgsha = job.sha
        WHERE state IN ('set_aside', 'missing') AND discarded_at IS NULL {"AND request = ?" if request else ""}
        ORDER BY state, imgs.imgloc""",
        (request,) if request else (),
    ).fetchall()
