"""Which photos a run is about: missing, failed, changed configuration, a location's, one, or all."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal, get_args

from urbextag.records import ViewType

Scope = Literal["missing", "failed", "changed", "location", "photo", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def select(db: sqlite3.Connection, scope: Scope, stages_fingerprint: str, name: str | None = None) -> list[str]:
    """The photos of a scope, those left out that were replaced at their path.

    Args:
        db: the archive.
        scope: `missing`: never tagged, or queued; `failed`: set aside, missing or cancelled; `changed`: tagged by
            other stages or options (another taxonomy or context needs no stages: see `rederive`); `location`,
            `photo`: by id. `missing` and `changed` leave out what is set aside or has no file.
        stages_fingerprint: of the stages that would run.
        name: the locid or SHA-256 of the scopes `location` and `photo`.

    """
    well = "coalesce(state, '') NOT IN ('set_aside', 'missing')"
    conditions: dict[Scope, tuple[str, tuple[str, ...]]] = {
        "missing": (f"state = 'queued' OR (tagged_at IS NULL AND {well})", ()),
        "failed": ("state IN ('set_aside', 'missing', 'cancelled')", ()),
        "changed": (f"stages_fingerprint <> ? AND {well}", (stages_fingerprint,)),
        "location": ("ut_photos.sha IN (SELECT imgsha FROM imgs WHERE locid = ?)", (name or "",)),
        "photo": ("ut_photos.sha = ?", (name or "",)),
        "all": ("TRUE", ()),
    }
    condition, arguments = conditions[scope]
    rows = db.execute(
        f"""SELECT ut_photos.sha FROM ut_photos LEFT JOIN ut_jobs USING (sha) WHERE ({condition})
        AND ut_photos.sha NOT IN (SELECT imgsha FROM imgs WHERE hidden_reason = 'replaced')""",
        arguments,
    )
    return [row["sha"] for row in rows]


def derivable(db: sqlite3.Connection, stages_fingerprint: str) -> list[tuple[str, str | None, str | None]]:
    """(SHA-256, locid, derived fingerprint) of every photo whose kept evidence is up to date.

    That of a photo which no stage has looked at is what another tagger or a VLM said of it.
    """
    rows = db.execute(
        """SELECT ut_photos.sha, locid, derived_fingerprint FROM ut_photos JOIN imgs ON imgsha = ut_photos.sha
        WHERE stages_fingerprint = ? OR (stages_fingerprint IS NULL AND derived_fingerprint IS NOT NULL
            AND EXISTS (SELECT 1 FROM ut_results WHERE ut_results.sha = ut_photos.sha))
        ORDER BY ut_photos.sha""",
        (stages_fingerprint,),
    )
    return [(row["sha"], row["locid"], row["derived_fingerprint"]) for row in rows]


def tagged_at(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, str]:
    """When each of these photos was last looked at (ISO 8601); those that never were are left out."""
    marks = ",".join("?" * len(shas))
    rows = db.execute(
        f"""SELECT sha, tagged_at || ' ' || stages_fingerprint FROM ut_photos
        WHERE tagged_at IS NOT NULL AND sha IN ({marks})""",
        tuple(shas),
    )
    return {row[0]: row[1] for row in rows}


def prompts(
    db: sqlite3.Connection, stages_fingerprint: str
) -> list[tuple[str, str | None, ViewType | None, str | None]]:
    """(SHA-256, locid, view by its embedding, prompt about its place) of the photos that these stages looked at."""
    rows = db.execute(
        """SELECT photo.sha, locid, json_extract(seen.data, '$.view_type'), json_extract(told.data, '$.prompt')
        FROM ut_photos AS photo JOIN imgs ON imgsha = photo.sha
        JOIN ut_results AS told ON told.sha = photo.sha AND told.stage = 'florence'
        LEFT JOIN ut_results AS seen ON seen.sha = photo.sha AND seen.stage = 'embedding'
        WHERE stages_fingerprint = ? ORDER BY photo.sha""",
        (stages_fingerprint,),
    )
    return [tuple(row) for row in rows]
