"""Bring photo files into an archive: walk, hash, read their facts, record each with its job. Idempotent, resumable."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from urbextag import images
from urbextag.archive import Archive
from urbextag.errors import PhotoError, UsageError
from urbextag.files import FileStamp, content_sha256
from urbextag.records import PhotoFacts
from urbextag.store import jobs, photos
from urbextag.store.db import write

CHUNK = 64
"""Files per transaction: what an interruption costs at most."""
READERS = 4
"""Threads that hash and read headers: both wait for the disk or release the interpreter lock."""
SYSTEM_FOLDERS = frozenset({"@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"})


Outcome = Literal["unchanged"] | photos.Added
OUTCOMES: tuple[Outcome, ...] = ("new", "unchanged", "copy", "moved", "elsewhere")


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk came upon."""

    path: Path
    named: bool
    """A person named this very file, so it must be a photo; one that was met in a folder need not."""


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
        UsageError: a path does not exist or a folder cannot be listed.

    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename} cannot be listed: {error.strerror}", "Mend its permissions or name another")

    for path in paths:
        if path.is_file():
            yield Found(path, True)
        elif path.is_dir():
            for folder, subfolders, names in os.walk(path, onerror=refuse):
                subfolders[:] = sorted(n for n in subfolders if not n.startswith(".") and n not in SYSTEM_FOLDERS)
                yield from (Found(Path(folder, name), False) for name in sorted(names) if not name.startswith("."))
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
            unread: list[tuple[Found, str]] = []
            for item in chunk:
                name = _storable(archive, item.path, report)
                if name is not None and not _known(archive, item.path, name, locid, move, report):
                    unread.append((item, name))
            read = list(pool.map(lambda pair: _read(pair[0]), unread))
            with write(archive.db):
                for (item, name), outcome in zip(unread, read, strict=True):
                    _record(archive, item, name, outcome, locid, move, report)
            done(len(chunk))
    with write(archive.db):
        report.pairs = photos.link_pairs(archive.db, images.RAW_FORMATS)
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


def _known(archive: Archive, path: Path, name: str, locid: str | None, move: bool, report: AddReport) -> bool:
    try:
        stamp = FileStamp.of(path)
    except OSError:
        return False
    sha = photos.known(archive.db, name, stamp)
    if sha:
        if photos.assign(archive.db, sha, locid, move=move):
            report.counts["unchanged"] += 1
        else:
            report.counts["elsewhere"] += 1
        return True
    reason = photos.known_failure(archive.db, name, stamp)
    if reason:
        report.failed[name] = reason
    return reason is not None


def _read(found: Found) -> _Read | PhotoError | None:
    """Hash a file and read its header. None: a file met in a folder that is no photo and does not claim to be one."""
    try:
        stamp = FileStamp.of(found.path)
        claims = found.named or found.path.suffix.lower() in images.PHOTO_SUFFIXES
        if not claims and images.sniff(found.path) is None:
            return None
        facts = images.read_facts(found.path)
        sha = content_sha256(found.path)
    except OSError as error:
        return PhotoError(f"cannot be read: {error.strerror}", "Look at its permissions and at the disk")
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
        try:
            stamp = FileStamp.of(item.path)
        except OSError:
            stamp = FileStamp(0, 0)
        photos.record_failure(db, name, stamp, reason)
    else:
        current = photos.current_path(db, outcome.sha)
        gone = current is not None and not archive.locate(current).exists()
        added = photos.add(
            db,
            outcome.sha,
            name,
            str(item.path.absolute()),
            outcome.stamp,
            outcome.facts,
            locid,
            current_gone=gone,
            move=move,
        )
        report.counts[added] += 1
        job = jobs.of_photo(db, outcome.sha)
        if added == "new" or (job and job["state"] == "missing"):
            jobs.enqueue(db, [outcome.sha], jobs.Priority.IMPORT)
