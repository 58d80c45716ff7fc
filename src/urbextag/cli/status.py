"""`status` and `doctor`: where the archive stands, and what works on this machine, what does not, what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from urbextag.cli.common import App, console, count, duration, emit, json_option
from urbextag.errors import ArchiveError, ModelError


@click.command()
@json_option
@click.pass_obj
def status(app: App, as_json: bool) -> None:
    """Show where the archive stands and how long the rest takes."""
    from urbextag.actions.status import archive_status

    with app.archive() as archive:
        report = archive_status(archive)
    if as_json:
        emit(report)
    else:
        _print_status(report)


def _print_status(report: dict[str, Any]) -> None:
    from rich.markup import escape

    out, states = console(), report["jobs"]
    out.print(f"[bold]{escape(report['archive'])}[/] (profile {report['profile']})")
    out.print(
        f"  {count(report['photos'], 'photo')} in {count(report['locations'], 'location')}, {report['tagged']:,} tagged"
        + (f", {report['without_location']:,} without a location" if report["without_location"] else "")
    )
    waiting, each = states["queued"], report["seconds_per_photo"]
    if waiting or states["running"]:
        left = f", about {duration(waiting * each)} for one worker" if each and waiting else ""
        last = f"; last finished {report['last_finished']}" if report["last_finished"] else ""
        out.print(f"  {waiting:,} queued, {states['running']:,} in hand{left}{last}")
    if report["paused_since"]:
        out.print(f"  [yellow]paused since {report['paused_since']}[/]: urbextag jobs resume")
    for state, remedy in (("set_aside", "urbextag jobs status"), ("missing", "plug in their drive or add them again")):
        if states[state]:
            out.print(f"  [red]{states[state]:,} {state.replace('_', ' ')}[/]: {remedy}")
    described = report["to_describe"]
    if any(described.values()):
        aside = f", [red]{described['set_aside']:,} set aside[/]" if described["set_aside"] else ""
        waits = described["queued"] + described["running"]
        out.print(f"  {described['done']:,} described by a VLM, {waits:,} to be{aside}: urbextag jobs status")
    if report["unreadable"]:
        out.print(f"  [red]{count(len(report['unreadable']), 'file')} could not be read[/]:")
        for row in report["unreadable"][:10]:
            out.print(f"    {escape(row['path'])}: {escape(row['reason'])}")
        if len(report["unreadable"]) > 10:
            out.print(f"    ... and {len(report['unreadable']) - 10:,} more: --json")
    if not report["photos"]:
        out.print('Next: urbextag add PHOTOS --location "Name of the place"')
    elif waiting and not report["paused_since"]:
        out.print("Next: urbextag tag")


@click.command()
@json_option
@click.pass_obj
def doctor(app: App, as_json: bool) -> None:
    """Try every part and say what works and what to do."""
    from rich.markup import escape

    from urbextag.doctor import check_archive, check_machine

    checks = check_machine()
    try:
        root = app.root()
    except ArchiveError as error:
        click.echo(f"{error.message}: only the machine is checked.", err=True)
    else:
        checks += check_archive(root)
    bad = [check for check in checks if check.state == "fails"]
    if as_json:
        emit([asdict(check) for check in checks])
    else:
        out = console()
        marks = {"works": "[green]works[/]", "note": "[yellow]note [/]", "fails": "[red]fails[/]"}
        for check in checks:
            out.print(f"{marks[check.state]}  [bold]{check.name}[/]: {escape(check.detail)}")
            if check.remedy:
                out.print(f"       {escape(check.remedy)}")
    if bad:
        raise ModelError(f"{count(len(bad), 'part')} of {len(checks)} failed", "Follow the remedies above")
