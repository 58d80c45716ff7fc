"""Fills the published columns again where the application has lost them, from what our own tables keep."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence

from urbextag.records import VLM_STAGE
from urbextag.store import findings, vlm
from urbextag.store.db import write_in_slices


def lost(db: sqlite3.Connection) -> list[str]:
    """The photos whose published columns are empty though something was published."""
    rows = db.execute(
        f"""SELECT sha FROM ut_photos JOIN imgs ON imgsha = sha
        WHERE (auto_tags IS NULL OR (tagging_model IS NULL AND tagger IS NOT NULL)) AND published_at IS NOT NULL
            AND (tagged_at IS NOT NULL OR EXISTS (SELECT 1 FROM ut_tags WHERE ut_tags.sha = ut_photos.sha))
        UNION SELECT sha FROM ut_results JOIN imgs ON imgsha = sha
        WHERE stage = '{VLM_STAGE}' AND vlm_processed_at IS NULL
        UNION SELECT sha FROM ut_backfill JOIN imgs ON imgsha = sha
        WHERE taken AND source <> 'mock' AND auto_tags_legacy IS NULL
            AND json_extract(columns, '$.auto_tags') IS NOT NULL"""
    )
    return [row[0] for row in rows]


def refill(db: sqlite3.Connection, shas: Sequence[str], done: Callable[[int], None] = lambda count: None) -> None:
    """Write the published columns of photos once more, in short transactions; `done` hears how many so far."""

    def fill(part: Sequence[str]) -> None:
        marks = ",".join("?" * len(part))
        known = db.execute(
            f"SELECT sha FROM ut_photos WHERE published_at IS NOT NULL AND sha IN ({marks})", tuple(part)
        )
        findings.republish(db, [row[0] for row in known])
        said = db.execute(
            f"SELECT sha, data, at FROM ut_results WHERE stage = '{VLM_STAGE}' AND sha IN ({marks})", tuple(part)
        )
        for sha, data, at in said.fetchall():
            vlm.publish(db, sha, json.loads(data), at)
        db.execute(
            f"""UPDATE imgs SET auto_tags_legacy = coalesce(json_extract(columns, '$.auto_tags_legacy'),
                json_extract(columns, '$.auto_tags')) FROM ut_backfill
            WHERE sha = imgsha AND taken AND source <> 'mock' AND auto_tags_legacy IS NULL AND imgsha IN ({marks})""",
            tuple(part),
        )

    write_in_slices(db, shas, fill, done)
