"""Which photos a run is about: missing, failed, changed configuration, a location's, one, or all."""

from __future__ import annotations

import sqlite3
from typing import Literal, get_args

Scope = Literal["missing", "failed", "changed", "location", "photo", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def select(db: sqlite3.Connection, scope: Scope, stages_fingerprint: str, name: str | None = None) -> list[str]:
    """The photos of a scope. A photo that is set aside is in all scopes but `missing` and `changed`.

    Args:
        db: the archive.
        scope: `missing`: never tagged; `failed`: set aside, missing or cancelled; `changed`: tagged by other stages
            or options (another taxonomy or context needs no stages: see `rederive`); `location`, `photo`: by id.
        stages_fingerprint: of the stages that would run.
        name: the locid or SHA-256 of the scopes `location` and `photo`.

    """
    untagged = """SELECT ut_photos.sha FROM ut_photos LEFT JOIN ut_jobs ON ut_jobs.sha = ut_photos.sha AND kind = 'tag'
        WHERE tagged_at IS NULL AND (state IS NULL OR state <> 'set_aside')"""
    queries: dict[Scope, tuple[str, tuple[str, ...]]] = {
        "missing": (untagged, ()),
        "failed": ("SELECT sha FROM ut_jobs WHERE kind = 'tag' AND state IN ('set_aside', 'missing', 'cancelled')", ()),
        "changed": ("SELECT sha FROM ut_photos WHERE stages_fingerprint <> ?", (stages_fingerprint,)),
        "location": ("SELECT imgsha FROM imgs WHERE locid = ?", (name or "",)),
        "photo": ("SELECT imgsha FROM imgs WHERE imgsha = ?", (name or "",)),
        "all": ("SELECT sha FROM ut_photos", ()),
    }
    sql, arguments = queries[scope]
    return [row[0] for row in db.execute(sql, arguments)]


def derivable(db: sqlite3.Connection, stages_fingerprint: str) -> list[tuple[str, str | None, str | None]]:
    """(SHA-256, locid, derived fingerprint) of every photo whose kept evidence is up to date."""
    rows = db.execute(
        """SELECT sha, locid, derived_fingerprint FROM ut_photos JOIN imgs ON imgsha = sha
        WHERE stages_fingerprint = ? ORDER BY sha""",
        (stages_fingerprint,),
    )
    return [(row["sha"], row["locid"], row["derived_fingerprint"]) for row in rows]
