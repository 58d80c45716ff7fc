"""The queues: one leased job per photo in each. Claim, heartbeat, fenced finish; pause, cancel, retry.

`TAGGING` holds the photos that the stages are to look at, `VLM` those that a VLM is to describe.

A claim raises the job's `token`; a result is saved only under the owner and token that claimed it, so a worker that
was taken for dead cannot overwrite its successor's work. `strikes` counts the photo's own failures, `deaths` the
workers that died over it: one may be chance, so from then on the photo is claimed alone, and only deaths alone count
against it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from urbextag.records import Failure
from urbextag.store.db import now, write_in_slices

Queue = Literal["ut_jobs", "ut_vlm_jobs"]
"""The queue's table."""
TAGGING: Queue = "ut_jobs"
VLM: Queue = "ut_vlm_jobs"

MAX_STRIKES = 2
MAX_DEATHS = 3
"""The first death may have been among others of its batch; the two after it were alone."""


class Priority(IntEnum):
    """Lower goes first."""

    PERSON = 0
    IMPORT = 10
    BACKFILL = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that a worker holds until `lease_until`."""

    id: int
    sha: str
    token: int
    owner: str
    deaths: int
    """Workers that died over it before."""
    queue: Queue = TAGGING


def enqueue(
    db: sqlite3.Connection, shas: Iterable[str], priority: Priority, request: str | None = None, queue: Queue = TAGGING
) -> None:
    """Queue photos afresh. A job that is running stays so; a waiting one keeps the better priority."""
    db.executemany(
        f"""INSERT INTO {queue} (sha, state, priority, request, queued_at) VALUES (?, 'queued', ?, ?, ?)
        ON CONFLICT (sha) DO UPDATE SET
            request = coalesce(excluded.request, request),
            priority = CASE WHEN state IN ('queued', 'running') THEN min(priority, excluded.priority)
                       ELSE excluded.priority END,
            strikes = CASE WHEN state IN ('queued', 'running') THEN strikes ELSE 0 END,
            deaths = CASE WHEN state IN ('queued', 'running') THEN deaths ELSE 0 END,
            reason = CASE WHEN state IN ('queued', 'running') THEN reason END,
            discarded_at = NULL,
            state = CASE WHEN state = 'running' THEN 'running' ELSE 'queued' END,
            queued_at = excluded.queued_at""",
        [(sha, priority, request, now()) for sha in shas],
    )


def claim(
    db: sqlite3.Connection,
    owner: str,
    count: int,
    lease_seconds: float,
    request: str | None = None,
    *,
    unblemished: bool = False,
    queue: Queue = TAGGING,
    worst: Priority = Priority.BACKFILL,
    but: Collection[str] = (),
) -> list[Claim]:
    """Take up to `count` jobs, best priority first; a photo over which a worker died is taken alone.

    Call it inside `db.write`. Returns nothing while work is paused, with `unblemished` (others are in hand) nothing
    where the next photo has to be alone, and none of lower priority than `worst` nor of the photos in `but`.
    """
    if paused_since(db):
        return []
    moment = time.time()
    bury(db, "lease_until < ?", (moment,), queue)
    rows = db.execute(
        f"""SELECT id, deaths FROM {queue} WHERE state = 'queued' {"AND request = ?" if request else ""}
        AND priority <= ? AND sha NOT IN ({",".join("?" * len(but))}) ORDER BY priority, deaths, id LIMIT ?""",
        (*([request] if request else []), worst, *but, count),
    ).fetchall()
    if rows and rows[0]["deaths"]:
        taken = [] if unblemished else [rows[0]["id"]]
    else:
        taken = [row["id"] for row in rows if not row["deaths"]]
    return [
        Claim(row["id"], row["sha"], row["token"], owner, row["deaths"], queue)
        for job in taken
        for row in db.execute(
            f"""UPDATE {queue} SET state = 'running', owner = ?, token = token + 1, lease_until = ?
            WHERE id = ? RETURNING id, sha, token, deaths""",
            (owner, moment + lease_seconds, job),
        )
    ]


def bury(db: sqlite3.Connection, condition: str, arguments: Sequence[object], queue: Queue = TAGGING) -> None:
    """Give back the jobs of dead workers; a photo over which too many died is set aside."""
    db.execute(
        f"""UPDATE {queue} SET owner = NULL, lease_until = NULL, deaths = deaths + 1,
            state = CASE WHEN deaths + 1 >= {MAX_DEATHS} THEN 'set_aside' ELSE 'queued' END,
            reason = CASE WHEN deaths + 1 >= {MAX_DEATHS} THEN 'the worker died each time it looked at this photo' END
        WHERE state = 'running' AND {condition}""",
        arguments,
    )


def bury_owner(db: sqlite3.Connection, owner: str) -> int:
    """Give back the jobs of a worker that is known to be dead. Returns how many it held."""
    held = db.execute("SELECT count(*) FROM ut_jobs WHERE state = 'running' AND owner = ?", (owner,)).fetchone()[0]
    bury(db, "owner = ?", (owner,))
    return int(held)


def heartbeat(db: sqlite3.Connection, owner: str, lease_seconds: float, queue: Queue = TAGGING) -> None:
    """Extend the leases of everything that this owner holds."""
    db.execute(
        f"UPDATE {queue} SET lease_until = ? WHERE owner = ? AND state = 'running'",
        (time.time() + lease_seconds, owner),
    )


def finish(db: sqlite3.Connection, claim: Claim, seconds: float) -> bool:
    """Mark a claimed job done. False: the claim is no longer ours, so the caller must drop the result."""
    return _fenced(
        db,
        claim,
        "state = 'done', strikes = 0, deaths = 0, reason = NULL, finished_at = ?, seconds = ?",
        (now(), seconds),
    )


def fail(db: sqlite3.Connection, claim: Claim, failure: Failure) -> bool:
    """Record a failure. The photo's own: a strike, and the second sets it aside. Else it waits as `missing`."""
    reason = failure.reason if failure.stage in ("file", "decode") else f"{failure.stage}: {failure.reason}"
    if not failure.own_fault:
        return _fenced(db, claim, "state = 'missing', reason = ?", (reason,))
    return _fenced(
        db,
        claim,
        f"""strikes = strikes + 1, reason = ?,
        state = CASE WHEN strikes + 1 >= {MAX_STRIKES} THEN 'set_aside' ELSE 'queued' END""",
        (reason,),
    )


