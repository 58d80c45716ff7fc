"""Compares what a VLM says is written in a photo with what the OCR stage read there."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

LIKENESS = 0.8
"""Ratio of equal letters (`difflib`) from which two readings are one: one letter in five may be misread."""
SHARED_THREES = 0.2
"""Of a text's runs of three letters, the share that must have been read anywhere: with every fifth letter wrong, two of
five are left. Spares the comparison with a page's whole text, which is slow."""
SHORT, MEDIUM = 4, 6
"""Letters: a reading below SHORT has to be there to the letter, one below MEDIUM as words of its own ("exit" is not
read in "flexitime"), a longer one anywhere in the run of lines."""


def letters(text: str) -> str:
    """The letters and digits of a text, without case: what two readers of one sign can be held to."""
    return "".join([letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()])


class Reading:
    """The lines that the OCR stage read, in reading order."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._whole = {letters(line) for line in lines} - {""}
        self._words = {letters(word) for line in lines for word in line.split()} - {""} | self._whole
        self._run = "".join(letters(line) for line in lines)
        self._threes = _threes(self._run)

    def agrees(self, text: str) -> bool:
        """Whether the same letters were read: as a line, as a word, or as part of the lines one after the other."""
        said = letters(text)
        if not said:
            return False
        if said in self._words:
            return True
        if len(said) < SHORT:
            return False
        if len(said) < MEDIUM:
            return _alike(said, self._words)
        return said in self._run or _alike(said, self._whole) or self._holds(said)

    def _holds(self, said: str) -> bool:
        """Whether the run of lines has a stretch of this length that is alike, about the longest letters in common."""
        threes = _threes(said)
        if len(threes & self._threes) < len(threes) * SHARED_THREES:
            return False
        matcher = SequenceMatcher(None, self._run, said, autojunk=False)
        longest = matcher.find_longest_match()
        start = max(0, longest.a - longest.b)
        return _alike(said, {self._run[start : start + len(said)]})


def _threes(text: str) -> set[str]:
    return {text[place : place + 3] for place in range(len(text) - 2)}


def _alike(said: str, others: set[str]) -> bool:
    matcher = SequenceMatcher(None, "", said, autojunk=False)
    for other in others:
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= LIKENESS and matcher.quick_ratio() >= LIKENESS <= matcher.ratio():
            return True
    return False
