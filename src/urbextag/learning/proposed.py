"""The inbox of unknown words: what models and people said that no concept has. START HERE: `proposed`.

Nothing of it is kept: the words are matched again each time, so that it always tells how the taxonomy stands.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING

from urbextag.store import decisions, terms
from urbextag.store.db import write
from urbextag.taxonomy.words import fold_phrase

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

EXAMPLES = 3
YOURS = "you"
"""Named as the source of a person's own word."""
CLOSE = 0.83
"""Least likeness of two spellings, as `difflib` measures it, for one to be suggested for the other."""
TOLD_EVERY = 500

Folded = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A concept that a term may mean; only ever a suggestion."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A term that no concept has."""

    term: str
    """As it is said most often, in lower case."""
    photos: int
    sources: tuple[str, ...]
    examples: tuple[str, ...]
    """SHA-256 of some of the photos."""
    yours: bool
    """Whether it stands as a tag of your own on some photo."""


@dataclass(slots=True)
class _Heard:
    """What has been heard of a term so far."""

    photos: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)


def unheard(taxonomy: Taxonomy) -> list[str]:
    """The sources whose unknown words are no terms that a taxonomy may want."""
    return [name for name, source in taxonomy.sources.by_name.items() if not source.vocabulary]


def proposed(
    db: sqlite3.Connection,
    taxonomy: Taxonomy,
    ignored: Collection[str] = (),
    told: Callable[[int], None] = lambda photos: None,
) -> list[Proposed]:
    """Every term that no concept has, by the number of its photos; yours first.

    Args:
        db: the archive.
        taxonomy: what is known.
        ignored: words that the owner wants to hear no more of; the taxonomy drops them from evidence by itself.
        told: hears each time how many photos so far.

    """
    mine = _own_words(db, ignored)
    heard: dict[Folded, _Heard] = {}
    for number, (sha, pieces) in enumerate(groupby(terms.said(db, unheard(taxonomy)), lambda one: one.sha)):
        found = _unknown(taxonomy, pieces)
        for folded, form in mine.pop(sha, {}).items():
            found.setdefault(folded, []).append((form, YOURS))
        _count(heard, sha, found)
        if number % TOLD_EVERY == 0:
            told(number)
    for sha, forms in mine.items():
        _count(heard, sha, {folded: [(form, YOURS)] for folded, form in forms.items()})
    listed = [
        Proposed(
            one.forms.most_common(1)[0][0],
            one.photos,
            tuple(sorted(one.sources)),
            tuple(one.examples),
            YOURS in one.sources,
        )
        for one in heard.values()
    ]
    return sorted(listed, key=lambda one: (not one.yours, -one.photos, one.term))


def _own_words(db: sqlite3.Connection, ignored: Collection[str]) -> dict[str, dict[Folded, str]]:
    """The words of a person's on each photo that no concept has."""
    passed_over = {fold_phrase(word) for word in ignored}
    found: dict[str, dict[Folded, str]] = {}
    for word in terms.own_words(db):
        folded = fold_phrase(word.label)
        if folded and folded not in passed_over:
            found.setdefault(word.sha, {})[folded] = word.label.lower()
    return found


def _unknown(taxonomy: Taxonomy, pieces: Iterable[terms.Said]) -> dict[Folded, list[tuple[str, str]]]:
    """The unknown terms in what was said of one photo, each with (form, source)."""
    found: dict[Folded, list[tuple[str, str]]] = {}
    for _, source, label, score in pieces:
        leftover = taxonomy.matcher.match(label).leftover
        if leftover and taxonomy.sources.get(source).weigh(score) > 0.0:  # else nobody believes it
            for words in leftover:
                found.setdefault(fold_phrase(words), []).append((words, source))
    return found


def _count(heard: dict[Folded, _Heard], sha: str, found: Mapping[Folded, Sequence[tuple[str, str]]]) -> None:
    for folded, said in found.items():
        one = heard.get(folded)
        if one is None:
            one = heard[folded] = _Heard()
        one.photos += 1
        if len(one.examples) < EXAMPLES:
            one.examples.append(sha)
        for form, source in said:
            one.forms[form] += 1
            one.sources.add(source)


