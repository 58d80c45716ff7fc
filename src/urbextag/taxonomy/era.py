"""Reads years: era hints from tags and from years on signs, and the intervals that people write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from urbextag.errors import UsageError
from urbextag.records import EraHint, Evidence, TagScore, Years
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fields import FIRST_YEAR, LAST_YEAR

FIRST_READ_YEAR, LAST_READ_YEAR = 1800, 2030
READ_YEAR_CONFIDENCE = 0.35
"""A number of four digits on a sign may be a year; house and model numbers look the same."""

_READ_YEAR = re.compile(r"(?<![\w.,/$€£#-])(?:1[89]\d\d|20[0-3]\d)(?![\w/]|[.,-]\d)")
_INTERVAL = re.compile(r"(?P<first>\d{4})(?:\s*[-–]\s*(?P<last>\d{4})|(?P<decade>s))?")


def era_hints(
    tags: Iterable[TagScore], evidence: Iterable[Evidence], concepts: Mapping[str, Concept]
) -> tuple[EraHint, ...]:
    """Intervals of years that tags point to, and years that `ocr` read (1800 to 2030), surest first.

    The hint of a read year names the year itself as its concept and says no more than that the place was in use then.
    """
    hints = [
        EraHint(concept.years, concept.id, concept.years_kind, tag.confidence)
        for tag in tags
        for concept in (concepts[tag.id],)
        if concept.years is not None
    ]
    read: dict[int, float] = {}
    for piece in evidence:
        if piece.source == "ocr":
            sure = READ_YEAR_CONFIDENCE * (1.0 if piece.score is None else piece.score)
            for text in _READ_YEAR.findall(piece.label):
                year = int(text)
                if FIRST_READ_YEAR <= year <= LAST_READ_YEAR:
                    read[year] = max(sure, read.get(year, 0.0))
    hints += [EraHint((year, year), str(year), "used", round(sure, 4)) for year, sure in read.items()]
    return tuple(sorted(hints, key=lambda hint: (-hint.confidence, hint.years, hint.concept)))


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
