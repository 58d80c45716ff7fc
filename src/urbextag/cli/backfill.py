"""`backfill`: what taggers before this one left becomes evidence and decisions; preview, report and a way back."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import click

from urbextag.actions import backfill as actions
from urbextag.cli.common import (
    App,
    confirm,
    console,
    count,
    duration,
    emit,
    json_option,
    load_deriver,
    progress,
    yes_option,
)

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.guest.backfill import Comparison, Survey

SHOWN = 12
"""Words in a list for people; `--json` has more."""


@click.command()
@click.option("--undo", is_flag=True, help="Give the photos their former tags back and take out what was made of them.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, then stop.")
@yes_option
@json_option
@click.pass_obj
def backfill(app: App, undo: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take over the tags that another tagger left in the archive.

    Its words become evidence, a person's become decisions that outrank every model, inventions (mock) go. Says first
    what it will do. Interrupted, it goes on where it stopped; --undo takes it back.
    """
    from urbextag.supervisor import cores

    with app.archive() as archive:
        if undo:
            _undo(archive, dry_run=dry_run, yes=yes, as_json=as_json)
            return
        taxonomy = archive.load_taxonomy()
        found = actions.preview(archive, taxonomy)
        _preview(archive, found, as_json=as_json and (dry_run or not yes), silent=as_json)
        if dry_run or not (found.shas or (as_json and yes)):
            return
        confirm(f"Take the tags of {count(len(found.shas), 'photo')} over?", yes)
        deriver = load_deriver(archive.config, taxonomy, cores())
        began = time.monotonic()
        with progress("Taking over", len(found.shas)) as update:
            after = actions.take_over(archive, deriver, found.shas, update)
        seconds = time.monotonic() - began
        if as_json:
            emit(
                {
                    "before": actions.survey_json(found),
                    "after": actions.comparison_json(after),
                    "seconds": round(seconds, 1),
                }
            )
        else:
            _report(after, found, seconds)


def _preview(archive: Archive, found: Survey, *, as_json: bool, silent: bool) -> None:
    from urbextag.store.backfill import taken_count

    if as_json:
        emit(actions.survey_json(found))
    if silent:
        return
    if not found.shas:
        click.echo("No tags of another tagger are left to be taken over.")
        if before := taken_count(archive.db):
            click.echo(f"{count(before, 'photo')} taken over before; take that back: urbextag backfill --undo")
    else:
        _preview_table(found)
    if found.unreadable_count:
        click.echo(f"{count(found.unreadable_count, 'photo')} cannot be read and stay as they are, for example:")
        for path, reason in found.unreadable:
            click.echo(f"  {path}: {reason}")
    for source, number in found.foreign.items():
        click.echo(
            f"{count(number, 'photo')} with tags of an unknown source ({source or 'none named'}) stay as they are."
        )


def _preview_table(found: Survey) -> None:
    from rich import box
    from rich.table import Table

    from urbextag.guest.backfill import BECOMES

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("tagged by", "photos", "labels", "name a concept", "become"):
        table.add_column(title, justify="right" if title in ("photos", "labels", "name a concept") else "left")
    for source, number in found.sources.items():
        known = "" if source == "mock" else f"{number.known / max(1, number.labels):.0%}"
        table.add_row(source, f"{number.photos:,}", f"{number.labels:,}", known, BECOMES[source])
    console().print(table)
    if found.unknown:
        click.echo(
            f"{len(found.unknown):,} of {found.words:,} different labels name no concept; a person's are kept verbatim:"
        )
        click.echo(f"  {_words(found.unknown)}")
        click.echo("  Words you want as tags: add them to a taxonomy file of yours first (docs/taxonomy.md).")
    click.echo(f"{count(found.to_queue, 'photo')} will be queued for tagging, behind everything else.")


def _words(words: Counter[str]) -> str:
    """The most frequent words with their counts in one line."""
    listed = ", ".join(f"{label} ({number:,})" for label, number in words.most_common(SHOWN))
    return f"{listed}, ..." if len(words) > SHOWN else listed


def _report(after: Comparison, found: Survey, seconds: float) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("tagged by", "photos", "labels before", "tags after", "a photo"):
        table.add_column(title, justify="left" if title == "tagged by" else "right")
    for source, n in after.sources.items():
        each = f"{n.before / n.photos:.1f} -> {n.after / n.photos:.1f}"
        table.add_row(source, f"{n.photos:,}", f"{n.before:,}", f"{n.after:,}", each)
    console().print(table)
    if after.became:
        became = Counter({f"{label} -> {tag}": number for (label, tag), number in after.became.items()})
        click.echo(f"Became tags most often: {_words(became)}")
    if after.dropped:
        click.echo(f"Made no tag most often: {_words(after.dropped)}")
    if after.human:
        rest = f"; {after.human_overruled:,} gave way to what you said here" if after.human_overruled else ""
        verbatim = f", {after.verbatim:,} of them in words that the taxonomy does not know" if after.verbatim else ""
        click.echo(f"Human decisions kept: {after.human_kept:,} of {after.human:,}{verbatim}{rest}.")
    click.echo(f"Took over {count(len(found.shas), 'photo')} in {duration(seconds)}.")
    if found.to_queue:
        click.echo(f"Next: urbextag tag ({count(found.to_queue, 'photo')} queued)")


def _undo(archive: Archive, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    from urbextag.supervisor import cores

    plan = actions.preview_undo(archive)
    if as_json and (dry_run or not yes or not plan["photos"]):
        emit(plan)
    if not as_json:
        click.echo(actions.undo_text(plan))
    if dry_run or not plan["photos"]:
        return
    confirm(f"Give {count(plan['photos'], 'photo')} back?", yes)
    deriver = load_deriver(archive.config, archive.load_taxonomy(), cores())
    with progress("Giving back", plan["photos"]) as update:
        actions.give_back(archive, deriver, update)
    if as_json:
        emit({**plan, "given_back": True})
    else:
        click.echo(f"Gave {count(plan['photos'], 'photo')} back.")
