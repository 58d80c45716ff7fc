"""START HERE for archives that another program tagged: what its tags become, a preview of it, and back again.

`survey` counts what is there; `take_over` goes through it, a photo wholly or not at all; `compare` says what became of
it; `give_back` undoes it. Machines' words become evidence, a person's become decisions, inventions go.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from urbextag.cycles import no_search_for_cycles
from urbextag.guest.legacy_tags import HUMAN, INVENTED, SOURCES, LegacySource, read_labels, verbatim_id
from urbextag.records import Context, Evidence, Material, Record
from urbextag.rederive import derive_again
from urbextag.store import backfill as store
from urbextag.store import decisions, findings, jobs
from urbextag.store.attach import take_up
from urbextag.store.backfill import Taken
from urbextag.store.db import write_in_slices
from urbextag.store.legacy import LegacyRow, legacy_rows, unknown_sources

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

PAGE = 500
"""Photos that are compared at a time."""
EXAMPLES = 5
"""Rows that cannot be read which are named."""
FREQUENT = 20
"""Words that are listed, the most frequent first."""
BECOMES = {
    "ram++": "evidence",
    "florence": "evidence",
    "manual": "your word",
    "hybrid": "your word",
    "mock": "taken away: invented",
}
"""What is made of each source's tags, for people."""


@dataclass(slots=True)
class SourceCount:
    """The rows of one source before anything is done."""

    photos: int = 0
    labels: int = 0
    """Over all its photos."""
    known: int = 0
    """Those of them that name a concept."""
    unreadable: int = 0


@dataclass(slots=True)
class Survey:
    """What another program left, counted: nothing was changed."""

    sources: dict[LegacySource, SourceCount] = field(default_factory=dict)
    words: int = 0
    """Different labels, inventions left out."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Labels that name no concept, with their photos."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """The first paths whose tags cannot be read, each with the reason."""
    foreign: dict[str, int] = field(default_factory=dict)
    """Rows with tags of a source that is not known here, by that source: left alone."""
    to_queue: int = 0
    """Photos that will be queued for tagging."""
    shas: list[str] = field(default_factory=list)
    """The photos that can be taken over."""

    @property
    def unreadable_count(self) -> int:
        """All rows that cannot be read."""
        return sum(source.unreadable for source in self.sources.values())


@dataclass(slots=True)
class Outcome:
    """What became of one source's tags."""

    photos: int = 0
    before: int = 0
    """Labels that its photos had."""
    after: int = 0
    """Tags that they have."""


@dataclass(slots=True)
class Comparison:
    """Before and after, over all photos that were taken over."""

    sources: dict[LegacySource, Outcome] = field(default_factory=dict)
    became: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(label before, tag after): photos."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Labels of machines that made no tag: photos."""
    human: int = 0
    """A person's labels."""
    human_kept: int = 0
    """Those of them that are tags."""
    human_overruled: int = 0
    """Those that gave way to what the person said here: rejected, or taken back."""
    verbatim: int = 0
    """Those that are kept as they are because the taxonomy does not know them."""


def survey(db: sqlite3.Connection, taxonomy: Taxonomy) -> Survey:
    """Count what another program left in the tag columns; changes nothing."""
    found = Survey(foreign=unknown_sources(db))
    words: set[str] = set()
    for row in legacy_rows(db):
        count = found.sources.setdefault(row.source, SourceCount())
        count.photos += 1
        if row.fault:
            count.unreadable += 1
            if len(found.unreadable) < EXAMPLES:
                found.unreadable.append((row.path, row.fault))
            continue
        found.shas.append(row.sha)
        found.to_queue += row.to_queue
        count.labels += len(row.labels)
        if row.source == INVENTED:
            continue
        for label in row.labels:
            words.add(label.casefold())
            if named(taxonomy, row.source, label):
                count.known += 1
            else:
                found.unknown[label.casefold()] += 1
    found.words = len(words)
    found.sources = {source: found.sources[source] for source in SOURCES if source in found.sources}
    return found


def named(taxonomy: Taxonomy, source: LegacySource, label: str) -> list[str]:
    """Ids of the concepts that a label stands for: a person's whole words, or what a machine's phrase mentions."""
    if source in HUMAN:
        concept = taxonomy.find(label)
        return [concept.id] if concept else []
    return [one.concept.id for one in taxonomy.match(label).found]


def take_over(archive: Archive, deriver: Deriver, shas: Sequence[str], done: Callable[[int], None]) -> None:
    """Take these photos' tags over, in slices; interrupted, it goes on with those that are left.

    Of each photo in one transaction: its columns are kept, its tags copied to `auto_tags_legacy`, evidence or decisions
    made of them, its tags derived again, and it is queued. `done` hears each time how many so far.
    """
    _warm_up(deriver)
    with no_search_for_cycles():
        write_in_slices(archive.db, shas, lambda part: _take_over(archive.db, deriver, part), done)


def _warm_up(deriver: Deriver) -> None:
    """Import what deriving imports before the first transaction: nobody else can write meanwhile."""
    deriver.derive([Material(Record("", Context(), (Evidence("ram++", "boiler", 0.9),)), None, None, None)])


