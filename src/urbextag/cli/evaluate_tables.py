"""The tables of `evaluate` for people: figures, facets, sources, views, false positives, photos, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import console, count

if TYPE_CHECKING:
    from rich.table import Table

    from urbextag.evaluate.compare import Comparison, PhotoChange
    from urbextag.evaluate.figures import Evaluation, Figures, PhotoScore, Share

_COLUMNS = ("must", "should", "may", "precision", "false", "view", "unjudged", "tags")
_VERDICT_STYLE = {"better": "green", "worse": "bold red", "mixed": "yellow"}
_MOST_NAMES = 6


def print_evaluation(result: Evaluation, each: bool) -> None:
    """Print a result; with `each` also a row for every photo."""
    screen = console()
    head = f"{count(result.photos, 'photo')}, taxonomy {result.taxonomy}"
    passed = f"; {len(result.without_truth)} without truth passed over" if result.without_truth else ""
    screen.print(f"{head}{passed}", markup=False)
    screen.print(_figures_table(result))
    screen.print(_facets_table(result))
    if result.views:
        screen.print(_views_table(result))
    if result.false:
        screen.print(_false_table(result))
    if each:
        screen.print(_photos_table(result.each))
    if result.unknown_words:
        click.echo(f"No concept has these words of the truth: {', '.join(result.unknown_words)}")


def print_comparison(comparison: Comparison) -> None:
    """Print what got better and worse."""
    screen = console()
    table = _table("Against the baseline", "figure", ("before", "after", "change"))
    table.add_column("")
    for change in comparison.figures:
        known = change.before is not None and change.after is not None
        moved = f"{change.after - change.before:+.3f}" if known else "-"  # type: ignore[operator]
        gated = " fails the gate" if change.name in comparison.failed else ""
        verdict = "" if change.verdict in ("same", "neither") else change.verdict
        table.add_row(
            change.name, _number(change.before), _number(change.after), moved, f"{verdict}{gated}",
            style=_VERDICT_STYLE.get(change.verdict),
        )  # fmt: skip
    screen.print(table)
    if not comparison.photos:
        click.echo("No photo changed in anything that the truth speaks of.")
        return
    table = _table("Photos that changed", "photo", ())
    table.add_column("")
    table.add_column("what")
    for photo in comparison.photos:
        table.add_row(_safe(photo.id), photo.verdict, _safe(_what(photo)), style=_VERDICT_STYLE[photo.verdict])
    screen.print(table)


def _what(photo: PhotoChange) -> str:
    parts = [
        f"{label} {', '.join(names)}"
        for label, names in (
            ("found", photo.gained),
            ("lost", photo.lost),
            ("false", photo.false_gained),
            ("no longer false", photo.false_lost),
        )
        if names
    ]
    if photo.view_before is not None:
        parts.append(f"view {photo.view_before} -> {photo.view_after}")
    return "; ".join(parts)


def _table(title: str, first: str, columns: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _figures_table(result: Evaluation) -> Table:
    table = _table("Figures", "source", _COLUMNS)
    table.add_row("all together", *_row(result.figures), style="bold", end_section=True)
    for source, figures in result.sources.items():
        table.add_row(f"{_safe(source)} alone", *_row(figures))
    return table


def _row(figures: Figures) -> list[str]:
    return [_number(getattr(figures, name), 1 if name in ("unjudged", "tags") else 3) for name in _COLUMNS]


def _facets_table(result: Evaluation) -> Table:
    table = _table("Facets", "facet", ("must", "should", "may", "right tags", "wrong", "unjudged"))
    for facet, score in result.facets.items():
        shares = (_share(score.must), _share(score.should), _share(score.may))
        table.add_row(facet, *shares, str(score.right), str(score.wrong), str(score.unjudged))
    return table


def _views_table(result: Evaluation) -> Table:
    found = sorted({view for row in result.views.values() for view in row})
    table = _table("Views: true (rows) and found", "", tuple(found))
    for true, row in result.views.items():
        table.add_row(true, *(str(row.get(view, 0) or "") for view in found))
    return table


def _false_table(result: Evaluation) -> Table:
    table = _table("False positives", "word", ("photos",))
    table.add_column("tags")
    table.add_column("on")
    for word, photos in result.false.items():
        tags = dict.fromkeys(tag for score in result.each for tag in score.false.get(word, ()))
        table.add_row(_safe(word), str(len(photos)), _names(list(tags)), _names(list(photos)))
    return table


def _photos_table(each: tuple[PhotoScore, ...]) -> Table:
    table = _table("Photos", "photo", ("must", "should", "may", "precision", "tags"))
    for name in ("view", "missing must", "false"):
        table.add_column(name)
    for score in each:
        judged = score.view_true is not None and score.view_true != score.view_found
        view = f"{score.view_found}, not {score.view_true}" if judged else score.view_found
        shares = (score.recall("must"), score.recall("should"), score.recall("may"), score.precision)
        words = (_names(list(score.missing["must"])), _names(list(score.false)))
        table.add_row(_safe(score.id), *(_number(share, 2) for share in shares), str(score.tags), view, *words)
    return table


def _share(share: Share) -> str:
    return f"{share.found}/{share.of}" if share.of else "-"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return _safe(", ".join(names[:_MOST_NAMES]) + more)


def _safe(text: Any) -> str:
    """Text that rich takes as it is: a photo's name may have brackets."""
    from rich.markup import escape

    return escape(str(text))
