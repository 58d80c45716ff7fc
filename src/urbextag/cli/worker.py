"""`worker`: work off whatever is queued, in the background."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import nullcontext
from functools import partial

import click

from urbextag.cli.attach import begin
from urbextag.cli.common import App, count, load_deriver
from urbextag.errors import PhotosFailed
from urbextag.records import Failure, PhotoResult


@click.command()
@click.option("--until-empty", is_flag=True, help="Stop when nothing is queued.")
@click.option("--request", hidden=True)
@click.option("--name", hidden=True)
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when standard input closes.")
@click.pass_obj
def worker(app: App, until_empty: bool, request: str | None, name: str | None, with_parent: bool) -> None:
    """Work off the queue in the background: urbextag worker &

    It tags what is queued, and with VLM servers in the settings describes: at once what was asked for with `enhance`,
    and when the machine is idle what was imported. With --until-empty it only tags.

    Several may run at once, also beside `urbextag tag`. Stop it with Ctrl-C or SIGTERM: photos in hand are finished;
    a second Ctrl-C gives them back unfinished.
    """
    from urbextag.cli.worker_vlm import describing
    from urbextag.guest.keep_up import keep_up
    from urbextag.pipeline import build
    from urbextag.stages.base import Kit
    from urbextag.supervisor import thread_count
    from urbextag.worker import Crew, Worker, make_name, run

    with app.archive() as archive:
        if not request:  # else `tag` has seen to it
            begin(archive, queue=True)
        config, taxonomy = archive.config, archive.load_taxonomy()
        threads = thread_count(config)
        deriver = load_deriver(config, taxonomy, threads)
        crew = Crew(lambda: build(config, Kit(taxonomy, threads, config.models, deriver.zero_shot)))
        crew.stages()  # a model that does not load is told before a photo is claimed
        hand = Worker(archive, crew, deriver, name or make_name(), request)
        if archive.attached and not request:
            hand.look_around = partial(keep_up, archive, lambda label, done, total: None, queue=True)
        _stop_on_signals(hand.stop)
        if with_parent:
            threading.Thread(target=_stop_with_parent, args=(hand.stop,), daemon=True).start()
        failed = 0

        def told(outcome: PhotoResult | Failure) -> None:
            nonlocal failed
            if isinstance(outcome, Failure):
                failed += 1
                if not with_parent:
                    click.echo(f"{outcome.photo[:12]}: {outcome.stage}: {outcome.reason}", err=True)

        with describing(archive, deriver, hand.stop) if not (request or until_empty) else nullcontext():
            run(hand, until_empty=until_empty, told=told)
    if failed and not with_parent:
        raise PhotosFailed(f"{count(failed, 'attempt')} failed", "See: urbextag jobs status")


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def _stop_with_parent(stop: threading.Event) -> None:
    """Wait for the end of standard input, which the parent holds open as long as it lives."""
    while os.read(0, 1):  # not sys.stdin: a thread that waits in it breaks the interpreter's exit
        continue
    stop.set()
