"""`locations apply` and `locations dismiss`: the owner's word on what the photos suggest, each with its way back."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import (
    App,
    complete_location,
    confirm,
    count,
    emit,
    json_option,
    load_deriver,
    progress,
    yes_option,
)

if TYPE_CHECKING:
    from urbextag.actions.suggestions import Outcome
    from urbextag.archive import Archive
    from urbextag.rollup.records import SuggestionKind
    from urbextag.taxonomy import Taxonomy

kind_argument = click.argument("kind", type=click.Choice(["type", "era"]), required=False)


@click.command("apply")
@click.argument("name", shell_complete=complete_location)
@kind_argument
@click.option("--undo", is_flag=True, help="Take back what was applied, as far as it still stands.")
@yes_option
@json_option
@click.pass_obj
def apply_command(app: App, name: str, kind: SuggestionKind | None, undo: bool, yes: bool, as_json: bool) -> None:
    """Set what the photos suggest, where you have set nothing.

    The kind of place, its era, or both where none is named. Its photos' tags are then derived again,
    since what is known of a place weighs in them. Shows first what it would set, and asks.
    """
    from urbextag.store import locations

    with app.archive() as archive:
        row = locations.find(archive.db, name)
        taxonomy = archive.load_taxonomy()
        change = _undo if undo else _apply
        done = change(archive, taxonomy, row, kind, yes, as_json)
        after = locations.find(archive.db, row["locid"])
    columns = {key: after[key] for key in ("type", "stype", "built_year", "built_type")}
    if as_json:
        kinds = list(done.kinds)
        emit(
            {"location": row["locnam"], "undone" if undo else "applied": kinds, "now": columns, "derived": done.derived}
        )
    else:
        says = ", ".join(f"{key} {value}" for key, value in columns.items() if value and key != "built_type")
        click.echo(
            f"{row['locnam']}: {says or 'neither type nor era is set'}. Derived {count(done.derived, 'photo')} again."
        )


def _apply(
    archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, kind: SuggestionKind | None, yes: bool, as_json: bool
) -> Outcome:
    from urbextag.actions import suggestions
    from urbextag.store import locations
    from urbextag.supervisor import cores

    found = suggestions.waiting(archive, taxonomy, row, kind)
    photos = len(locations.photos_with_evidence(archive.db, row["locid"]))
    if not as_json:
        for one in found:
            sets = ", ".join(f"{column} = {value}" for column, value in one.columns.items())
            both = f"{one.agree} of {count(one.tell, 'view')} for it, {len(one.contradicting)} against"
            click.echo(f"Would set {sets} ({both}).")
        click.echo(f"The tags of {count(photos, 'photo')} would be derived again; what you decided yourself stays.")
    confirm(f"Set this for {row['locnam']}?", yes)
    deriver = load_deriver(archive.config, taxonomy, cores())
    with progress("Deriving", photos) as update:
        return suggestions.apply(archive, deriver, row, found, update)


def _undo(
    archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, kind: SuggestionKind | None, yes: bool, as_json: bool
) -> Outcome:
    from urbextag.actions import suggestions
    from urbextag.store import locations
    from urbextag.store.suggestions import still_applied
    from urbextag.supervisor import cores

    kinds = suggestions.to_undo(archive, row, kind)
    if not as_json:
        for one in kinds:
            was, stands = still_applied(archive.db, row["locid"], one)
            values = ", ".join(value for column, value in was.items() if value and column != "built_type")
            click.echo(f"{'Would take back' if stands else 'Changed since, stays'}: {one} {values}")
    confirm(f"Take this back for {row['locnam']}?", yes)
    deriver = load_deriver(archive.config, taxonomy, cores())
    with progress("Deriving", len(locations.photos_with_evidence(archive.db, row["locid"]))) as update:
        return suggestions.undo(archive, deriver, row, kinds, update)


@click.command("dismiss")
@click.argument("name", shell_complete=complete_location)
@kind_argument
@click.argument("value", required=False)
@click.option("--undo", is_flag=True, help="Let it be suggested again: VALUE, or all that was dismissed.")
@json_option
@click.pass_obj
def dismiss_command(
    app: App, name: str, kind: SuggestionKind | None, value: str | None, undo: bool, as_json: bool
) -> None:
    """Dismiss what the photos suggest; the next best is suggested.

    VALUE is a kind of place or years; without it, what is suggested. It stays dismissed, and what is no
    hospital is no children's hospital either.
    """
    from urbextag.actions import suggestions
    from urbextag.store import locations

    with app.archive() as archive:
        row = locations.find(archive.db, name)
        taxonomy, locid = archive.load_taxonomy(), row["locid"]
        values: list[tuple[SuggestionKind, str]]
        if value is not None and kind is not None:
            values = [(kind, suggestions.value_of(taxonomy, kind, value))]
        elif undo:
            stood = suggestions.dismissed(archive, locid)
            values = [(one, each) for one in (stood if kind is None else (kind,)) for each in stood[one]]
        else:
            values = [(one.kind, one.value) for one in suggestions.waiting(archive, taxonomy, row, kind)]
        done = (suggestions.recall if undo else suggestions.dismiss)(archive, locid, values)
        stand = suggestions.dismissed(archive, locid)
    if as_json:
        emit({"location": row["locnam"], "dismissed": stand})
        return
    what = ", ".join(f"{one} {each}" for one, each in done) or "nothing that was not so before"
    click.echo(f"{row['locnam']}: {'taken back' if undo else 'dismissed'}: {what}")
