"""`tag` on a scope of the archive: what it is about, count and estimate, the work to its end, what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.attach import without_missing
from urbextag.cli.common import (
    confirm,
    count,
    derive_shown,
    duration,
    emit,
    list_troubled,
    load_deriver,
    progress,
    refuse_while_paused,
)
from urbextag.errors import PhotosFailed, UsageError

if TYPE_CHECKING:
    from urbextag.actions.tagging import TagPlan
    from urbextag.archive import Archive


def resolve_scope(
    archive: Archive, scope: str | None, location: str | None, photo: str | None
) -> tuple[str, str | None]:
    """The scope and the id it speaks of; `--location` and `--photo` are scopes by themselves.

    Raises:
        UsageError: they contradict each other or name nothing.

    """
    from urbextag.store import locations, photos

    implied = [name for name, given in (("location", location), ("photo", photo)) if given is not None]
    if len(implied) > 1 or (implied and scope not in (None, implied[0])):
        raise UsageError("--scope, --location and --photo contradict each other", "Give one of them")
    if location is not None:
        return "location", locations.find(archive.db, location)["locid"]
    if photo is not None:
        return "photo", photos.find(archive.db, photo, archive.stored(Path(photo)))["imgsha"]
    if scope in ("location", "photo"):
        raise UsageError(f"--scope {scope} does not say which", f"Give --{scope} NAME")
    return scope or "missing", None


def tag_scope(archive: Archive, scope: Any, name: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Tag a scope to its end: count and estimate, a question where tags that stand would change, the work."""
    from urbextag.actions import tagging
    from urbextag.supervisor import cores

    if not dry_run:
        refuse_while_paused(archive)
    taxonomy = archive.load_taxonomy()
    deriver = load_deriver(archive.config, taxonomy, cores())  # encodes prompts that no one has yet
    plan = tagging.plan(archive, taxonomy, deriver, scope, name)
    shas, derive_only = list(plan.shas), plan.derive_only
    if not as_json:
        click.echo(_text(plan))
    elif dry_run:
        numbers = {"photos": len(shas), "derive_only": len(derive_only), "seconds": round(plan.seconds, 1)}
        emit({"scope": scope, **numbers, "text": _text(plan)})
    if dry_run:
        return
    if scope in ("changed", "location", "all") and (shas or derive_only):
        confirm("Derive and tag these again? What you decided yourself stays.", yes)
    derive_shown(archive, deriver, derive_only)
    request = tagging.new_request()
    counts = _run(archive, request, without_missing(archive, request, shas))
    if as_json:
        emit({"scope": scope, "derived": len(derive_only), **counts})
    elif shas or derive_only:
        _tell(counts, len(shas), len(derive_only))
    _fail_if_any_failed(archive, request, counts, as_json)


def _text(plan: TagPlan) -> str:
    photos, derive_only = len(plan.shas), len(plan.derive_only)
    if not (photos or derive_only):
        return f"Nothing to do in scope '{plan.scope}'."
    measured = f"{plan.each:.1f} s a photo, {'measured here' if plan.measured else 'typical; measured as it runs'}"
    again = f", and {derive_only:,} whose tags only want deriving again" if derive_only else ""
    return f"{count(photos, 'photo')} to tag ({plan.scope}){again}: about {duration(plan.seconds)} ({measured})."


def _run(archive: Archive, request: str, shas: list[str]) -> dict[str, int]:
    from urbextag.actions import tagging
    from urbextag.store import jobs
    from urbextag.supervisor import run

    if not shas:
        return jobs.counts(archive.db, request)
    tagging.enqueue(archive, shas, request=request)
    final: dict[str, int] = {}
    with progress("Tagging", len(shas)) as update:

        def told(counts: dict[str, int], paused: str | None) -> None:
            final.update(counts)
            notes = [
                f"{counts[state]} {state.replace('_', ' ')}" for state in ("set_aside", "missing") if counts[state]
            ]
            open_jobs = counts["queued"] + counts["running"]
            update(len(shas) - open_jobs, ", ".join(["paused"] * bool(paused) + notes))

        run(archive, request, told)
    return final


def _tell(counts: dict[str, int], photos: int, derived: int) -> None:
    said = [f"Tagged {count(counts['done'], 'photo')}."]
    if derived:
        said.append(f"Derived {count(derived, 'photo')} again.")
    if counts["cancelled"]:
        said.append(f"{counts['cancelled']:,} cancelled meanwhile.")
    if taken := photos - sum(counts.values()):
        said.append(f"{taken:,} taken over by another run.")
    click.echo(" ".join(said))
    click.echo("Next: urbextag locations list, or: urbextag show PHOTO")


def _fail_if_any_failed(archive: Archive, request: str, counts: dict[str, int], as_json: bool) -> None:
    from urbextag.store import job_lists

    bad = counts["set_aside"] + counts["missing"]
    if not bad:
        return
    if not as_json:
        list_troubled(job_lists.troubled(archive.db, request))
    raise PhotosFailed(
        f"{count(bad, 'photo')} could not be tagged: {counts['set_aside']} set aside, {counts['missing']} missing",
        "See: urbextag jobs status; try again: urbextag jobs retry",
    )
