"""Progress in bytes: a bar with rate and time left on a terminal, a line now and then otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from urbextag.cli.common import PLAIN_SECONDS, duration


@contextmanager
def bytes_bar(label: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Something that hears how many bytes of `total` are done and of which file; draws on standard error."""
    if not sys.stderr.isatty():
        yield _plain(label, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total, note="")

        def update(done: int, note: str) -> None:
            bar.update(task, completed=done, note=note)

        yield update


def _plain(label: str, total: int) -> Callable[[int, str], None]:
    started = said = time.monotonic()
    first: int | None = None

    def update(done: int, note: str) -> None:
        nonlocal said, first
        first = done if first is None else first  # what an earlier run brought was not brought at this rate
        moment = time.monotonic()
        if moment - said < PLAIN_SECONDS:
            return
        said = moment
        rate = (done - first) / max(moment - started, 1e-6)
        left = f", about {duration((total - done) / rate)} left" if rate > 0 and done < total else ""
        click.echo(
            f"{label}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB, {rate / 1e6:.1f} MB/s{left} {note}".rstrip(),
            err=True,
        )

    return update
