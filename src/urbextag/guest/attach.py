"""Work inside the archive application's own database: attach, keep up with it, detach. START HERE: `attach`."""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from urbextag import config as settings
from urbextag.archive import find_root, opened
from urbextag.config_edit import change_settings
from urbextag.errors import ArchiveError
from urbextag.guest.keep_up import Outcome, Told, keep_up
from urbextag.store import attach as store
from urbextag.store import dialect
from urbextag.store.backup import database_bytes, snapshot
from urbextag.store.db import (
    faults,
    is_applications,
    is_attached,
    is_own,
    look_at,
    missing_columns,
    open_as_it_is,
)

DETACHED_NAME = "urbextag.detached.toml"
"""What the settings are called after `detach`; `attach` takes them up again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `attach` will do."""

    database: Path
    root: Path
    """The folder of the settings."""
    photos: int
    locations: int
    key: str
    """What the release calls the key of a photo: `imgsha` or `imghash`."""
    attached: bool
    """Our tables are there already."""
    columns: tuple[str, ...]
    """What will be added, as `table.column`."""
    backup: Path | None
    """Where the backup goes; None where nothing of the application's tables will be changed."""
    backup_bytes: int


def make_plan(file: Path | None, named: Path | None, backup_folder: Path | None) -> Plan:
    """Look at a database without changing anything.

    Args:
        file: the application's database; None = that of the archive that is named or around here.
        named: the folder for the settings that a person named.
        backup_folder: where the backup goes, None = beside the database.

    Raises:
        UsageError: no database is named and none is attached here.
        ArchiveError: it is not the application's, or the folder for the settings is another archive's.

    """
    if file is None:
        root = (named or find_root(Path.cwd())).resolve()
        file = settings.load_config(root).database.resolve()
    else:
        file = file.resolve()
        root = _root_for(file, named)
    _refuse_other_archive(root, file)
    if not (file.is_file() and file.stat().st_size):
        raise ArchiveError(f"there is no database {file}", "Name the application's database file")
    with faults(file), closing(look_at(file)) as db:
        attached = is_attached(db)
        if not is_applications(db) or is_own(db):
            raise ArchiveError(
                f"{file} is not a database of the archive application", "Name its file; it has the tables imgs and locs"
            )
        stay = store.guest(db)
        if stay and stay.leaving:
            raise ArchiveError(f"a detach of {file} was begun and not finished", "Finish it: urbextag detach")
        columns = tuple(f"{table}.{column}" for table, column, _ in missing_columns(db))
        photos, places = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("imgs", "locs"))
        key = dialect.other_names(db).get("imgsha", "imgsha")
    backup = None if attached and not columns else backup_name(file, backup_folder)
    return Plan(file, root, photos, places, key, attached, columns, backup, database_bytes(file))


def _root_for(file: Path, named: Path | None) -> Path:
    """Where the settings go: the named folder, else the archive around here that is this file's, else beside it."""
    if named:
        return named.resolve()
    with suppress(ArchiveError):
        around = find_root(Path.cwd()).resolve()
        if settings.load_config(around).database.resolve() == file:
            return around
    return file.parent


def _refuse_other_archive(root: Path, file: Path) -> None:
    if (root / settings.CONFIG_NAME).exists():
        config = settings.load_config(root)
        if config.database.resolve() != file:
            raise ArchiveError(
                f"{root} is an archive already, with the database {config.database}",
                f"Name another folder for the settings: urbextag --archive DIR attach {file}",
            )
        if file == (root / settings.DATABASE_NAME).resolve() and _is_own(file):
            raise ArchiveError(f"{root} is an archive of its own", "Name the application's database: attach FILE")


def _is_own(file: Path) -> bool:
    if not file.is_file():
        return False
    with faults(file), closing(look_at(file)) as db:
        return is_own(db)


def backup_name(file: Path, folder: Path | None) -> Path:
    """Where a backup of a database goes: beside it or in a folder, named with the time."""
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    home = folder.resolve() if folder else file.parent
    names = (
        f"{file.stem}.before-urbextag.{moment}{more}{file.suffix}"
        for more in chain([""], (f"-{number}" for number in count(2)))
    )
    return next(home / name for name in names if not (home / name).exists())


def attach(plan: Plan, mapping: tuple[str, Path] | None, told: Told) -> Outcome:
    """Carry a plan out: backup, settings, our tables and columns at once, the photos in short transactions.

    Stopped at any moment, the file is either not attached or attached; run again, it goes on.

    Raises:
        ArchiveError: no room, locked, the backup is not right; what was not finished is not half done.

    """
    if plan.backup:
        told(f"Copying to {plan.backup}", 0, 0)
        snapshot(plan.database, plan.backup)
    _write_settings(plan, mapping)
    if plan.columns or not plan.attached:
        with faults(plan.database), closing(open_as_it_is(plan.database)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            store.let_in(db)
    with opened(plan.root) as archive:
        return keep_up(archive, told, whole=True)


def _write_settings(plan: Plan, mapping: tuple[str, Path] | None) -> None:
    """Before the tables: settings that name a database that is not attached yet do no harm; a command says so."""
    path, kept = plan.root / settings.CONFIG_NAME, plan.root / DETACHED_NAME
    inside = plan.database.is_relative_to(plan.root)
    database = plan.database.relative_to(plan.root) if inside else plan.database
    try:
        plan.root.mkdir(parents=True, exist_ok=True)
        if not path.exists() and kept.exists():
            kept.replace(path)
        if not path.exists():  # at once: settings without the database would be those of an archive of its own
            line = f"database = {json.dumps(database.as_posix(), ensure_ascii=False)}\n"
            draft = path.with_name(f".{settings.CONFIG_NAME}.{os.getpid()}")
            draft.write_text(settings.TEMPLATE.replace("\n[work]", f"{line}\n[work]", 1), encoding="utf-8")
            draft.replace(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error}", "Name a folder: urbextag --archive DIR") from error
    changes: dict[str, dict[str, str]] = {"": {"database": database.as_posix()}}
    if mapping:
        changes["paths"] = {"stored": mapping[0], "here": str(mapping[1])}
    change_settings(plan.root, changes)
