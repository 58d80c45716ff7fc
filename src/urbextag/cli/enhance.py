"""`enhance`: have photos described by a VLM: which, how many, how long; at once or by the worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.attach import begin
from urbextag.cli.common import (
    App,
    complete_location,
    confirm,
    count,
    duration,
    emit,
    json_option,
    load_deriver,
    refuse_while_paused,
    yes_option,
)
from urbextag.cli.common import progress as bar
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.actions.describing import DescribePlan
    from urbextag.archive import Archive
    from urbextag.store.vlm import Scope
    from urbextag.vlm.look import Server


@click.command()
@click.option("--missing", is_flag=True, help="Photos that no VLM has described.")
@click.option("--changed", is_flag=True, help="Photos whose request would read otherwise today, or of another model.")
@click.option("--all", "every", is_flag=True, help="All tagged photos, described or not.")
@click.option("--location", metavar="NAME", shell_complete=complete_location, help="The photos of this location.")
@click.option("--photo", metavar="PHOTO", help="This photo.")
@click.option("--now", is_flag=True, help="Do it here, to the end, in place of leaving it to the worker.")
@click.option("--dry-run", is_flag=True, help="Say how many photos and how long, then stop.")
@click.option("--show-request", metavar="PHOTO", help="Print exactly what would be sent for this photo, send nothing.")
@yes_option
@json_option
@click.pass_obj
def enhance(
    app: App, missing: bool, changed: bool, every: bool, location: str | None, photo: str | None, now: bool,
    dry_run: bool, show_request: str | None, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Have photos described by a vision-language model on your own servers.

    \b
    urbextag enhance --missing                what has no description yet, by `urbextag worker`
    urbextag enhance --location "The Mill" --now
    urbextag enhance --changed                what is known of a place has changed: whose request really reads otherwise
    urbextag enhance --show-request a.jpg     what would be sent
    """
    from urbextag.actions import describing

    with app.archive() as archive:
        if show_request is not None:
            if missing or changed or every or location or photo or now:
                raise UsageError("--show-request sends nothing", "Give it alone, or leave it out")
            from urbextag.cli.enhance_request import show

            show(archive, show_request, as_json)
            return
        if now and not dry_run:
            from urbextag.cli.enhance_now import work_off

            refuse_while_paused(archive)
        begin(archive)
        scope, name = _scope(archive, missing, changed, every, location, photo)
        servers = _look(archive, as_json)
        plan = describing.plan_of(archive, servers, scope, _select(archive, scope, name))
        if not as_json:
            click.echo(_text(plan))
        elif dry_run or not plan.shas:
            emit(_as_json(plan))
        if dry_run or not plan.shas:
            return
        if scope in ("all", "location", "changed"):
            confirm("Describe these? Descriptions that stand are replaced; what you decided yourself stays.", yes)
        request = describing.enqueue(archive, scope, plan.shas)
        if now:
            work_off(archive, servers, request, len(plan.shas), as_json)
        elif as_json:
            emit({**_as_json(plan), "request": request})
        else:
            click.echo("Queued. A running `urbextag worker` begins at once; if none runs: urbextag worker &")


def _scope(
    archive: Archive, missing: bool, changed: bool, every: bool, location: str | None, photo: str | None
) -> tuple[Scope, str | None]:
    """The one scope that was asked for, and the id it speaks of; raises UsageError."""
    from urbextag.actions.describing import refuse_untagged
    from urbextag.store import locations, photos

    given: dict[Scope, bool] = {
        "missing": missing,
        "changed": changed,
        "all": every,
        "location": location is not None,
        "photo": photo is not None,
    }
    asked = [scope for scope, is_given in given.items() if is_given]
    if len(asked) != 1:
        raise UsageError(
            "no scope is given" if not asked else "one scope at a time",
            "Give one of --missing, --changed, --all, --location NAME, --photo PHOTO",
        )
    if location is not None:
        return "location", locations.find(archive.db, location)["locid"]
    if photo is not None:
        row = photos.find(archive.db, photo, archive.stored(Path(photo)))
        refuse_untagged(archive, row["imgsha"], photo)
        return "photo", row["imgsha"]
    return asked[0], None


def _look(archive: Archive, as_json: bool) -> list[Server]:
    """The servers, each with a word on it; raises where none can be used."""
    from urbextag.vlm.look import look_at_all, usable

    servers = look_at_all(archive.config.vlm)
    usable(servers)
    for server in servers:
        if server.fault:
            click.echo(f"urbextag: {server.fault}. {server.remedy}.", err=True)
        elif not as_json:
            click.echo(server.detail)
        for note in server.probed.notes if server.probed else ():
            click.echo(f"  note: {note}", err=True)
    return servers


def _select(archive: Archive, scope: Scope, name: str | None) -> list[str]:
    from urbextag.actions import describing
    from urbextag.supervisor import cores

    shas = describing.candidates(archive, scope, name)
    if scope != "changed" or not shas:
        return shas
    deriver = load_deriver(archive.config, archive.load_taxonomy(), cores())
    with bar("Comparing requests", len(shas)) as update:
        return describing.only_changed(archive, deriver, shas, update)


def _text(plan: DescribePlan) -> str:
    if not plan.shas:
        return f"Nothing to describe ({plan.scope})."
    how = "measured here" if plan.measured else "typical; measured as it runs"
    what = f"{count(len(plan.shas), 'photo')} to describe ({plan.scope}) by {count(plan.servers, 'server')}"
    return f"{what}: about {duration(plan.seconds)} ({how})."


def _as_json(plan: DescribePlan) -> dict[str, Any]:
    numbers = {"photos": len(plan.shas), "seconds": round(plan.seconds, 1), "measured": plan.measured}
    return {"scope": plan.scope, **numbers, "text": _text(plan)}
