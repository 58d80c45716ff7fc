"""Learns from the owner how far to believe each source. START HERE: `calibrate`, the map from decisions to a proposal.

What the models say of a decided photo is weighed without the decisions, and without an earlier calibration, so that
each run starts from `sources.yaml` and nothing is learned twice. The arithmetic is in `taxonomy/learn.py`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from urbextag.records import Record, SceneResult
from urbextag.store import decisions, locations, results, terms
from urbextag.taxonomy import Taxonomy, derive
from urbextag.taxonomy.calibration import Calibration
from urbextag.taxonomy.derive import weigh_record
from urbextag.taxonomy.learn import Case, Learned, learn

if TYPE_CHECKING:
    from urbextag.deriver import Deriver

CHUNK = 500
"""Photos whose evidence is in memory at a time."""
FOLDS = 5
SAMPLE = 2000
"""Photos on which it is tried what would change in the archive: all of them where there are no more."""
MOST_OF_LOCATION = 200
"""Photos that a decision on a whole location is judged by."""
TEXT_SOURCES = ("implied", "view")
"""Named in reasons beside sources of evidence: what follows from other concepts, and from the view."""

Told = Callable[[int, int], None]
"""Hears how many photos so far, and of how many."""


@dataclass(frozen=True, slots=True)
class Score:
    """How tags stand against what a person said of them. Figures count decisions."""

    precision: float | None
    """Share of the decided tags shown that are right; None where none is shown."""
    recall: float | None
    """Share of what is right that is shown; None where nothing is right."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What would change in the archive."""

    photos: int
    """That it was tried on."""
    of: int
    """That have evidence."""
    changed: int
    """Photos whose tags would differ."""
    appear: int
    vanish: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A calibration with what speaks for it."""

    calibration: Calibration
    learned: tuple[Learned, ...]
    decisions: float
    before: Score
    """On the decided photos, as the archive derives its tags today."""
    after: Score
    """With a calibration learned from four fifths of them, each tried on the fifth that it did not learn from."""
    effect: Effect


@dataclass(frozen=True, slots=True)
class _Ruled:
    """One decision on one photo."""

    key: str
    """The photo's, or the location's of a decision on all of its photos."""
    concept: str
    right: bool
    count: float


def calibrate(db: sqlite3.Connection, deriver: Deriver, stands: Calibration, told: Told) -> Proposal:
    """What the owner's decisions teach.

    Args:
        db: the archive.
        deriver: with the archive's taxonomy, but without its calibration.
        stands: the calibration that the archive derives its tags with today.
        told: hears how far it is.

    """
    plain = deriver.taxonomy
    ruled = _ruled(db)
    photos = terms.photos(db)
    sample = photos[:SAMPLE]  # in the order of their SHA-256, which is as good as any draw
    total, done = 2 * len(ruled) + len(sample), 0

    def step(photos: int) -> None:
        nonlocal done
        done += photos
        told(done, total)

    cases = _cases(db, deriver, ruled, step)
    calibration, learned = learn(cases, plain.sources)
    folds = [learn([case for case in cases if _fold(case.key) != fold], plain.sources)[0] for fold in range(FOLDS)]
    before, after = _scores(db, deriver, ruled, stands, folds, step)
    effect = _effect(_seen(db, deriver, sample, step), len(photos), plain, stands, calibration)
    count = sum(one.count for each in ruled.values() for one in each)
    return Proposal(calibration, tuple(learned), count, before, after, effect)


def _ruled(db: sqlite3.Connection) -> dict[str, list[_Ruled]]:
    """The decisions by photo. One on a location counts as one, spread over its photos without a word of their own."""
    found: dict[str, list[_Ruled]] = {}
    own = decisions.standing(db)
    for sha, concept, right in own:
        found.setdefault(sha, []).append(_Ruled(sha, concept, right, 1.0))
    spoken = {(one.key, one.concept) for one in own}
    for locid, concept, right in decisions.standing_of_locations(db):
        photos = decisions.photos_of(db, locid)[:MOST_OF_LOCATION]
        photos = [sha for sha in photos if (sha, concept) not in spoken]
        for sha in photos:
            found.setdefault(sha, []).append(_Ruled(locid, concept, right, 1.0 / len(photos)))
    return found


Seen = tuple[Record, SceneResult | None, Mapping[str, bool]]
"""All evidence of a photo, its view, and a person's rulings on it."""


