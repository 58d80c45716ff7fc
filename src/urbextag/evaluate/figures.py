"""The result of an evaluation: the figures of all photos, of each photo, facet and source, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["must", "should", "may"]
KINDS: tuple[Kind, ...] = get_args(Kind)

DIGITS = 4
"""Figures are rounded to so many, so that a saved result compares with a fresh one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of photos reaches. None = the golden set says nothing of it."""

    must: float | None
    """Share of the words of truth that some tag covers: the mean over the photos that have such words."""
    should: float | None
    may: float | None
    precision: float | None
    """Share of a photo's tags that its truth bears out: the mean over the photos that have tags."""
    false: float | None
    """Words of "not" that a tag asserts, per photo that has such words."""
    view: float | None
    """Share of right view types among the photos whose truth names one and whose context does not."""
    unjudged: float
    """Tags per photo of which the truth says neither that they are right nor that they are wrong."""
    tags: float
    """Tags per photo."""


@dataclass(frozen=True, slots=True)
class PhotoScore:
    """One photo's tags against its truth."""

    id: str
    found: Mapping[Kind, tuple[str, ...]]
    """Words of truth that some tag covers."""
    missing: Mapping[Kind, tuple[str, ...]]
    not_words: int
    """How many words of "not" its truth has."""
    false: Mapping[str, tuple[str, ...]]
    """Word of "not" -> ids of the tags that assert it."""
    right: tuple[str, ...]
    """Ids of tags that the truth bears out, in the order of the tags."""
    wrong: tuple[str, ...]
    """Ids of tags that assert a word of "not"."""
    unjudged: tuple[str, ...]
    """Ids of the remaining tags."""
    view_true: str | None
    """None where the truth names no view, or the context gives it away."""
    view_found: str

    @property
    def tags(self) -> int:
        """How many tags it has."""
        return len(self.right) + len(self.wrong) + len(self.unjudged)

    @property
    def precision(self) -> float | None:
        """Share of its tags that are right, None where it has none."""
        return len(self.right) / self.tags if self.tags else None

    def recall(self, kind: Kind) -> float | None:
        """Share of its words of this kind that are covered, None where it has none."""
        of = len(self.found[kind]) + len(self.missing[kind])
        return len(self.found[kind]) / of if of else None


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    found: int
    of: int


@dataclass(frozen=True, slots=True)
class FacetScore:
    """One facet over all photos, counted together. Words count in the facet that the taxonomy gives them."""

    must: Share
    should: Share
    may: Share
    right: int
    """Tags of this facet that are right; `wrong` and `unjudged` make up the rest."""
    wrong: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A golden set evaluated: what `urbextag evaluate --json` prints and `--baseline` reads."""

    golden: str
    """16 hex digits of ids and truth: only results with the same ones compare."""
    taxonomy: str
    """Version of the taxonomy."""
    photos: int
    without_truth: tuple[str, ...]
    """Ids of records that were passed over."""
    figures: Figures
    facets: Mapping[str, FacetScore]
    sources: Mapping[str, Figures]
    """What each source alone would give."""
    views: Mapping[str, Mapping[str, int]]
    """True view -> view found -> photos."""
    false: Mapping[str, tuple[str, ...]]
    """Word of "not" -> ids of the photos that have a tag which asserts it, most photos first."""
    unknown_words: tuple[str, ...]
    """Words of truth that name no concept; they are looked for in the labels."""
    each: tuple[PhotoScore, ...]
