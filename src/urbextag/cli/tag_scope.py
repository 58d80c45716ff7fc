"""`tag` on a scope of the archive: what it is about, count and estimate, the work to its end, what came of it."""

from __future__ import annotations

import uuid
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
    from urbextag.archive import Archive
    from urbextag.choices import Profile

TYPICAL_SECONDS: dict[Profile, float] = {"starter": 1.4, "scene": 0.2, "standard": 12.0}
"""Of a photo in a worker of one thread (docs/benchmarks.md), until this archive has own figures."""
DERIVED_PER_SECOND = 1000
"""Photos whose tags are derived again from kept evidence, the database included."""


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
    from urbextag.pipeline import build, fingerprint
    from urbextag.rederive import reworded, stale
    from urbextag.stages.base import Kit
    from urbextag.store import scopes
    from urbextag.supervisor import cores
    from urbextag.worker import found_again

    if not dry_run:
        refuse_while_paused(archive)
    taxonomy = archive.load_taxonomy()
    stages_fingerprint = fingerprint(build(archive.config, Kit(taxonomy, models=archive.config.models)))
    deriver = load_deriver(archive.config, taxonomy, cores())  # encodes prompts that no one has yet
    shas = scopes.select(archive.db, scope, stages_fingerprint, name)
    if scope == "missing":
        shas += found_again(archive)
    if scope == "changed":
        shas += reworded(archive, taxonomy, stages_fingerprint)
    looked_at = set(shas)
    stale_ones = stale(archive.db, deriver, stages_fingerprint) if scope == "changed" else []
    derive_only = [sha for sha in stale_ones if sha not in looked_at]
    plan = _plan(archive, scope, len(shas), len(derive_only))
    if not as_json:
        click.echo(plan["text"])
    elif dry_run:
        emit(plan)
    if dry_run:
        return
    if scope in ("changed", "location", "all") and (shas or derive_only):
        confirm("Derive and tag these again? What you decided yourself stays.", yes)
    derive_shown(archive, deriver, derive_only)
    request = uuid.uuid4().hex[:12]
    counts = _run(archive, request, without_missing(archive, request, shas))
    if as_json:
        emit({"scope": scope, "derived": len(derive_only), **counts})
    elif shas or derive_only:
        _tell(counts, len(shas), len(derive_only))
    _fail_if_any_failed(archive, request, counts, as_json)


def _plan(archive: Archive, scope: str, photos: int, derive_only: int) -> dict[str, Any]:
    from urbextag.store import jobs
    from urbextag.supervisor import hands

    known = jobs.seconds_per_photo(archive.db)
    each = (known or TYPICAL_SECONDS[archive.config.profile]) / hands(archive.config, photos)
    seconds = photos * each + derive_only / DERIVED_PER_SECOND
    text = f"Nothing to do in scope '{scope}'."
    if photos or derive_only:
        measured = f"{each:.1f} s a photo, {'measured here' if known else 'typical; measured as it runs'}"
        again = f", and {derive_only:,} whose tags only want deriving again" if derive_only else ""
        text = f"{count(photos, 'photo')} to tag ({scope}){again}: about {duration(seconds)} ({measured})."
    return {"scope": scope, "photos": photos, "derive_only": derive_only, "seconds": round(seconds, 1), "text": text}


def _run(archive: Archive, request: str, shas: list[str]) -> dict[str, int]:
    from urbextag.store import jobs
    from urbextag.store.db import write_in_slices
    from urbextag.supervisor import run

    if not shas:
        return jobs.counts(archive.db, request)
    write_in_slices(archive.db, shas, lambda part: jobs.enqueue(archive.db, part, jobs.Priority.PERSON, request))
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
    from urbextag.store import jobs

    bad = counts["set_aside"] + counts["missing"]
    if not bad:
        return
    if not as_json:
        list_troubled(jobs.troubled(archive.db, request))
    raise PhotosFailed(
        f"{count(bad, 'photo')} could not be tagged: {counts['set_aside']} set aside, {counts['missing']} missing",
        "See: urbextag jobs status; try again: urbextag jobs retry",
    )
