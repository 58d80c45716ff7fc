"""Takes over what taggers before this one left, and gives it back: previews, reports and the work itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from urbextag.actions import Done, unheard
from urbextag.numbers import count

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.guest.backfill import Comparison, Survey
    from urbextag.taxonomy import Taxonomy


def preview(archive: Archive, taxonomy: Taxonomy) -> Survey:
    """What is there to be taken over; nothing is changed."""
    from urbextag.guest.backfill import survey

    return survey(archive.db, taxonomy)


def take_over(archive: Archive, deriver: Deriver, shas: Sequence[str], done: Done = unheard) -> Comparison:
    """Take these photos over, after taking up what the application has imported since. Returns before and after."""
    from urbextag.guest.backfill import compare
    from urbextag.guest.backfill import take_over as take
    from urbextag.guest.keep_up import keep_up

    keep_up(archive, lambda what, number, total: None)
    take(archive, deriver, shas, done)
    return compare(archive.db, deriver.taxonomy)


def preview_undo(archive: Archive) -> Mapping[str, int]:
    """What giving back would do, in numbers: see `undo_text`."""
    from urbextag.guest.backfill import plan_undo

    return plan_undo(archive.db)


def give_back(archive: Archive, deriver: Deriver, done: Done = unheard) -> None:
    """Give the photos their former tags back, and take out what was made of them."""
    from urbextag.guest.backfill import give_back as give

    give(archive, deriver, done)


def survey_json(found: Survey) -> dict[str, Any]:
    """A preview as JSON."""
    from urbextag.guest.backfill import BECOMES, FREQUENT

    return {
        "photos": len(found.shas),
        "sources": {
            source: {"photos": n.photos, "labels": n.labels, "known": n.known, "unreadable": n.unreadable,
                     "becomes": BECOMES[source]}
            for source, n in found.sources.items()
        },
        "labels": {"different": found.words, "without_concept": len(found.unknown),
                   "frequent_without_concept": dict(found.unknown.most_common(FREQUENT))},
        "unreadable": {"photos": found.unreadable_count, "examples": dict(found.unreadable)},
        "unknown_sources": found.foreign,
        "to_queue": found.to_queue,
    }  # fmt: skip


def comparison_json(after: Comparison) -> dict[str, Any]:
    """A before/after report as JSON."""
    from urbextag.guest.backfill import FREQUENT

    return {
        "sources": {
            source: {"photos": n.photos, "labels_before": n.before, "tags_after": n.after}
            for source, n in after.sources.items()
        },
        "became": [
            {"label": label, "tag": tag, "photos": photos}
            for (label, tag), photos in after.became.most_common(FREQUENT)
        ],
        "dropped": dict(after.dropped.most_common(FREQUENT)),
        "human_decisions": {"labels": after.human, "kept": after.human_kept, "verbatim": after.verbatim,
                            "overruled_by_later_word": after.human_overruled},
    }  # fmt: skip


def undo_text(plan: Mapping[str, int]) -> str:
    """What giving back would do, in words; `plan`: see `preview_undo`."""
    if not plan["photos"]:
        return "Nothing was taken over: there is nothing to undo."
    lines = [
        f"{count(plan['photos'], 'photo')} were taken over.",
        f"  {plan['restored']:,} get their former tags back as they were",
        f"  {plan['ours']:,} have tags of this archive in their columns; these stay, less what came of the former",
        f"  {count(plan['decisions'], 'decision')} made of a person's tags go (the tags themselves stay kept), "
        f"{count(plan['queued'], 'queued photo')} leave the queue",
    ]
    return "\n".join(lines)
