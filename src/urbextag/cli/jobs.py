"""`jobs`: look at the queue, hold it, let it go on, cancel, and bring back what was set aside."""

from __future__ import annotations

from pathlib import Path

import click

from urbextag.cli.common import App, complete_location, console, count, duration, emit, json_option


@click.group()
def jobs() -> None:
    """Look at the queue, pause, resume, cancel, retry."""


@jobs.command()
@json_option
@click.pass_obj
def status(app: App, as_json: bool) -> None:
    """Show how much is queued, done and set aside, and why."""
    from rich.markup import escape

    from urbextag.store import jobs as store

    with app.archive() as archive:
        db = archive.db
        counts = store.counts(db)
        each = store.seconds_per_photo(db)
        troubled = [dict(row) for row in store.troubled(db)]
        paused = store.paused_since(db)
        if as_json:
            emit(
                {
                    "counts": counts,
                    "paused_since": paused,
                    "last_finished": store.last_finished(db),
                    "seconds_per_photo": each,
                    "troubled": troubled,
                }
            )
            return
        out = console()
        out.print(", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in counts.items()))
        if paused:
            out.print(f"[yellow]paused since {paused}[/]: urbextag jobs resume")
        if each and counts["queued"]:
            out.print(f"about {duration(counts['queued'] * each)} left for one worker ({each:.1f} s a photo)")
        for row in troubled:
            out.print(
                f"  [red]{row['state'].replace('_', ' ')}[/] {escape(row['path'])}: {escape(row['reason'] or '')}"
            )
        if troubled:
            out.print("Try again: urbextag jobs retry [PHOTO ...]")


@jobs.command()
@click.pass_obj
def pause(app: App) -> None:
    """Hold the work: photos in hand are finished, none is begun."""
    from urbextag.store import jobs as store

    with app.archive() as archive:
        store.pause(archive.db)
    click.echo("Paused. Let it go on: urbextag jobs resume")


@jobs.command()
@click.pass_obj
def resume(app: App) -> None:
    """Let paused work go on."""
    from urbextag.store import jobs as store

    with app.archive() as archive:
        store.resume(archive.db)
        waiting = store.counts(archive.db)["queued"]
    click.echo(f"{count(waiting, 'photo')} queued. Work them off: urbextag tag, or: urbextag worker")


@jobs.command()
@click.option("--location", metavar="NAME", shell_complete=complete_location, help="Only this location's photos.")
@click.pass_obj
def cancel(app: App, location: str | None) -> None:
    """Take photos off the queue; tags that stand stay. `urbextag tag` queues them again."""
    from urbextag.store import jobs as store
    from urbextag.store import locations
    from urbextag.store.db import write

    with app.archive() as archive:
        locid = locations.find(archive.db, location)["locid"] if location is not None else None
        with write(archive.db):
            number = store.cancel(archive.db, locid)
    click.echo(f"Cancelled {count(number, 'photo')}.")


@jobs.command()
@click.argument("photos", nargs=-1)
@click.pass_obj
def retry(app: App, photos: tuple[str, ...]) -> None:
    """Queue again what was set aside or missing: PHOTOS, or all."""
    from urbextag.store import jobs as store
    from urbextag.store import photos as photo_store
    from urbextag.store.db import write

    with app.archive() as archive:
        shas = [photo_store.find(archive.db, name, archive.stored(Path(name)))["imgsha"] for name in photos]
        with write(archive.db):
            number = store.retry(archive.db, shas or None)
    click.echo(f"{count(number, 'photo')} queued again. Work them off: urbextag tag")
