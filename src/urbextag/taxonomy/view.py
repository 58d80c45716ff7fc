"""Infers the view type of a photo from the concepts that its evidence names, and abstains on a small margin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from urbextag.records import Context, Evidence, ViewType
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fuse import Opinion, Said, confidence, hear, opinions, probability
from urbextag.taxonomy.model import Taxonomy

MOST_CONFIDENT = 0.97
"""An inferred view is never surer than this: words alone cannot show where the camera stood."""
TEXT_SOURCES = frozenset({"ocr", "vlm-text"})
"""The source that reads text in the picture."""
_MAX_REASONS = 5

COMPATIBLE: Mapping[ViewType, frozenset[ViewType]] = {
    "interior": frozenset({"interior", "detail", "document"}),
    "exterior": frozenset({"exterior", "detail", "aerial"}),
    "aerial": frozenset({"aerial", "exterior"}),
    "detail": frozenset({"detail", "interior", "exterior", "document"}),
    "document": frozenset({"document", "detail"}),
}
"""View of a photo -> views whose typical concepts may well stand in it; any other contradicts it."""


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
    return infer(taxonomy, without_text(taxonomy, said, opinions(taxonomy.sources, said)))


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


def infer(taxonomy: Taxonomy, heard: Mapping[str, Opinion]) -> tuple[ViewType, float, tuple[str, ...]]:
    """`infer_view` on evidence that is already fused per concept."""
    rules = taxonomy.sources.rules
    floor = probability(rules.prior) ** 2
    named: dict[ViewType, list[float]] = {view: [] for view in COMPATIBLE}
    shown: dict[ViewType, list[float]] = {view: [] for view in COMPATIBLE}
    reasons: list[tuple[float, Concept, Opinion]] = []
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
        reasons.append((weight, concept, opinion))
    scores = _scores(taxonomy, named, shown)
    ranked = sorted(scores, key=lambda view: (-scores[view], view))
    lead = scores[ranked[0]] - scores[ranked[1]]
    if lead < rules.view_margin:
        return "unknown", 0.0, ()
    best = ranked[0]
    share = 1.0 / math.fsum(math.exp(score - scores[best]) for score in scores.values())
    why = sorted(
        (-weight, _named_by(concept, opinion)) for weight, concept, opinion in reasons if best in concept.views
    )
    return best, min(share, MOST_CONFIDENT), tuple(f"{text}: {best}" for _, text in why[:_MAX_REASONS])


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
    return {view: bias[view] + total[view] + math.fsum(named[view]) for view in COMPATIBLE}


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
