"""Thumbnails: a photo's picture at two sizes, made once and kept in the archive, pixels alone without any metadata."""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import LifoQueue
from typing import Literal

from urbextag.errors import ArchiveError, PhotoError, UsageError
from urbextag.files import FileStamp
from urbextag.images.faults import Limits, photo_faults
from urbextag.picture_process import PictureProcess, Refusal

Size = Literal["small", "large"]
LONGEST_PX: dict[Size, int] = {"small": 360, "large": 1500}
"""Small: a card of a grid, fine at two pixels per point. Large: the page of one photo; up to 1500 a photo of 24
megapixels is decoded at half scale, which takes 0.17 s in place of 0.43."""

MEDIA_TYPE = "image/jpeg"
_SUFFIX = ".jpg"
_QUALITY = 80
# Baseline JPEG, measured on six photos against WebP (libwebp 1.6, method 2 and 4) at the same SSIM, one core:
#   small (SSIM 0.95):  JPEG 19 kB, encode 0.3 ms, decode 0.4 ms; WebP 14 and 13 kB, encode 6 and 9 ms, decode 1.5 ms
#   large (SSIM 0.96):  JPEG 309 kB, encode 5.5 ms, decode 6.7 ms; WebP 250 and 235 kB, encode 100 and 185 ms, 30 ms
# A browser here reads from this machine or its network, where a quarter of the bytes weighs less than waiting 100 ms
# for a page; and a JPEG can be decoded at half scale, which makes the small out of the large in 12 ms. `optimize` and
# `progressive` save 1 and 5 % for three and seven times the encoding.

DECODES = 2
"""At once: each takes a core and, for 24 megapixels, 96 MB, and most of the machine is the worker's."""
FAILURES = 4096
"""Photos whose failure is remembered; beyond that the oldest is tried again when it is asked for."""
PART_SECONDS = 3600.0
"""Age from which a temporary file is taken for one that a killed process left behind."""
IDS_AT_ONCE = 500
"""That `clean` asks about; SQLite takes 32766 values in a statement at most."""
_CLOCK_NS = 2 * 10**9
"""The coarsest step of a file's time (FAT): times that lie closer are the same."""