def set_aside(db: sqlite3.Connection, claim: Claim, reason: str) -> bool:
    """Set a claimed photo aside at once: there is nothing to be gained by trying again."""
    return _fenced(db, claim, "state = 'set_aside', reason = ?", (reason,))


def is_held(db: sqlite3.Connection, claim: Claim) -> bool:
    """Whether a claim is still ours: it may have been cancelled meanwhile."""
    found = db.execute(
        f"SELECT 1 FROM {claim.queue} WHERE id = ? AND owner = ? AND token = ? AND state = 'running'",
        (claim.id, claim.owner, claim.token),
    ).fetchone()
    return found is not None


def give_back(db: sqlite3.Connection, claim: Claim) -> bool:
    """Queue a claimed photo again as if it had never been taken."""
    return _fenced(db, claim, "state = 'queued'", ())


def release(db: sqlite3.Connection, owner: str, queue: Queue = TAGGING) -> None:
    """Give back what a worker that stops in good order still holds; costs the photos nothing."""
    db.execute(
        f"UPDATE {queue} SET state = 'queued', owner = NULL, lease_until = NULL WHERE owner = ? AND state = 'running'",
        (owner,),
    )


def _fenced(db: sqlite3.Connection, claim: Claim, changes: str, arguments: Sequence[object]) -> bool:
    """Change a job that is still ours; that of a photo which the application has removed goes with it."""
    if not db.execute("SELECT 1 FROM imgs WHERE imgsha = ?", (claim.sha,)).fetchone():
        db.execute(f"DELETE FROM {claim.queue} WHERE id = ?", (claim.id,))
        return False
    cursor = db.execute(
        f"""UPDATE {claim.queue} SET {changes}, owner = NULL, lease_until = NULL
        WHERE id = ? AND owner = ? AND token = ? AND state = 'running'""",
        (*arguments, claim.id, claim.owner, claim.token),
    )
    return cursor.rowcount == 1


def pause(db: sqlite3.Connection, *, at_once: bool = False) -> None:
    """No worker claims until `resume`; photos in hand are finished. Pausing twice keeps the first time.

    `at_once`: answers that a VLM server is working on are not waited for either; their photos stay queued.
    """
    keys = ("paused", "paused_at_once") if at_once else ("paused",)
    db.executemany("INSERT INTO ut_settings VALUES (?, ?) ON CONFLICT (key) DO NOTHING", [(key, now()) for key in keys])


def resume(db: sqlite3.Connection) -> None:
    """Let workers claim again."""
    db.execute("DELETE FROM ut_settings WHERE key IN ('paused', 'paused_at_once')")


def paused_at_once(db: sqlite3.Connection) -> bool:
    """Whether answers under way are not waited for."""
    return db.execute("SELECT 1 FROM ut_settings WHERE key = 'paused_at_once'").fetchone() is not None


def paused_since(db: sqlite3.Connection) -> str | None:
    """When work was paused (ISO 8601), None while it is not."""
    row = db.execute("SELECT value FROM ut_settings WHERE key = 'paused'").fetchone()
    return row["value"] if row else None


def cancel(db: sqlite3.Connection, locid: str | None = None, queue: Queue = TAGGING) -> int:
    """Cancel what is queued or running, all of it or a location's, in slices. Returns how many jobs."""
    where = "state IN ('queued', 'running')"
    found = db.execute(
        f"SELECT id FROM {queue} WHERE {where} {'AND sha IN (SELECT imgsha FROM imgs WHERE locid = ?)' * bool(locid)}",
        (locid,) if locid else (),
    )
    return _change(db, found, f"UPDATE {queue} SET state = 'cancelled', owner = NULL, lease_until = NULL", where)


