"""What follows from what was seen: tags, view, condition, era and quality, with the columns other programs read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from urbextag.records import Condition, ElementCondition, EraHint, Findings, TagScore, ViewConflict, Why
from urbextag.store import grid
from urbextag.store.attach import take_up
from urbextag.store.db import now
from urbextag.store.decisions import Decision
from urbextag.store.legacy import keep_before_publishing

PHOTO_COLUMNS = (
    "view_confidence", "condition_score", "condition_label", "era", "condition_elements", "view_conflict",
)  # fmt: skip
"""What `ut_photos` holds of a photo's findings."""
Origin = Literal["model", "accepted", "added"]
TagRow = tuple[str, str, float, str, str]
"""concept, label, confidence, origin, why as JSON."""
PUBLISH = """UPDATE imgs SET auto_tags = ?, auto_tags_source = ?, auto_tags_confidence = ?, auto_tags_at = ?
    WHERE imgsha = ?"""


@dataclass(frozen=True, slots=True)
class Rows:
    """One photo's findings as the database holds them; plain values, so they cross processes."""

    sha: str
    photo: tuple[object, ...]
    """The columns of `ut_photos` in `PHOTO_COLUMNS`."""
    columns: tuple[object, ...]
    """view_type, quality_score, scene_view_type, scene_confidence, scene_model of `imgs`."""
    tags: tuple[TagRow, ...]
    """Best first."""


@dataclass(frozen=True, slots=True)
class EffectiveTag:
    """A tag that stands: a model's that nobody rejected, or a person's."""

    concept: str
    label: str
    confidence: float
    origin: Origin
    why: tuple[Mapping[str, Any], ...]


def rows_of(findings: Findings, decisions: Sequence[Decision]) -> Rows:
    """Findings as the database holds them, with a person's decisions on the same photo on top."""
    derived, scene, condition = findings.derived, findings.scene, findings.derived.condition
    seen = (scene.view_type, scene.confidence, scene.model) if scene else (None, None, None)
    return Rows(
        derived.id,
        (
            derived.view_confidence,
            condition.score if condition else None,
            condition.label if condition else None,
            json.dumps([asdict(hint) for hint in derived.era]),
            json.dumps([asdict(element) for element in condition.elements]) if condition else None,
            json.dumps(asdict(derived.view_conflict)) if derived.view_conflict else None,
        ),
        (derived.view_type, findings.quality, *seen),
        _tag_rows(derived.tags, decisions),
    )


def _tag_rows(derived: Iterable[TagScore], decisions: Iterable[Decision]) -> tuple[TagRow, ...]:
    """Models' tags with a person's decisions on top: rejected ones go, accepted and added ones stay for ever.

    `derive` heeds the same decisions; here they get their origin, and those that it cannot know stand all the same: of
    a concept that has left the taxonomy, or on a photo that was never looked at. Ordered by confidence; what a person
    said has confidence 1.
    """
    said = {decision.concept: decision for decision in decisions}
    tags: dict[str, TagRow] = {
        tag.id: (tag.id, tag.label, tag.confidence, "model", _why_json(tag.why))
        for tag in derived
        if tag.id not in said or said[tag.id].verdict != "reject"
    }
    for decision in said.values():
        if decision.verdict in ("accept", "add"):
            origin = "accepted" if decision.verdict == "accept" else "added"
            why = tags[decision.concept][4] if decision.concept in tags else _why_json(())
            tags[decision.concept] = (decision.concept, decision.label, 1.0, origin, why)
    return tuple(sorted(tags.values(), key=lambda tag: (-tag[2], tag[0])))


def _why_json(reasons: Iterable[Why]) -> str:
    """Reasons as JSON. Put together here: `json.dumps` of an object each takes three times as long."""
    each = [
        f'{{"source": {_quoted(why.source)}, "label": {_quoted(why.label)}, "weight": {why.weight!r}}}'
        for why in reasons
    ]
    return f"[{', '.join(each)}]"


@lru_cache(maxsize=1 << 12)
def _quoted(text: str) -> str:
    """A JSON string. Cached: one sentence stands behind several tags of its photo."""
    return json.dumps(text)


