"""`locations apply` and `locations dismiss`: the owner's word on what the photos suggest, each with its way back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import (
    App,
    complete_location,
    confirm,
    count,
    derive_shown,
    emit,
    json_option,
    load_deriver,
    yes_option,
)
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.rollup.records import Suggestion, SuggestionKind
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
        done = _undo(archive, row, kind, yes, as_json) if undo else _apply(archive, taxonomy, row, kind, yes, as_json)
        shas = locations.photos_with_evidence(archive.db, row["locid"]) if done else []
        _derive(archive, taxonomy, shas)
        after = locations.find(archive.db, row["locid"])
    columns = {key: after[key] for key in ("type", "stype", "built_year", "built_type")}
    if as_json:
        emit({"location": row["locnam"], "undone" if undo else "applied": done, "now": columns, "derived": len(shas)})
    elif done:
        says = ", ".join(f"{key} {value}" for key, value in columns.items() if value and key != "built_type")
        click.echo(
            f"{row['locnam']}: {says or 'neither type nor era is set'}. Derived {count(len(shas), 'photo')} again."
        )


def waiting(
    archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, kind: SuggestionKind | None
) -> tuple[Suggestion, ...]:
    """The suggestions of a place, of one kind or all.

    Raises:
        UsageError: there is none.

    """
    from urbextag.store import summaries

    _, summary = summaries.summed_up(archive.db, taxonomy, row)
    found = tuple(one for one in summary.suggestions if kind in (None, one.kind))
    if not found:
        what = f"no {kind}" if kind else "nothing"
        raise UsageError(
            f"{what} is suggested for {row['locnam']}: it is set, was dismissed, or the photos say too little",
            f"See: urbextag locations show {row['locnam']!r}",
        )
    return found


def _apply(
    archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, kind: SuggestionKind | None, yes: bool, as_json: bool
) -> list[SuggestionKind]:
    from urbextag.store import locations, suggestions
    from urbextag.store.db import write

    found = waiting(archive, taxonomy, row, kind)
    photos = len(locations.photos_with_evidence(archive.db, row["locid"]))
    if not as_json:
        for one in found:
            sets = ", ".join(f"{column} = {value}" for column, value in one.columns.items())
            both = f"{one.agree} of {count(one.tell, 'view')} for it, {len(one.contradicting)} against"
            click.echo(f"Would set {sets} ({both}).")
        click.echo(f"The tags of {count(photos, 'photo')} would be derived again; what you decided yourself stays.")
    confirm(f"Set this for {row['locnam']}?", yes)
    with write(archive.db):
        done = [one.kind for one in found if suggestions.apply(archive.db, row["locid"], one.kind, one.columns)]
    if not done:
        raise UsageError(f"{row['locnam']} was changed meanwhile", "Look again: urbextag locations show")
    return done


def _undo(
    archive: Archive, row: sqlite3.Row, kind: SuggestionKind | None, yes: bool, as_json: bool
) -> list[SuggestionKind]:
    from urbextag.store import suggestions
    from urbextag.store.db import write

    db, locid = archive.db, row["locid"]
    kinds = [one for one in suggestions.applied(db, locid) if kind in (None, one)]
    if not kinds:
        raise UsageError(
            f"nothing that was applied to {row['locnam']} is there to take back",
            "Set its facts yourself: urbextag add PHOTOS --location NAME --type TYPE",
        )
    if not as_json:
        for one in kinds:
            was, stands = suggestions.still_applied(db, locid, one)
            values = ", ".join(value for column, value in was.items() if value and column != "built_type")
            click.echo(f"{'Would take back' if stands else 'Changed since, stays'}: {one} {values}")
    confirm(f"Take this back for {row['locnam']}?", yes)
    with write(db):
        done = [one for one in kinds if suggestions.undo(db, locid, one)]
    if not done:
        raise UsageError(
            f"what was applied to {row['locnam']} has been changed since, so it is yours and stays",
            "Change it where you set it",
        )
    return done


def _derive(archive: Archive, taxonomy: Taxonomy, shas: Sequence[str]) -> None:
    from urbextag.supervisor import cores

    if shas:
        derive_shown(archive, load_deriver(archive.config, taxonomy, cores()), shas)


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
    from urbextag.store import locations, suggestions
    from urbextag.store.db import write

    with app.archive() as archive:
        db, row = archive.db, locations.find(archive.db, name)
        taxonomy = archive.load_taxonomy()
        kinds: tuple[SuggestionKind, ...] = (kind,) if kind else ("type", "era")
        values: list[tuple[SuggestionKind, str]]
        if value is not None and kind is not None:
            values = [(kind, normal(taxonomy, kind, value))]
        elif undo:
            values = [(one, each) for one in kinds for each in suggestions.dismissed(db, row["locid"], one)]
        else:
            values = [(one.kind, one.value) for one in waiting(archive, taxonomy, row, kind)]
        with write(db):
            if undo:
                done = [(one, each) for one, each in values if suggestions.recall(db, row["locid"], one, each)]
            else:
                done = [(one, each) for one, each in values if suggestions.dismiss(db, row["locid"], one, each)]
        stand = {one: suggestions.dismissed(db, row["locid"], one) for one in suggestions.COLUMNS}
    if as_json:
        emit({"location": row["locnam"], "dismissed": stand})
        return
    what = ", ".join(f"{one} {each}" for one, each in done) or "nothing that was not so before"
    click.echo(f"{row['locnam']}: {'taken back' if undo else 'dismissed'}: {what}")


def normal(taxonomy: Taxonomy, kind: SuggestionKind, value: str) -> str:
    """A kind of place or years as suggestions name them.

    Raises:
        UsageError: it is none.

    """
    from urbextag.cli.photos import place_type
    from urbextag.rollup.suggest import era_text
    from urbextag.taxonomy import parse_years

    if kind == "era":
        return era_text(parse_years(value))
    category, stype = place_type(taxonomy, value)
    return stype or category.lower()
