"""`locations`: the places of an archive, and what the photos of one say together."""

from __future__ import annotations

import sqlite3
from typing import Any

import click

from urbextag.cli.common import App, complete_location, console, count, emit, json_option, years


@click.group()
def locations() -> None:
    """List the places, and show what the photos of one say together."""


@locations.command("list")
@json_option
@click.pass_obj
def list_command(app: App, as_json: bool) -> None:
    """List every place with its photos."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from urbextag.store import locations as store

    with app.archive() as archive:
        rows = [dict(row) for row in store.listing(archive.db)]
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo('No location yet. Make one: urbextag add PHOTOS --location "Name of the place"')
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("location", "type", "where", "built", "photos", "tagged"):
        table.add_column(title, justify="right" if title in ("photos", "tagged") else "left", overflow="fold")
    for row in rows:
        where = ", ".join(filter(None, (row["address_city"], row["address_state"])))
        cells = (row["locnam"], row["stype"] or row["type"] or "", where, row["built_year"] or "")
        table.add_row(*map(escape, cells), f"{row['photos']:,}", f"{row['tagged']:,}")
    console().print(table)


@locations.command()
@click.argument("name", shell_complete=complete_location)
@click.option("--tags", "most", type=click.IntRange(1), default=25, show_default=True, help="Tags in the table.")
@json_option
@click.pass_obj
def show(app: App, name: str, most: int, as_json: bool) -> None:
    """Show what the photos of a place say together.

    Views, condition, era, the kind of place they speak for, the hero photo with its reasons, and the tags.
    """
    from urbextag.rollup import summarise
    from urbextag.store import locations as store
    from urbextag.store import summaries

    with app.archive() as archive:
        row = store.find(archive.db, name)
        total = summaries.photo_count(archive.db, row["locid"])
        summary = summarise(summaries.photos(archive.db, row["locid"]), archive.load_taxonomy())
    if as_json:
        known = ("locid", "locnam", "type", "stype", "address_city", "address_state", "built_year")
        emit({"location": {key: row[key] for key in known}, "files": total, "summary": summary})
    else:
        _print(row, total, summary, most)


def _print(row: sqlite3.Row, files: int, summary: Any, most: int) -> None:
    from rich.markup import escape

    out = console()
    kind = row["stype"] or row["type"]
    where = ", ".join(filter(None, (row["address_city"], row["address_state"])))
    facts = ", ".join(filter(None, (kind, where, row["built_year"])))
    out.print(f"[bold]{escape(row['locnam'])}[/]{f' ({escape(facts)})' if facts else ''}: {count(files, 'photo')}")
    if not summary.photos:
        out.print("  not tagged yet: urbextag tag")
        return
    views = ", ".join(f"{number} {view}" for view, number in summary.views.items())
    lines = [("views", views)]
    if summary.condition:
        lines.append(("condition", f"{summary.condition.label} ({summary.condition.score:.2f})"))
    for cue in summary.era[:5]:
        name = cue.concept.split("/")[-1]
        lines.append(("era", f"{cue.kind} {years(cue.years)}: {name}, {count(cue.photos, 'photo')}"))
    if summary.suggestion and not kind:
        found = summary.suggestion
        seen = f"{found.share:.0%} of what speaks for a kind of place; {count(len(found.photos), 'photo')}"
        lines.append(("looks like", f"{found.stype} ({found.type}): {seen}: {', '.join(found.photos[:3])}"))
    if summary.hero:
        lines.append(("hero", f"{summary.hero.name}: {', '.join(summary.hero.reasons)}"))
    for label, text in lines:
        out.print(f"  [dim]{label:<10}[/] {escape(text)}")
    _print_tags(out, summary, most)


def _print_tags(out: Any, summary: Any, most: int) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("tag", "facet", "photos", "how sure", "for example"):
        table.add_column(title, justify="right" if title in ("photos", "how sure") else "left", overflow="fold")
    for tag in summary.tags[:most]:
        cells = (tag.label, tag.facet, str(tag.photos), f"{tag.confidence:.2f}", ", ".join(tag.examples))
        table.add_row(*map(escape, cells))
    out.print(table)
    if len(summary.tags) > most:
        out.print(f"  ... and {len(summary.tags) - most} more: --tags {len(summary.tags)}")