def save(db: sqlite3.Connection, found: Rows, derived_fingerprint: str) -> None:
    """Replace a photo's tags, view, condition, era and quality by these. Call it inside `db.write`.

    Args:
        db: the archive's database.
        found: what followed from the photo's material and from decisions that were read in the same transaction.
        derived_fingerprint: what it was derived with (`Deriver.fingerprint`).

    """
    save_all(db, [(found, derived_fingerprint)])


def save_all(db: sqlite3.Connection, found: Sequence[tuple[Rows, str]]) -> None:
    """`save` several photos, each with its fingerprint. Call it inside `db.write`."""
    db.executemany(
        f"""UPDATE ut_photos SET {", ".join(f"{name} = ?" for name in PHOTO_COLUMNS)}, derived_fingerprint = ?,
            published = ? WHERE sha = ?""",
        [(*rows.photo, fingerprint, json.dumps(rows.columns), rows.sha) for rows, fingerprint in found],
    )
    db.executemany(
        """UPDATE imgs SET view_type = ?, quality_score = coalesce(?, CASE WHEN imgsha IN
                (SELECT sha FROM ut_photos WHERE tagged_at IS NULL) THEN quality_score END),
            scene_view_type = ?, scene_confidence = ?, scene_model = ?
        WHERE imgsha = ?""",  # the quality that another program measured stands until a stage has measured it
        [(*rows.columns, rows.sha) for rows, _ in found],
    )
    _publish(db, {rows.sha: rows.tags for rows, _ in found})


