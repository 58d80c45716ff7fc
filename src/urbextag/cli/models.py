"""`models`: list, pull, verify, remove, use and export the models that see and describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.choices import PRECISIONS
from urbextag.cli.common import App, confirm, count, emit, json_option, yes_option
from urbextag.errors import ModelError, UrbextagError, UsageError

if TYPE_CHECKING:
    from urbextag.choices import Precision
    from urbextag.config import Config
    from urbextag.models.catalogue import ModelSpec, Role
    from urbextag.models.upkeep import Verified


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of models for the shell's completion; none where the settings cannot be read."""
    from urbextag.models.catalogue import load_catalogue

    try:
        known = load_catalogue(_folder(App(context.find_root().params.get("archive")).config()))
    except UrbextagError:
        return []
    return sorted(name for name in known if name.startswith(incomplete.lower()))


_NAME = click.argument("name", shell_complete=complete_model)
_NAMES = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_model)


@click.group()
def models() -> None:
    """List, pull, prove, choose and make the models of the profiles scene and standard."""


@models.command("list")
@json_option
@click.pass_obj
def list_command(app: App, as_json: bool) -> None:
    """List the models and the VLM servers: what they are, what is here."""
    from urbextag.actions import models as actions
    from urbextag.cli import model_list
    from urbextag.vlm.look import look_at_all

    config = app.config()
    folder = _folder(config)
    lines = actions.lines(folder, _chosen(config))
    servers = look_at_all(config.vlm) if config.vlm.endpoints else []
    if as_json:
        described = [model_list.server_as_json(server) for server in servers]
        emit({"folder": str(folder), "models": [actions.as_json(line) for line in lines], "vlm": described})
    else:
        model_list.show(folder, lines)
        model_list.show_servers(servers)


@models.command()
@_NAMES
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of the weights.  [default: as set]")
@json_option
@click.pass_obj
def pull(app: App, names: Sequence[str], precision: Precision | None, as_json: bool) -> None:
    """Fetch models; without a name those of the settings.

    What is here already is proved by its checksums and kept, what is damaged is fetched anew, and an interrupted
    download goes on where it stopped. Needs no network where all is whole.
    """
    from urbextag.cli.downloads import bytes_bar
    from urbextag.models.catalogue import find
    from urbextag.models.hub import pull as pull_one

    config = app.config()
    folder = _folder(config)
    chosen = _chosen(config)
    wanted = [find(folder, name) for name in names or _needed(config)]
    done: list[dict[str, Any]] = []
    for spec in wanted:
        found = pull_one(spec, precision or chosen[spec.role][1], folder, told=_told, bar=bytes_bar)
        size = sum(path.stat().st_size for path in found.parts.values())
        files = {part: str(path) for part, path in found.parts.items()}
        done.append(
            {"name": spec.name, "precision": found.precision, "revision": found.revision, "bytes": size, "files": files}
        )
        if not as_json:
            click.echo(f"{spec.name} {found.precision} is here and whole: {size / 1e6:,.0f} MB, {found.revision[:12]}.")
    if as_json:
        emit(done)


@models.command()
@_NAMES
@json_option
@click.pass_obj
def verify(app: App, names: Sequence[str], as_json: bool) -> None:
    """Hash every file of the models here again.

    Without a name all of them. The exit code is 6 where a file is damaged or missing.
    """
    from urbextag.cli.downloads import bytes_bar
    from urbextag.models.upkeep import names_here, size_noted
    from urbextag.models.upkeep import verify as verify_one

    folder = _folder(app.config())
    found: list[Verified] = []
    broken: list[str] = []
    for name in names or names_here(folder):
        try:
            with bytes_bar(f"Verifying {name}", size_noted(folder, name)) as heard:
                found += verify_one(folder, name, heard)
        except ModelError as error:
            if names:
                raise
            broken.append(error.message)
    if as_json:
        emit({"files": found, "manifests": broken})
    else:
        for file in found:
            if file.reason:
                click.echo(f"{file.model} ({', '.join(file.precisions)}): {file.path} {file.reason}")
        for message in broken:
            click.echo(message)
    bad = [file for file in found if file.state != "whole"]
    if bad or broken:
        pulls = [f"urbextag models pull {name} --precision {precision}" for name, precision in _to_mend(bad)]
        raise ModelError(
            f"{count(len(bad) + len(broken), 'file')} of models damaged or missing",
            f"Fetch anew: {'; '.join(pulls or ['urbextag models pull'])} (an exported model: export it again)",
        )
    if not as_json:
        what = f"{count(len(found), 'file')} in {folder}"
        click.echo(f"Every file is whole: {what}." if found else f"No model is here: {folder}.")


def _to_mend(bad: Sequence[Verified]) -> list[tuple[str, Precision]]:
    return sorted({(file.model, precision) for file in bad for precision in file.precisions})


