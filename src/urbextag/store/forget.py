"""Forgets what was seen on a photo, so that it counts as never tagged; a person's word on it stays."""

from __future__ import annotations

import sqlite3

from urbextag.records import LEGACY_STAGE
from urbextag.store import jobs

_OF_MODELS = (
    "view_type", "scene_view_type", "scene_confidence", "scene_model", "quality_score", "tagging_model",
    "vlm_description", "vlm_condition_notes", "vlm_enhanced_tags", "vlm_readable_text", "vlm_processed_at", "vlm_model",
)  # fmt: skip
"""Columns of `imgs` that say what a stage or a VLM saw."""
_OF_STAGES = (
    "stages_fingerprint", "derived_fingerprint", "tagged_at", "tagger", "view_confidence", "condition_score",
    "condition_label", "era", "condition_elements", "view_conflict", "published",
)  # fmt: skip
"""Columns of `ut_photos` that say what followed from it."""


def forget(db: sqlite3.Connection, sha: str) -> None:
    """Forget what stages and VLMs said of a photo. Call it inside `db.write`; put decisions into effect afterwards.

    What a tagger said that was here before is kept, since nothing could bring it back. A job that a worker has in hand
    is cancelled, so that its result is dropped; one that is queued or in trouble stays.
    """
    db.execute("DELETE FROM ut_results WHERE sha = ? AND stage <> ?", (sha, LEGACY_STAGE))
    for table in ("ut_embeddings", "ut_vlm_rejections"):
        db.execute(f"DELETE FROM {table} WHERE sha = ?", (sha,))
    for queue in (jobs.TAGGING, jobs.VLM):
        db.execute(
            f"""UPDATE {queue} SET state = 'cancelled', owner = NULL, lease_until = NULL
            WHERE sha = ? AND state = 'running'""",
            (sha,),
        )
        db.execute(f"DELETE FROM {queue} WHERE sha = ? AND state = 'done'", (sha,))
    # A VLM is asked about tagged photos only
    db.execute("UPDATE ut_vlm_jobs SET state = 'cancelled' WHERE sha = ? AND state = 'queued'", (sha,))
    db.execute(f"UPDATE imgs SET {', '.join(f'{name} = NULL' for name in _OF_MODELS)} WHERE imgsha = ?", (sha,))
    db.execute(f"UPDATE ut_photos SET {', '.join(f'{name} = NULL' for name in _OF_STAGES)} WHERE sha = ?", (sha,))


def unpublish(db: sqlite3.Connection, sha: str) -> None:
    """Empty the columns for other programs of a photo that has no tag left. Call it inside `db.write`."""
    columns = ("auto_tags", "auto_tags_source", "auto_tags_confidence", "auto_tags_at")
    tagless = "NOT EXISTS (SELECT 1 FROM ut_tags WHERE ut_tags.sha = ?1)"
    db.execute(
        f"UPDATE imgs SET {', '.join(f'{name} = NULL' for name in columns)} WHERE imgsha = ?1 AND {tagless}", (sha,)
    )
    db.execute(f"UPDATE ut_photos SET published_at = NULL WHERE sha = ?1 AND {tagless}", (sha,))
