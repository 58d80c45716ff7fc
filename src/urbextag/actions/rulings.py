"""A person's word on tags: of one photo, of many in one go, of a whole place; and its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from urbextag.actions import Done, unheard
from urbextag.errors import UsageError
from urbextag.store import batches as store
from urbextag.store import decisions, findings, locations, photos
from urbextag.store.batches import Batch, BatchVerdict
from urbextag.store.db import write, write_in_slices
from urbextag.store.decisions import Decision, Verdict

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

Concept = tuple[str, str]
"""Id and label of a concept."""
LocationVerdict = Literal["reject", "clear"]
FIRST_SLICE = 4
"""Photos of a batch that are decided and derived in its first transaction: a photo takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class LocationEffect:
    """What a word on a whole place is about, before it is said."""

    shas: tuple[str, ...]
    """Its photos."""
    tagged: Mapping[str, int]
    """How many of them have each concept as a tag that no person gave them, by concept id."""


@dataclass(frozen=True, slots=True)
class LocationRuling:
    """What a word on a whole place has changed."""

    photos: int
    before: Mapping[str, int]
    """Photos that had each concept as a tag that no person gave them, by concept id."""
    after: Mapping[str, int]


def find_concept(taxonomy: Taxonomy, name: str) -> Concept:
    """(id, label) of the concept of that id, label or synonym.

    Raises:
        UsageError: the taxonomy has none.

    """
    from difflib import get_close_matches

    found = taxonomy.find(name)
    if found is None:
        close = get_close_matches(name.lower(), [c.label for c in taxonomy.concepts.values()], 3, 0.6)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "Add it in a file of your own: docs/taxonomy.md"
        raise UsageError(f"the taxonomy has no concept {name!r}", remedy)
    return found.id, found.label


def find_concepts(taxonomy: Taxonomy, names: Sequence[str], said: Sequence[Decision] = ()) -> list[Concept]:
    """(id, label) of the concepts of these names.

    Args:
        taxonomy: what the tags mean.
        names: ids, labels or synonyms.
        said: decisions whose concepts are found too: the taxonomy may have lost them since.

    Raises:
        UsageError: there is no such concept.

    """
    return [one for name in names for one in _decided(said, name) or [find_concept(taxonomy, name)]]


def _decided(said: Sequence[Decision], name: str) -> list[Concept]:
    """(id, label) of the decided concepts of that id, else of that label."""
    by_id = [(one.concept, one.label) for one in said if one.concept == name.strip()]
    return by_id or [(one.concept, one.label) for one in said if one.label.lower() == name.strip().lower()]


def decide(
    archive: Archive,
    deriver: Deriver,
    sha: str,
    concepts: Sequence[Concept],
    verdict: Verdict,
    *,
    called: str | None = None,
) -> None:
    """Keep a person's word on a photo and put it into effect, in one transaction.

    `called`: how the person named the photo, for the remedy of an error.

    Raises:
        UsageError: a tag to accept that the photo does not have, or one to clear that is rejected for the whole place;
            nothing was changed then.

    """
    decide_each(archive, deriver, sha, [(concept, verdict) for concept in concepts], called=called)


def decide_each(
    archive: Archive,
    deriver: Deriver,
    sha: str,
    words: Sequence[tuple[Concept, Verdict]],
    *,
    called: str | None = None,
) -> None:
    """`decide` of several concepts, each with a verdict of its own, in one transaction.

    Raises:
        UsageError: as `decide`, or two verdicts are on one concept; nothing was changed then.

    """
    from urbextag.rederive import put_into_effect

    db = archive.db
    said: dict[str, Verdict] = {}
    for (concept, label), verdict in words:
        if said.setdefault(concept, verdict) != verdict:
            raise UsageError(f"{label!r} is to be both {said[concept]} and {verdict}", "Say one of the two")
    _refuse_of_location(archive, sha, [concept for concept, verdict in words if verdict == "clear"])
    has = {tag.concept for tag in findings.tags(db, sha)}
    for (concept, label), verdict in words:
        if verdict == "accept" and concept not in has:
            raise UsageError(
                f"the photo has no tag {label!r}", f"Add it: urbextag review add {called or sha[:12]} {label!r}"
            )
    with write(db):
        for (concept, label), verdict in words:
            decisions.decide(db, sha, concept, label, verdict)
        put_into_effect(db, deriver, sha)


