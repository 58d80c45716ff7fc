"""Reads the years that text in a photo gives: what was built, since when, and on which day it was in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

FIRST_READ_YEAR, LAST_READ_YEAR = 1800, 2030

_YEAR = r"(?P<{}>1[89]\d\d|20[0-3]\d)"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_NUMBER = r"(?:0?[1-9]|[12]\d|3[01])"

_FORMS: tuple[tuple[Literal["built", "used"], float, str], ...] = (
    # what says of itself when it was put up
    (
        "built",
        0.75,
        r"\b(?:built|erected|constructed|corner ?stone(?: laid)?|dedicated|a\. ?d\.|anno(?: domini)?)"
        r"(?: in| on|:)?(?: a\. ?d\.)? {year}",
    ),
    # since when there has been a firm or a school, which may have been older or younger than its house
    ("used", 0.6, r"\b(?:since|est\.?|estab\.?|established|founded|incorporated|inc\.?|opened)(?: in|:)? {year}"),
    ("used", 0.55, r"(?:\bcopyright|\bcopr\.?|©|\(c\)|\bprinted(?: in)?|\bpublished(?: in)?)(?: ©| \(c\)|:)? ?{year}"),
    ("used", 0.6, r"\b(?:calendar|season|class of|yearbook|model year)(?: for| of|:)? {year}"),
    ("used", 0.6, r"(?<!\d){year} (?:calendar|season|yearbook|edition|almanac|diary)\b"),
    ("used", 0.6, rf"\b{_MONTH}(?: {_DAY},?| ?,)? ?{{year}}"),
    ("used", 0.6, rf"(?<![\d/.-]){_NUMBER}[/.-]{_NUMBER}[/.-]{{year}}"),
    ("used", 0.6, rf"(?<!\d){{year}}-(?:0[1-9]|1[0-2])-{_NUMBER}"),
    # a number of four digits may be a year; house and model numbers look the same
    ("used", 0.35, r"(?<![\w.,/$€£#-]){year}(?![\w/]|[.,-]\d)"),
)
_READ = re.compile(
    "|".join(form.format(year=_YEAR.format(f"f{number}")) + r"(?!\d)" for number, (_, _, form) in enumerate(_FORMS)),
    re.IGNORECASE,
)


class ReadYear(NamedTuple):
    """A year that a line of text gives."""

    year: int
    kind: Literal["built", "used"]
    """Whether the place was built in that year, or is known to have been in use."""
    confidence: float
    """In [0, 1], for text that was read without doubt."""
    words: str
    """The words that say so."""


def read_years(text: str) -> Iterator[ReadYear]:
    """The years from 1800 to 2030 in one line of text, with what its words say of them ("erected 1911")."""
    if not any(letter.isdigit() for letter in text):
        return
    for found in _READ.finditer(text):
        number = next(number for number in range(len(_FORMS)) if found[f"f{number}"])
        kind, sure, _ = _FORMS[number]
        year = int(found[f"f{number}"])
        if FIRST_READ_YEAR <= year <= LAST_READ_YEAR:
            yield ReadYear(year, kind, sure, found[0].strip())