class Suggester:
    """Finds a concept that a term may mean: one that the taxonomy has by now, one spelled alike, one of its kind."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.spelled = {" ".join(phrase): concept for phrase, concept in taxonomy.phrases.items()}
        self.by_size: dict[int, list[str]] = {}
        for phrase in self.spelled:
            self.by_size.setdefault(len(phrase), []).append(phrase)
        self.by_head: dict[str, list[str]] = {}
        for folded in sorted(taxonomy.phrases, key=lambda phrase: (len(phrase), phrase)):
            self.by_head.setdefault(folded[-1], []).append(taxonomy.phrases[folded])

    def suggest(self, term: str) -> Suggestion | None:
        """The likeliest concept, None where none is close."""
        folded = fold_phrase(term)
        phrase = " ".join(folded)
        found = self.spelled.get(phrase)
        if found is None and phrase:
            size = len(phrase)
            near = [one for length in range(size - 3, size + 4) for one in self.by_size.get(length, ())]
            close = get_close_matches(phrase, near, 1, CLOSE)
            found = self.spelled[close[0]] if close else next(iter(self.by_head.get(folded[-1], ())), None)
        if found is None:
            return None
        concept = self.taxonomy.concepts[found]
        return Suggestion(concept.id, concept.label)


def affected(db: sqlite3.Connection, before: Taxonomy, after: Taxonomy, words: Sequence[str]) -> list[str]:
    """The photos of which something was said that reads otherwise by another taxonomy, which has these words too."""
    passed_over = [name for name in unheard(after) if not after.sources.by_name[name].facets]
    found: dict[str, None] = {}
    for sha, source, label, score in terms.said(db, passed_over, _beginnings(words)):
        if sha not in found and before.sources.get(source).weigh(score) > 0.0:
            old, new = before.matcher.match(label), after.matcher.match(label)
            named = [[(one.concept.id, one.certainty) for one in match.found] for match in (old, new)]
            if named[0] != named[1] or old.leftover != new.leftover:
                found[sha] = None
    return list(found)


def _beginnings(words: Sequence[str]) -> list[str]:
    """How some word of each phrase begins in singular and plural; empty where that cannot be told."""
    found = []
    for phrase in words:
        longest = max(fold_phrase(phrase), key=len, default="")
        if len(longest) < 5 or not longest.isascii():  # JSON writes other letters as codes
            return []
        found.append(longest[: len(longest) - 3])
    return found


def own_photos(db: sqlite3.Connection, words: Sequence[str]) -> list[terms.OwnWord]:
    """Where these words stand as tags of a person's own that no concept has."""
    wanted = {fold_phrase(word) for word in words}
    return [word for word in terms.own_words(db) if fold_phrase(word.label) in wanted]


Moved = tuple[str, str, str, str, str]
"""SHA-256, id and label of a word of a person's, id and label of the concept that it became."""


def move_words(
    db: sqlite3.Connection, deriver: Deriver, moved: Sequence[Moved], done: Callable[[int], None]
) -> list[Moved]:
    """Let a person's words stand as decisions on concepts; each photo in one transaction, derived again in it.

    What a person said of the concept itself stands: the word then only goes. Returns those that made a decision.
    """
    from urbextag.rederive import put_into_effect

    made: list[Moved] = []
    for number, one in enumerate(moved, start=1):
        sha, word, label, concept, concept_label = one
        with write(db):
            if not any(said.concept == concept and not said.of_location for said in decisions.of(db, sha)):
                decisions.decide(db, sha, concept, concept_label, "add")
                made.append(one)
            decisions.decide(db, sha, word, label, "clear")
            put_into_effect(db, deriver, sha)
        done(number)
    return made


def move_back(
    db: sqlite3.Connection,
    deriver: Deriver,
    moved: Sequence[Moved],
    made: Collection[Moved],
    done: Callable[[int], None],
) -> None:
    """Take `move_words` back: the words stand again, and what it decided (`made`) is cleared."""
    from urbextag.rederive import put_into_effect

    for number, one in enumerate(moved, start=1):
        sha, word, label, concept, concept_label = one
        with write(db):
            stands = any(said.concept == concept and said.verdict == "add" for said in decisions.of(db, sha))
            if one in made and stands:
                decisions.decide(db, sha, concept, concept_label, "clear")
            decisions.decide(db, sha, word, label, "add")
            put_into_effect(db, deriver, sha)
        done(number)