def _refuse_of_location(archive: Archive, sha: str, concepts: Sequence[Concept]) -> None:
    """What is rejected for a whole place is not cleared on one photo; raises UsageError."""
    location = locations.of_photo(archive.db, sha)
    of_location = {one.concept for one in decisions.of(archive.db, sha) if one.of_location}
    for concept, label in concepts:
        if concept in of_location and location is not None:
            name = location["locnam"]
            raise UsageError(
                f"{label!r} is rejected for the whole of {name}",
                f"Clear it there: urbextag review clear --location {name!r} {label!r}, or add it to the photo",
            )


def location_effect(archive: Archive, locid: str, concepts: Sequence[Concept]) -> LocationEffect:
    """What a word on these concepts of a whole place would be about."""
    tagged = decisions.tagged_by_models(archive.db, locid, [concept for concept, _ in concepts])
    return LocationEffect(tuple(decisions.photos_of(archive.db, locid)), tagged)


def decide_location(
    archive: Archive,
    deriver: Deriver,
    locid: str,
    concepts: Sequence[Concept],
    verdict: LocationVerdict,
    done: Done = unheard,
) -> LocationRuling:
    """Keep a person's word on all photos of a place, those that are added later included, and put it into effect.

    The photos are marked to be derived before the word is written: where this is broken off, `urbextag tag --scope
    changed` brings it to its end. `done` hears how many photos have been derived.
    """
    from urbextag.actions.deriving import derive

    db = archive.db
    effect = location_effect(archive, locid, concepts)
    write_in_slices(db, effect.shas, lambda part: decisions.mark_stale(db, part))
    with write(db):
        for concept, label in concepts:
            decisions.decide_location(db, locid, concept, label, verdict)
    derive(archive, deriver, effect.shas, done)
    after = decisions.tagged_by_models(db, locid, [concept for concept, _ in concepts])
    return LocationRuling(len(effect.shas), effect.tagged, after)


def decide_many(
    archive: Archive,
    deriver: Deriver,
    concept: Concept,
    shas: Sequence[str],
    verdict: BatchVerdict,
    done: Done = unheard,
) -> int:
    """Keep a person's word on one concept of many photos and put it into effect, as a batch that can be taken back.

    A photo that the person has said as much of before is left as it is. Each photo is decided and derived in one
    transaction; where this is broken off, what was decided by then is the batch. `done` hears how many photos so far.

    Returns:
        The batch's number.

    Raises:
        UsageError: no photo is named, or one is not in the archive; nothing was changed then.

    """
    from urbextag.rederive import put_into_effect

    db, (concept_id, label) = archive.db, concept
    shas = list(dict.fromkeys(shas))
    if not shas:
        raise UsageError("no photo is named", "Name the photos that are meant")
    if unknown := next((sha for sha in shas if photos.current_path(db, sha) is None), None):
        raise UsageError(f"no photo of the archive has the id {unknown!r}", "Look again; it may have been removed")
    with write(db):
        batch = store.begin(db, concept_id, label, verdict)

    def decide_part(part: Sequence[str]) -> None:
        for sha in part:
            if store.decide(db, batch, concept_id, label, verdict, sha):
                put_into_effect(db, deriver, sha)

    write_in_slices(db, shas, decide_part, done, first=FIRST_SLICE)
    return batch


def undo_batch(archive: Archive, deriver: Deriver, batch: int, done: Done = unheard) -> int:
    """Take a batch back: each of its photos gets the word again that a person had said before it, or none.

    Only where the batch's word is still the latest: what was said since stands. Where this is broken off, taking the
    batch back again brings it to its end. `done` hears how many photos so far.

    Returns:
        On how many photos the word has changed.

    Raises:
        UsageError: there is no such batch, or it was taken back before.

    """
    from urbextag.rederive import put_into_effect

    db, found = archive.db, store.find(archive.db, batch)
    if found is None:
        raise UsageError(f"there is no batch {batch}", "Look at the latest ones")
    if found.undone_at is not None:
        raise UsageError(f"batch {batch} was taken back at {found.undone_at}", "Decide anew where it was right")
    changed = 0

    def take_back(part: Sequence[str]) -> None:
        nonlocal changed
        for sha in store.take_back(db, found, part):
            put_into_effect(db, deriver, sha)
            changed += 1

    write_in_slices(db, store.photos_of(db, batch), take_back, done, first=FIRST_SLICE)
    with write(db):
        store.close(db, batch)
    return changed


def batches(archive: Archive, limit: int = 20) -> list[Batch]:
    """The last batches, the latest first."""
    return store.last(archive.db, limit)
