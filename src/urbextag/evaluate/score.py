"""START HERE: a golden set evaluated, from derived tags to the figures; pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from urbextag.evaluate.figures import (
    DIGITS,
    KINDS,
    Evaluation,
    FacetScore,
    Figures,
    Kind,
    PhotoScore,
    Share,
)
from urbextag.evaluate.golden import Golden, Truth, fingerprint
from urbextag.evaluate.words import Words
from urbextag.records import Derived
from urbextag.taxonomy import FACETS, Taxonomy, derive

NO_FACET = "unknown"
"""Where words of truth stand that name no concept."""


def evaluate(
    taxonomy: Taxonomy,
    goldens: Sequence[Golden],
    without_truth: Sequence[str] = (),
    told: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Derive every photo's tags, from all sources and from each source alone, and score them against the truth.

    A source alone is derived from its evidence and the context; a view that a stage judged counts as no source's.

    Args:
        taxonomy: what the tags are derived with and the words of truth are looked up in.
        goldens: the photos; at least one.
        without_truth: ids of photos that were passed over, to be told of.
        told: hears how many photos are done.
    """
    words = Words(taxonomy)
    named = sorted({piece.source for golden in goldens for piece in golden.record.evidence})
    each: list[PhotoScore] = []
    alone: dict[str, list[PhotoScore]] = {source: [] for source in named}
    for done, golden in enumerate(goldens, start=1):
        each.append(score_photo(words, golden, derive(taxonomy, golden.record, golden.scene)))
        for source, scores in alone.items():
            evidence = tuple(piece for piece in golden.record.evidence if piece.source == source)
            scores.append(score_photo(words, golden, derive(taxonomy, replace(golden.record, evidence=evidence))))
        told(done)
    return Evaluation(
        golden=fingerprint([(golden.record.id, golden.truth) for golden in goldens]),
        taxonomy=taxonomy.version,
        photos=len(goldens),
        without_truth=tuple(without_truth),
        figures=figures(each),
        facets=facets(words, each),
        sources={source: figures(scores) for source, scores in alone.items()},
        views=views(each),
        false=false_words(each),
        unknown_words=tuple(sorted({word for golden in goldens for word in _unknown(words, golden.truth)})),
        each=tuple(each),
    )


def score_photo(words: Words, golden: Golden, derived: Derived) -> PhotoScore:
    """What was derived of one photo against its truth."""
    given = golden.record.context.view_type not in (None, "unknown")
    tags = [tag.id for tag in derived.tags]
    return score_tags(words, golden.record.id, golden.truth, tags, derived.view_type, view_given=given)


def score_tags(
    words: Words, identity: str, truth: Truth, tags: Sequence[str], view: str, *, view_given: bool = False
) -> PhotoScore:
    """Tags, named by their concepts' ids, against a truth.

    Args:
        words: the taxonomy's meaning of the words of truth.
        identity: id of the photo.
        truth: what a person says of it.
        tags: ids of concepts, each once.
        view: the view type found.
        view_given: whether the context gives the view away, so that finding it proves nothing.
    """
    lists: dict[Kind, tuple[str, ...]] = {"must": truth.must, "should": truth.should, "may": truth.may}
    found = {
        kind: tuple(word for word in said if any(words.covers(tag, word) for tag in tags))
        for kind, said in lists.items()
    }
    asserted = {word: tuple(tag for tag in tags if words.asserts(tag, word)) for word in truth.wrong}
    false = {word: by for word, by in asserted.items() if by}
    wrong = {tag for by in false.values() for tag in by}
    true_words = truth.must + truth.should + truth.may
    right = {tag for tag in tags if tag not in wrong and any(words.bears_out(word, tag) for word in true_words)}
    right |= {tag for tag in tags if tag not in wrong and tag == words.taxonomy.views.get(truth.view or "unknown")}
    return PhotoScore(
        id=identity,
        found=found,
        missing={kind: tuple(word for word in said if word not in found[kind]) for kind, said in lists.items()},
        not_words=len(truth.wrong),
        false=false,
        right=tuple(tag for tag in tags if tag in right),
        wrong=tuple(tag for tag in tags if tag in wrong),
        unjudged=tuple(tag for tag in tags if tag not in right and tag not in wrong),
        view_true=None if view_given else truth.view,
        view_found=view,
    )


def figures(scores: Sequence[PhotoScore]) -> Figures:
    """The figures of some photos; at least one."""
    judged = [score for score in scores if score.not_words]
    return Figures(
        must=_mean(score.recall("must") for score in scores),
        should=_mean(score.recall("should") for score in scores),
        may=_mean(score.recall("may") for score in scores),
        precision=_mean(score.precision for score in scores),
        false=_mean(float(len(score.false)) for score in judged),
        view=_mean(float(score.view_found == score.view_true) for score in scores if score.view_true is not None),
        unjudged=round(fmean(len(score.unjudged) for score in scores), DIGITS),
        tags=round(fmean(score.tags for score in scores), DIGITS),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of what there is."""
    known = [value for value in values if value is not None]
    return round(fmean(known), DIGITS) if known else None


def facets(words: Words, scores: Sequence[PhotoScore]) -> dict[str, FacetScore]:
    """The facets that occur in truth or tags, in the taxonomy's order, with their counts over all photos."""
    count: Counter[tuple[str, str]] = Counter()
    for score in scores:
        for kind in KINDS:
            count.update((_facet(words, word), f"{kind} found") for word in score.found[kind])
            count.update((_facet(words, word), f"{kind} missing") for word in score.missing[kind])
        for name, tags in (("right", score.right), ("wrong", score.wrong), ("unjudged", score.unjudged)):
            count.update((words.taxonomy.concepts[tag].facet, name) for tag in tags)
    seen = {facet for facet, _ in count}

    def share(facet: str, kind: Kind) -> Share:
        found = count[facet, f"{kind} found"]
        return Share(found, found + count[facet, f"{kind} missing"])

    return {
        facet: FacetScore(
            must=share(facet, "must"),
            should=share(facet, "should"),
            may=share(facet, "may"),
            right=count[facet, "right"],
            wrong=count[facet, "wrong"],
            unjudged=count[facet, "unjudged"],
        )
        for facet in (*FACETS, NO_FACET)
        if facet in seen
    }


def _facet(words: Words, word: str) -> str:
    concept = words.meaning(word)
    return concept.facet if concept is not None else NO_FACET


def _unknown(words: Words, truth: Truth) -> list[str]:
    return [word for word in truth.must + truth.should + truth.may + truth.wrong if words.meaning(word) is None]


def views(scores: Sequence[PhotoScore]) -> dict[str, dict[str, int]]:
    """True view -> view found -> photos."""
    table: dict[str, Counter[str]] = {}
    for score in scores:
        if score.view_true is not None:
            table.setdefault(score.view_true, Counter())[score.view_found] += 1
    return {true: dict(sorted(table[true].items())) for true in sorted(table)}


def false_words(scores: Sequence[PhotoScore]) -> Mapping[str, tuple[str, ...]]:
    """Word of "not" -> ids of the photos with a tag that asserts it, most photos first."""
    table: dict[str, list[str]] = {}
    for score in scores:
        for word in score.false:
            table.setdefault(word, []).append(score.id)
    return {word: tuple(table[word]) for word in sorted(table, key=lambda word: (-len(table[word]), word))}
