"""Backups of an archive to another folder, a share say: made here, proved, copied, compared, and only then named."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from urbextag.archive import Archive
from urbextag.config import CONFIG_NAME
from urbextag.errors import ArchiveError
from urbextag.files import content_sha256
from urbextag.store.backup import database_bytes, refuse_where_it_does_not_fit, snapshot, sync

CHUNK_BYTES = 2**20
STAMP = "%Y%m%d-%H%M%S-%f"
"""In UTC, to the microsecond: two backups never have one name."""

Told = Callable[[str, int, int], None]
"""Hears what is being done, how far it is, and of how many."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was backed up."""

    folder: Path
    files: tuple[Path, ...]
    """Of this backup, the database first."""
    size: int
    """In bytes."""
    sha256: str
    """Of the database's copy."""
    removed: tuple[Path, ...]
    """Older backups that were removed."""


def backup(archive: Archive, folder: Path, keep: int | None, told: Told) -> Backup:
    """Copy the database and the files that the settings name into a folder of their own below `folder`.

    A worker may be at work, and the application too. The folder has its final name only when all in it is right.

    Args:
        archive: what to back up.
        folder: where to; it must be there, since one that is not may be a share that is offline.
        keep: remove older backups of the same archive but for the last so many, this one included; None = none.
        told: hears how far it is.

    Raises:
        ArchiveError: the folder is not there, no room, or a copy is not what it should be; nothing is left behind.

    """
    database = archive.config.database
    if not folder.is_dir():
        raise ArchiveError(f"the folder {folder} is not there", "Connect its share or drive, or make it")
    name = f"{label(archive)}.{datetime.now(UTC).strftime(STAMP)}"
    target = folder / name
    refuse_where_it_does_not_fit(database_bytes(database), folder)
    part = folder / f"{name}.part"
    try:
        with _snapshot(database, told) as copied, _whole_or_nothing(part):
            files = [(copied, database.name), *settings_files(archive)]
            sums = [_copy(source, part / short, told) for source, short in files]
            sync(part)
            part.replace(target)
            sync(folder)
    except OSError as error:
        raise ArchiveError(
            f"{folder} cannot be written: {error.strerror}", "Free some space there or mend its permissions"
        ) from error
    written = tuple(target / short for _, short in files)
    removed = _remove_older(folder, label(archive), keep) if keep else ()
    return Backup(target, written, sum(path.stat().st_size for path in written), sums[0], removed)


def label(archive: Archive) -> str:
    """What the backups of an archive are called: its folder's name, and digits that tell folders of one name apart."""
    digits = hashlib.sha256(str(archive.config.database.resolve()).encode()).hexdigest()[:6]
    return f"{archive.root.name or 'archive'}-{digits}"


def settings_files(archive: Archive) -> list[tuple[Path, str]]:
    """The settings and the files that they name, each with its path within the backup."""
    config = archive.config
    named = [
        *config.taxonomy.files,
        *(path for path in (config.taxonomy.calibration, config.zero_shot.prompts, config.vlm.prompt) if path),
    ]
    files = [(archive.root / CONFIG_NAME, CONFIG_NAME)]
    for path in dict.fromkeys(path.resolve() for path in named if path.is_file()):
        inside = path.is_relative_to(archive.root)
        files.append((path, path.relative_to(archive.root).as_posix() if inside else f"elsewhere/{path.name}"))
    return files


@contextmanager
def _snapshot(database: Path, told: Told) -> Iterator[Path]:
    """A proved copy beside the database, where SQLite's locks and its speed are those of a local disk."""
    told("Copying and checking the database", 0, 0)
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=f".{database.name}.backup-") as folder:
        copied = Path(folder) / database.name
        snapshot(database, copied)
        yield copied


@contextmanager
def _whole_or_nothing(part: Path) -> Iterator[None]:
    part.mkdir()
    try:
        yield
    finally:
        if part.exists():
            shutil.rmtree(part)


def _copy(source: Path, target: Path, told: Told) -> str:
    """Copy a file, wait until it is on its disk, and read it again to compare. Returns its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    total, done, digest = source.stat().st_size, 0, hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            told(f"Writing {target.name} (KB)", done // 1024, total // 1024)
    sync(target)
    if content_sha256(target) != digest.hexdigest():
        raise ArchiveError(f"{target.name} did not arrive as it was sent", "Look at the share or disk, then try again")
    return digest.hexdigest()


def _remove_older(folder: Path, name: str, keep: int) -> tuple[Path, ...]:
    """Remove all but the last backups of an archive; only folders that have the name and form of one."""
    ours = sorted(path for path in folder.iterdir() if path.is_dir() and _is_backup(path.name, name))
    older = tuple(ours[:-keep])
    for path in older:
        shutil.rmtree(path)
    return older


def _is_backup(candidate: str, name: str) -> bool:
    stamp = candidate.removeprefix(f"{name}.")
    try:
        return stamp != candidate and datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).strftime(STAMP) == stamp
    except ValueError:
        return False
