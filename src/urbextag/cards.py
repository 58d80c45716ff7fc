"""Brings the cards of locations up to date, one after the other, while the web app serves the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from urbextag import __version__
from urbextag.store import cards as store
from urbextag.store import locations, summaries
from urbextag.store.cards import CardSum
from urbextag.store.db import write

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.rollup import LocationSummary
    from urbextag.taxonomy import Taxonomy

TOP_TAGS = 5
"""Tags of a card."""


def made_with(taxonomy: Taxonomy) -> str:
    """What cards depend on beside the archive's rows: the vocabulary and this release."""
    return f"{__version__} {taxonomy.version}"


def refresh(
    archive: Archive,
    taxonomy: Taxonomy,
    done: Callable[[int, int], None] = lambda count, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Make the outdated cards, those of the places that changed last first. Returns how many were made.

    A place that changes while its card is made is outdated again afterwards: one run goes through the places once.

    Args:
        archive: an archive whose connection belongs to this thread.
        taxonomy: what the tags mean.
        done: hears how many so far, and of how many.
        stop: asked before each; True ends the run.

    """
    db, basis = archive.db, made_with(taxonomy)
    outdated = store.stale(db, basis)
    made = 0
    for number, locid in enumerate(outdated, 1):
        if stop():
            break
        made_from = store.mark(db, basis, locid).get(locid)
        place = locations.by_id(db, locid)
        if place is None or made_from is None:  # removed meanwhile
            continue
        _, summary = summaries.summed_up(db, taxonomy, place)
        with write(db):
            store.save(db, locid, made_from, card_of(summary))
        made += 1
        done(number, len(outdated))
    with write(db):
        store.forget_gone(db)
    return made


def card_of(summary: LocationSummary) -> CardSum:
    """What a card shows of all that a place's photos say together."""
    hero, locked, condition = summary.hero, summary.locked_hero, summary.condition
    ours = hero.sha if hero else None
    return CardSum(
        pictures=summary.photos,
        distinct_views=summary.distinct_views,
        views=dict(summary.views),
        missing_views=tuple(summary.coverage.missing_views),
        unseen_rooms=len(summary.coverage.unseen_rooms),
        condition=condition.label if condition else None,
        condition_score=condition.score if condition else None,
        built=summary.era.built if summary.era else None,
        hero=locked.sha if locked else ours,
        hero_why=hero.reasons if hero and not locked else (),
        suggestions=tuple((one.kind, one.value) for one in summary.suggestions),
        tags=tuple(tag.label for tag in summary.tags[:TOP_TAGS]),
    )
