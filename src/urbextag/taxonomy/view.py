"""Infers the view type of a photo from the concepts that its evidence names, and doubts one that they contradict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from urbextag.records import Context, Evidence, SceneResult, ViewConflict, ViewType
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fuse import CONFIDENCE_LIMIT, Opinion, Said, confidence, hear, opinions, probability, threshold
from urbextag.taxonomy.model import Taxonomy

MOST_CONFIDENT = 0.97
"""An inferred view is never surer than this: words alone cannot show where the camera stood."""
TEXT_SOURCES = frozenset({"ocr", "vlm-text"})
"""The source that reads text in the picture."""
ARCHIVAL = "view/archival-photo"
"""Concept of photos that show a place as it once was."""
_MAX_REASONS = 5

COMPATIBLE: Mapping[ViewType, frozenset[ViewType]] = {
    "interior": frozenset({"interior", "detail", "document"}),
    "exterior": frozenset({"exterior", "detail", "aerial"}),
    "aerial": frozenset({"aerial", "exterior"}),
    "detail": frozenset({"detail", "interior", "exterior", "document"}),
    "document": frozenset({"document", "detail"}),
}
"""View of a photo -> views whose typical concepts may well stand in it; any other contradicts it."""


class Judged(NamedTuple):
    """The view of a photo, as it is settled."""

    view: tuple[ViewType, float]
    """The one that holds, with its confidence in [0, 1]."""
    seen: tuple[ViewType, float]
    """What the picture itself shows."""
    conflict: ViewConflict | None


class Dispute(NamedTuple):
    """How concepts contradict a view."""

    conflict: ViewConflict
    against: float
    """How surely the view is not the right one, in [0, 1]."""


def contradicts(concept: Concept, view: ViewType) -> bool:
    """Whether a concept that is typical of some views is out of place in this one."""
    return bool(concept.views) and view in COMPATIBLE and not COMPATIBLE[view].intersection(concept.views)


def infer_view(taxonomy: Taxonomy, evidence: Iterable[Evidence]) -> tuple[ViewType, float, tuple[str, ...]]:
    """The view type that a photo's evidence speaks for; text read in it tells documents only (`without_text`).

    Returns:
        The view, its confidence in [0, 1] and up to five reasons (`bar stool (ram++): interior`), strongest first.
        `unknown` with confidence 0 and no reasons where no view leads clearly.
    """
    said, _ = hear(taxonomy, evidence)
    counted = tally(taxonomy, without_text(taxonomy, said, opinions(taxonomy.sources, said)))
    view, sure = infer(taxonomy, counted)
    return view, sure, counted.reasons(view)


def without_text(taxonomy: Taxonomy, said: Said, heard: Mapping[str, Opinion]) -> dict[str, Opinion]:
    """The opinions without what `ocr` read, where it tells nothing of the view.

    A sign names a room from outside as well as inside; what names a document in print is kept.
    """
    pictured = dict(heard)
    for concept_id, by_source in said.items():
        if not TEXT_SOURCES.isdisjoint(by_source) and "document" not in taxonomy.concepts[concept_id].views:
            del pictured[concept_id]
            others = {source: phrases for source, phrases in by_source.items() if source not in TEXT_SOURCES}
            if others:
                pictured |= opinions(taxonomy.sources, {concept_id: others})
    return pictured


class Tally(NamedTuple):
    """What the concepts of a photo say of its view, as weights by view."""

    named: Mapping[ViewType, list[float]]
    """Of concepts that name a view ("aerial view")."""
    shown: Mapping[ViewType, list[float]]
    """Of concepts that are typical of views (a pew)."""
    parts: list[tuple[float, Concept, Opinion]]

    def reasons(self, view: ViewType) -> tuple[str, ...]:
        """Up to five concepts that speak for a view, as `bar stool (ram++): interior`, strongest first."""
        why = sorted((-weight, _named_by(concept, one)) for weight, concept, one in self.parts if view in concept.views)
        return tuple([f"{text}: {view}" for _, text in why[:_MAX_REASONS]])


def tally(taxonomy: Taxonomy, heard: Mapping[str, Opinion]) -> Tally:
    """What evidence that is already fused per concept says of the view."""
    rules = taxonomy.sources.rules
    floor = probability(rules.prior) ** 2
    named: dict[ViewType, list[float]] = {view: [] for view in COMPATIBLE}
    shown: dict[ViewType, list[float]] = {view: [] for view in COMPATIBLE}
    parts: list[tuple[float, Concept, Opinion]] = []
    for concept_id, opinion in heard.items():
        concept = taxonomy.concepts[concept_id]
        if not concept.views:
            continue
        # Squared, so that many faint words do not outvote a clear one.
        strength = confidence(rules.prior, opinion) ** 2 - floor
        is_name = concept.facet == "view"
        weight = strength * (rules.view_named if is_name else rules.view_shown)
        for view in concept.views:
            (named if is_name else shown)[view].append(weight)
        parts.append((weight, concept, opinion))
    return Tally(named, shown, parts)


def judge(
    taxonomy: Taxonomy, counted: Tally, context: Context, scene: SceneResult | None, rulings: Mapping[str, bool]
) -> Judged:
    """The view of a photo: a person's ruling before the view set by hand, that before what the picture shows.

    A conflict is told of the view set by hand as well, which stands all the same, and without a scene of the view that
    a source names. Where a person ruled on a view, that settles it.
    """
    by_scene = scene is not None and scene.view_type != "unknown"
    seen = (scene.view_type, scene.confidence) if scene and by_scene else infer(taxonomy, counted)
    doubted = seen[0] if by_scene else _named(taxonomy, counted) or seen[0]
    told = dispute(taxonomy, counted, doubted)
    if told and doubted == seen[0]:
        seen = doubt(taxonomy, counted, seen, told.against, by_scene)
    view = rule_view(taxonomy, settle_view(context, seen), rulings)
    if context.view_type is not None and context.view_type != "unknown":
        doubted = context.view_type
        told = dispute(taxonomy, counted, doubted)
    concepts = taxonomy.concepts
    if told is None or any(one in concepts and concepts[one].facet == "view" for one in rulings):
        return Judged(view, seen, None)
    reasons = told.conflict.reasons if doubted == view[0] else (f"rather than {doubted}", *told.conflict.reasons)
    return Judged(view, seen, replace(told.conflict, reasons=reasons))


def _named(taxonomy: Taxonomy, counted: Tally) -> ViewType | None:
    """The view that a source names most surely, None where no name would be a tag."""
    rules = taxonomy.sources.rules
    least = (threshold(taxonomy, "view") ** 2 - probability(rules.prior) ** 2) * rules.view_named
    names = [
        (-weight, concept.views[0])
        for weight, concept, _ in counted.parts
        if weight >= least and concept.facet == "view" and len(concept.views) == 1
    ]
    return min(names)[1] if names else None


def infer(taxonomy: Taxonomy, counted: Tally) -> tuple[ViewType, float]:
    """The view that leads clearly, with its confidence in [0, 1]; `unknown` with 0 where none does."""
    scores = _scores(taxonomy, counted.named, counted.shown)
    ranked = sorted(scores, key=lambda view: (-scores[view], view))
    if scores[ranked[0]] - scores[ranked[1]] < taxonomy.sources.rules.view_margin:
        return "unknown", 0.0
    return ranked[0], min(_shares(scores)[ranked[0]], MOST_CONFIDENT)


def dispute(taxonomy: Taxonomy, counted: Tally, view: ViewType) -> Dispute | None:
    """What the concepts say where they clearly contradict a view, None where they do not.

    They contradict it as far as they speak for views whose typical things have no place in it. What is shown counts by
    itself as well: a photo full of pews is no aerial view though somebody calls it one. Anything may be pictured in a
    document, so nothing contradicts that one.
    """
    if view not in COMPATIBLE or view == "document":
        return None
    least = taxonomy.sources.rules.view_conflict
    with_names = _shares(_scores(taxonomy, counted.named, counted.shown))
    by_things = _shares(_scores(taxonomy, {}, counted.shown)) if any(counted.named.values()) else with_names
    found: list[tuple[float, ViewType, float]] = []
    for shares in (with_names, by_things):
        others = {other: share for other, share in shares.items() if other not in COMPATIBLE[view]}
        best = min(others, key=lambda other: (-others[other], other))
        found.append((math.fsum(others.values()), best, others[best]))
    against, other, share = max(found, key=lambda one: one[0])
    if against < least:
        return None
    conflict = ViewConflict(other, round(min(share, MOST_CONFIDENT), 4), counted.reasons(other))
    return Dispute(conflict, min(against, MOST_CONFIDENT))


def doubt(
    taxonomy: Taxonomy, counted: Tally, seen: tuple[ViewType, float], against: float, by_scene: bool
) -> tuple[ViewType, float]:
    """The view that holds where concepts contradict what the picture's own scores say, with its confidence.

    Both are opinions on one question, so their odds multiply. Where little is left of the picture's scores, the view
    that the concepts show holds instead, `unknown` where none of them leads clearly. A view that was itself inferred
    from the concepts (`by_scene` false) only loses confidence.
    """
    sure = min(seen[1], CONFIDENCE_LIMIT)
    left = sure * (1.0 - against)
    left /= left + against * (1.0 - sure)
    if by_scene and left <= taxonomy.sources.rules.view_overturn:
        view, share = infer(taxonomy, counted)
        if view not in COMPATIBLE[seen[0]]:
            return view, min(share, 1.0 - left)
    return seen[0], left


def _shares(scores: Mapping[ViewType, float]) -> dict[ViewType, float]:
    """Probability of each view (softmax)."""
    best = max(scores.values())
    growth = {view: math.exp(score - best) for view, score in scores.items()}
    total = math.fsum(growth.values())
    return {view: one / total for view, one in growth.items()}


def _named_by(concept: Concept, opinion: Opinion) -> str:
    return f"{concept.label} ({', '.join(sorted({source for _, source, _ in opinion.parts}))})"


def _scores(
    taxonomy: Taxonomy, named: Mapping[ViewType, list[float]], shown: Mapping[ViewType, list[float]]
) -> dict[ViewType, float]:
    """Log-odds per view.

    From the air one sees what stands outdoors, and a close-up shows things of a room or a front: those two share the
    typical things of the others and differ by what names them.
    """
    total = {view: math.fsum(weights) for view, weights in shown.items()}
    total["aerial"] += total["exterior"]
    total["detail"] += max(total["interior"], total["exterior"])
    bias = taxonomy.sources.view_bias
    return {view: bias[view] + total[view] + math.fsum(named.get(view, ())) for view in COMPATIBLE}


def is_archive_material(view: ViewType, concept_ids: Iterable[str]) -> bool:
    """Whether a photo with this view and these tags shows paper or the past: a document, postcard or historic photo."""
    return view == "document" or any(one == ARCHIVAL or one.startswith(f"{ARCHIVAL}/") for one in concept_ids)


def settle_view(context: Context, seen: tuple[ViewType, float]) -> tuple[ViewType, float]:
    """The view that holds, with its confidence: set by hand before what the picture shows."""
    if context.view_type is not None and context.view_type != "unknown":
        return context.view_type, 1.0
    return seen


def rule_view(taxonomy: Taxonomy, view: tuple[ViewType, float], rulings: Mapping[str, bool]) -> tuple[ViewType, float]:
    """The view with a person's rulings on view concepts above it, with its confidence.

    A concept that is there and names one view sets it; of several the last one holds. A view whose own concept is
    ruled out gives way to `unknown`, since nothing else is known to hold in its place.
    """
    concepts = taxonomy.concepts
    there = [concepts[concept_id] for concept_id, is_there in rulings.items() if is_there and concept_id in concepts]
    named = [concept.views[0] for concept in there if concept.facet == "view" and len(concept.views) == 1]
    if named:
        return named[-1], 1.0
    if view[0] in taxonomy.views and rulings.get(taxonomy.views[view[0]]) is False:
        return "unknown", 0.0
    return view