def _take_over(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str]) -> None:
    """Call it inside `db.write`. The rows are read again here: another program may have changed them meanwhile."""
    rows = [row for row in legacy_rows(db, shas) if not row.fault]
    take_up(db, [row.sha for row in rows])  # in an attached archive, what stands there is kept for `detach`
    store.adopt(db, [row.sha for row in rows])
    spoken = store.decided(db, [row.sha for row in rows])
    said = [row for row in rows if row.source != INVENTED]
    store.copy_tags(db, said)
    store.purge(db, [row for row in rows if row.source == INVENTED])
    store.set_evidence(db, {row.sha: _evidence(row) for row in said if row.source not in HUMAN})
    words = {row.sha: _words(deriver.taxonomy, row, spoken[row.sha]) for row in said if row.source in HUMAN}
    store.keep(db, rows, store.decide(db, words))
    jobs.enqueue(db, [row.sha for row in rows if row.to_queue], jobs.Priority.BACKFILL)
    _derive(db, deriver, [row.sha for row in rows], {row.sha for row in rows if row.source == INVENTED})


def _evidence(row: LegacyRow) -> list[Evidence]:
    scores = row.scores()
    return [Evidence(row.source, label, scores.get(label)) for label in row.labels]


def _words(taxonomy: Taxonomy, row: LegacyRow, spoken: set[str]) -> list[tuple[str, str]]:
    """A person's labels as (concept, label), those left out that the person spoke of here, which is later."""
    words: dict[str, str] = {}
    for label in row.labels:
        concept, shown = _word(taxonomy, label)
        if concept not in spoken:
            words.setdefault(concept, shown)
    return list(words.items())


def _word(taxonomy: Taxonomy, label: str) -> tuple[str, str]:
    concept = taxonomy.find(label)
    return (concept.id, concept.label) if concept else (verbatim_id(label), label)


def _derive(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str], bare: set[str]) -> None:
    """Derive these photos again; those in `bare` about which nothing is known at all keep empty columns."""
    derive_again(db, deriver, shas)
    said = decisions.of_each(db, shas)
    findings.publish_words(
        db, {sha: said.get(sha, ()) for sha in store.without_results(db, shas) if sha in said or sha not in bare}
    )


def compare(db: sqlite3.Connection, taxonomy: Taxonomy) -> Comparison:
    """Before and after of all photos that were taken over, by what stands now."""
    result = Comparison()
    photos = store.taken(db)
    while page := list(islice(photos, PAGE)):
        tags = store.labels(db, [photo.sha for photo in page])
        for photo in page:
            _compare(taxonomy, photo, tags[photo.sha], result)
    result.sources = {source: result.sources[source] for source in SOURCES if source in result.sources}
    return result


def _compare(taxonomy: Taxonomy, photo: Taken, tags: Mapping[str, str], result: Comparison) -> None:
    outcome = result.sources.setdefault(photo.source, Outcome())
    outcome.photos += 1
    outcome.after += len(tags)
    if photo.source == INVENTED:
        return
    labels = read_labels(photo.columns["auto_tags"])
    outcome.before += len(labels)
    if photo.source in HUMAN:
        result.human += len(labels)
        for label in labels:
            concept, _ = _word(taxonomy, label)
            result.human_kept += concept in tags
            result.human_overruled += concept not in tags
            result.verbatim += concept in tags and concept not in taxonomy.concepts
        return
    above = {
        ancestor: label
        for concept, label in tags.items()
        if concept in taxonomy.concepts
        for ancestor in taxonomy.concepts[concept].lineage
    }
    for label in labels:
        became = {tags.get(one) or above.get(one) for one in named(taxonomy, photo.source, label)} - {None}
        if not became:
            result.dropped[label.casefold()] += 1
        result.became.update((label.casefold(), tag) for tag in became if tag)


def give_back(archive: Archive, deriver: Deriver, done: Callable[[int], None]) -> int:
    """Undo `take_over`, in slices. Returns how many photos keep tags of ours: stages or a person gave them some."""
    _warm_up(deriver)
    ours = 0

    def each(part: Sequence[str]) -> None:
        nonlocal ours
        ours += _give_back(archive.db, deriver, list(store.taken(archive.db, part)))

    with no_search_for_cycles():
        write_in_slices(archive.db, [photo.sha for photo in store.taken(archive.db)], each, done)
    return ours


def _give_back(db: sqlite3.Connection, deriver: Deriver, photos: Sequence[Taken]) -> int:
    """Call it inside `db.write`."""
    store.withdraw(db, photos)
    _derive(db, deriver, [photo.sha for photo in photos], set())
    store.restore(db, photos)
    return sum(photo.ours for photo in photos)


def plan_undo(db: sqlite3.Connection) -> dict[str, int]:
    """What `give_back` would do, in numbers."""
    plan = Counter({"photos": 0, "restored": 0, "ours": 0, "decisions": 0})
    for photo in store.taken(db):
        plan["photos"] += 1
        plan["ours" if photo.ours else "restored"] += 1
        plan["decisions"] += len(photo.decisions)
    return {**plan, "queued": store.still_queued(db)}
