"""`init`, `add` and `show`: from a folder of photos to an archive, and what it knows of one photo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, complete_location, count, emit, json_option, progress
from urbextag.cli.locations_sub import sub_option
from urbextag.errors import PhotosFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urbextag.actions.adding import Added
    from urbextag.archive import Archive
    from urbextag.importer import Found


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> None:
    """Make an archive in FOLDER.

    Its settings are in urbextag.toml, everything else is in urbextag.db.
    """
    from urbextag.archive import create

    fresh = create(folder)
    click.echo(f"{'Made' if fresh else 'There is'} an archive in {folder.resolve()}")
    if fresh:
        click.echo('Next: urbextag add PHOTOS --location "Name of the place" --type hospital --state NY')
        click.echo("Or in the browser: urbextag serve --open")


@click.command()
@click.argument("named", metavar="PATH|URL...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--location",
    "name",
    metavar="NAME",
    shell_complete=complete_location,
    help="The place they show; made where it is not there yet.",
)
@click.option("--type", "kind", metavar="TYPE", help="What it was: hospital, asylum, mill, ...")
@click.option("--city")
@click.option("--state", help="Two letters or the name: NY, New York.")
@click.option("--era", metavar="YEARS", help="When it was built or used: 1870-1910 or 1887.")
@sub_option
@click.option("--move", is_flag=True, help="Also take photos that are in another location.")
@json_option
@click.pass_obj
def add(
    app: App, named: tuple[str, ...], name: str | None, kind: str | None, city: str | None, state: str | None,
    era: str | None, sub: str | None, move: bool, as_json: bool,
) -> None:  # fmt: skip
    """Add photos to the archive and queue them for tagging.

    A PATH is a photo or a folder of photos; they stay where they are. What a URL holds is fetched
    into the archive's folder web/. Adding again is quick and changes nothing; a copy is not a
    second photo, a moved file is found again.
    """
    from urbextag.actions import adding
    from urbextag.actions.places import place_facts
    from urbextag.fetch.web_import import is_url
    from urbextag.store.locations import LocationFacts

    with app.archive() as archive:
        facts = place_facts(archive.load_taxonomy(), kind, city, state, era)
        if name is None and (facts != LocationFacts() or sub or move):
            raise UsageError(
                "--type, --city, --state, --era, --sub and --move speak of a location", "Name it: --location NAME"
            )
        found = adding.look_for_photos(archive, [Path(path) for path in named if not is_url(path)])
        fetched, failed = _fetch(archive, [url for url in named if is_url(url)])
        found += fetched
        with progress("Adding", len(found)) as update:
            added = adding.add(archive, found, name, facts, sub=sub, move=move, done=update)
        added.report.failed |= failed
        _tell(archive, added, name, as_json)


def _fetch(archive: Archive, urls: Sequence[str]) -> tuple[list[Found], dict[str, str]]:
    """What is on the web, as files, and why some of it could not be had; raises UsageError where one is no address."""
    from urbextag.fetch.web_import import bring

    if not urls:
        return [], {}
    with progress("Fetching", len(urls)) as update:
        return bring(archive, urls, update)


def _tell(archive: Archive, added: Added, name: str | None, as_json: bool) -> None:
    from urbextag.importer import OUTCOMES
    from urbextag.store import locations

    report = added.report
    if as_json:
        counts: dict[str, int] = {outcome: report.counts[outcome] for outcome in OUTCOMES}
        rest = {"failed": report.failed, "ignored": report.ignored, "pairs": report.pairs}
        emit({"files": report.files} | counts | rest)
    else:
        where = f" to {name}" if name else ""
        click.echo(f"Added {count(report.counts['new'], 'photo')}{where}.")
        for number, text in (
            (report.counts["unchanged"], "here already"),
            (report.counts["assigned"], f"here already, put into {name}"),
            (report.counts["copy"], "the same picture as one that is here"),
            (report.counts["moved"], "found again at another path"),
            (report.counts["elsewhere"], "in another location already, left there (--move takes them)"),
            (report.pairs, "RAW files linked with their developed picture"),
        ):
            if number:
                click.echo(f"  {number:,} {text}")
        if report.ignored:
            kinds = ", ".join(f"{number} {suffix}" for suffix, number in report.ignored.most_common(5))
            click.echo(f"  {count(report.ignored.total(), 'file')} not photos, passed over: {kinds}")
        for path, reason in list(report.failed.items())[:10]:
            click.echo(f"  failed: {path}: {reason}")
        if len(report.failed) > 10:
            click.echo(f"  ... and {len(report.failed) - 10:,} more: urbextag status --json")
        changed = added.changed or report.counts["assigned"]
        if changed and added.locid and locations.tagged_count(archive.db, added.locid):
            click.echo("What is known of the place has changed: urbextag tag --scope changed")
        if report.counts["new"]:
            click.echo("Next: urbextag tag")
    if report.failed:
        raise PhotosFailed(
            f"{count(len(report.failed), 'file')} of {report.files:,} could not be read",
            "The others are added; mend or remove these and add again",
        )


@click.command()
@click.argument("photo")
@json_option
@click.pass_obj
def show(app: App, photo: str, as_json: bool) -> None:
    """Show one photo: its tags, how sure, and why.

    PHOTO is a path, a file name or the first digits of an id.
    """
    from urbextag.actions.report import stored_report
    from urbextag.cli.report import print_report
    from urbextag.store import photos

    with app.archive() as archive:
        row = photos.find(archive.db, photo, archive.stored(Path(photo)))
        report = stored_report(archive, archive.load_taxonomy(), row)
        if as_json:
            emit(report)
        else:
            print_report(report)