def _seen(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str], step: Callable[[int], None]) -> Iterator[Seen]:
    """Each photo that has evidence."""
    for start in range(0, len(shas), CHUNK):
        chunk = list(shas[start : start + CHUNK])
        materials = results.materials(db, locations.contexts(db, chunk), decisions.of_each(db, chunk))
        for material, (record, scene, _) in zip(materials, deriver.complete(materials), strict=True):
            yield record, scene, material.rulings
        step(len(chunk))


def _cases(
    db: sqlite3.Connection, deriver: Deriver, ruled: Mapping[str, Sequence[_Ruled]], step: Callable[[int], None]
) -> list[Case]:
    """What the models' evidence alone says of each concept that was decided on; silent where it says nothing."""
    taxonomy, cases = deriver.taxonomy, []
    prior = taxonomy.sources.rules.prior
    for record, scene, _ in _seen(db, deriver, list(ruled), step):
        weighed = weigh_record(taxonomy, record, scene).weighed
        for one in ruled[record.id]:
            if one.concept not in weighed:
                continue
            opinion, nudges = weighed[one.concept].opinion, weighed[one.concept].nudges
            parts: dict[str, float] = {}
            for weight, source, _ in opinion.parts:
                if source not in TEXT_SOURCES and weight > 0.0:
                    parts[source] = parts.get(source, 0.0) + weight
            base = prior + opinion.weight + sum(push.weight for push in nudges) - sum(parts.values())
            facet = taxonomy.concepts[one.concept].facet
            cases.append(Case(one.key, facet, one.right, base, parts, opinion.cap, one.count))
    return cases


def _fold(key: str) -> int:
    """Which fifth a photo, or a location of which something was said as a whole, belongs to."""
    return crc32(key.encode()) % FOLDS


def _scores(
    db: sqlite3.Connection,
    deriver: Deriver,
    ruled: Mapping[str, Sequence[_Ruled]],
    stands: Calibration,
    folds: Sequence[Calibration],
    step: Callable[[int], None],
) -> tuple[Score, Score]:
    """How the tags of the decided photos stand against the decisions: today, and learned from the other photos."""
    today = replace(deriver.taxonomy, calibration=stands)
    tried = [replace(deriver.taxonomy, calibration=fold) for fold in folds]
    before: dict[tuple[bool, bool], float] = defaultdict(float)
    after: dict[tuple[bool, bool], float] = defaultdict(float)
    for record, scene, _ in _seen(db, deriver, list(ruled), step):
        shown = _shown(today, record, scene)
        by_fold: dict[int, set[str]] = {}
        for one in ruled[record.id]:
            fold = _fold(one.key)
            if fold not in by_fold:
                by_fold[fold] = _shown(tried[fold], record, scene)
            before[one.right, one.concept in shown] += one.count
            after[one.right, one.concept in by_fold[fold]] += one.count
    return _score(before), _score(after)


def _shown(taxonomy: Taxonomy, record: Record, scene: SceneResult | None) -> set[str]:
    """The tags of a photo without a person's word, with those that they stand below."""
    tags = {tag.id for tag in derive(taxonomy, record, scene).tags}
    return tags | {ancestor for tag in tags for ancestor in taxonomy.concepts[tag].lineage}


def _score(counts: Mapping[tuple[bool, bool], float]) -> Score:
    """From the decisions by (right, shown)."""
    right, wrong, missed = counts[True, True], counts[False, True], counts[True, False]
    return Score(
        right / (right + wrong) if right + wrong else None,
        right / (right + missed) if right + missed else None,
    )


def _effect(
    sample: Iterable[Seen], photos: int, plain: Taxonomy, stands: Calibration, calibration: Calibration
) -> Effect:
    """What would change on the sample, a person's word heeded; `photos`: in all."""
    today, then = replace(plain, calibration=stands), replace(plain, calibration=calibration)
    tried = changed = appear = vanish = 0
    for record, scene, rulings in sample:
        old = {tag.id for tag in derive(today, record, scene, rulings).tags}
        new = {tag.id for tag in derive(then, record, scene, rulings).tags}
        tried, changed = tried + 1, changed + (old != new)
        appear, vanish = appear + len(new - old), vanish + len(old - new)
    return Effect(tried, photos, changed, appear, vanish)
