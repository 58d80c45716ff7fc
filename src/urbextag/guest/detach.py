"""Leave the application's database as it was before `attach`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from urbextag import config as settings
from urbextag.errors import ArchiveError
from urbextag.guest.attach import DETACHED_NAME
from urbextag.guest.keep_up import Told
from urbextag.store import attach as store
from urbextag.store import detach as leave
from urbextag.store.backup import snapshot
from urbextag.store.db import faults, is_applications, is_own, open_as_it_is


def detach(archive_root: Path, *, keep_columns: bool, backup: Path, told: Told) -> float:
    """Leave the application's database: columns as they were, our tables gone, the settings set aside.

    Stopped at any moment, it goes on when it is run again.

    Returns:
        The longest time, in seconds, that the write lock was held for taking a column out.

    Raises:
        ArchiveError: it is not attached, a worker is at work, no room for the backup.

    """
    database = settings.load_config(archive_root).database.resolve()
    with faults(database), closing(open_as_it_is(database)) as db:
        stay = store.guest(db)
        if stay is None and (not is_applications(db) or is_own(db)):
            raise ArchiveError(f"{database} is not attached", "Only an archive that was attached can be detached")
        longest = _leave(database, db, stay, keep_columns, backup, told) if stay else 0.0
    (archive_root / settings.CONFIG_NAME).replace(archive_root / DETACHED_NAME)
    return longest


def _leave(
    database: Path, db: sqlite3.Connection, stay: store.Guest, keep_columns: bool, backup: Path, told: Told
) -> float:
    longest = 0.0
    if leave.busy(db):
        raise ArchiveError("a worker is at work on this archive", "Stop it, or: urbextag jobs pause --now")
    if not stay.leaving:
        told(f"Copying to {backup}", 0, 0)
        snapshot(database, backup)
    if stay.leaving != "tables":
        leave.leaving(db, stay, "columns")
        if not keep_columns:
            told("Putting back what stood there", 0, 0)
            leave.restore(db, stay)
            told("Taking columns out", 0, 0)
            longest = leave.drop_columns(db, stay)
        leave.leaving(db, stay, "tables")
    told("Taking our tables out", 0, 0)
    leave.drop_tables(db)
    return longest
