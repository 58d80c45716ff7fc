"""`tag`: one photo without an archive, or a scope of the archive to its end."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import (
    App,
    complete_location,
    confirm,
    count,
    duration,
    emit,
    json_option,
    progress,
    yes_option,
)
from urbextag.errors import PhotosFailed, UsageError
from urbextag.records import VIEW_TYPES, Context, Failure, PhotoRef
from urbextag.store.scopes import SCOPES

if TYPE_CHECKING:
    from urbextag.archive import Archive

TYPICAL_SECONDS = 1.4
"""A photo of the starter profile in a worker of one thread (docs/benchmarks.md), until this archive has own figures."""


ENQUEUE_CHUNK = 5000
"""Photos queued per transaction, so that no other process waits long for the database."""
DERIVED_PER_SECOND = 1000
"""Photos whose tags are derived again from kept evidence, the database included."""


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
@click.option("--scope", type=click.Choice(SCOPES), help="Which photos of the archive.  [default: missing]")
@click.option(
    "--location",
    metavar="NAME",
    shell_complete=complete_location,
    help="Scope: the photos of this location, tagged or not.",
)
@click.option("--photo", metavar="PHOTO", help="Scope: this photo of the archive.")
@click.option("--dry-run", is_flag=True, help="Say how many photos and how long, then stop.")
@click.option(
    "--view-type", type=click.Choice([v for v in VIEW_TYPES if v != "unknown"]), help="With PHOTOS: the view."
)
@click.option("--location-type", metavar="TYPE", help="With PHOTOS: what the place was: hospital, mill, ...")
@click.option("--state", help="With PHOTOS: two letters or the name.")
@click.option("--era", metavar="YEARS", help="With PHOTOS: 1870-1910 or 1887.")
@yes_option
@json_option
@click.pass_obj
def tag(
    app: App, photos: tuple[Path, ...], scope: str | None, location: str | None, photo: str | None, dry_run: bool,
    view_type: Any, location_type: str | None, state: str | None, era: str | None, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Tag the archive's photos, or PHOTOS alone without an archive.

    \b
    urbextag tag                        what has no tags yet; after an interruption it goes on
    urbextag tag --scope changed        what was tagged with other settings, taxonomy or facts
    urbextag tag --location "The Mill"  all of a place again
    urbextag tag a.jpg --view-type interior --location-type hospital --state "New York" --json
    """
    if photos:
        if scope or location or photo or dry_run:
            raise UsageError("PHOTOS stand alone; scopes speak of the archive", "Give one or the other")
        tag_alone(photos, hand_context(view_type, location_type, state, era), as_json)
        return
    if view_type or location_type or state or era:
        raise UsageError(
            "context by hand goes with PHOTOS", "In an archive: urbextag add PHOTOS --location NAME --type ..."
        )
    with app.archive() as archive:
        tag_scope(archive, *resolve_scope(archive, scope, location, photo), dry_run=dry_run, yes=yes, as_json=as_json)


def hand_context(view_type: Any, location_type: str | None, state: str | None, era: str | None) -> Context:
    """The context that a person gave on the command line, checked.

    Raises:
        UsageError: an unknown kind of place or state, or no years.

    """
    from urbextag.cli.photos import location_facts
    from urbextag.states import STATES
    from urbextag.taxonomy import load_taxonomy as packaged
    from urbextag.taxonomy import parse_years

    facts = location_facts(packaged(), location_type, None, state, None)
    kind = facts.stype or facts.type
    return Context(
        view_type=view_type,
        location_type=kind.lower() if kind else None,
        state=STATES.get(facts.address_state or "", facts.address_state),
        era=parse_years(era) if era is not None else None,
    )


