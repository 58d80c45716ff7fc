"""What the models said and what follows from it: evidence, derived tags, and the columns other programs read.

Evidence is kept as the stages gave it. `save_derived` keeps what was derived from it and from the owner's `rulings`,
and writes the published columns of `imgs` in the same transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from urbextag.records import Context, Derived, EraHint, Evidence, PhotoResult, Record, SceneResult, TagScore
from urbextag.store.db import now

Origin = Literal["model", "accepted", "added"]
Verdict = Literal["accept", "reject", "add", "clear"]


@dataclass(frozen=True, slots=True)
class EffectiveTag:
    """A tag that stands: a model's that nobody rejected, or a person's."""

    concept: str
    label: str
    confidence: float
    origin: Origin
    why: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's latest word on one concept of one photo."""

    concept: str
    label: str
    verdict: Verdict


def effective_tags(derived: Iterable[TagScore], decisions: Iterable[Decision]) -> list[EffectiveTag]:
    """Models' tags with a person's decisions on top: rejected ones go, accepted and added ones stay for ever.

    `derive` heeds the same decisions; here they get their origin, and those that it cannot know stand all the same: of
    a concept that has left the taxonomy, or on a photo that was never looked at. Ordered by confidence; what a person
    said has confidence 1.
    """
    said = {decision.concept: decision for decision in decisions}
    tags = {
        tag.id: EffectiveTag(tag.id, tag.label, tag.confidence, "model", tuple(asdict(why) for why in tag.why))
        for tag in derived
        if tag.id not in said or said[tag.id].verdict != "reject"
    }
    for decision in said.values():
        if decision.verdict in ("accept", "add"):
            origin: Origin = "accepted" if decision.verdict == "accept" else "added"
            model = tags.get(decision.concept)
            why = model.why if model else ()
            tags[decision.concept] = EffectiveTag(decision.concept, decision.label, 1.0, origin, why)
    return sorted(tags.values(), key=lambda tag: (-tag.confidence, tag.concept))


def save_stages(db: sqlite3.Connection, result: PhotoResult, stages_fingerprint: str, profile: str) -> None:
    """Replace what the stages said of a photo. Call it inside `db.write`."""
    sha, moment = result.photo.id, now()
    db.execute("DELETE FROM ut_results WHERE sha = ?", (sha,))
    db.executemany(
        "INSERT INTO ut_results VALUES (?, ?, ?, ?, ?)",
        [
            (sha, stage.stage, json.dumps([asdict(e) for e in stage.evidence]), json.dumps(dict(stage.data)), moment)
            for stage in result.stages
        ],
    )
    data = {stage.stage: stage.data for stage in result.stages}
    db.execute(
        "UPDATE ut_photos SET stages_fingerprint = ?, tagged_at = ? WHERE sha = ?", (stages_fingerprint, moment, sha)
    )
    db.execute(
        """UPDATE imgs SET quality_score = ?, scene_view_type = ?, scene_confidence = ?, scene_model = ?,
            tagging_model = ? WHERE imgsha = ?""",
        (
            data["quality"]["score"],
            result.scene.view_type,
            result.scene.confidence,
            result.scene.model,
            f"urbextag-{profile}",
            sha,
        ),
    )


def save_derived(db: sqlite3.Connection, derived: Derived, derived_fingerprint: str) -> None:
    """Replace a photo's tags, view, condition and era by what was derived. Call it inside `db.write`.

    Args:
        db: the archive's database.
        derived: what followed from the photo's evidence and its `rulings`, read in the same transaction.
        derived_fingerprint: what it was derived with (`rederive.fingerprint`).

    """
    sha = derived.id
    condition = derived.condition
    db.execute(
        """UPDATE ut_photos SET derived_fingerprint = ?, view_confidence = ?, condition_score = ?, condition_label = ?,
            era = ? WHERE sha = ?""",
        (
            derived_fingerprint,
            derived.view_confidence,
            condition.score if condition else None,
            condition.label if condition else None,
            json.dumps([asdict(hint) for hint in derived.era]),
            sha,
        ),
    )
    db.execute("UPDATE imgs SET view_type = ? WHERE imgsha = ?", (derived.view_type, sha))
    publish(db, sha, derived.tags)


def decide(db: sqlite3.Connection, sha: str, concept: str, label: str, verdict: Verdict) -> None:
    """Keep a person's word for ever and put it into effect. Call it inside `db.write`; derive the photo afterwards.

    `clear` takes an earlier word back.
    """
    db.execute(
        "INSERT INTO ut_decisions (sha, concept, label, verdict, at) VALUES (?, ?, ?, ?, ?)",
        (sha, concept, label, verdict, now()),
    )