@models.command()
@_NAME
@click.option("--precision", type=click.Choice(PRECISIONS), help="Only this one; what others share stays.")
@yes_option
@json_option
@click.pass_obj
def remove(app: App, name: str, precision: Precision | None, yes: bool, as_json: bool) -> None:
    """Take a model off this machine; asks first. Photos keep what it said of them."""
    from urbextag.models.upkeep import going
    from urbextag.models.upkeep import remove as remove_one

    config = app.config()
    folder = _folder(config)
    files = going(folder, name, precision)
    size = sum(path.lstat().st_size for path in files)
    what = f"{name}{f' in {precision}' if precision else ''}"
    used = [role for role, (model, set_to) in _chosen(config).items() if model == name and precision in (None, set_to)]
    warning = f" It is set as the model for {' and '.join(used)}." if used else ""
    confirm(f"Remove {what}: {count(len(files), 'file')}, {size / 1e6:,.1f} MB?{warning}", yes)
    freed = remove_one(folder, name, precision, _told)
    if as_json:
        emit({"name": name, "precision": precision, "bytes": freed})
    else:
        click.echo(f"Removed {what}: {freed / 1e6:,.1f} MB are free again.{warning}")


@models.command()
@_NAME
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of the weights.  [default: as set]")
@json_option
@click.pass_obj
def use(app: App, name: str, precision: Precision | None, as_json: bool) -> None:
    """Choose a model for this archive: writes it into urbextag.toml."""
    from urbextag.config import load_config
    from urbextag.config_edit import change_settings
    from urbextag.models.catalogue import find
    from urbextag.models.installed import installed

    root = app.root()
    config = load_config(root)
    folder = _folder(config)
    spec = find(folder, name)
    chosen = precision or _chosen(config)[spec.role][1]
    if spec.repository is not None and chosen not in spec.files and chosen not in _here(folder, spec):
        raise UsageError(f"{name} is not published in {chosen}", spec.how_to_get(chosen))
    changed = change_settings(root, {"models": {spec.role: name, f"{spec.role}_precision": chosen}})
    try:
        installed(folder, name, chosen)
        lacks = None
    except ModelError as error:
        lacks = str(error)
    if as_json:
        emit({"role": spec.role, "name": name, "precision": chosen, "changed": changed, "here": lacks is None})
        return
    click.echo(f"{name} in {chosen} is {'' if changed else 'already '}the model for {spec.role} of {root}.")
    if lacks:
        click.echo(lacks)
    if changed:
        click.echo(
            "Photos that another model looked at count as changed: urbextag tag --scope changed looks at them again."
        )
    if changed and (config.profile == "starter" or (config.profile == "scene" and spec.role == "tags")):
        click.echo(f'The profile {config.profile} does not use it; set profile = "{_profile(spec.role)}".')


def _profile(role: Role) -> str:
    return "scene" if role == "scene" else "standard"


@models.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the model.  [default: the checkpoint's]")
@click.option(
    "--precision", "precisions", type=click.Choice(PRECISIONS), multiple=True, help="May be given more than once."
)
@click.option(
    "--prompt",
    type=click.Choice(["task", "context"]),
    default="task",
    show_default=True,
    help="context: a model tuned to read a sentence about the place.",
)
@json_option
@click.pass_obj
def export(
    app: App, checkpoint: Path, name: str | None, precisions: Sequence[Precision], prompt: Any, as_json: bool
) -> None:
    """Make a model from a transformers checkpoint.

    CHECKPOINT is a folder with config.json and safetensors, of SigLIP, SigLIP 2, CLIP or Florence-2. The result is
    compared with torch, and the differences are said. Needs the extra [export] (torch and transformers); nothing else
    does.
    """
    from urbextag.models.export import export_checkpoint

    config = app.config()
    asked = tuple(dict.fromkeys(precisions)) or tuple(dict.fromkeys(chosen for _, chosen in _chosen(config).values()))
    report = export_checkpoint(checkpoint, _folder(config), name, asked, _told, prompt=prompt)
    if as_json:
        emit({**_plain(report), "folder": str(report.folder)})
        return
    for line in report.lines():
        click.echo(line)
    click.echo(f"Use it: urbextag models use {report.name} --precision {asked[0]}")


def _plain(report: Any) -> dict[str, Any]:
    from dataclasses import fields

    return {field.name: getattr(report, field.name) for field in fields(report)}


def _folder(config: Config) -> Path:
    from urbextag.models.installed import models_folder

    return models_folder(config.models)


def _chosen(config: Config) -> Mapping[Role, tuple[str, Precision]]:
    """What the settings use: role -> model and precision."""
    of = config.models
    return {"scene": (of.scene, of.scene_precision), "tags": (of.tags, of.tags_precision)}


def _needed(config: Config) -> list[str]:
    """Models that the profile runs; `starter` runs none, so it is those that `standard` would."""
    scene, tags = (name for name, _ in _chosen(config).values())
    return [scene] if config.profile == "scene" else [scene, tags]


def _here(folder: Path, spec: ModelSpec) -> Sequence[Precision]:
    from urbextag.models.catalogue import read_manifest

    manifest = read_manifest(folder / spec.name)
    return tuple(manifest.precisions) if manifest else ()


def _told(sentence: str) -> None:
    click.echo(f"{sentence}.", err=True)
