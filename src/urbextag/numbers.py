"""Numbers, times and years as people read them."""

from __future__ import annotations

from collections.abc import Sequence

STILL_MADE = 2030
"""The last year that the taxonomy gives to what has not ended."""


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 photo", "12,345 photos"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time as people say it: "8 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{max(1, int(seconds + 0.5))} s"
    minutes = int(seconds / 60 + 0.5)  # halves go up, as in static/dom.js
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def years(interval: Sequence[int]) -> str:
    """An interval of years: "1920-1940", "1961" where it is one, "1967 or later" where it has not ended."""
    first, last = interval
    if first == last:
        return str(first)
    return f"{first} or later" if last >= STILL_MADE else f"{first}-{last}"
