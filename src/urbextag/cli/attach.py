"""`attach` and `detach`: work inside the database of the archive application, and leave it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, Progress, confirm, count, emit, json_option, progress, yes_option
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from urbextag.archive import Archive
    from urbextag.guest.attach import Plan
    from urbextag.guest.keep_up import Outcome
    from urbextag.guest.missing import Missing


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--map", "mapping", metavar="STORED=HERE", help="How stored paths begin, and the folder on this machine.")
@click.option(
    "--backup-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the backup goes.  [default: beside FILE]",
)
@yes_option
@json_option
@click.pass_obj
def attach(
    app: App, file: Path | None, mapping: str | None, backup_dir: Path | None, yes: bool, as_json: bool
) -> None:  # fmt: skip
    """Work inside FILE, the database of the archive application.

    A backup comes first. Columns are added only where they are missing, and nothing of the
    application's is dropped or rewritten. Run it again, in the archive without FILE, when the
    application has rebuilt its tables: what is gone is put back and filled as it was.

    \b
    urbextag attach ~/archive.db
    urbextag --archive ~/tags attach ~/archive.db --map "/Volumes/archive=/mnt/archive"
    """
    from urbextag.archive import opened
    from urbextag.guest import attach as work
    from urbextag.guest.missing import how_to_map, look_for_all

    pair = parse_mapping(mapping)
    plan = work.make_plan(file, app.folder, backup_dir)
    if not as_json:
        click.echo(_plan_text(plan))
    if plan.backup and sys.stdin.isatty():  # a script need not answer: it is backed up, and `detach` takes it back
        confirm("Attach it?", yes)
    with Steps() as steps:
        outcome = work.attach(plan, pair, steps)
        with opened(plan.root) as archive:
            missing = look_for_all(archive, steps)
            advice = how_to_map(archive) if missing.all else None
    if as_json:
        emit(_as_json(plan, outcome, missing))
        return
    click.echo(f"Attached. Its settings: {plan.root / 'urbextag.toml'}")
    for number, text in (
        (outcome.adopted, "taken up"),
        (outcome.refilled, "had lost what was published and have it again"),
        (outcome.forgotten, "are gone from the application"),
    ):
        if number:
            click.echo(f"  {count(number, 'photo')} {text}")
    if advice:
        fault, remedy = advice
        click.echo(f"{fault[0].upper()}{fault[1:]}.\n{remedy}.")
    elif missing.number:
        click.echo(missing.text)
    click.echo(f"Next: urbextag{'' if plan.root == Path.cwd() else f' --archive {plan.root}'} tag")


def parse_mapping(text: str | None) -> tuple[str, Path] | None:
    """`STORED=HERE` in two; raises UsageError where it is no such pair or the folder is not there."""
    if text is None:
        return None
    stored, equals, here = text.partition("=")
    folder = Path(here).expanduser().absolute()
    if not (equals and stored and here):
        raise UsageError(f"--map {text!r} is no pair", 'Write it so: --map "/Volumes/archive=/mnt/archive"')
    if not folder.is_dir():
        raise UsageError(f"--map: the folder {folder} is not there", "Plug in its drive, or name another folder")
    return stored, folder


def begin(archive: Archive, *, queue: bool = False) -> None:
    """What comes before photos are claimed (`keep_up.begin_work`), drawn."""
    from urbextag.guest.keep_up import begin_work

    with Steps() as steps:
        begin_work(archive, steps, queue=queue)


def without_missing(archive: Archive, request: str, shas: list[str]) -> list[str]:
    """The photos of a request whose files are there; the others are told together and set down as missing.

    In an archive of its own a missing file is rare, and met when its turn comes.
    """
    from urbextag.guest.missing import look_for
    from urbextag.store.attach import set_missing

    if not (archive.attached and shas):
        return shas
    with Steps() as steps:
        missing = look_for(archive, shas, steps)
    if missing.number:
        click.echo(missing.text, err=True)
        set_missing(archive.db, sorted(missing.shas), request)
    return [sha for sha in shas if sha not in missing.shas]


class Steps:
    """Draws what is being done: a line for a step, a bar where its length is known."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._label = ""
        self._bar: Progress | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, label: str, done: int, total: int) -> None:
        """One step further."""
        if label != self._label:
            self._stack.close()
            self._label = label
            self._bar = self._stack.enter_context(progress(label, total)) if total else None
            if not total:
                click.echo(f"{label} ...", err=True)
        if self._bar:
            self._bar(done)


def _plan_text(plan: Plan) -> str:
    lines = [f"{plan.database}: {count(plan.photos, 'photo')} in {count(plan.locations, 'location')} ({plan.key})."]
    if plan.attached and not plan.columns:
        lines.append("It is attached; what the application has imported since is taken up.")
        return "\n".join(lines)
    if plan.attached:
        lines.append("The application has rebuilt its tables: what was added to them is put back and filled as it was.")
    lines.append(f"  columns to add: {', '.join(plan.columns) or 'none'}")
    lines.append(f"  backup ({plan.backup_bytes / 1e6:,.0f} MB): {plan.backup}")
    lines.append(f"  settings: {plan.root / 'urbextag.toml'}")
    return "\n".join(lines)


def _as_json(plan: Plan, outcome: Outcome, missing: Missing) -> dict[str, object]:
    return {
        "database": str(plan.database),
        "archive": str(plan.root),
        "photos": plan.photos,
        "locations": plan.locations,
        "key": plan.key,
        "keys": outcome.keys,
        "columns_added": list(plan.columns),
        "backup": str(plan.backup) if plan.backup else None,
        "adopted": outcome.adopted,
        "refilled": outcome.refilled,
        "forgotten": outcome.forgotten,
        "missing": missing.number,
        "missing_examples": list(missing.examples),
    }


@click.command()
@click.option("--keep-columns", is_flag=True, help="Leave the published columns in the application's tables, filled.")
@click.option(
    "--backup-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the backup goes.  [default: beside it]",
)
@yes_option
@json_option
@click.pass_obj
def detach(app: App, keep_columns: bool, backup_dir: Path | None, yes: bool, as_json: bool) -> None:
    """Leave the application's database as it was before `attach`.

    A backup comes first. Columns that were added go, what stood in the others is put back, our
    tables go with all tags and decisions in them. Close the application meanwhile, or keep the columns: SQLite
    rewrites the table for each column that it takes out.
    """
    from urbextag.config import load_config
    from urbextag.guest.attach import DETACHED_NAME, backup_name
    from urbextag.guest.detach import detach as leave

    root = app.root().resolve()
    database = load_config(root).database.resolve()
    backup = backup_name(database, backup_dir)
    if not as_json:
        what = "stay, filled" if keep_columns else "go, and those that were there before get back what stood in them"
        click.echo(f"{database}: our tables go, with all tags and decisions; the columns that were added {what}.")
        click.echo(f"  backup: {backup}")
        click.echo(f"  settings: set aside as {root / DETACHED_NAME}")
    confirm("Detach it?", yes)
    with Steps() as steps:
        longest = leave(root, keep_columns=keep_columns, backup=backup, told=steps)
    if as_json:
        report = {"database": str(database), "backup": str(backup), "kept_columns": keep_columns}
        emit(report | {"longest_lock_seconds": round(longest, 3)})
    else:
        click.echo("Detached.")
