"""Puts a concept's words into the sentences of its facet, with the article that English asks for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

PLACEHOLDER = re.compile(r"\{(?:a (?P<before>(?:[a-z-]+ )*))?label\}")
"""`{label}`: the words; `{a label}`: with an article; `{a old label}`: with words between article and label."""

_PREPOSITIONS = re.compile(r" (?:of|in|on|with|without|from|for|under|above|near|by|to|about|at|over|inside|against) ")
_NO_PLURAL = frozenset({"gas", "bus", "lens", "canvas", "atlas", "christmas", "pampas", "gallows"})
_SOUNDS_LIKE_YOU = re.compile(r"(?:uni(?!n|m)|use|usu|uti|eu|ur[aei]|one\b|once\b|ukr)", re.IGNORECASE)
_SPELT = re.compile(r"[A-Z]{2,}\b|[A-Za-z]-|[A-Z]\b")
"""A word that is said letter by letter: IV stand, x-ray machine."""
_LETTERS_WITH_AN = frozenset("AEFHILMNORSX")


def fill(template: str, words: str, uncountable: Collection[str]) -> str:
    """The sentence of a template for these words.

    Args:
        template: a sentence with one placeholder (`PLACEHOLDER`).
        words: what is asked about: `bar stool`, `hole in roof`, `missing bricks`.
        uncountable: nouns without an article, in lower case.
    """

    def filled(found: re.Match[str]) -> str:
        before = found["before"]
        if before is None:
            return words
        text = before + words
        return text if _takes_no_article(words, uncountable) else f"{_article(text)} {text}"

    return PLACEHOLDER.sub(filled, template)


def fill_all(templates: Sequence[str], words: str, uncountable: Collection[str]) -> tuple[str, ...]:
    """The sentences of several templates for these words."""
    return tuple(fill(template, words, uncountable) for template in templates)


def _takes_no_article(words: str, uncountable: Collection[str]) -> bool:
    """Whether the noun is plural or cannot be counted; the noun is the last word before a preposition."""
    head = _PREPOSITIONS.split(words.lower(), maxsplit=1)[0]
    noun = head.rsplit(" ", 1)[-1]
    if noun in uncountable or head in uncountable:
        return True
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is")) and noun not in _NO_PLURAL


def _article(text: str) -> str:
    """The indefinite article by the sound that the text begins with."""
    if _SPELT.match(text):
        return "an" if text[0].upper() in _LETTERS_WITH_AN else "a"
    if _SOUNDS_LIKE_YOU.match(text):
        return "a"
    return "an" if text[0].lower() in "aeiou" or text.lower().startswith(("hour", "honest", "heir")) else "a"