Standing = Callable[[Sequence[str]], Collection[str]]
"""Given ids, those among them that are photos of the archive still; a set's own `intersection` is one."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")
_OURS = re.compile(rf"({_ID.pattern})\.(?:{'|'.join(LONGEST_PX)}){re.escape(_SUFFIX)}")
_PART = re.compile(r"\.[0-9a-f]{16}\.part")
# https://bford.info/cachedir/: backup programs leave a folder out that has this file
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = b"""Signature: 8a477f597d28d172789f06886806bc55
# Thumbnails made by urbextag. They can be deleted at any time and are made again when they are looked at.
"""


class Thumbnails:
    """The thumbnails of one archive, for any number of threads and processes at once."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Nothing is read or written yet.

        Args:
            folder: `.urbextag/thumbnails` in the archive's folder; made when the first thumbnail is written. Hidden, so
                `add` never takes a thumbnail for a photo.
            limits: what a photo may cost.

        """
        self._folder = folder
        self._limits = limits
        self._processes = [PictureProcess() for _ in range(DECODES)]
        self._idle: LifoQueue[PictureProcess] = LifoQueue()  # the last used first: a second starts only where it helps
        for process in self._processes:
            self._idle.put(process)
        self._lock = threading.Lock()
        self._making: dict[tuple[Path, Path], Future[None]] = {}
        self._failed: dict[tuple[Path, Size], tuple[FileStamp, Refusal]] = {}

    def kept(self, sha: str, size: Size) -> Path | None:
        """The file of a thumbnail that is there, None where it is not or is a link; for ids that are content's hashes.

        Raises:
            UsageError: the id is none.

        """
        target = self._place(sha, size)
        if target.is_symlink():  # whether a photo has this id is not asked here, so it must not lead anywhere else
            return None
        return target if self._time_of_good(target, target, content_addressed=True) is not None else None

    def file(self, sha: str, size: Size, source: Path, *, content_addressed: bool = True) -> Path:
        """The file of a photo's thumbnail, a JPEG without metadata, made where it is missing.

        It is the photo's picture also where the photo is smaller, never the photo's own file. A thumbnail that is
        there is good also when the photo's file has gone.

        Args:
            sha: the photo's id: 1 to 128 ASCII letters, digits, `_` and `-`.
            size: which of the two.
            source: the photo's file.
            content_addressed: the id is the content's hash, so a thumbnail never grows old. Where it is not (a key
                of the application's own), the thumbnail is made again when the photo's time has changed.

        Raises:
            UsageError: the id is none.
            PhotoError: the photo cannot be opened or is gone.
            ArchiveError: the thumbnail cannot be written; nothing of it is left behind.

        """
        target = self._place(sha, size)
        if self._time_of_good(target, source, content_addressed) is not None:
            return target
        with self._lock:
            other = self._making.get((target, source))
            if other is None:
                mine = self._making[target, source] = Future[None]()
        if other is not None:
            other.result()
            return target
        try:
            self._make(sha, size, source, content_addressed)
            mine.set_result(None)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[target, source]
        return target

    def clean(self, standing: Standing) -> int:
        """Remove the thumbnails of photos that are gone, and what killed processes left. Returns how many thumbnails.

        Files of other names are left alone. `standing` is asked about what was found, so a photo that is added
        meanwhile keeps its thumbnail.

        Raises:
            ArchiveError: the folder cannot be read or changed.

        """
        removed = 0
        with self._faults():
            for folder in _folders(self._folder):
                thumbnails: dict[str, list[Path]] = {}
                for path in folder.iterdir():
                    if found := _OURS.fullmatch(path.name):
                        thumbnails.setdefault(found[1], []).append(path)
                    elif _PART.fullmatch(path.name):
                        _remove_if_old(path)
                ids = list(thumbnails)
                for start in range(0, len(ids), IDS_AT_ONCE):
                    some = ids[start : start + IDS_AT_ONCE]
                    for sha in set(some).difference(standing(some)):
                        for path in thumbnails[sha]:
                            path.unlink(missing_ok=True)
                            removed += 1
        return removed

    def close(self) -> None:
        """End the processes that open photos, also in the middle of one; they start again where one is asked for."""
        for process in self._processes:
            process.stop()
        with self._lock:  # no photo is begun meanwhile, and who else closes waits
            for process in [self._idle.get() for _ in self._processes]:
                process.close()
                self._idle.put(process)

    def _place(self, sha: str, size: Size) -> Path:
        """Where a thumbnail lies; an id that could lead elsewhere is refused."""
        if not _ID.fullmatch(sha):
            raise UsageError(f"{sha[:140]!r} is not the id of a photo", "Take the id from the archive")
        return self._folder / sha[:2] / f"{sha}.{size}{_SUFFIX}"

    def _time_of_good(self, target: Path, source: Path, content_addressed: bool) -> int | None:
        """The time in nanoseconds of a thumbnail that is there, of the photo as it is; None for none.

        A thumbnail has its photo's time. Equal and not just later: a photo put back from a backup is an older one.
        The photo's size is not compared: there is no place to keep it in, and what changes it changes the time. An
        empty file is what some file systems leave after a power cut, since thumbnails are not waited for to be on disk.
        """
        with self._faults():
            try:
                kept = target.stat()
            except FileNotFoundError:
                return None
        if not kept.st_size:
            return None
        if not content_addressed:
            with suppress(OSError):  # gone or out of reach: the thumbnail is what there is
                if abs(source.stat().st_mtime_ns - kept.st_mtime_ns) >= _CLOCK_NS:
                    return None
        return kept.st_mtime_ns

    def _make(self, sha: str, size: Size, source: Path, content_addressed: bool) -> None:
        target = self._place(sha, size)
        if self._time_of_good(target, source, content_addressed) is not None:
            return  # made between the first look and this thread's turn
        large = self._place(sha, "large")
        time_ns = self._time_of_good(large, source, content_addressed) if size == "small" else None
        if time_ns is not None:
            made = self._jpeg(large, size)
            if not isinstance(made, Refusal):
                self._keep(target, made, time_ns)
                return
            if made.lasting:  # damaged on the disk
                with self._faults():
                    large.unlink(missing_ok=True)
        with photo_faults(source):
            stamp = FileStamp.of(source)
        with self._lock:
            failed = self._failed.get((source, size))
        if failed is not None and failed[0] == stamp:
            raise PhotoError(failed[1].message, failed[1].remedy)
        made = self._jpeg(source, size)
        if isinstance(made, Refusal):
            self._remember(source, size, stamp, made)
            raise PhotoError(made.message, made.remedy)
        self._keep(target, made, stamp.mtime_ns)

    def _jpeg(self, picture: Path, size: Size) -> bytes | Refusal:
        process = self._idle.get()
        try:
            return process.jpeg(picture, LONGEST_PX[size], _QUALITY, self._limits)
        finally:
            self._idle.put(process)

    def _keep(self, target: Path, jpeg: bytes, time_ns: int) -> None:
        """Write a thumbnail with its photo's time; raises ArchiveError."""
        with self._faults():
            for folder in (self._folder.parent, self._folder, target.parent):
                folder.mkdir(exist_ok=True)  # not the archive's own: where that is missing, its drive is
            if not (tag := self._folder / _TAG).exists():
                _write(tag, _TAG_TEXT, time.time_ns())
            _write(target, jpeg, time_ns)

    def _remember(self, source: Path, size: Size, stamp: FileStamp, refusal: Refusal) -> None:
        """Keep a failure that is the content's, so that it is not looked into at each request."""
        if not refusal.lasting:
            return
        with self._lock:
            self._failed[source, size] = (stamp, refusal)
            if len(self._failed) > FAILURES:
                del self._failed[next(iter(self._failed))]

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the cache's own trouble into an ArchiveError with its remedy."""
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                what, remedy = "the disk is full", "Free some space and open the page again"
            else:
                what, remedy = error.strerror or str(error), "Look at the permissions and the disk of that folder"
            raise ArchiveError(f"thumbnails cannot be kept in {self._folder}: {what}", remedy) from error


def _write(path: Path, data: bytes, time_ns: int) -> None:
    """Put a file in its place whole, with this time in nanoseconds; whoever else writes the same does no harm."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(data)
        os.utime(part, ns=(time_ns, time_ns))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _folders(root: Path) -> list[Path]:
    """The folders of thumbnails, none where none was ever made."""
    try:
        with os.scandir(root) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _remove_if_old(part: Path) -> None:
    """By the time of its last change, which cannot be set: a thumbnail has its photo's time before it is in place."""
    with suppress(FileNotFoundError):
        if time.time() - part.stat().st_ctime > PART_SECONDS:
            part.unlink()
