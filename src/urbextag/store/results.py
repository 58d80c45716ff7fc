"""What the stages said of a photo, kept as they said it: evidence, data, embedding."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from urbextag.records import (
    LEGACY_STAGE,
    VLM_STAGE,
    Context,
    Evidence,
    Material,
    PhotoResult,
    Record,
    scene_in,
    technical_in,
)
from urbextag.store import embeddings
from urbextag.store.db import now
from urbextag.store.decisions import Decision, rulings


def save(db: sqlite3.Connection, result: PhotoResult, stages_fingerprint: str, profile: str) -> None:
    """Replace what the stages said of a photo. Call it inside `db.write`; save what follows from it with it.

    An embedding stays until there is another one: it is right for the picture, whatever the profile. So does what a
    VLM said, which is asked on its own and is dear, and what a tagger said that was here before.
    """
    sha, moment = result.photo.id, now()
    db.execute("DELETE FROM ut_results WHERE sha = ? AND stage NOT IN (?, ?)", (sha, VLM_STAGE, LEGACY_STAGE))
    db.executemany(
        "INSERT INTO ut_results VALUES (?, ?, ?, ?, ?)",
        [
            (sha, stage.stage, json.dumps([asdict(e) for e in stage.evidence]), json.dumps(dict(stage.data)), moment)
            for stage in result.stages
        ],
    )
    model = tagging_model(result, profile)
    db.execute(
        "UPDATE ut_photos SET stages_fingerprint = ?, tagged_at = ?, tagger = ? WHERE sha = ?",
        (stages_fingerprint, moment, model, sha),
    )
    db.execute("UPDATE imgs SET tagging_model = ? WHERE imgsha = ?", (model, sha))
    if result.embedding:
        embeddings.save(db, sha, result.embedding)


def tagging_model(result: PhotoResult, profile: str) -> str:
    """What described the photo: the tagger, else the dual encoder, else the profile."""
    if "florence" in result.data:
        return str(result.data["florence"]["model"])
    return result.embedding.model if result.embedding else f"urbextag-{profile}"


def stages(db: sqlite3.Connection, sha: str) -> dict[str, dict[str, Any]]:
    """What each stage said of a photo: {stage: {"evidence": [...], "data": {...}}}, empty before it was tagged."""
    rows = db.execute("SELECT stage, evidence, data FROM ut_results WHERE sha = ? ORDER BY stage", (sha,))
    return {row["stage"]: {"evidence": json.loads(row["evidence"]), "data": json.loads(row["data"])} for row in rows}


def moments(db: sqlite3.Connection, sha: str) -> dict[str, str]:
    """When each stage said what is kept of it (ISO 8601), by the stage's name."""
    return dict(db.execute("SELECT stage, at FROM ut_results WHERE sha = ?", (sha,)).fetchall())


def materials(
    db: sqlite3.Connection,
    contexts: Mapping[str, Context],
    decisions: Mapping[str, Sequence[Decision]],
    without: str = "",
) -> list[Material]:
    """What is kept of these photos, to derive from; photos that were never looked at are left out.

    `without`: a stage whose word does not count.
    """
    marks = ",".join("?" * len(contexts))
    rows = db.execute(
        f"SELECT sha, stage, evidence, data FROM ut_results WHERE sha IN ({marks}) AND stage <> ? ORDER BY sha",
        (*contexts, without),
    )
    evidence: dict[str, list[Evidence]] = {}
    data: dict[str, dict[str, Any]] = {}
    for sha, stage, said, put_down in rows:
        data.setdefault(sha, {})[stage] = json.loads(put_down)
        evidence.setdefault(sha, []).extend(
            Evidence(piece["source"], piece["label"], piece["score"], tuple(piece["box"]) if piece["box"] else None)
            for piece in json.loads(said)
        )
    seen = embeddings.of(db, list(data))
    return [
        Material(
            Record(sha, contexts[sha], tuple(evidence[sha])),
            scene_in(said),
            seen.get(sha),
            technical_in(said),
            rulings(decisions.get(sha, ())),
        )
        for sha, said in data.items()
    ]
