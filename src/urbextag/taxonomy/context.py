"""Weighs a named concept against what is known of the place, the view and the era; it never creates a concept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from urbextag.records import Context, ViewType, Why
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fuse import NAME_GROUP, Opinion, confidence, threshold
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.view import contradicts

SOURCE = "context"
"""The source under which context stands among the reasons of a tag."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a photo when its concepts are weighed."""

    place: Concept | None
    """The place of context; None where none is set or the taxonomy does not know it."""
    view: ViewType
    view_confidence: float
    context: Context
    seen: Mapping[str, float]
    """Confidence of the places that the photo itself shows, by id, ancestors included."""
    view_agrees: Why
    """Support of every concept that is typical of the view."""
    view_contradicts: Why


def situation(
    taxonomy: Taxonomy, context: Context, view: tuple[ViewType, float], heard: Mapping[str, Opinion]
) -> Situation:
    """What is known of a photo. A location type that the taxonomy does not know is no prior."""
    place = taxonomy.place(context.location_type) if context.location_type else None
    rules = taxonomy.sources.rules
    seen: dict[str, float] = {}
    if place is None:
        least = threshold(taxonomy, "place")
        for concept_id, opinion in heard.items():
            concept = taxonomy.concepts[concept_id]
            if concept.facet == "place":
                sure = confidence(rules.prior, opinion)
                if sure >= least:
                    for one in (concept_id, *concept.lineage):
                        seen[one] = max(sure, seen.get(one, 0.0))
    typical = Why(SOURCE, f"{view[0]} view", rules.view_match * view[1])
    unlikely = Why(SOURCE, f"{view[0]} view", -rules.view_contradiction * view[1])
    return Situation(place, view[0], view[1], context, seen, typical, unlikely)


def nudges(taxonomy: Taxonomy, concept: Concept, known: Situation, groups: frozenset[str]) -> list[Why]:
    """The log-odds, of either sign, that the situation adds to a named concept, each with its reason.

    Args:
        taxonomy: the concepts and rules.
        concept: the concept that was named.
        known: what is known of the photo.
        groups: groups of sources that named it.
    """
    found: list[Why | None] = []
    if concept.places or concept.facet == "place":
        found.append(_place(taxonomy, concept, known))
    if concept.views:
        found.append(_view(concept, known))
    if concept.years:
        found.append(_era(taxonomy, concept, known))
    if known.view == "document":
        found.append(_document(taxonomy, concept, known, groups))
    # most concepts have neither places nor views nor years
    return [nudge for nudge in found if nudge is not None] if found else []


def _place(taxonomy: Taxonomy, concept: Concept, known: Situation) -> Why | None:
    rules = taxonomy.sources.rules
    is_place = concept.facet == "place"
    homes = (concept.id,) if is_place else concept.places
    if known.place is None:
        if is_place:
            return _rival(taxonomy, concept, known)
        sure = max(known.seen.get(home, 0.0) for home in homes)
        return Why(SOURCE, "place in view", rules.place_seen * sure) if sure else None
    place = known.place
    if any(home == place.id or home in place.lineage for home in homes):
        return Why(SOURCE, place.label, rules.place_match)
    if any(place.id in taxonomy.concepts[home].lineage for home in homes):
        return Why(SOURCE, place.label, rules.place_match / 2)
    return Why(SOURCE, f"not of a {place.label}", -rules.place_mismatch)


def _rival(taxonomy: Taxonomy, concept: Concept, known: Situation) -> Why | None:
    """A photo shows one place as a rule: a surer place of another line speaks against this one."""
    own = known.seen.get(concept.id, 0.0)
    others = [
        (sure, other)
        for other, sure in known.seen.items()
        if sure > own and other not in concept.lineage and concept.id not in taxonomy.concepts[other].lineage
    ]
    if not others:
        return None
    sure, other = max(others)
    weight = -taxonomy.sources.rules.rival * (sure - own)
    return Why(SOURCE, f"rather a {taxonomy.concepts[other].label}", weight)


def _view(concept: Concept, known: Situation) -> Why | None:
    if known.view in concept.views:
        return known.view_agrees
    return known.view_contradicts if contradicts(concept, known.view) else None


def _era(taxonomy: Taxonomy, concept: Concept, known: Situation) -> Why | None:
    """The era of context is that of building: a thing used later agrees, one that was out of use before does not."""
    era, years = known.context.era, concept.years
    if era is None or years is None:
        return None
    rules = taxonomy.sources.rules
    label = f"era {era[0]}-{era[1]}"
    if years[1] < era[0] or (concept.years_kind == "built" and years[0] > era[1]):
        return Why(SOURCE, label, -rules.era_contradiction)
    if concept.years_kind == "built":
        return Why(SOURCE, label, rules.era_match)
    return None


def _document(taxonomy: Taxonomy, concept: Concept, known: Situation, groups: frozenset[str]) -> Why | None:
    """The text of a document tells of places that the photo does not show: an advertisement for a shop is no shop."""
    if concept.facet not in ("place", "room", "hazard") or not groups <= {"ocr", NAME_GROUP}:
        return None
    return Why(SOURCE, "text of a document", -taxonomy.sources.rules.document_text * known.view_confidence)
