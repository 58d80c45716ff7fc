"""The taxonomy's concepts by the first letters of their names, for fields in which a tag is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from urbextag.taxonomy.words import fold_phrase
from urbextag.web.api.common import ERRORS
from urbextag.web.site import TheSite

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy
    from urbextag.taxonomy.concept import Concept

router = APIRouter(prefix="/concepts", tags=["taxonomy"], responses=ERRORS)


class ConceptFound(BaseModel):
    """A concept whose name matches."""

    id: str
    """Facet, ancestors and slug: `object/furniture/bar-stool`."""
    name: str
    """What leads to it and to no other: its label, or its id where another has that label."""
    label: str
    facet: str
    ancestors: list[str]
    """Labels, nearest first."""
    synonym: str | None
    """By which it was found, where its label does not match."""


class Concepts(BaseModel):
    """Concepts, the best match first."""

    concepts: list[ConceptFound]


@router.get("", response_model=Concepts)
def concepts(
    site: TheSite,
    q: Annotated[str, Query(max_length=100, description="letters of a label or synonym")] = "",
    facet: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Concepts:
    """The concepts whose label or synonym begins with these letters, then those with a word that does, then others."""
    with site.opened() as archive:
        taxonomy = site.taxonomy(archive)
    return Concepts(concepts=[_found(taxonomy, *one) for one in matching(taxonomy, q, facet)[:limit]])


def matching(taxonomy: Taxonomy, text: str, facet: str | None = None) -> list[tuple[Concept, str | None]]:
    """Concepts with the synonym that they were found by (None: by the label), the best match first.

    Case, accents and plural do not matter. Names that are the text come first, then those that begin with it, those
    with a word that does, those that hold it; of each kind labels before synonyms, and shorter names before longer.
    """
    folded = fold_phrase(text)
    forms = {text.strip().casefold(), " ".join(folded)} - {""}
    found = []
    for concept in taxonomy.concepts.values():
        if facet is not None and concept.facet != facet:
            continue
        ranks = [
            (rank, number > 0, len(name), concept.id, name if number else None, concept)
            for number, name in enumerate((concept.label, *concept.synonyms))
            if (rank := _rank(name, forms, folded)) is not None
        ]
        found += sorted(ranks, key=lambda one: one[:4])[:1]
    found.sort(key=lambda one: one[:4])
    return [(concept, synonym) for *_, synonym, concept in found]


def _rank(name: str, forms: set[str], folded: tuple[str, ...]) -> int | None:
    """How well a name matches, 0 best; None: not at all."""
    if folded and fold_phrase(name) == folded:
        return 0
    plain = name.casefold()
    if any(plain.startswith(form) for form in forms):
        return 1
    if any(f" {form}" in plain or f"-{form}" in plain for form in forms):
        return 2
    return 3 if any(len(form) > 2 and form in plain for form in forms) else None


def _found(taxonomy: Taxonomy, concept: Concept, synonym: str | None) -> ConceptFound:
    leads_to = taxonomy.find(concept.label)
    return ConceptFound(
        id=concept.id,
        name=concept.label if leads_to is concept else concept.id,
        label=concept.label,
        facet=concept.facet,
        ancestors=list(concept.ancestors),
        synonym=synonym,
    )
