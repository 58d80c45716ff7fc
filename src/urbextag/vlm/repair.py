"""Finds out whether a text is one JSON object, the beginning of one, or something else; closes a beginning.

Nothing is guessed: of a beginning only what was said to its end is kept, so a string, a number or a list's item that
the cut went through is gone altogether. RFC 8259, without its licence to repeat a name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MOST_CHARACTERS = 1 << 18
"""Twice the longest answer with every letter escaped: bounds the time that a model without end costs."""
MOST_DEPTH = 32
"""Objects and lists within each other; an answer has three. Bounds the recursion, here and in the parser after it."""

_FENCE = re.compile(r"```[A-Za-z]*[ \t]*(?:\r?\n|(?=\{))\s*")
_BLANK = re.compile(r"[ \t\r\n]*+")
_CHARACTERS = r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_STRING = re.compile(f'"{_CHARACTERS}"')
_STRING_CUT = re.compile(rf'"{_CHARACTERS}(?:\\(?:u[0-9a-fA-F]{{0,3}})?)?\Z')
_SCALAR = re.compile(r"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)(?=[\s,\]}])")
_NUMBER_CUT = re.compile(r"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?[0-9]*+)?)?\Z")
_WORDS = ("true", "false", "null")


@dataclass(frozen=True, slots=True)
class Whole:
    """The text is one JSON object, perhaps in one markdown fence; `text` is the object alone."""

    text: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """The text is the beginning of one JSON object; `text` is what was said to its end, closed to an object."""

    text: str


@dataclass(frozen=True, slots=True)
class Other:
    """The text is nothing of the kind; `reason` ends a sentence that begins with what the text is."""

    reason: str


def examine(text: str) -> Whole | Beginning | Other:
    """What a server's text is. Never raises, whatever the text."""
    text = text.strip().removeprefix("\ufeff").strip()
    if len(text) > MOST_CHARACTERS:
        return Other(f"has {len(text)} characters, more than any answer")
    if not text:
        return Other("is empty")
    fence = _FENCE.match(text)
    scan = _Scan(text, fence.end() if fence else 0)
    if not text.startswith("{", scan.at):
        return Other("is no JSON object")
    start = scan.at
    try:
        scan.value()
    except _Cut:
        return Beginning(text[start : scan.kept] + scan.closers)
    except _NotJson as fault:
        return Other(str(fault))
    after = text[scan.at :].strip()
    if after and not (fence and "```".startswith(after)):
        return Other("is more than one JSON object" if after.startswith("{") else "goes on after its JSON object")
    return Whole(text[start : scan.at])


class _Cut(Exception):
    """The text ends within a value."""


class _NotJson(Exception):
    """The text is no JSON; says what it is instead."""


class _Scan:
    """One pass over a text by the rules of JSON; `at` moves on."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.kept = at
        """With what is open there closed, the text up to here is an object that says nothing by half."""
        self.closers = ""
        self._open = ""

    def value(self) -> None:
        """Read over one value; raises _Cut or _NotJson."""
        letter = self._peek()
        if letter == "{":
            self._object()
        elif letter == "[":
            self._list()
        elif letter == '"':
            self._string()
        else:
            self._scalar()

    def _object(self) -> None:
        self._enter("}")
        names: set[str] = set()
        while self._peek() != "}":
            if names:
                self._pass(",")
            if self._peek() != '"':
                raise self._broken()
            name: str = json.loads(self._string())
            if name in names:
                raise _NotJson(f"says {name[:40]!r} twice")
            names.add(name)
            self._peek()
            self._pass(":")
            self.value()
            self._keep()
        self._leave()

    def _list(self) -> None:
        self._enter("]")
        empty = True
        while self._peek() != "]":
            if not empty:
                self._pass(",")
            self.value()
            self._keep()
            empty = False
        self._leave()

    def _string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if found is None:
            raise _Cut if _STRING_CUT.match(self.text, self.at) else self._broken()
        self.at = found.end()
        return found[0]

    def _scalar(self) -> None:
        found = _SCALAR.match(self.text, self.at)
        if found is None:
            rest = self.text[self.at : self.at + 6]
            cut = any(word.startswith(rest) for word in _WORDS) or _NUMBER_CUT.match(self.text, self.at)
            raise _Cut if cut else self._broken()
        self.at = found.end()

    def _peek(self) -> str:
        """The next letter that is no blank; `at` comes to stand on it."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        if self.at == len(self.text):
            raise _Cut
        return self.text[self.at]

    def _pass(self, letter: str) -> None:
        if self.text[self.at] != letter:
            raise self._broken()
        self.at += 1

    def _enter(self, closer: str) -> None:
        if len(self._open) == MOST_DEPTH:
            raise _NotJson(f"nests more than {MOST_DEPTH} levels deep")
        self._open += closer
        self.at += 1
        self._keep()

    def _leave(self) -> None:
        self._open = self._open[:-1]
        self.at += 1

    def _keep(self) -> None:
        """What stands in a list is all or nothing: a tag that lacks its evidence was not said to its end."""
        if "]" not in self._open[:-1]:
            self.kept, self.closers = self.at, self._open[::-1]

    def _broken(self) -> _NotJson:
        return _NotJson(f"is no JSON after {self.at} characters")
