"""What other thresholds would do: tags that would appear and vanish, tried on a sample spread over the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from urbextag.choices import FACETS, Facet
from urbextag.cycles import no_search_for_cycles
from urbextag.store import decisions, locations, results, terms

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.records import Material
    from urbextag.taxonomy import Taxonomy

SAMPLE = 200
"""Photos that are tried: as many as are derived in a good part of a second."""
SHOWN = 8
"""Tags that are named in a facet, the most frequent first, of those that appear and of those that vanish."""
EXAMPLES = 3


@dataclass(slots=True)
class Moved:
    """A tag that appears on photos, or vanishes from them."""

    id: str
    label: str
    photos: int = 0
    examples: list[tuple[str, float]] = field(default_factory=list)
    """The first such photos, and how sure the tag is there."""


@dataclass(frozen=True, slots=True)
class FacetEffect:
    """What becomes of the tags of one facet."""

    facet: Facet
    usual: float
    """Without the owner's word: what was learned from decisions, else what the taxonomy says."""
    today: float
    then: float
    tags_today: int
    tags_then: int
    appear: int
    vanish: int
    appearing: tuple[Moved, ...]
    vanishing: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a sample of photos."""

    photos: int
    """That it was tried on."""
    of: int
    """That have evidence."""
    changed: int
    """Photos whose tags would differ."""
    appear: int
    vanish: int
    facets: tuple[FacetEffect, ...]


def usual_thresholds(taxonomy: Taxonomy) -> dict[Facet, float]:
    """From where a tag is shown without the owner's word, by facet."""
    from urbextag.taxonomy.fuse import threshold

    return {facet: threshold(taxonomy, facet) for facet in FACETS}


def sample(archive: Archive, most: int = SAMPLE) -> tuple[list[str], int]:
    """Photos spread evenly over the archive, the same each time, and of how many: SHA-256s are as good as any draw."""
    shas = terms.photos(archive.db)
    step = max(1.0, len(shas) / most)
    return [shas[int(number * step)] for number in range(min(most, len(shas)))], len(shas)


def preview(archive: Archive, deriver: Deriver, wanted: Mapping[Facet, float], most: int = SAMPLE) -> Preview:
    """Try thresholds. Each photo is weighed once and its tags are chosen twice; nothing is written.

    Args:
        archive: whose photos it is tried on.
        deriver: as the settings have it today.
        wanted: facet -> confidence from which its tags are to be shown; the usual one elsewhere.
        most: photos to try.

    """
    shas, of = sample(archive, most)
    said = decisions.of_each(archive.db, shas)
    materials = results.materials(archive.db, locations.contexts(archive.db, shas), said)
    counts = {facet: _Count() for facet in FACETS}
    with no_search_for_cycles():
        changed = _try(deriver, materials, replace(deriver.taxonomy, wanted=dict(wanted)), counts)
    usual = usual_thresholds(deriver.taxonomy)
    facets = []
    for facet, count in counts.items():
        today, then = deriver.taxonomy.wanted.get(facet, usual[facet]), wanted.get(facet, usual[facet])
        facets.append(
            FacetEffect(
                facet, usual[facet], today, then, count.today, count.then, _sum(count.appear), _sum(count.vanish),
                _first(count.appear), _first(count.vanish),
            )
        )  # fmt: skip
    appear, vanish = sum(one.appear for one in facets), sum(one.vanish for one in facets)
    return Preview(len(materials), of, changed, appear, vanish, tuple(facets))


@dataclass(slots=True)
class _Count:
    """Of one facet."""

    today: int = 0
    then: int = 0
    appear: dict[str, Moved] = field(default_factory=dict)
    vanish: dict[str, Moved] = field(default_factory=dict)


def _try(deriver: Deriver, materials: Sequence[Material], taxonomy: Taxonomy, counts: Mapping[Facet, _Count]) -> int:
    """Count how each photo fares with `taxonomy`. Returns how many change."""
    from urbextag.taxonomy.choose import choose
    from urbextag.taxonomy.derive import weigh_record

    today, changed = deriver.taxonomy, 0
    for material, (record, scene, _) in zip(materials, deriver.complete(materials), strict=True):
        scales = weigh_record(today, record, scene, material.rulings)
        old = {tag.id: tag for tag in choose(today, scales.weighed, scales.view)}
        new = {tag.id: tag for tag in choose(taxonomy, scales.weighed, scales.view)}
        changed += old.keys() != new.keys()
        for tag in old.values():
            count = counts[today.concepts[tag.id].facet]
            count.today += 1
            if tag.id not in new:
                _note(count.vanish, tag.id, tag.label, record.id, tag.confidence)
        for tag in new.values():
            count = counts[today.concepts[tag.id].facet]
            count.then += 1
            if tag.id not in old:
                _note(count.appear, tag.id, tag.label, record.id, tag.confidence)
    return changed


def _note(moved: dict[str, Moved], concept: str, label: str, sha: str, confidence: float) -> None:
    one = moved.setdefault(concept, Moved(concept, label))
    one.photos += 1
    if len(one.examples) < EXAMPLES:
        one.examples.append((sha, round(confidence, 3)))


def _sum(moved: Mapping[str, Moved]) -> int:
    return sum(one.photos for one in moved.values())


def _first(moved: Mapping[str, Moved]) -> tuple[Moved, ...]:
    return tuple(sorted(moved.values(), key=lambda one: (-one.photos, one.label))[:SHOWN])
