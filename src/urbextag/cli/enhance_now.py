"""`enhance --now`: the VLM queue worked off in the foreground, with a bar, and what came of it."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from urbextag.cli.common import Progress, count, emit, list_troubled, load_deriver, progress
from urbextag.errors import PhotosFailed, UrbextagError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.vlm.look import Server
    from urbextag.vlm.records import Event
    from urbextag.vlm.runner import Run


class _Report:
    """What has happened so far, drawn as it happens."""

    def __init__(self, total: int, update: Progress) -> None:
        self.total, self.update = total, update
        self.outcomes: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def hear(self, event: Event) -> None:
        """One event of the run."""
        if event.kind in ("resting", "out", "back", "note"):
            click.echo(f"urbextag: {event.message}.", err=True)
            return
        self.outcomes[event.kind] += 1
        if event.kind == "done":
            self.seconds[event.endpoint].append(event.seconds)
        ended = self.total_of("done", "set_aside", "missing")
        rates = [f"{urlsplit(url).netloc} {sum(took) / len(took):.1f} s" for url, took in self.seconds.items()]
        aside = [f"{self.outcomes[state]} {state.replace('_', ' ')}" for state in ("set_aside", "missing")]
        self.update(ended, ", ".join(rates + [word for word in aside if not word.startswith("0 ")]))

    def total_of(self, *kinds: str) -> int:
        """How many ended in one of these ways."""
        return sum(self.outcomes[kind] for kind in kinds)


def work_off(archive: Archive, servers: list[Server], request: str, total: int, as_json: bool) -> None:
    """Work off a request here, to its end.

    Ctrl-C once: what the servers are at is finished; twice: it is given up. Either way the rest stays queued.

    Raises:
        PhotosFailed: some photos were set aside or are missing.
        UrbextagError: photos are left in the queue.
        KeyboardInterrupt: somebody stopped it, and photos are left in the queue.

    """
    from urbextag.supervisor import cores
    from urbextag.vlm.desk import make_desk
    from urbextag.vlm.look import usable
    from urbextag.vlm.runner import Run, run
    from urbextag.worker import make_name

    deriver = load_deriver(archive.config, archive.load_taxonomy(), cores())
    started = time.monotonic()
    with progress("Describing", total) as update:
        report = _Report(total, update)
        work = Run(archive.root, make_desk(archive.config, deriver), usable(servers), report.hear, make_name(), request)
        with _stopping(work) as asked:
            run(work)
    _conclude(archive, report, request, asked.is_set(), time.monotonic() - started, as_json)


def _conclude(archive: Archive, report: _Report, request: str, stopped: bool, seconds: float, as_json: bool) -> None:
    from urbextag.store import job_lists, jobs

    counts = jobs.counts(archive.db, request, jobs.VLM)
    troubled = job_lists.troubled(archive.db, request, jobs.VLM)
    if as_json:
        means = {url: round(sum(took) / len(took), 3) for url, took in report.seconds.items()}
        emit({**counts, "seconds": round(seconds, 1), "seconds_per_photo": means})
    else:
        taken = report.total - sum(counts.values())
        others = f" {taken:,} taken over by another run." if taken else ""
        click.echo(f"Described {count(counts['done'], 'photo')}.{others} Look: urbextag show PHOTO")
        list_troubled(troubled)
    if left := counts["queued"] + counts["running"]:
        if stopped:
            click.echo(f"{count(left, 'photo')} still queued. Go on: urbextag enhance --missing --now", err=True)
            raise KeyboardInterrupt
        raise UrbextagError(
            f"{count(left, 'photo')} still queued: the servers failed on each of them several times",
            "See the servers' logs; then go on: urbextag enhance --missing --now",
        )
    if troubled:
        raise PhotosFailed(
            f"{count(len(troubled), 'photo')} could not be described: {counts['set_aside']} set aside, "
            f"{counts['missing']} missing",
            "See: urbextag jobs status; try again: urbextag jobs retry",
        )


@contextmanager
def _stopping(work: Run) -> Iterator[threading.Event]:
    """Ctrl-C, SIGTERM and a closed terminal end the run in good order; a second one gives up what the servers are at.

    Yields what is set once somebody asked.
    """
    asked = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        if asked.is_set():
            work.abandon.set()
        else:
            click.echo("\nFinishing what the servers are at; once more to give it up.", err=True)
        asked.set()
        work.stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
