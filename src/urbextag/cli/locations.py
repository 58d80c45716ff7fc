"""`locations`: the places of an archive, and what the photos of one say together."""

from __future__ import annotations

import click

from urbextag.cli.common import App, complete_location, console, emit, json_option
from urbextag.cli.locations_apply import apply_command, dismiss_command
from urbextag.cli.locations_hero import hero_command
from urbextag.errors import UsageError


@click.group()
def locations() -> None:
    """List the places, and show what the photos of one say together."""


locations.add_command(apply_command)
locations.add_command(dismiss_command)
locations.add_command(hero_command)


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
@click.option("--sub", metavar="SUB", help="Only this sub-location, by name or id.")
@click.option("--tags", "most", type=click.IntRange(1), default=25, show_default=True, help="Tags in the table.")
@json_option
@click.pass_obj
def show(app: App, name: str, sub: str | None, most: int, as_json: bool) -> None:
    """Show what the photos of a place say together.

    What it seems to be, with both sides; condition, era, coverage, documents, the hero photo with its reasons, tags.
    Worked out afresh each time, so it is right after any change. Photos that show the same count once.
    """
    from urbextag.actions.place_report import known_of
    from urbextag.cli.locations_page import print_page
    from urbextag.store import locations as store
    from urbextag.store import summaries

    with app.archive() as archive:
        db, row = archive.db, store.find(archive.db, name)
        subid = None
        if sub is not None and (subid := store.find_sub(db, row["locid"], sub)) is None:
            raise UsageError(f"{row['locnam']} has no sub-location {sub!r}", f"See: urbextag locations show {name!r}")
        files, summary = summaries.summed_up(db, archive.load_taxonomy(), row, subid)
        place = known_of(archive, row, sub)
    if as_json:
        emit({"location": place, "files": files, "summary": summary})
    else:
        print_page(place, files, summary, most)