def tag_alone(paths: tuple[Path, ...], context: Context, as_json: bool) -> None:
    """Tag photos without an archive and print each report: with `--json` one object, for several a line each."""
    import json

    from urbextag.cli.report import fresh_report, print_report
    from urbextag.config import Config
    from urbextag.images import Limits
    from urbextag.pipeline import build, run_batch
    from urbextag.records import Record
    from urbextag.stages.base import Kit
    from urbextag.supervisor import cores
    from urbextag.taxonomy import derive
    from urbextag.taxonomy import load_taxonomy as packaged

    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is no file", "Name photos; for a folder: urbextag init, then urbextag add FOLDER")
    taxonomy = packaged()
    stages = build(Config(), Kit(taxonomy, cores()))
    for stage in stages:
        stage.load()
    failed = []
    for path in paths:
        (result,) = run_batch(stages, [PhotoRef(path.stem, str(path), context)], Limits())
        if isinstance(result, Failure):
            failed.append(f"{path}: {result.reason}")
            click.echo(f"urbextag: {failed[-1]}", err=True)
            continue
        report = fresh_report(result, derive(taxonomy, Record(path.stem, context, result.evidence), result.scene))
        if not as_json:
            print_report(report)
        elif len(paths) == 1:
            emit(report)
        else:
            click.echo(json.dumps(report, ensure_ascii=False))
    if failed:
        raise PhotosFailed(
            f"{len(failed)} of {count(len(paths), 'photo')} could not be tagged", "The reasons are above"
        )


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
    from urbextag.rederive import rederive, stale
    from urbextag.stages.base import Kit
    from urbextag.store import jobs, scopes
    from urbextag.worker import found_again

    if (since := jobs.paused_since(archive.db)) and not dry_run:
        raise UsageError(f"work is paused since {since}", "Let it go on: urbextag jobs resume")
    taxonomy = archive.load_taxonomy()
    stages_fingerprint = fingerprint(build(archive.config, Kit(taxonomy)))
    shas = scopes.select(archive.db, scope, stages_fingerprint, name)
    if scope == "missing":
        shas += found_again(archive)
    derive_only = stale(archive.db, taxonomy, stages_fingerprint) if scope == "changed" else []
    plan = _plan(archive, scope, len(shas), len(derive_only))
    if not as_json:
        click.echo(plan["text"])
    elif dry_run:
        emit(plan)
    if dry_run:
        return
    if scope in ("changed", "location", "all") and (shas or derive_only):
        confirm("Derive and tag these again? What you decided yourself stays.", yes)
    with progress("Deriving", len(derive_only)) as update:
        rederive(archive.db, taxonomy, derive_only, update)
    request = uuid.uuid4().hex[:12]
    counts = _run(archive, request, shas)
    if as_json:
        emit({"scope": scope, "derived": len(derive_only), **counts})
    elif shas or derive_only:
        _tell(counts, len(shas), len(derive_only))
    _fail_if_any_failed(archive, request, counts, as_json)


def _plan(archive: Archive, scope: str, photos: int, derive_only: int) -> dict[str, Any]:
    from urbextag.store import jobs
    from urbextag.supervisor import worker_count

    known = jobs.seconds_per_photo(archive.db)
    each = (known or TYPICAL_SECONDS) / worker_count(archive.config.work)
    seconds = photos * each + derive_only / DERIVED_PER_SECOND
    text = f"Nothing to do in scope '{scope}'."
    if photos or derive_only:
        measured = f"{each:.1f} s a photo, {'measured here' if known else 'typical; measured as it runs'}"
        again = f", and {derive_only:,} whose tags only want deriving again" if derive_only else ""
        text = f"{count(photos, 'photo')} to tag ({scope}){again}: about {duration(seconds)} ({measured})."
    return {"scope": scope, "photos": photos, "derive_only": derive_only, "seconds": round(seconds, 1), "text": text}


def _run(archive: Archive, request: str, shas: list[str]) -> dict[str, int]:
    from urbextag.store import jobs
    from urbextag.store.db import write
    from urbextag.supervisor import run

    if not shas:
        return jobs.counts(archive.db, request)
    for start in range(0, len(shas), ENQUEUE_CHUNK):
        with write(archive.db):
            jobs.enqueue(archive.db, shas[start : start + ENQUEUE_CHUNK], jobs.Priority.PERSON, request)
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
        for row in jobs.troubled(archive.db, request)[:10]:
            click.echo(f"  {row['state'].replace('_', ' ')}: {row['path']}: {row['reason']}")
    raise PhotosFailed(
        f"{count(bad, 'photo')} could not be tagged: {counts['set_aside']} set aside, {counts['missing']} missing",
        "See: urbextag jobs status; try again: urbextag jobs retry",
    )
