"""What VLMs said of photos: answers with the columns other programs read, replies that were not believed, rates."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from urbextag.records import VLM_STAGE, StageResult
from urbextag.store import jobs
from urbextag.store.db import now

Scope = Literal["missing", "all", "location", "photo", "changed"]


@dataclass(frozen=True, slots=True)
class Rate:
    """How one endpoint has been doing of late."""

    endpoint: str
    photos: int
    """Of the last finished ones that the mean is over."""
    seconds: float
    """Mean time from request to saved answer."""
    last: str
    """When it last finished one (ISO 8601)."""


def save(db: sqlite3.Connection, sha: str, said: StageResult) -> None:
    """Keep a believed answer in place of the one before. Call it inside `db.write`; derive the photo afterwards."""
    moment = now()
    db.execute(
        "INSERT OR REPLACE INTO ut_results VALUES (?, ?, ?, ?, ?)",
        (sha, VLM_STAGE, json.dumps([asdict(piece) for piece in said.evidence]), json.dumps(dict(said.data)), moment),
    )
    publish(db, sha, said.data, moment)
    db.execute("DELETE FROM ut_vlm_rejections WHERE sha = ?", (sha,))


def publish(db: sqlite3.Connection, sha: str, data: Mapping[str, Any], at: str) -> None:
    """Write the columns other programs read, from what was kept of an answer. Call it inside `db.write`."""
    answer = data["answer"]
    db.execute(
        """UPDATE imgs SET vlm_description = ?, vlm_condition_notes = ?, vlm_enhanced_tags = ?, vlm_readable_text = ?,
            vlm_processed_at = ?, vlm_model = ? WHERE imgsha = ?""",
        (
            answer["description"],
            answer["condition_notes"],
            json.dumps(answer["enhanced_tags"]),
            json.dumps(answer["readable_text"]),
            at,
            data["model"],
            sha,
        ),
    )


def finish(db: sqlite3.Connection, claim: jobs.Claim, seconds: float, endpoint: str) -> bool:
    """Mark a claimed photo done by an endpoint. False: the claim was lost, so the answer must be dropped."""
    if not jobs.finish(db, claim, seconds):
        return False
    db.execute("UPDATE ut_vlm_jobs SET endpoint = ? WHERE id = ?", (endpoint, claim.id))
    return True


def reject(
    db: sqlite3.Connection, claim: jobs.Claim, endpoint: str, model: str, reason: str, replies: Sequence[dict[str, Any]]
) -> bool:
    """Set a claimed photo aside with the replies that nobody could believe; an answer that stands stays."""
    if not jobs.set_aside(db, claim, reason):
        return False
    db.execute(
        "INSERT OR REPLACE INTO ut_vlm_rejections VALUES (?, ?, ?, ?, ?, ?)",
        (claim.sha, now(), endpoint, model, reason, json.dumps(list(replies))),
    )
    return True


def rejection(db: sqlite3.Connection, sha: str) -> dict[str, Any] | None:
    """The replies that were not believed, None where the last answer was."""
    row = db.execute("SELECT * FROM ut_vlm_rejections WHERE sha = ?", (sha,)).fetchone()
    return {**dict(row), "replies": json.loads(row["replies"])} if row else None


def select(db: sqlite3.Connection, scope: Scope, name: str | None = None) -> list[str]:
    """The tagged photos of a scope, those left out that were replaced at their path or whose file is missing.

    Args:
        db: the archive.
        scope: `missing`: no answer yet and not set aside, or queued; `changed`: those with an answer (which of their
            requests really changed is `vlm.known`'s to say); `location`, `photo`: by id; `all`.
        name: the locid or SHA-256 of the scopes `location` and `photo`.

    """
    conditions: dict[Scope, tuple[str, tuple[str, ...]]] = {
        "missing": (
            "job.state = 'queued' OR (vlm_processed_at IS NULL AND coalesce(job.state, '') <> 'set_aside')",
            (),
        ),
        "changed": ("vlm_processed_at IS NOT NULL", ()),
        "location": ("locid = ?", (name or "",)),
        "photo": ("imgsha = ?", (name or "",)),
        "all": ("TRUE", ()),
    }
    condition, arguments = conditions[scope]
    rows = db.execute(
        f"""SELECT imgsha FROM imgs JOIN ut_photos ON sha = imgsha LEFT JOIN ut_vlm_jobs AS job USING (sha)
        WHERE ({condition}) AND tagged_at IS NOT NULL AND hidden_reason IS NOT 'replaced'
        AND coalesce(job.state, '') <> 'missing' ORDER BY locid, imgsha""",
        arguments,
    )
    return [row["imgsha"] for row in rows]


def undescribed(db: sqlite3.Connection, shas: Sequence[str]) -> list[str]:
    """Those of these photos that have no answer yet, or are queued for another."""
    rows = db.execute(
        f"""SELECT imgsha FROM imgs LEFT JOIN ut_vlm_jobs ON sha = imgsha
        WHERE imgsha IN ({",".join("?" * len(shas))}) AND vlm_processed_at IS NOT NULL AND state IS NOT 'queued'""",
        tuple(shas),
    )
    described = {row["imgsha"] for row in rows}
    return [sha for sha in shas if sha not in described]


def asked(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(fingerprint of what was asked, model by the settings) of each of these photos that has an answer."""
    rows = db.execute(
        f"""SELECT sha, json_extract(data, '$.fingerprint'), json_extract(data, '$.configured') FROM ut_results
        WHERE stage = '{VLM_STAGE}' AND sha IN ({",".join("?" * len(shas))})""",
        tuple(shas),
    )
    return {sha: (fingerprint, model) for sha, fingerprint, model in rows}


def rates(db: sqlite3.Connection) -> list[Rate]:
    """How each endpoint did over the last 200 photos."""
    rows = db.execute(
        """SELECT endpoint, count(*), avg(seconds), max(finished_at) FROM
        (SELECT endpoint, seconds, finished_at FROM ut_vlm_jobs
            WHERE state = 'done' AND endpoint IS NOT NULL ORDER BY finished_at DESC LIMIT 200)
        GROUP BY endpoint ORDER BY endpoint"""
    )
    return [Rate(*row) for row in rows]
