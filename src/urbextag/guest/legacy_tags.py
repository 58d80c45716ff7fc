"""Reads what taggers before this one left in the tag columns: labels and scores, in whatever form they are there."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

LegacySource = Literal["ram++", "florence", "manual", "hybrid", "mock"]
"""What `auto_tags_source` says of rows that another program wrote."""
SOURCES: tuple[LegacySource, ...] = get_args(LegacySource)
HUMAN: frozenset[str] = frozenset({"manual", "hybrid"})
"""Sources whose labels are a person's word."""
INVENTED = "mock"
"""The source of tags that were made up when the tagger failed."""
UNKNOWN_FACET = "legacy"
"""Stands before a person's words that the taxonomy does not know: `legacy/grandfathers-desk`."""

_SEPARATORS = re.compile(r"[,;|\n]")


class Unreadable(Exception):
    """The labels of a row are in no form that is known here; the message says why."""


def source_of(text: object) -> LegacySource | None:
    """The legacy source that a value of `auto_tags_source` names, None where it names another or none."""
    name = text.strip().lower() if isinstance(text, str) else None
    return next((source for source in SOURCES if source == name), None)


def read_labels(value: object) -> tuple[str, ...]:
    """The labels of `auto_tags` in order, each once: a JSON array of strings, or plain words between commas.

    Nothing (NULL, an empty text, JSON null) is no labels.

    Raises:
        Unreadable: broken JSON, another kind of JSON, or text that is not UTF-8.

    """
    if value is None:
        return ()
    if not isinstance(value, str) or not is_text(value):
        raise Unreadable("it is no valid text")
    text = value.strip()
    if text[:1] not in ("[", "{", '"') and text not in ("null", ""):
        return _each_once(_SEPARATORS.split(text))
    try:
        said = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is broken JSON") from error
    if said is None:
        return ()
    if isinstance(said, str):
        return _each_once([said])
    if not isinstance(said, list) or not all(isinstance(label, str) for label in said):
        raise Unreadable("it is JSON, but no array of strings")
    labels = _each_once(said)
    if not all(map(is_text, labels)):
        raise Unreadable("its JSON holds half of a character")
    return labels


def is_text(value: object) -> bool:
    """Whether a value is text that SQLite and JSON can hold: bytes that are no UTF-8 were read as lone surrogates."""
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def _each_once(labels: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for label in labels:
        if words := label.strip():
            found.setdefault(words.casefold(), words)
    return tuple(found.values())


def read_scores(value: object, labels: Sequence[str]) -> Mapping[str, float]:
    """The score in [0, 1] of each label in `auto_tags_confidence`: a JSON object, or an array beside the labels.

    Labels without a score in that range, all of them where the column cannot be read, are left out.
    """
    if not isinstance(value, str):
        return {}
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    if isinstance(said, list) and len(said) == len(labels):
        said = dict(zip(labels, said, strict=True))
    if not isinstance(said, dict):
        return {}
    folded = {label.strip().casefold(): score for label, score in said.items()}
    scores = {label: folded.get(label.casefold()) for label in labels}
    return {
        label: float(score)
        for label, score in scores.items()
        if isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score) and 0 <= score <= 1
    }


def verbatim_id(label: str) -> str:
    """The id under which a person's words are kept that the taxonomy does not know; other words, another id."""
    slug = re.sub(r"[\W_]+", "-", label.casefold()).strip("-")
    if slug.replace("-", " ") != " ".join(label.casefold().replace("_", " ").split()):  # signs were lost
        slug = f"{slug}-{hashlib.sha256(label.casefold().encode()).hexdigest()[:6]}".strip("-")
    return f"{UNKNOWN_FACET}/{slug}"
