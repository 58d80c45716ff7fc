"""An archive: a folder with `urbextag.toml` and `urbextag.db`, found from the current folder upwards as git does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from urbextag import config as settings
from urbextag import paths
from urbextag.errors import ArchiveError
from urbextag.store.db import connect, faults, is_attached

if TYPE_CHECKING:
    from urbextag.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive."""

    root: Path
    config: settings.Config
    db: sqlite3.Connection
    attached: bool = False
    """The database is another application's, and so are the paths in it."""
    relative: bool = True
    """Paths within the archive's folder are kept relative to it."""

    def stored(self, path: Path) -> str:
        """A photo's path as the archive keeps it: as the mapping has it where one covers the photo.

        Else with forward slashes, relative to the archive's folder where the photo lies within it, so that the whole
        can be moved, else absolute.
        """
        path = path.parent.resolve() / path.name  # the folder's real place, but not that of a photo that is a link
        mapped = paths.stored(self.config.paths, path)
        if mapped is not None:
            return mapped
        relative = self.relative and path.is_relative_to(self.root)
        return path.relative_to(self.root).as_posix() if relative else path.as_posix()

    def load_taxonomy(self) -> Taxonomy:
        """The packaged taxonomy with the archive's own files; raises TaxonomyError."""
        from urbextag.taxonomy import load_taxonomy

        of = self.config.taxonomy
        return load_taxonomy(of.files, calibration=of.calibration, wanted=of.wanted)

    def locate(self, stored: str) -> Path:
        """Where a kept path lies on this machine."""
        return paths.here(self.config.paths, stored) or self.root / PurePosixPath(stored)


def create(folder: Path) -> bool:
    """Make an archive in a folder (made where missing). Returns False where one was there already; it is left as it is.

    Raises:
        ArchiveError: the folder cannot be made or written.

    """
    path = folder / settings.CONFIG_NAME
    fresh = not path.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.write_text(settings.TEMPLATE, encoding="utf-8")
    except OSError as error:
        raise ArchiveError(
            f"{folder} cannot be made into an archive: {error}", "Name a folder you can write"
        ) from error
    connect(folder / settings.DATABASE_NAME, create=True).close()
    return fresh


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds `urbextag.toml`.

    Raises:
        ArchiveError: there is none.

    """
    for folder in (start, *start.parents):
        if (folder / settings.CONFIG_NAME).is_file():
            return folder
    raise ArchiveError(
        f"no archive in {start} or above it", "Make one with: urbextag init DIR, or name one with: --archive DIR"
    )


@contextmanager
def opened(root: Path) -> Iterator[Archive]:
    """Open the archive of a folder; database faults inside the block become an ArchiveError with its remedy.

    Raises:
        ConfigError: the settings are wrong.
        ArchiveError: the database cannot be used.

    """
    root = root.resolve()
    config = settings.load_config(root)
    path = config.database
    with faults(path), closing(connect(path)) as db:
        if not is_attached(db):
            yield Archive(root, config, db)
            return
        from urbextag.store.attach import keeps_relative_paths

        yield Archive(root, config, db, attached=True, relative=keeps_relative_paths(db))
