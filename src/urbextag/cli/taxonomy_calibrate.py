"""`taxonomy calibrate`: shows what the owner's decisions teach, asks, writes it; `--undo` takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from urbextag.actions.calibrating import adopt, can_go_back, go_back, propose, values
from urbextag.actions.calibrating import as_json as report
from urbextag.cli.common import App, confirm, console, count, emit, json_option, load_deriver, progress, yes_option

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.learning.calibrate import Proposal, Score
    from urbextag.taxonomy.calibration import Calibration

NEXT = "Next: urbextag tag --scope changed. Take it back: urbextag taxonomy calibrate --undo"


@click.command()
@click.option("--undo", is_flag=True, help="Go back to the calibration before.")
@click.option("--dry-run", is_flag=True, help="Only show what would be learned.")
@yes_option
@json_option
@click.pass_obj
def calibrate(app: App, undo: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Learn from your decisions how far to believe each source.

    What you accepted, added and rejected re-estimates the reliability of each source in each facet, and each facet's
    threshold. Shows before and after, asks, and writes calibration.yaml.
    """
    from urbextag.archive import opened

    with opened(app.root()) as archive:
        if undo:
            _undo(archive, yes, as_json)
            return
        stands = archive.load_taxonomy().calibration
        found = _proposal(archive, stands)
        changes = found.calibration != stands
        if not as_json:
            _print(found, stands)
        elif dry_run or not changes:
            emit(report(found, stands, written=False))
        if not changes:
            if not as_json:
                click.echo("Nothing changes: there are too few decisions, or they agree with what stands.")
            return
        if dry_run:
            return
        confirm("Derive tags by this from now on?", yes)
        adopt(archive, found)
    if as_json:
        emit(report(found, stands, written=True))
    else:
        click.echo(f"Written. {NEXT}")


def _proposal(archive: Archive, stands: Calibration) -> Proposal:
    from urbextag.supervisor import cores

    load_deriver(archive.config, archive.load_taxonomy(), cores())  # encodes prompts that no one has yet, with a bar
    with progress("Weighing, per cent", 100) as update:
        return propose(archive, stands, lambda done, total: update(100 * done // max(total, 1)))


def _undo(archive: Archive, yes: bool, as_json: bool) -> None:
    """Go back to the calibration before, or to none; raises what `can_go_back` raises."""
    back = can_go_back(archive)
    confirm(f"Go back to {'the calibration before' if back else 'no calibration'}?", yes)
    path = go_back(archive)
    if as_json:
        emit({"calibration": str(path) if path else None})
    else:
        what = "The calibration before is in force again" if back else "There is no calibration any more"
        click.echo(f"{what}. Next: urbextag tag --scope changed")


def _print(found: Proposal, stands: Calibration) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from urbextag.taxonomy.learn import LEAST_OF_FACET, LEAST_OF_SOURCE

    click.echo(f"{count(round(found.decisions), 'decision')} of yours.")
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("what", "facet", "decisions", "right", "expected", "before", "after"):
        table.add_column(title, justify="left" if title in ("what", "facet") else "right")
    for row in found.learned:
        before, after = values(row, stands, found.calibration)
        few = "too few" if row.value is None else _number(after)
        shares = (f"{part / row.decisions:.0%}" for part in (row.right, row.expected))
        what = f"weight of {row.source}" if row.source else "threshold"
        table.add_row(escape(what), row.facet, f"{row.decisions:.0f}", *shares, _number(before), few)
    console().print(table)
    click.echo(
        f"A weight changes from {LEAST_OF_SOURCE} decisions on what the source named, a threshold from "
        f"{LEAST_OF_FACET} in the facet."
    )
    click.echo(f"Decided tags, learned from the other photos: {_score(found.before)} -> {_score(found.after)}.")
    effect = found.effect
    tried = "all" if effect.photos == effect.of else f"a sample of {effect.photos:,}"
    click.echo(
        f"On {tried} of {count(effect.of, 'photo')}: {count(effect.appear, 'tag')} would appear and "
        f"{effect.vanish:,} vanish, on {count(effect.changed, 'photo')}."
    )


def _number(value: float | None) -> str:
    return "default" if value is None else f"{value:.3g}"


def _score(score: Score) -> str:
    precision, recall = ("-" if part is None else f"{part:.0%}" for part in (score.precision, score.recall))
    return f"precision {precision}, recall {recall}"
