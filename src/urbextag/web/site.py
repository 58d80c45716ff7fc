"""What every request of the web app shares: the archive, taxonomy and deriver, thumbnails, tasks, worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from urbextag import archive as archives
from urbextag.archive import Archive
from urbextag.errors import UrbextagError
from urbextag.images import Limits
from urbextag.supervisor import cores
from urbextag.thumbnails import Thumbnails
from urbextag.web.answers import Answers
from urbextag.web.card_keeper import CardKeeper
from urbextag.web.encoder import QueryEncoder
from urbextag.web.endpoints import Health
from urbextag.web.folders import Folders
from urbextag.web.pulse import Pulse
from urbextag.web.restarts import Restarts
from urbextag.web.summaries import Summaries
from urbextag.web.tasks import Report, Tasks
from urbextag.web.worker_process import WorkerProcess

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy

THUMBNAILS = ".urbextag/thumbnails"
"""Within the archive's folder."""
BUSY_MS = 10_000
"""So long a page or a change waits for a program that holds the database locked; then it is said."""


class Site:
    """One archive as the web app serves it."""

    def __init__(self, root: Path, *, with_worker: bool) -> None:
        """Look at the archive once, so that what is wrong with it is told before anything is served.

        Raises:
            UrbextagError: the archive or its settings cannot be used.

        """
        self.root = root.resolve()
        with archives.opened(self.root) as archive:
            limits = Limits(max_pixels=archive.config.limits.max_pixels)
            self.lasting = not archive.attached  # ids are hashes of content, so pictures never grow old
        self.thumbnails = Thumbnails(self.root / THUMBNAILS, limits)
        self.folders = Folders(self.root)
        self.health = Health()
        self.encoder = QueryEncoder()
        self.answers = Answers()
        self.tasks = Tasks()
        self.worker = WorkerProcess(self.root)
        self.with_worker = with_worker
        self.restarts = Restarts(self.tasks, self.worker)
        self.pulse = Pulse(self.root, self.tasks, self.worker)
        self.summaries = Summaries()
        self.cards = CardKeeper(self)
        self._lock = threading.Lock()
        self._taxonomy: tuple[object, Taxonomy] | None = None
        self._deriver: tuple[object, Deriver] | None = None

    def start(self) -> None:
        """Begin the work beside the pages."""
        self.pulse.start()
        self.cards.start()
        if self.with_worker:
            self.worker.start()
        threading.Thread(target=self._prepare, name="prepare", daemon=True).start()

    def close(self) -> None:
        """End all of it in good order."""
        self.pulse.stop()
        self.cards.stop()
        self.tasks.close()
        self.worker.stop()
        self.thumbnails.close()

    def _prepare(self) -> None:
        """Before the first page asks: load the taxonomy, bring the grid's table up to date; then clean thumbnails.

        What is wrong with the archive is told by the pages themselves.
        """
        from urbextag.store import grid
        from urbextag.store.photos import present

        with suppress(UrbextagError), self.opened() as archive:
            self.taxonomy(archive)
            if not grid.is_ready(archive.db):
                self.tasks.start("lists", "Preparing the lists of photos", self._make_lists)
            self.thumbnails.clean(lambda shas: present(archive.db, shas))

    def _make_lists(self, report: Report) -> dict[str, Any]:
        """Once in an archive's life; half a minute to some minutes for 100,000 photos."""
        from urbextag.store import grid

        with self.opened() as archive:
            grid.prepare(archive.db, report)
        return {"message": "The lists of photos are ready."}

    @contextmanager
    def opened(self) -> Iterator[Archive]:
        """The archive with the settings as they stand, open for one request; raises UrbextagError."""
        with archives.opened(self.root) as archive:
            archive.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            yield archive

    def taxonomy(self, archive: Archive) -> Taxonomy:
        """The taxonomy of the settings; loaded again where a file of it has changed. Raises TaxonomyError."""
        with self._lock:
            return self._taxonomy_now(archive)

    def _taxonomy_now(self, archive: Archive) -> Taxonomy:
        key = _stamps(archive)
        if self._taxonomy is None or self._taxonomy[0] != key:
            self._taxonomy = (key, archive.load_taxonomy())
        return self._taxonomy[1]

    def deriver(self, archive: Archive) -> Deriver:
        """What makes tags of evidence, by the settings as they stand. Raises ModelError, ConfigError, TaxonomyError."""
        from urbextag.deriver import make_deriver

        with self._lock:
            taxonomy, config = self._taxonomy_now(archive), archive.config
            prompts = config.zero_shot.prompts
            key = (_stamps(archive), config.profile, config.models, config.zero_shot, prompts and _stamp(prompts))
            if self._deriver is None or self._deriver[0] != key:
                self._deriver = (key, make_deriver(config, taxonomy, cores()))
            return self._deriver[1]


def _stamps(archive: Archive) -> tuple[Any, ...]:
    settings = archive.config.taxonomy
    files = [*settings.files, *([settings.calibration] if settings.calibration else [])]
    return (settings.wanted, *((str(file), _stamp(file)) for file in files))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None  # loading it will say so
    return status.st_mtime_ns, status.st_size


def site_of(request: Request) -> Site:
    """The site of this server."""
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(site_of)]
"""A parameter of an endpoint that wants the site."""
