"""Bring photo files into an archive: walk, hash, read their facts, record each with its job. Idempotent, resumable."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from urbextag import images
from urbextag.archive import Archive
from urbextag.errors import PhotoError, UsageError
from urbextag.files import FileStamp, content_sha256
from urbextag.records import PhotoFacts
from urbextag.store import jobs, origins, photos
from urbextag.store.db import write
from urbextag.store.origins import Origin

CHUNK = 64
"""Files per transaction: what an interruption costs at most."""
READERS = 4
"""Threads that hash and read headers: both wait for the disk or release the interpreter lock."""
SYSTEM_FOLDERS = frozenset(
    {"@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found"}
)


Outcome = photos.Added | photos.Assigned
OUTCOMES: tuple[Outcome, ...] = ("new", "unchanged", "assigned", "copy", "moved", "elsewhere")


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk came upon."""

    path: Path
    named: bool
    """A person named this very file, so it must be a photo; one that was met in a folder need not."""
    origin: Origin | None = None
    """Where it was fetched from; None for a file that was here."""


@dataclass(slots=True)
class AddReport:
    """What became of every file: each is counted once."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    """Reason by path."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Files in folders that are no photos, by suffix."""
    pairs: int = 0

    @property
    def files(self) -> int:
        """Every file that was looked at."""
        return self.counts.total() + len(self.failed) + self.ignored.total()


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: FileStamp
    sha: str
    facts: PhotoFacts


def walk(paths: Sequence[Path]) -> Iterator[Found]:
    """Every file below the paths, folder by folder in name order; hidden and system folders left out.

    Raises:
        UsageError: a path does not exist.

    """
    for path in dict.fromkeys(paths):
        if path.is_file():
            yield Found(path, True)
        elif path.is_dir():
            troubles: list[OSError] = []
            for folder, subfolders, names in os.walk(path, onerror=troubles.append):
                subfolders[:] = sorted(n for n in subfolders if not n.startswith(".") and n not in SYSTEM_FOLDERS)
                yield from (Found(Path(folder, name), False) for name in sorted(names) if not name.startswith("."))
            yield from (Found(Path(error.filename), True) for error in troubles)
        else:
            raise UsageError(f"{path} does not exist", "Name a photo or a folder of photos")


def add(
    archive: Archive,
    found: Sequence[Found],
    locid: str | None,
    *,
    move: bool = False,
    done: Callable[[int], None] = lambda count: None,
) -> AddReport:
    """Record files and queue the new photos, a chunk per transaction.

    A file whose size and time are known is not read again, so a second run is quick and an interrupted one goes on
    where it stopped. Photos are read only, never written.

    Args:
        archive: where to.
        found: what `walk` gave.
        locid: the location to put them in, None to leave that open.
        move: also take photos that are in another location.
        done: hears after each chunk how many files it had.

    """
    report = AddReport()
    iterator = iter(found)
    with ThreadPoolExecutor(READERS) as pool:
        while chunk := list(islice(iterator, CHUNK)):
            named = [(item, name) for item in chunk if (name := _storable(archive, item.path, report)) is not None]
            known = {name: sha for item, name in named if (sha := _known(archive, item.path, name, report))}
            unread = [(item, name) for item, name in named if name not in known and name not in report.failed]
            read = list(pool.map(lambda pair: _read(pair[0]), unread))
            with write(archive.db):
                for sha in known.values():
                    report.counts[photos.assign(archive.db, sha, locid, move=move)] += 1
                    _queue(archive.db, sha, is_new=False)
                for (item, name), outcome in zip(unread, read, strict=True):
                    _record(archive, item, name, outcome, locid, move, report)
                for item, name in named:
                    if item.origin and (sha := photos.at_path(archive.db, name)):
                        origins.save(archive.db, sha, item.origin)
                report.pairs += photos.link_pairs(archive.db, (name for _, name in unread), images.RAW_FORMATS)
            done(len(chunk))
    with write(archive.db):
        failed = [row["path"] for row in photos.file_failures(archive.db)]
        photos.forget_failures(archive.db, [path for path in failed if not archive.locate(path).exists()])
    return report


def _storable(archive: Archive, path: Path, report: AddReport) -> str | None:
    """The path as the archive keeps it; a name that is no valid text is a failure (SQLite and JSON hold text only)."""
    name = archive.stored(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        report.failed[shown] = "the file's name is not valid UTF-8; rename it"
        return None
    return name


def _known(archive: Archive, path: Path, name: str, report: AddReport) -> str | None:
    """The SHA-256 of a file that was read before and is unchanged; one that could not be read is reported again."""
    try:
        stamp = FileStamp.of(path)
    except OSError:
        return None
    sha = photos.known(archive.db, name, stamp)
    reason = None if sha else photos.known_failure(archive.db, name, stamp)
    if reason:
        report.failed[name] = reason
    return sha


def _read(found: Found) -> _Read | PhotoError | None:
    """Hash a file and read its header. None: a file met in a folder that is no photo and does not claim to be one."""
    try:
        claims = found.named or found.path.suffix.lower() in images.PHOTO_SUFFIXES
        if not claims and (not found.path.is_file() or images.sniff(found.path) is None):
            return None
        stamp = FileStamp.of(found.path)
        facts = images.read_facts(found.path)
        sha = content_sha256(found.path)
    except OSError as error:
        problem = PhotoError(f"cannot be read: {error.strerror}", "Look at its permissions and at the disk")
        problem.__cause__ = error
        return problem
    except PhotoError as error:
        return error
    return _Read(stamp, sha, facts)


def _record(
    archive: Archive,
    item: Found,
    name: str,
    outcome: _Read | PhotoError | None,
    locid: str | None,
    move: bool,
    report: AddReport,
) -> None:
    db = archive.db
    if outcome is None:
        report.ignored[item.path.suffix.lower() or "(no suffix)"] += 1
    elif isinstance(outcome, PhotoError):
        reason = outcome.message.removeprefix(f"{item.path.name} ")  # the path stands beside it
        report.failed[name] = reason
        photos.record_failure(db, name, _failure_stamp(item.path, outcome), reason)
    else:
        current = photos.current_path(db, outcome.sha)
        gone = current is not None and not archive.locate(current).exists()
        added = photos.add(
            db,
            outcome.sha,
            name,
            item.origin.url if item.origin else str(item.path.absolute()),
            outcome.stamp,
            outcome.facts,
            locid,
            current_gone=gone,
            move=move,
        )
        report.counts[added] += 1
        _queue(db, outcome.sha, is_new=added == "new")


def _queue(db: sqlite3.Connection, sha: str, *, is_new: bool) -> None:
    """Queue a photo that is new, or whose file was missing and is here again."""
    job = None if is_new else jobs.of_photo(db, sha)
    if is_new or (job and job["state"] == "missing"):
        jobs.enqueue(db, [sha], jobs.Priority.IMPORT)


def _failure_stamp(path: Path, error: PhotoError) -> FileStamp:
    """The stamp under which a failure is remembered: none that matches where the system, not the content, refused."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno is not None:
        return FileStamp(-1, -1)
    try:
        return FileStamp.of(path)
    except OSError:
        return FileStamp(-1, -1)
