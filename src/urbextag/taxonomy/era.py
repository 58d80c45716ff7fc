"""Dates a place: hints from tags and from dated text, the intervals that people write, and what hints say together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from urbextag.errors import UsageError
from urbextag.records import Era, EraHint, Evidence, TagScore, Years
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.context import SOURCE as CONTEXT
from urbextag.taxonomy.dates import ReadYear, read_years
from urbextag.taxonomy.fields import FIRST_YEAR, LAST_YEAR
from urbextag.taxonomy.fuse import CONFIDENCE_LIMIT
from urbextag.taxonomy.view import TEXT_SOURCES

REPEATED = 0.25
"""Share with which a cue that is met again adds to the surest time: a model errs alike on like photos."""
MOST_BECAUSE = 5
_INTERVAL = re.compile(r"(?P<first>\d{4})(?:\s*[-–]\s*(?P<last>\d{4})|(?P<decade>s))?")


def era_hints(
    tags: Iterable[TagScore], evidence: Iterable[Evidence], concepts: Mapping[str, Concept]
) -> tuple[EraHint, ...]:
    """Intervals of years that tags point to, and years in text that was read, surest first.

    The hint of a read year names the year itself as its concept. What its words do not date as built says no more than
    that the place was in use then.
    """
    hints = [
        EraHint(concept.years, concept.id, concept.years_kind, tag.confidence, _told(tag))
        for tag in tags
        for concept in (concepts[tag.id],)
        if concept.years is not None
    ]
    hints += _read(evidence)
    return tuple(sorted(hints, key=_surest_first))


def _told(tag: TagScore) -> tuple[str, ...]:
    """What was seen or read of a tag, the weightiest first; what is known of the place and the view proves nothing."""
    why = sorted(tag.why, key=lambda one: (-one.weight, one.source, one.label))
    seen = [f"{one.source}: {one.label}" for one in why if one.weight > 0 and one.source not in (CONTEXT, "ancestor")]
    return tuple(dict.fromkeys(seen))[:MOST_BECAUSE]


def _read(evidence: Iterable[Evidence]) -> list[EraHint]:
    """Every year that text gives, as the line says that says it surest, with all lines that give it alike."""
    found: dict[tuple[int, str], list[tuple[float, str, ReadYear]]] = {}
    for piece in [piece for piece in evidence if piece.source in TEXT_SOURCES]:
        for read in read_years(piece.label):
            sure = read.confidence * (1.0 if piece.score is None else piece.score)
            found.setdefault((read.year, read.kind), []).append((-sure, f"{piece.source}: {read.words}", read))
    hints = []
    for (year, _), lines in found.items():
        lines.sort()
        because = tuple(dict.fromkeys([words for _, words, _ in lines]))[:MOST_BECAUSE]
        hints.append(EraHint((year, year), str(year), lines[0][2].kind, round(-lines[0][0], 4), because))
    return hints


def join_era(hints: Iterable[EraHint]) -> Era | None:
    """What cues to the era say together, None without any.

    The surest cues come first; one that cannot hold beside them is a conflict with the surest that rules it out.
    *Built* is what the building cues have in common, ended by the first use. *Used* are the years that all cues to its
    use have in common ("1967 or later"); where they have none, it lasted from the earliest year in which one of them
    ends to the latest in which another begins. Neither depends on the order of the cues.

    Args:
        hints: of one photo, or of all of a place's distinct pictures one after the other. A cue that several of them
            give is to be named once for each: it grows surer by it.
    """
    kept: list[EraHint] = []
    conflicts: list[tuple[EraHint, EraHint]] = []
    for hint in sorted(_merged(hints), key=_surest_first):
        rival = next((other for other in kept if _cannot_both(hint, other)), None)
        if rival is None:
            kept.append(hint)
        else:
            conflicts.append((rival, hint))
    if not kept:
        return None
    built = [hint for hint in kept if hint.kind == "built"]
    used = [hint for hint in kept if hint.kind == "used"]
    # intervals that meet in pairs have years that are common to all
    bounds = [*built, *_ended_by(used)] if built else used
    first, last = _common(used) if used else (None, None)
    return Era(
        built=_common(bounds) if built else None,
        used=(min(first, last), max(first, last)) if first and last else None,
        confidence=_weakest(bounds, _common(bounds)),
        chain=tuple(kept),
        conflicts=tuple(conflicts),
    )


def _surest_first(hint: EraHint) -> tuple[float, Years, str, str, tuple[str, ...]]:
    return -hint.confidence, hint.years, hint.concept, hint.kind, hint.because


def _merged(hints: Iterable[EraHint]) -> list[EraHint]:
    """Each cue once: surer the more often it is given, with the reasons of the surest."""
    alike: dict[tuple[Years, str, str], list[EraHint]] = {}
    for hint in hints:
        alike.setdefault((hint.years, hint.concept, hint.kind), []).append(hint)
    merged = []
    for given in alike.values():
        first, *others = sorted(given, key=_surest_first)
        wrong = 1.0 - first.confidence
        for other in others:
            wrong *= 1.0 - REPEATED * other.confidence
        sure = max(first.confidence, min(round(1.0 - wrong, 4), CONFIDENCE_LIMIT))
        because = tuple(dict.fromkeys([words for one in (first, *others) for words in one.because]))[:MOST_BECAUSE]
        merged.append(replace(first, confidence=sure, because=because))
    return merged


def _cannot_both(one: EraHint, other: EraHint) -> bool:
    """Whether two cues contradict: built in two times, or used before it was built. It may be used at any two times."""
    if one.kind == other.kind == "used":
        return False
    if one.kind == other.kind:
        return one.years[1] < other.years[0] or other.years[1] < one.years[0]
    built, used = (one, other) if one.kind == "built" else (other, one)
    return used.years[1] < built.years[0]


def _ended_by(used: Iterable[EraHint]) -> list[EraHint]:
    """What cues to the use say of the building: it was there by then."""
    return [replace(hint, years=(FIRST_YEAR, hint.years[1])) for hint in used]


def _common(hints: Sequence[EraHint]) -> Years:
    """The latest beginning and the earliest end."""
    return max(hint.years[0] for hint in hints), min(hint.years[1] for hint in hints)


def _weakest(hints: Sequence[EraHint], interval: Years) -> float:
    """Confidence of the less sure of the two cues that bound an interval; of cues with the same bound the surest."""
    return min(max(hint.confidence for hint in hints if hint.years[end] == interval[end]) for end in (0, 1))


def parse_years(text: str) -> Years:
    """The interval that a person writes: `1910`, `1870-1910` or `1920s`, both ends inclusive, each in 1500 to 2100.

    Raises:
        UsageError: the text is none of these, the interval ends before it begins, or a year is out of range.
    """
    found = _INTERVAL.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not an era", "Write a year, an interval or a decade: 1910, 1870-1910, 1920s")
    first = int(found["first"])
    last = int(found["last"] or first)
    if found["decade"]:
        last = first + 9
    if first > last:
        raise UsageError(f"the era {text!r} ends before it begins", "Write the earlier year first")
    if first < FIRST_YEAR or last > LAST_YEAR:
        raise UsageError(
            f"the era {text!r} is not within {FIRST_YEAR} to {LAST_YEAR}",
            "Write the years in which the place was built",
        )
    return first, last
