"""Reads golden sets: recorded evidence or photos, each with what a person says is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from urbextag.errors import UsageError
from urbextag.evaluate.figures import KINDS
from urbextag.records import VIEW_TYPES, Record, SceneResult, ViewType
from urbextag.taxonomy import parse_record
from urbextag.taxonomy.words import fold_phrase

_REMEDY = "docs/evaluate.md shows what a golden set looks like"
_ALSO = {"must": "must_have", "should": "should_have", "may": "contextual", "not": "false_positive_triggers"}
"""Names under which older golden sets keep the same words."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a person says of a photo. Words as people write them; which tags they mean, `Words` decides."""

    must: tuple[str, ...] = ()
    should: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    """What it does not show, though a model may say so: the key `not`."""
    view: ViewType | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line or file of a golden set."""

    record: Record
    """Without evidence where there is a photo to be looked at."""
    photo: Path | None
    truth: Truth | None
    """None = it has none: it is passed over."""


@dataclass(frozen=True, slots=True)
class Golden:
    """One photo with its evidence and its truth, ready to be scored."""

    record: Record
    truth: Truth
    scene: SceneResult | None = None
    """The view as a stage judged it; None for recorded evidence."""


def read_golden(path: Path) -> list[Entry]:
    """The entries of a golden set: JSON lines, one `.json` file with one entry, or a folder of such `.json` files.

    Raises:
        UsageError: it cannot be read, an entry is malformed, two have the same id, or none has a truth.
    """
    entries: dict[str, Entry] = {}
    for where, line, folder, text in _texts(path):
        entry = _entry(text, line, where, folder)
        if entry.record.id in entries:
            raise UsageError(f"{where}: the id {entry.record.id!r} stands twice", "Give each photo an id of its own")
        entries[entry.record.id] = entry
    if not any(entry.truth for entry in entries.values()):
        raise UsageError(f"{path} holds no photo with a truth", _REMEDY)
    return list(entries.values())


def fingerprint(truths: Sequence[tuple[str, Truth]]) -> str:
    """16 hex digits of photos (by id) and truth, whatever their order; evidence may differ between configurations."""
    text = json.dumps(sorted((one, asdict(truth)) for one, truth in truths), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _texts(path: Path) -> Iterator[tuple[str, int, Path, str]]:
    """Every entry as text: what to call its place in messages, line, folder that its photo is relative to, JSON."""
    try:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for file in files:
            text = file.read_bytes().decode("utf-8-sig")
            folder = path if path.is_dir() else path.parent
            # no splitlines: a JSON text may hold line separators of Unicode
            lines = [text] if file.suffix.lower() == ".json" else text.split("\n")
            for number, line in enumerate(lines, start=1):
                if line.strip() or file.suffix.lower() == ".json":
                    yield str(file), number, folder, line
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}", "Name a file or a folder") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text", "Write the golden set as JSON in UTF-8") from error


def _entry(text: str, line: int, where: str, folder: Path) -> Entry:
    try:
        item = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: line {line}: is not JSON ({error})", _REMEDY) from error
    if not isinstance(item, dict):
        raise UsageError(f"{where}: line {line}: must be a JSON object", _REMEDY)
    inner = item.get("record", item)
    photo = inner.get("photo") if isinstance(inner, dict) else None
    if photo is not None:
        if not isinstance(photo, str) or not photo.strip():
            raise UsageError(f"{where}: line {line}: photo must be a path", _REMEDY)
        if "evidence" in inner:
            raise UsageError(f"{where}: line {line}: has a photo and evidence", "Keep one of them")
        inner = {"id": photo, **inner, "evidence": []}
    try:
        record = parse_record(json.dumps(inner), line)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", _REMEDY) from error
    return Entry(record, folder / photo if photo else None, _truth(item.get("truth"), f"{where}: line {line}"))


def _truth(value: Any, where: str) -> Truth | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: truth must be an object or null", _REMEDY)
    words = {name: _words(value, name, where) for name in _ALSO}
    known = {*_ALSO, *_ALSO.values()}
    for key, said in value.items():
        if key not in known and isinstance(said, list):  # texts are notes; a misspelt list would be lost silently
            raise UsageError(f"{where}: truth.{key} is no list of a truth", f"Use {', '.join(_ALSO)}")
    view = value.get("view")
    if view is not None and view not in VIEW_TYPES:
        raise UsageError(f"{where}: truth.view must be null or one of {', '.join(VIEW_TYPES)}", _REMEDY)
    denied = {fold_phrase(word) for word in words["not"]}
    for kind in KINDS:
        for word in words[kind]:
            if fold_phrase(word) in denied:
                raise UsageError(f"{where}: {word!r} stands under {kind} and under not", "Take one of them away")
    if not any(words.values()) and view is None:
        raise UsageError(f"{where}: truth says nothing", "Write null where nobody has looked yet")
    return Truth(words["must"], words["should"], words["may"], words["not"], view)


def _words(value: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    """The words under one name, each once however it is written."""
    if name in value and _ALSO[name] in value:
        raise UsageError(f"{where}: truth.{name} and truth.{_ALSO[name]} mean the same", "Keep one of them")
    said = value.get(name, value.get(_ALSO[name], []))
    if not isinstance(said, list) or not all(isinstance(word, str) and fold_phrase(word) for word in said):
        raise UsageError(f"{where}: truth.{name} must be a list of words", _REMEDY)
    once: dict[tuple[str, ...], str] = {}
    for word in said:
        once.setdefault(fold_phrase(word), word)
    return tuple(once.values())
