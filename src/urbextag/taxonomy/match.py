"""Finds the concepts that a phrase or sentence names: longest phrase first, minding negation and doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from urbextag.taxonomy.words import HARD, Token, fold, fold_phrase, tokens

if TYPE_CHECKING:
    from urbextag.taxonomy.concept import Concept

DOUBT = 0.5
"""Share of a phrase's weight that stays when its own sentence doubts it ("what looks like a morgue")."""
MODIFIER = 0.6
"""Share that stays when the phrase only qualifies the noun after it: a window screen need not show a window."""

_MODIFIED_FACETS = frozenset({"place", "room", "element", "object", "nature", "vehicle"})
_MAX_LEFTOVER_WORDS = 3
_OR_WITHIN = 4


def _folded(words: str) -> frozenset[str]:
    return frozenset(fold(word) for word in words.split())


def _by_first(phrases: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Phrases parted by bars, by their first word, longest first."""
    folded = sorted((fold_phrase(phrase) for phrase in phrases.split("|")), key=len, reverse=True)
    return {first: tuple(one for one in folded if one[0] == first) for first in {one[0] for one in folded}}


_NO = _by_first(
    """no | not | without | never | neither | nor | cannot | none of | lack of | lacks | lack | lacking | devoid of
    | free of | absence of | instead of | rather than | no sign of | no trace of | no evidence of"""
)
_NOT_A_NO = _by_first("no longer | not only | not just | no doubt | nothing but | no one | not far")
_PERHAPS = _by_first(
    """possibly | perhaps | maybe | probably | presumably | apparently | potentially | likely | might be | may be
    | could be | may have been | might have been | could have been | appears to be | appear to be | appears to have been
    | seems to be | seem to be | looks like | look like | looking like | resembles | resemble | resembling
    | reminiscent of | suggests | suggesting | suggestive of | some kind of | some sort of | kind of | sort of
    | similar to | as if | as though"""
)
_UNSEEN = _folded("visible seen present shown evident")
_GONE = _folded("missing gone absent removed demolished")
_COPULAS = _folded("is are was were been be being now long")
_AFTER_DOUBT = _folded("like shaped themed")
_ENDS_SCOPE = _folded(
    """but however although though while whereas which except with in on under behind near next beside above below from
    at around across along through inside outside beneath against between because before after over"""
)
_STOP = _folded(
    """a an the this that these those it its he she they them their his her we our us you your i my me who whom whose
    what when where why how which and or nor but if so as than then there here is are was were be been being am do does
    did has have had having can could may might will would shall should must not no of to in on at by for from with
    without into onto out off up down over under about above below behind beside besides between among along across
    through around against near toward towards within upon per via during since until while although though because
    also too very quite rather just only even still again once ever never always often sometimes more most less least
    much many few several some any all both each every either neither other others another such same own one two three
    four five six seven eight nine ten first second third lot lots bit etc like appear seem look show suggest give make
    get let take made used drawn known left torn see be become lie sit stand hang grow cover fill surround"""
)
_CUES = frozenset({*_NO, *_NOT_A_NO, *_PERHAPS, *_GONE, *_ENDS_SCOPE, "and"})
"""All words that `_Walk.cue` may mind: most words are none."""


class Found(NamedTuple):
    """One concept named in a text."""

    concept: Concept
    phrase: str
    """The words that name it, lower case, articles left out."""
    span: tuple[int, int]
    """First and one past the last word, articles not counted."""
    certainty: float
    """Share of the text's weight that this phrase carries, in (0, 1]: doubt and mere qualifying weaken it."""


class Matches(NamedTuple):
    """What a text names."""

    found: tuple[Found, ...]
    leftover: tuple[str, ...]
    """Runs of words that no concept, stop word or ignored word explains, lower case, in order."""


@dataclass(slots=True)
class _Node:
    """Where the words read so far lead: a trie of phrases, a word a step."""

    ends: bool = False
    """Whether these words are a phrase themselves."""
    concept: Concept | None = None
    then: dict[str, _Node] = field(default_factory=dict)


def _trie(phrases: Mapping[tuple[str, ...], Concept | None]) -> dict[str, _Node]:
    root = _Node()
    for words, concept in phrases.items():
        node = root
        for word in words:
            node = node.then.setdefault(word, _Node())
        node.ends, node.concept = True, concept
    return root.then


class Matcher:
    """Matches texts against phrases; results are cached per text. Safe to share between threads.

    Args:
        phrases: folded words -> the concept they name, or None for phrases to be dropped silently.
        cache: how many texts to remember.
    """

    def __init__(self, phrases: Mapping[tuple[str, ...], Concept | None], cache: int = 1 << 16) -> None:
        self._phrases = _trie(phrases)
        self.match = lru_cache(maxsize=cache)(self._match)

    def _match(self, text: str) -> Matches:
        return _Walk(tokens(text), self._phrases).matches()


class _Walk:
    """One pass over the words of one text."""

    def __init__(self, words: list[Token], phrases: Mapping[str, _Node]) -> None:
        self.words = words
        self.folds = tuple([word.fold for word in words])
        self.phrases = phrases
        self.found: list[Found] = []
        self.leftover: list[list[str]] = []
        self.run_end = -1
        self.denied = False
        self.doubted = False
        self.doubt_used = False

    def matches(self) -> Matches:
        words, folds, phrases = self.words, self.folds, self.phrases
        at, end = 0, len(words)
        while at < end:
            word, fold = words[at], folds[at]
            if word.gap:
                self.cross(at)
            length, concept = self.longest(at) if fold in phrases else (0, None)
            is_cue = fold in _CUES
            step = self.cue(at) if is_cue and concept is None else 0
            if step:
                at += step
            elif concept is not None:
                self.add(concept, at, at + length)
                at += length
            elif length:
                at += length
            else:
                if _is_plain_noun(fold, word.raw) and not (self.denied or (is_cue and self.is_scope_end(at))):
                    self.leave(at)
                at += 1
        return Matches(tuple(self.found), tuple(dict.fromkeys([" ".join(run) for run in self.leftover])))

    def longest(self, at: int) -> tuple[int, Concept | None]:
        """The longest phrase that begins at this word: its length (0 = none) and concept (None = to be dropped)."""
        length, concept, stop = 0, None, at
        node = self.phrases.get(self.folds[at])
        while node is not None:
            stop += 1
            if node.ends:
                length, concept = stop - at, node.concept
            if not node.then or stop == len(self.words) or self.words[stop].gap:
                break
            node = node.then.get(self.folds[stop])
        return length, concept

    def parted(self, at: int, stop: int) -> bool:
        """Whether a comma or the end of a clause stands between these words."""
        return any(word.gap for word in self.words[at + 1 : stop])

    def cross(self, at: int) -> None:
        """A comma or the end of a clause stands before this word."""
        if self.words[at].gap == HARD or not (self.denied and self.list_goes_on(at)):
            self.denied = False
        self.doubted = self.doubt_used = False

    def list_goes_on(self, at: int) -> bool:
        """Whether a comma parts the items of "no chairs, tables or beds"."""
        for word in self.words[at : at + _OR_WITHIN]:
            if word.gap == HARD:
                return False
            if word.raw in {"or", "nor"}:
                return True
        return False

    def cue(self, at: int) -> int:
        """Mind a word that denies, doubts or ends their reach; how many words it takes (0 = it is no such word)."""
        first = self.folds[at]
        if length := self.begins(_NOT_A_NO, at):
            return length
        if length := self.begins(_NO, at):
            if first == "not" and at + 1 < len(self.folds) and self.folds[at + 1] in _UNSEEN:
                self.unsay(at)
                return 2
            self.denied = True
            return length
        if length := self.begins(_PERHAPS, at):
            self.doubted, self.doubt_used = True, False
            return length
        if first in _GONE and at and self.folds[at - 1] in _COPULAS:
            self.unsay(at)
            return 1
        if self.is_scope_end(at):
            self.denied = False
            self.doubted = self.doubted and not self.doubt_used
            return 1 if first in _ENDS_SCOPE else 0
        return 0

    def begins(self, table: Mapping[str, tuple[tuple[str, ...], ...]], at: int) -> int:
        for phrase in table.get(self.folds[at], ()):
            if self.folds[at : at + len(phrase)] == phrase:
                return len(phrase)
        return 0

    def is_scope_end(self, at: int) -> bool:
        """A preposition or "but" ends a denial, and so does "and the ..."; "and" alone goes on."""
        if self.folds[at] in _ENDS_SCOPE:
            return True
        before_article = at + 1 < len(self.words) and self.words[at + 1].article
        return self.folds[at] == "and" and before_article

    def unsay(self, at: int) -> None:
        """Take back what the clause named last: "the roof is not visible"."""
        if self.found and not self.parted(self.found[-1].span[1] - 1, at + 1):
            self.found.pop()

    def add(self, concept: Concept, at: int, stop: int) -> None:
        if self.denied:
            return
        certainty = 1.0
        if self.doubted:
            certainty *= DOUBT
            self.doubt_used = True
        if stop < len(self.words) and self.words[stop].gap == 0 and not self.words[stop].article:
            if self.folds[stop] in _AFTER_DOUBT:
                certainty *= DOUBT
            elif concept.facet in _MODIFIED_FACETS and self.qualifies(concept, stop):
                certainty *= MODIFIER
        phrase = " ".join([word.raw for word in self.words[at:stop]])
        self.found.append(Found(concept, phrase, (at, stop), certainty))

    def qualifies(self, concept: Concept, at: int) -> bool:
        """Whether the noun here takes the weight from the phrase before it; a hospital corridor is in a hospital."""
        length, head = self.longest(at)
        if length:
            if head is None or (concept.facet == "place" and head.facet == "room"):
                return False
            return head.facet not in {"condition", "view", "era"}
        return _is_plain_noun(self.folds[at], self.words[at].raw) and self.folds[at] not in _ENDS_SCOPE

    def leave(self, at: int) -> None:
        raw = self.words[at].raw
        joined = self.run_end == at and not self.words[at].gap and not self.words[at].article
        if joined and len(self.leftover[-1]) < _MAX_LEFTOVER_WORDS:
            self.leftover[-1].append(raw)
        else:
            self.leftover.append([raw])
        self.run_end = at + 1


@lru_cache(maxsize=1 << 16)
def _is_plain_noun(folded: str, raw: str) -> bool:
    """No word classes are known here: stop words, adverbs and participles by their form, the rest may be nouns."""
    if folded in _STOP or len(raw) < 3 or not raw.isalpha() or raw.endswith("ly"):
        return False
    if raw.endswith("ed") and len(raw) > 4:
        return False
    return not (raw.endswith("ing") and len(raw) > 5 and any(vowel in raw[:-3] for vowel in "aeiou"))
