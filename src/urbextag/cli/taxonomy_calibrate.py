"""`taxonomy calibrate`: shows what the owner's decisions teach, asks, writes it; `--undo` takes it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import App, confirm, console, count, emit, json_option, load_deriver, progress, yes_option
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.learning.calibrate import Proposal, Score
    from urbextag.taxonomy.calibration import Calibration
    from urbextag.taxonomy.learn import Learned

FILE_NAME = "calibration.yaml"
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
            emit(_as_json(found, stands, written=False))
        if not changes:
            if not as_json:
                click.echo("Nothing changes: there are too few decisions, or they agree with what stands.")
            return
        if dry_run:
            return
        confirm("Derive tags by this from now on?", yes)
        _write(archive, found)
    if as_json:
        emit(_as_json(found, stands, written=True))
    else:
        click.echo(f"Written. {NEXT}")


def _proposal(archive: Archive, stands: Calibration) -> Proposal:
    from urbextag.learning.calibrate import calibrate as learn_from
    from urbextag.supervisor import cores
    from urbextag.taxonomy import load_taxonomy

    plain = load_taxonomy(archive.config.taxonomy.files)
    deriver = load_deriver(archive.config, plain, cores())
    with progress("Weighing, per cent", 100) as update:
        return learn_from(archive.db, deriver, stands, lambda done, total: update(100 * done // max(total, 1)))


def _write(archive: Archive, found: Proposal) -> None:
    """Write the calibration; the one before is kept beside it, and none where there was none."""
    from urbextag.config_edit import change_settings
    from urbextag.learning.own_words import replace_file
    from urbextag.store.db import now
    from urbextag.taxonomy.calibration import written

    path, previous = _paths(archive)
    note = (
        f"What `urbextag taxonomy calibrate` learned from {found.decisions:,.0f} decisions, {now()}.\n"
        "Back to the one before: urbextag taxonomy calibrate --undo"
    )
    if archive.config.taxonomy.calibration and path.exists():
        replace_file(previous, path.read_text(encoding="utf-8"))
    else:
        previous.unlink(missing_ok=True)
    replace_file(path, written(found.calibration, note))
    if not archive.config.taxonomy.calibration:
        change_settings(archive.root, {"taxonomy": {"calibration": path.name}})


def _paths(archive: Archive) -> tuple[Path, Path]:
    """The calibration file, and where the one before it is kept."""
    path = archive.config.taxonomy.calibration or archive.root / FILE_NAME
    return path, path.with_name(f"{path.stem}.previous{path.suffix}")


def _undo(archive: Archive, yes: bool, as_json: bool) -> None:
    """Go back to the calibration before, or to none.

    Raises:
        UsageError: there is no calibration.
        TaxonomyError: the one before is not valid any more; nothing was changed then.

    """
    from urbextag.config_edit import change_settings
    from urbextag.taxonomy import load_taxonomy

    if not archive.config.taxonomy.calibration:
        raise UsageError("there is no calibration to take back", "Learn one: urbextag taxonomy calibrate")
    path, previous = _paths(archive)
    back = previous.exists()
    if back:
        load_taxonomy(archive.config.taxonomy.files, calibration=previous)
    confirm(f"Go back to {'the calibration before' if back else 'no calibration'}?", yes)
    if back:
        previous.replace(path)
    else:
        change_settings(archive.root, {"taxonomy": {"calibration": None}})
        path.unlink(missing_ok=True)
    if as_json:
        emit({"calibration": str(path) if back else None})
    else:
        what = "The calibration before is in force again" if back else "There is no calibration any more"
        click.echo(f"{what}. Next: urbextag tag --scope changed")


def _values(row: Learned, stands: Calibration, found: Calibration) -> tuple[float | None, float | None]:
    """What stands, and what was learned; None for a threshold that is the default."""
    if row.source is None:
        return stands.thresholds.get(row.facet), found.thresholds.get(row.facet)
    key = row.source, row.facet
    return stands.reliability.get(key, 1.0), found.reliability.get(key, 1.0)


def _as_json(found: Proposal, stands: Calibration, *, written: bool) -> dict[str, Any]:
    rows = []
    for row in found.learned:
        before, after = _values(row, stands, found.calibration)
        rows.append(
            {
                "source": row.source,
                "facet": row.facet,
                "decisions": round(row.decisions, 2),
                "right": round(row.right, 2),
                "expected": round(row.expected, 2),
                "enough": row.value is not None,
                "before": before,
                "after": after,
            }
        )
    return {
        "decisions": round(found.decisions, 2),
        "reliability": [row for row in rows if row["source"] is not None],
        "thresholds": [row for row in rows if row["source"] is None],
        "decided": {"before": found.before, "after": found.after},
        "archive": found.effect,
        "written": written,
    }


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
        before, after = _values(row, stands, found.calibration)
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