def decisions(db: sqlite3.Connection, sha: str) -> list[Decision]:
    """The latest decision on each concept of a photo, oldest first; cleared ones left out."""
    rows = db.execute(
        """SELECT concept, label, verdict FROM ut_decisions WHERE id IN
            (SELECT max(id) FROM ut_decisions WHERE sha = ? GROUP BY concept) AND verdict <> 'clear'
        ORDER BY id""",
        (sha,),
    )
    return [Decision(*row) for row in rows]


def rulings(db: sqlite3.Connection, sha: str) -> dict[str, bool]:
    """A person's word on a photo as `taxonomy.derive` takes it: {concept: whether it is there}, oldest first."""
    return {decision.concept: decision.verdict != "reject" for decision in decisions(db, sha)}


def publish(db: sqlite3.Connection, sha: str, derived: Iterable[TagScore]) -> None:
    """Replace the tags that stand for a photo, with its decisions on top, and the columns other programs read."""
    tags = effective_tags(derived, decisions(db, sha))
    db.execute("DELETE FROM ut_tags WHERE sha = ?", (sha,))
    db.executemany(
        "INSERT INTO ut_tags VALUES (?, ?, ?, ?, ?, ?)",
        [(sha, tag.concept, tag.label, tag.confidence, tag.origin, json.dumps(tag.why)) for tag in tags],
    )
    by_person = [tag.origin != "model" for tag in tags]
    source = "urbextag" if not any(by_person) else "manual" if all(by_person) else "hybrid"
    db.execute(
        """UPDATE imgs SET auto_tags = ?, auto_tags_source = ?, auto_tags_confidence = ?, auto_tags_at = ?
        WHERE imgsha = ?""",
        (
            json.dumps([tag.label for tag in tags]),
            source,
            json.dumps({tag.label: round(tag.confidence, 3) for tag in tags}),
            now(),
            sha,
        ),
    )


def tags(db: sqlite3.Connection, sha: str) -> list[EffectiveTag]:
    """The tags that stand for a photo, most certain first."""
    rows = db.execute(
        "SELECT concept, label, confidence, origin, why FROM ut_tags WHERE sha = ? ORDER BY confidence DESC, concept",
        (sha,),
    )
    return [
        EffectiveTag(row["concept"], row["label"], row["confidence"], row["origin"], tuple(json.loads(row["why"])))
        for row in rows
    ]


def stages(db: sqlite3.Connection, sha: str) -> dict[str, dict[str, Any]]:
    """What each stage said of a photo: {stage: {"evidence": [...], "data": {...}}}, empty before it was tagged."""
    rows = db.execute("SELECT stage, evidence, data FROM ut_results WHERE sha = ? ORDER BY stage", (sha,))
    return {row["stage"]: {"evidence": json.loads(row["evidence"]), "data": json.loads(row["data"])} for row in rows}


def derived_facts(db: sqlite3.Connection, sha: str) -> dict[str, Any]:
    """View type, condition and era of a photo in the form of `taxonomy derive`; no view type before it was tagged."""
    row = db.execute(
        """SELECT view_type, view_confidence, condition_score, condition_label, era
        FROM ut_photos JOIN imgs ON imgsha = sha WHERE sha = ?""",
        (sha,),
    ).fetchone()
    tagged = row["view_confidence"] is not None
    view = {"value": row["view_type"], "confidence": row["view_confidence"]} if tagged else None
    condition = {"score": row["condition_score"], "label": row["condition_label"]} if row["condition_label"] else None
    return {"view_type": view, "condition": condition, "era": json.loads(row["era"] or "[]")}


def records(db: sqlite3.Connection, contexts: Mapping[str, Context]) -> list[tuple[Record, SceneResult]]:
    """The kept evidence of these photos as records to derive from; photos that were never looked at are left out."""
    rows = db.execute(
        f"SELECT sha, stage, evidence, data FROM ut_results WHERE sha IN ({','.join('?' * len(contexts))})",
        tuple(contexts),
    )
    evidence: dict[str, list[Evidence]] = {}
    scenes: dict[str, SceneResult] = {}
    for row in rows:
        for piece in json.loads(row["evidence"]):
            box = piece.pop("box")
            evidence.setdefault(row["sha"], []).append(Evidence(**piece, box=tuple(box) if box else None))
        if row["stage"] == "scene":
            scenes[row["sha"]] = SceneResult.from_json(json.loads(row["data"]))
    return [(Record(sha, contexts[sha], tuple(evidence.get(sha, ()))), scene) for sha, scene in scenes.items()]


def era_hints(text: str | None) -> list[EraHint]:
    """The era hints of `ut_photos.era`."""
    return [EraHint(**(hint | {"years": tuple(hint["years"])})) for hint in json.loads(text or "[]")]
