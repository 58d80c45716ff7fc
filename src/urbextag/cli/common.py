"""What the commands share: the archive they speak of, JSON output, numbers for people, progress."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from urbextag.errors import ArchiveError, UsageError
from urbextag.numbers import count as count
from urbextag.numbers import duration as duration
from urbextag.numbers import years as years

if TYPE_CHECKING:
    import sqlite3

    from rich.console import Console

    from urbextag.archive import Archive
    from urbextag.config import Config
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")

PLAIN_WIDTH = 140
"""Columns of a table where standard output is no terminal."""
PLAIN_SECONDS = 5.0
"""Without a terminal, progress is a line this often."""
LISTED = 10
"""Photos with a fault that are named at the end of a run; `urbextag jobs status` has all."""


@dataclass(frozen=True, slots=True)
class App:
    """The options before the command."""

    folder: Path | None

    def root(self) -> Path:
        """The folder of the archive that the command speaks of; raises ArchiveError where none is found."""
        from urbextag.archive import find_root

        return self.folder if self.folder else find_root(Path.cwd())

    def config(self) -> Config:
        """The settings of the archive that is named or around here, else the defaults; raises ConfigError."""
        from urbextag.archive import find_root
        from urbextag.config import Config, load_config

        try:
            root = self.folder or find_root(Path.cwd())
        except ArchiveError:
            return Config()
        return load_config(root)

    @contextmanager
    def archive(self) -> Iterator[Archive]:
        """The archive that the command speaks of, open."""
        from urbextag.archive import opened

        with opened(self.root()) as archive:
            yield archive


def complete_location(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of locations for the shell's completion; none where there is no archive to ask."""
    from urbextag.errors import UrbextagError
    from urbextag.store import locations

    folder = context.find_root().params.get("archive")
    try:
        with App(folder).archive() as archive:
            names = [row["locnam"] for row in locations.all_rows(archive.db)]
    except UrbextagError:
        return []
    return sorted(name for name in names if name.lower().startswith(incomplete.lower()))


def emit(value: object) -> None:
    """Print a value as JSON; dataclasses become objects."""

    def plain(item: object) -> Any:
        if is_dataclass(item) and not isinstance(item, type):
            return asdict(item)
        raise TypeError(f"{type(item).__name__} is no JSON value")

    click.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def console() -> Console:
    """A rich console for standard output; plain where that is no terminal."""
    from rich.console import Console

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the boundary; rich itself would end the process with the exit code of a bug."""
            raise BrokenPipeError

    return Pipe(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def confirm(question: str, yes: bool) -> None:
    """Ask before many rows change.

    Raises:
        UsageError: nobody can answer and `--yes` was not given.
        click.exceptions.Exit: the answer is no.

    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is here to answer", "Answer with --yes")
    if not click.confirm(question, err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(0)


def refuse_while_paused(archive: Archive) -> None:
    """Nothing can be done at once while work is paused; raises UsageError."""
    from urbextag.store import jobs

    if since := jobs.paused_since(archive.db):
        raise UsageError(f"work is paused since {since}", "Let it go on: urbextag jobs resume")


def list_troubled(rows: Sequence[sqlite3.Row]) -> None:
    """Name the first photos that were set aside or are missing (`jobs.troubled`), each with its reason."""
    for row in rows[:LISTED]:
        click.echo(f"  {row['state'].replace('_', ' ')}: {row['path']}: {row['reason']}")


class Progress(Protocol):
    """Hears how far long work is."""

    def __call__(self, done: int, note: str = "") -> None:
        """`done` in all, of the total; `note` stands beside the bar."""


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """A bar with rate and time left on a terminal, a line now and then otherwise; both on standard error."""
    if not sys.stderr.isatty():
        yield _plain(label, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=120) as bar:
        task = bar.add_task(label, total=total, note="", rate="")

        def update(done: int, note: str = "") -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, note=note, rate=f"{speed:.1f}/s" if speed else "")

        yield update


def load_deriver(config: Config, taxonomy: Taxonomy, threads: int) -> Deriver:
    """The deriver of these settings, with a bar where prompts are encoded for the first time."""
    from urbextag.deriver import make_deriver

    with ExitStack() as stack:
        bar: list[Progress] = []

        def told(done: int, total: int) -> None:
            if not bar:
                bar.append(stack.enter_context(progress("Reading prompts", total)))
            bar[0](done)

        return make_deriver(config, taxonomy, threads, told)


def derive_shown(archive: Archive, deriver: Deriver, shas: Sequence[str]) -> None:
    """Derive the tags of these photos again, with a bar."""
    from urbextag.rederive import rederive
    from urbextag.supervisor import cores

    with progress("Deriving", len(shas)) as update:
        rederive(archive, deriver, shas, cores(), update)


def _plain(label: str, total: int) -> Progress:
    started = said = time.monotonic()
    last: tuple[int, str] | None = None

    def update(done: int, note: str = "") -> None:
        nonlocal said, last
        moment = time.monotonic()
        if (done, note) == last or (moment - said < PLAIN_SECONDS and done < total):
            return
        said, last = moment, (done, note)
        rate = done / max(moment - started, 1e-6)
        left = f", about {duration((total - done) / rate)} left" if 0 < done < total else ""
        click.echo(f"{label}: {done:,} of {total:,}, {rate:.1f}/s{left} {note}".rstrip(), err=True)

    return update