def republish(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Write the columns other programs read once more, as they were, from our own tables. Call it inside `db.write`.

    An application that rebuilt `imgs` may have lost them. A VLM's are `vlm.publish`'s.
    """
    marks = ",".join("?" * len(shas))
    kept = db.execute(
        f"SELECT sha, tagger, published, published_at FROM ut_photos WHERE sha IN ({marks})", tuple(shas)
    ).fetchall()
    db.executemany("UPDATE imgs SET tagging_model = ? WHERE imgsha = ?", [(row["tagger"], row["sha"]) for row in kept])
    db.executemany(
        """UPDATE imgs SET view_type = ?, quality_score = coalesce(?, quality_score), scene_view_type = ?,
            scene_confidence = ?, scene_model = ? WHERE imgsha = ?""",
        [(*json.loads(row["published"]), row["sha"]) for row in kept if row["published"]],
    )
    tags = _stored_tags(db, shas)
    db.executemany(PUBLISH, [(*_columns_of(tags[row["sha"]]), row["published_at"], row["sha"]) for row in kept])
    grid.put(db, shas)


def publish_decisions(db: sqlite3.Connection, sha: str, decisions: Sequence[Decision]) -> None:
    """Put a person's word into effect on a photo that no model has looked at. Call it inside `db.write`."""
    take_up(db, [sha])  # the application may have imported it a moment ago
    _publish(db, {sha: _tag_rows((), decisions)})


def publish_words(db: sqlite3.Connection, words: Mapping[str, Sequence[Decision]]) -> None:
    """`publish_decisions` of several photos that are known here. Call it inside `db.write`."""
    _publish(db, {sha: _tag_rows((), decisions) for sha, decisions in words.items()})


def _publish(db: sqlite3.Connection, tags: Mapping[str, Sequence[TagRow]]) -> None:
    """Replace the tags that stand for photos, and the columns other programs read.

    Only rows that differ are written: a row taken out and put back moves pages of two trees, which is most of the work.
    What another program left in the columns is kept first.
    """
    keep_before_publishing(db, list(tags))
    gone: list[tuple[str, str]] = []
    fresh: list[tuple[str, *TagRow]] = []
    for sha, has in _stored_tags(db, list(tags)).items():
        stands = {tag[0]: tag for tag in has}
        fresh += [(sha, *tag) for tag in tags[sha] if stands.pop(tag[0], None) != tag]
        gone += [(sha, concept) for concept in stands]
    db.executemany("DELETE FROM ut_tags WHERE sha = ? AND concept = ?", gone)
    db.executemany(
        """INSERT INTO ut_tags VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sha, concept) DO UPDATE SET
            label = excluded.label, confidence = excluded.confidence, origin = excluded.origin, why = excluded.why""",
        fresh,
    )
    moment = now()
    db.executemany(PUBLISH, [(*_columns_of(has), moment, sha) for sha, has in tags.items()])
    grid.put(db, list(tags))
    grid.put_tags(db, {sha: [tag[:4] for tag in has] for sha, has in tags.items()})
    db.executemany("UPDATE ut_photos SET published_at = ? WHERE sha = ?", [(moment, sha) for sha in tags])


def _columns_of(tags: Sequence[TagRow]) -> tuple[str, str, str]:
    """auto_tags, auto_tags_source, auto_tags_confidence of `imgs`."""
    by_person = [origin != "model" for _, _, _, origin, _ in tags]
    return (
        json.dumps([label for _, label, _, _, _ in tags]),
        "urbextag" if not any(by_person) else "manual" if all(by_person) else "hybrid",
        json.dumps({label: round(confidence, 3) for _, label, confidence, _, _ in tags}),
    )


def stored(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, Rows]:
    """What stands for these photos."""
    tags = _stored_tags(db, shas)
    rows = db.execute(
        f"""SELECT sha, {", ".join(PHOTO_COLUMNS)},
            view_type, quality_score, scene_view_type, scene_confidence, scene_model
        FROM ut_photos JOIN imgs ON imgsha = sha WHERE sha IN ({",".join("?" * len(shas))})""",
        tuple(shas),
    )
    end = 1 + len(PHOTO_COLUMNS)
    return {row[0]: Rows(row[0], tuple(row)[1:end], tuple(row)[end:], tuple(tags[row[0]])) for row in rows}


def _stored_tags(db: sqlite3.Connection, shas: Sequence[str]) -> dict[str, list[TagRow]]:
    """The tags that stand for these photos, best first; an empty list where none does."""
    tags: dict[str, list[TagRow]] = {sha: [] for sha in shas}
    cursor = db.cursor()
    cursor.row_factory = None  # plain tuples
    cursor.execute(
        f"""SELECT sha, concept, label, confidence, origin, why FROM ut_tags WHERE sha IN ({",".join("?" * len(shas))})
        ORDER BY sha, confidence DESC, concept""",
        tuple(shas),
    )
    for row in cursor:
        tags[row[0]].append(row[1:])
    return tags


def confirm(db: sqlite3.Connection, fingerprints: Iterable[tuple[str, str]]) -> None:
    """Note that what stands follows from these settings too: (fingerprint, SHA-256). Call it inside `db.write`."""
    db.executemany("UPDATE ut_photos SET derived_fingerprint = ? WHERE sha = ?", fingerprints)


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


def derived_facts(db: sqlite3.Connection, sha: str) -> dict[str, Any]:
    """View type, condition and era of a photo in the form of `taxonomy derive`; no view type before it was tagged."""
    from urbextag.taxonomy import join_era
    from urbextag.taxonomy.wire import condition_to_dict, era_to_dict, hint_to_dict, view_to_dict

    row = db.execute(
        f"SELECT view_type, {', '.join(PHOTO_COLUMNS)} FROM imgs LEFT JOIN ut_photos ON sha = imgsha WHERE imgsha = ?",
        (sha,),
    ).fetchone()
    tagged = row["view_confidence"] is not None
    view = view_to_dict(row["view_type"], row["view_confidence"], view_conflict(row["view_conflict"]))
    elements = condition_elements(row["condition_elements"])
    condition = Condition(row["condition_score"], row["condition_label"], elements) if row["condition_label"] else None
    hints = era_hints(row["era"])
    return {
        "view_type": view if tagged else None,
        "condition": condition_to_dict(condition) if condition else None,
        "era": [hint_to_dict(hint) for hint in hints],
        "era_summary": era_to_dict(join_era(hints)),
    }


def era_hints(text: str | None) -> list[EraHint]:
    """The era hints of `ut_photos.era`."""
    return [EraHint(**_tuples(hint, "years", "because")) for hint in json.loads(text or "[]")]


def condition_elements(text: str | None) -> tuple[ElementCondition, ...]:
    """The elements of `ut_photos.condition_elements`."""
    return tuple([ElementCondition(**_tuples(element, "because")) for element in json.loads(text or "[]")])


def view_conflict(text: str | None) -> ViewConflict | None:
    """The conflict of `ut_photos.view_conflict`."""
    return ViewConflict(**_tuples(json.loads(text), "reasons")) if text else None


def _tuples(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The fields of a record as JSON gave them, its lists as tuples; a name that is missing stays so."""
    return {name: tuple(value) if name in names else value for name, value in fields.items()}
