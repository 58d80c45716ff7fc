"""`jobs`: look at the queue, hold it, let it go on, cancel, and bring back what was set aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from urbextag.cli.common import App, complete_location, console, count, duration, emit, json_option


@click.group()
def jobs() -> None:
    """Look at the queue, pause, resume, cancel, retry."""


@jobs.command()
@json_option
@click.pass_obj
def status(app: App, as_json: bool) -> None:
    """Show what is queued, done and set aside, and why."""
    from urbextag.actions.status import queue_status

    with app.archive() as archive:
        report = queue_status(archive)
    if as_json:
        emit(report)
    else:
        _print(report)


def _print(report: dict[str, Any]) -> None:
    out, each = console(), report["seconds_per_photo"]
    out.print(f"To tag: {_in_words(report['counts'])}")
    if report["paused_since"]:
        out.print(f"[yellow]paused since {report['paused_since']}[/]: urbextag jobs resume")
    if each and report["counts"]["queued"]:
        out.print(f"about {duration(report['counts']['queued'] * each)} left for one worker ({each:.1f} s a photo)")
    _print_troubled(report["troubled"])
    described = report["vlm"]
    if any(described["counts"].values()):
        out.print(f"To describe: {_in_words(described['counts'])}")
        for rate in described["endpoints"]:
            out.print(f"  {rate['endpoint']}: {rate['seconds']:.1f} s a photo, last one {rate['last']}")
        if left := described["counts"]["queued"]:
            seconds = described["seconds_left"]
            out.print(f"  about {duration(seconds)} left" if seconds is not None else f"  {left:,} not begun")
        _print_troubled(described["troubled"])
    if report["troubled"] or described["troubled"]:
        out.print("Try again: urbextag jobs retry [PHOTO ...]")


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in counts.items())


def _print_troubled(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    for row in rows:
        state, reason = row["state"].replace("_", " "), row["reason"] or ""
        console().print(f"  [red]{state}[/] {escape(row['path'])}: {escape(reason)}")


@jobs.command()
@click.option("--now", is_flag=True, help="Do not wait for answers that a VLM server is working on either.")
@click.pass_obj
def pause(app: App, now: bool) -> None:
    """Hold the work: photos in hand are finished, none is begun."""
    from urbextag.store import jobs as store

    with app.archive() as archive:
        store.pause(archive.db, at_once=now)
    click.echo("Paused. Let it go on: urbextag jobs resume")


@jobs.command()
@click.pass_obj
def resume(app: App) -> None:
    """Let paused work go on."""
    from urbextag.store import jobs as store

    with app.archive() as archive:
        store.resume(archive.db)
        waiting = store.counts(archive.db)["queued"]
        to_describe = store.counts(archive.db, queue=store.VLM)["queued"]
    click.echo(f"{count(waiting, 'photo')} queued. Work them off: urbextag tag, or: urbextag worker")
    if to_describe:
        click.echo(f"{count(to_describe, 'photo')} to be described: urbextag worker")


@jobs.command()
@click.option("--location", metavar="NAME", shell_complete=complete_location, help="Only this location's photos.")
@click.pass_obj
def cancel(app: App, location: str | None) -> None:
    """Take photos off the queues; tags that stand stay. `urbextag tag` queues them again."""
    from urbextag.store import jobs as store
    from urbextag.store import locations

    with app.archive() as archive:
        locid = locations.find(archive.db, location)["locid"] if location is not None else None
        number = store.cancel(archive.db, locid)
        described = store.cancel(archive.db, locid, store.VLM)
    click.echo(f"Cancelled {count(number, 'photo')} to tag and {described:,} to describe.")


@jobs.command()
@click.argument("photos", nargs=-1)
@click.pass_obj
def retry(app: App, photos: tuple[str, ...]) -> None:
    """Queue again what was set aside or missing: PHOTOS, or all."""
    from urbextag.store import jobs as store
    from urbextag.store import photos as photo_store

    with app.archive() as archive:
        shas = [photo_store.find(archive.db, name, archive.stored(Path(name)))["imgsha"] for name in photos]
        number = store.retry(archive.db, shas or None)
        described = store.retry(archive.db, shas or None, store.VLM)
    click.echo(f"{count(number, 'photo')} queued again. Work them off: urbextag tag")
    if described:
        click.echo(f"{count(described, 'photo')} to be described again, by: urbextag worker")
