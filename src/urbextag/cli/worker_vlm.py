"""What `worker` does beside tagging: photos are described in the background, as long as the worker runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from urbextag.errors import UrbextagError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.vlm.records import Event
    from urbextag.vlm.runner import Run

STOP_SECONDS = 10.0
"""How long the end of the worker waits for answers; then they are given up, and their photos stay queued."""


@contextmanager
def describing(archive: Archive, deriver: Deriver, stop: threading.Event) -> Iterator[None]:
    """Work off the VLM queue in a thread; without servers in the settings do nothing.

    A fault of it is told, does not end the tagging, and is raised at the end.
    """
    from urbextag.vlm.desk import make_desk
    from urbextag.vlm.look import look_at_all, usable
    from urbextag.vlm.runner import Run, run
    from urbextag.worker import make_name

    if not archive.config.vlm.endpoints:
        yield
        return
    servers = look_at_all(archive.config.vlm)
    clients = [server.client for server in servers if server.client]
    if not clients:
        usable(servers)  # raises: no key is set
    desk = make_desk(archive.config, deriver)
    work = Run(archive.root, desk, clients, _tell, make_name(), background=True)
    faults: list[UrbextagError] = []

    def live() -> None:
        try:
            run(work)
        except UrbextagError as error:
            click.echo(f"urbextag: {error}", err=True)
            faults.append(error)

    thread = threading.Thread(target=live, name="vlm")
    thread.start()
    try:
        yield
    finally:
        _end(work, thread)
    if faults and not stop.is_set():
        raise faults[0]


def _end(work: Run, thread: threading.Thread) -> None:
    work.stop.set()
    thread.join(STOP_SECONDS)
    work.abandon.set()
    thread.join()


def _tell(event: Event) -> None:
    if event.kind in ("set_aside", "missing", "failed"):
        click.echo(f"{event.sha[:12]}: {event.message}", err=True)
    elif event.kind != "done":
        click.echo(f"urbextag: {event.message}.", err=True)
