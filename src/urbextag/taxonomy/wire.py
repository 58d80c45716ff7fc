"""The JSON contract of `taxonomy derive`: one record per line in, one object per line out."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from urbextag.errors import UsageError
from urbextag.records import (
    VIEW_TYPES,
    Condition,
    Context,
    Derived,
    Era,
    EraHint,
    Evidence,
    Record,
    TagScore,
    ViewConflict,
    ViewType,
    Years,
)
from urbextag.taxonomy.era import join_era, parse_years
from urbextag.taxonomy.fuse import band

_REMEDY = (
    'Write one JSON object per line: {"id": "...", "context": {...}, "evidence": [{"source": "...", "label": "..."}]}'
)


def parse_record(text: str, line: int = 1) -> Record:
    """The record of one line; `context`, its fields, `score` and `box` may be absent or null; other keys are ignored.

    Raises:
        UsageError: the line is not such a record; the message names the line and the field.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(line, f"is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise _bad(line, "must be a JSON object")
    identity = _text(value, "id", line, "id")
    evidence = value.get("evidence")
    if not isinstance(evidence, list):
        raise _bad(line, "evidence must be a list")
    pieces = tuple(_evidence(piece, line, f"evidence[{index}]") for index, piece in enumerate(evidence))
    return Record(identity, _context(value.get("context"), line), pieces)


def derived_to_dict(derived: Derived) -> dict[str, Any]:
    """The object of `taxonomy derive`, ready for `json.dumps`."""
    return {
        "id": derived.id,
        "tags": [_tag(tag) for tag in derived.tags],
        "view_type": view_to_dict(derived.view_type, derived.view_confidence, derived.view_conflict),
        "condition": condition_to_dict(derived.condition) if derived.condition else None,
        "era": [hint_to_dict(hint) for hint in derived.era],
        "era_summary": era_to_dict(join_era(derived.era)),
        "unmatched": list(derived.unmatched),
    }


def view_to_dict(view: str, confidence: float, conflict: ViewConflict | None) -> dict[str, Any]:
    """A view type, with `conflict` where the tags contradict it: what they say."""
    said: dict[str, Any] = {"value": view, "confidence": confidence}
    if conflict is None:
        return said
    told = {"value": conflict.view_type, "confidence": conflict.confidence, "reasons": list(conflict.reasons)}
    return said | {"conflict": told}


def condition_to_dict(condition: Condition) -> dict[str, Any]:
    """A condition with its elements, the worst first."""
    elements = [asdict(element) | {"because": list(element.because)} for element in condition.elements]
    return {"score": condition.score, "label": condition.label, "elements": elements}


def hint_to_dict(hint: EraHint) -> dict[str, Any]:
    """One cue to the era."""
    return asdict(hint) | {"years": list(hint.years), "because": list(hint.because)}


def era_to_dict(era: Era | None) -> dict[str, Any] | None:
    """What the cues say together: `built` and `used` as [first, last] or null, the chain, conflicts as pairs."""
    if era is None:
        return None
    return {
        "built": list(era.built) if era.built else None,
        "used": list(era.used) if era.used else None,
        "confidence": era.confidence,
        "chain": [hint_to_dict(hint) for hint in era.chain],
        "conflicts": [[hint_to_dict(one), hint_to_dict(other)] for one, other in era.conflicts],
    }


def _tag(tag: TagScore) -> dict[str, Any]:
    return {
        "id": tag.id,
        "label": tag.label,
        "confidence": tag.confidence,
        "band": band(tag.confidence),
        "synonyms": list(tag.synonyms),
        "ancestors": list(tag.ancestors),
        "why": [{"source": why.source, "label": why.label, "weight": why.weight} for why in tag.why],
    }


def _bad(line: int, text: str) -> UsageError:
    return UsageError(f"line {line}: {text}", _REMEDY)


def _text(value: dict[str, Any], key: str, line: int, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text.strip():
        raise _bad(line, f"{where} must be a text that is not empty")
    return text


def _text_or_none(value: dict[str, Any], key: str, line: int) -> str | None:
    text = value.get(key)
    if text is not None and not isinstance(text, str):
        raise _bad(line, f"context.{key} must be a text or null")
    return text.strip() or None if text is not None else None


def _share(value: Any, line: int, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise _bad(line, f"{where} must be a number between 0 and 1")
    return float(value)


def _evidence(value: Any, line: int, where: str) -> Evidence:
    if not isinstance(value, dict):
        raise _bad(line, f"{where} must be an object")
    source = _text(value, "source", line, f"{where}.source")
    label = _text(value, "label", line, f"{where}.label")
    score, box = value.get("score"), value.get("box")
    if score is not None:
        score = _share(score, line, f"{where}.score")
    if box is not None:
        if not isinstance(box, list) or len(box) != 4:
            raise _bad(line, f"{where}.box must be [left, top, right, bottom] or null")
        left, top, right, bottom = (_share(edge, line, f"an edge of {where}.box") for edge in box)
        box = (left, top, right, bottom)
    return Evidence(source, label, score, box)


def _context(value: Any, line: int) -> Context:
    if value is None:
        return Context()
    if not isinstance(value, dict):
        raise _bad(line, "context must be an object or null")
    return Context(
        view_type=_view(value.get("view_type"), line),
        location_type=_text_or_none(value, "location_type", line),
        state=_text_or_none(value, "state", line),
        era=_era(value.get("era"), line),
        location_name=_text_or_none(value, "location_name", line),
        city=_text_or_none(value, "city", line),
    )


def _view(value: Any, line: int) -> ViewType | None:
    if value is None:
        return None
    for view in VIEW_TYPES:
        if value == view:
            return view
    raise _bad(line, f"context.view_type must be null or one of {', '.join(VIEW_TYPES)}")


def _era(value: Any, line: int) -> Years | None:
    """Null, a year, [first, last], or what a person writes: "1870-1910"."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return parse_years(value)
        except UsageError as error:
            raise _bad(line, f"context.era: {error.message}") from error
    years = [value, value] if isinstance(value, int) else value
    if not isinstance(years, list) or len(years) != 2 or not all(type(year) is int for year in years):
        raise _bad(line, "context.era must be null, [first, last] or a text such as 1870-1910")
    first, last = years
    if first > last:
        raise _bad(line, f"context.era ends in {last} before it begins in {first}")
    return first, last
