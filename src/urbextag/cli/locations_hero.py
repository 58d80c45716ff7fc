"""`locations hero`: the photo that introduces a place, chosen by its owner or left to us."""

from __future__ import annotations

from pathlib import Path

import click

from urbextag.cli.common import App, complete_location, emit, json_option
from urbextag.errors import UsageError


@click.command("hero")
@click.argument("name", shell_complete=complete_location)
@click.argument("photo", required=False)
@click.option("--auto", is_flag=True, help="Leave it to us again.")
@json_option
@click.pass_obj
def hero_command(app: App, name: str, photo: str | None, auto: bool, as_json: bool) -> None:
    """Choose the photo that introduces a place, and lock it.

    Without PHOTO it names the best ones with their reasons. Nothing but this command ever changes the choice.
    """
    from urbextag.actions.places import set_hero
    from urbextag.store import locations, photos, summaries

    if photo and auto:
        raise UsageError("a photo and --auto contradict each other", "Give one of them")
    with app.archive() as archive:
        db, row = archive.db, locations.find(archive.db, name)
        if photo:
            set_hero(archive, row["locid"], photos.find(db, photo, archive.stored(Path(photo)))["imgsha"])
        elif auto:
            set_hero(archive, row["locid"], None)
        _, summary = summaries.summed_up(db, archive.load_taxonomy(), locations.find(db, row["locid"]))
    if as_json:
        emit({"location": row["locnam"], "locked": summary.locked_hero, "ours": summary.heroes})
        return
    if summary.locked_hero:
        click.echo(f"{row['locnam']}: {summary.locked_hero.name} (yours, locked; --auto leaves it to us)")
    elif summary.hero is None:
        click.echo(f"{row['locnam']}: no photo for it yet")
    for number, one in enumerate(summary.heroes, 1):
        click.echo(f"  {number}. {one.name}: {', '.join(one.reasons)}")