def retry(db: sqlite3.Connection, shas: Sequence[str] | None = None, queue: Queue = TAGGING) -> int:
    """Queue set-aside and missing photos again with a clean record, in slices: these, or all that are not discarded.

    Returns how many.
    """
    where = "state IN ('set_aside', 'missing')"
    found = _troubled_ids(db, where, shas, queue)
    changes = f"""UPDATE {queue} SET state = 'queued', strikes = 0, deaths = 0, reason = NULL, discarded_at = NULL,
        priority = {Priority.PERSON}, queued_at = '{now()}'"""
    return _change(db, found, changes, where)


def discard(db: sqlite3.Connection, shas: Sequence[str] | None = None, queue: Queue = TAGGING) -> int:
    """Give set-aside and missing photos up, these or all, in slices: they are out of sight and never tried by chance.

    They count as cancelled; `retry` by name brings them back. Returns how many.
    """
    where = "state IN ('set_aside', 'missing') AND discarded_at IS NULL"
    found = _troubled_ids(db, where, shas, queue)
    return _change(db, found, f"UPDATE {queue} SET discarded_at = '{now()}'", where)


def _troubled_ids(db: sqlite3.Connection, where: str, shas: Sequence[str] | None, queue: Queue) -> sqlite3.Cursor:
    if shas is None:
        return db.execute(f"SELECT id FROM {queue} WHERE {where} AND discarded_at IS NULL")
    these = json.dumps(list(shas))
    return db.execute(f"SELECT id FROM {queue} WHERE {where} AND sha IN (SELECT value FROM json_each(?))", (these,))


def _change(db: sqlite3.Connection, found: sqlite3.Cursor, changes: str, where: str) -> int:
    """Change the jobs of these ids where the condition still holds. Returns how many it did."""
    changed = 0

    def change(part: Sequence[tuple[int]]) -> None:
        nonlocal changed
        changed += db.executemany(f"{changes} WHERE id = ? AND {where}", part).rowcount

    write_in_slices(db, [(row[0],) for row in found], change)
    return changed


def counts(db: sqlite3.Connection, request: str | None = None, queue: Queue = TAGGING) -> dict[str, int]:
    """How many jobs are in each state, of all or of one request; every state is named. Discarded ones are cancelled."""
    states = dict.fromkeys(("queued", "running", "done", "set_aside", "missing", "cancelled"), 0)
    asked = "request = ?" if request else "TRUE"
    given = (request,) if request else ()
    states |= dict(db.execute(f"SELECT state, count(*) FROM {queue} WHERE {asked} GROUP BY state", given).fetchall())
    gone = f"SELECT state, count(*) FROM {queue} WHERE discarded_at IS NOT NULL AND {asked} GROUP BY state"
    for state, number in db.execute(gone, given).fetchall():
        states[state] -= number
        states["cancelled"] += number
    return states


def open_count(db: sqlite3.Connection, request: str | None = None, queue: Queue = TAGGING) -> int:
    """How many jobs are queued or running, of all or of one request."""
    states = counts(db, request, queue)
    return states["queued"] + states["running"]


def any_queued(
    db: sqlite3.Connection, request: str | None, queue: Queue, worst: Priority, but: Collection[str] = ()
) -> bool:
    """Whether `claim` with the same arguments would find a photo, but for a pause and for leases that run out."""
    found = db.execute(
        f"""SELECT 1 FROM {queue} WHERE (state = 'queued' OR (state = 'running' AND lease_until < ?))
        {"AND request = ?" if request else ""} AND priority <= ? AND sha NOT IN ({",".join("?" * len(but))})
        LIMIT 1""",
        (time.time(), *([request] if request else []), worst, *but),
    ).fetchone()
    return found is not None


def forgive(db: sqlite3.Connection, shas: Iterable[str]) -> None:
    """Queue photos again that a broken stage failed, as if they had never been tried."""
    db.executemany(
        """UPDATE ut_jobs SET state = 'queued', strikes = 0, reason = NULL
        WHERE sha = ? AND state IN ('queued', 'set_aside')""",
        [(sha,) for sha in shas],
    )


def forgive_request(db: sqlite3.Connection, request: str) -> None:
    """Queue the photos of a request again that a stage failed, as if they had never been tried."""
    db.execute(
        """UPDATE ut_jobs SET state = 'queued', strikes = 0, reason = NULL
        WHERE request = ? AND strikes > 0 AND state IN ('queued', 'set_aside') AND reason LIKE '%: broke: %'""",
        (request,),
    )


def of_photo(db: sqlite3.Connection, sha: str, queue: Queue = TAGGING) -> sqlite3.Row | None:
    """A photo's job, None where it never had one."""
    row: sqlite3.Row | None = db.execute(f"SELECT * FROM {queue} WHERE sha = ?", (sha,)).fetchone()
    return row
