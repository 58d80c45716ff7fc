"""`tag`: one photo without an archive, or a scope of the archive to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.choices import PROFILES, Profile
from urbextag.cli.attach import begin
from urbextag.cli.common import App, complete_location, count, emit, json_option, load_deriver, yes_option
from urbextag.cli.tag_scope import resolve_scope, tag_scope
from urbextag.errors import PhotosFailed, UsageError
from urbextag.records import VIEW_TYPES, Context, Failure, PhotoRef
from urbextag.store.scopes import SCOPES

if TYPE_CHECKING:
    from urbextag.config import Config
    from urbextag.taxonomy import Taxonomy


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
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    help="With PHOTOS: the stages.  [default: the archive's around here, else starter]",
)
@yes_option
@json_option
@click.pass_obj
def tag(
    app: App, photos: tuple[Path, ...], scope: str | None, location: str | None, photo: str | None, dry_run: bool,
    view_type: Any, location_type: str | None, state: str | None, era: str | None, profile: Profile | None,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Tag the archive's photos, or PHOTOS alone without an archive.

    \b
    urbextag tag                        what has no tags yet; after an interruption it goes on
    urbextag tag --scope changed        what was tagged with other settings, taxonomy or facts
    urbextag tag --location "The Mill"  all of a place again
    urbextag tag a.jpg --view-type interior --location-type hospital --state "New York" --json
    """
    if photos:
        from urbextag.taxonomy import load_taxonomy

        if scope or location or photo or dry_run:
            raise UsageError("PHOTOS stand alone; scopes speak of the archive", "Give one or the other")
        config = app.config()
        of = config.taxonomy
        taxonomy = load_taxonomy(of.files, calibration=of.calibration, wanted=of.wanted)
        context = hand_context(taxonomy, view_type, location_type, state, era)
        tag_alone(config.model_copy(update={"profile": profile or config.profile}), taxonomy, photos, context, as_json)
        return
    if profile:
        raise UsageError("--profile goes with PHOTOS", "For an archive set it in urbextag.toml")
    if view_type or location_type or state or era:
        raise UsageError(
            "context by hand goes with PHOTOS", "In an archive: urbextag add PHOTOS --location NAME --type ..."
        )
    with app.archive() as archive:
        begin(archive)
        tag_scope(archive, *resolve_scope(archive, scope, location, photo), dry_run=dry_run, yes=yes, as_json=as_json)


def hand_context(
    taxonomy: Taxonomy, view_type: Any, location_type: str | None, state: str | None, era: str | None
) -> Context:
    """The context that a person gave on the command line, checked.

    Raises:
        UsageError: an unknown kind of place or state, or no years.

    """
    from urbextag.actions.places import place_facts
    from urbextag.states import STATES
    from urbextag.taxonomy import parse_years

    facts = place_facts(taxonomy, location_type, None, state, None)
    kind = facts.stype or facts.type
    return Context(
        view_type=view_type,
        location_type=kind.lower() if kind else None,
        state=STATES.get(facts.address_state or "", facts.address_state),
        era=parse_years(era) if era is not None else None,
    )


def tag_alone(config: Config, taxonomy: Taxonomy, paths: tuple[Path, ...], context: Context, as_json: bool) -> None:
    """Tag photos without an archive and print each report: with `--json` one object, for several a line each."""
    import json

    from urbextag.cli.report import fresh_report, print_report
    from urbextag.images import Limits
    from urbextag.pipeline import build, run_batch
    from urbextag.stages.base import Kit
    from urbextag.supervisor import cores
    from urbextag.worker import Crew

    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is no file", "Name photos; for a folder: urbextag init, then urbextag add FOLDER")
    deriver = load_deriver(config, taxonomy, cores())
    stages = Crew(lambda: build(config, Kit(taxonomy, cores(), config.models, deriver.zero_shot))).stages()
    failed = []
    for path in paths:
        (result,) = run_batch(stages, [PhotoRef(path.stem, str(path), context)], Limits())
        if isinstance(result, Failure):
            failed.append(f"{path}: {result.reason}")
            click.echo(f"urbextag: {failed[-1]}", err=True)
            continue
        (findings,) = deriver.derive([result.material({})])
        report = fresh_report(result, findings)
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
