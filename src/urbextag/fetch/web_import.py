"""Brings photos from the web into the archive's folder `web/`: each address once, nothing left of what fails."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from urbextag import images
from urbextag.archive import Archive
from urbextag.errors import PhotoError
from urbextag.fetch.web_fetch import LOOK_IN_BROWSER, Resolve, checked, fetch, system_resolve
from urbextag.files import FileStamp, content_sha256
from urbextag.importer import Found
from urbextag.store import origins, photos
from urbextag.store.origins import Origin

FOLDER = "web"
"""Within the archive's folder: holds what was fetched."""
NAME_DIGITS = 12
"""Hex digits of the SHA-256 in a file's name."""
_NAME_BYTES = 80
_LOOK_PX = 64
"""A photo is decoded whole, to this size, to prove that it can be."""
_DEAD_SECONDS = 7200.0
"""An unfinished file that nobody has written to for so long was left by a process that was killed."""
_UNFINISHED = ".fetching-"
_SUFFIX = {"jpeg": "jpg", "tiff": "tif", "jpeg2000": "jp2", "raw": "tif"}


def is_url(text: str) -> bool:
    """Whether a person means an address on the web rather than a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def bring(
    archive: Archive, urls: Sequence[str], told: Callable[[int, str], None], resolve: Resolve = system_resolve
) -> tuple[list[Found], dict[str, str]]:
    """Fetch each address whose photo is not here yet.

    Args:
        archive: its folder `web/` takes the files; nothing is left there of what fails.
        urls: as a person gave them.
        told: hears how many are done, and what is being fetched.
        resolve: looks names up.

    Returns:
        What `importer.add` takes, and the reason for each address that failed.

    Raises:
        UsageError: one of them is no address that can be fetched; none was fetched then.

    """
    found: list[Found] = []
    failed: dict[str, str] = {}
    brought: dict[str, Path] = {}
    for number, url in enumerate(dict.fromkeys(checked(url) for url in urls)):
        told(number, url)
        try:
            found.append(_here(archive, url) or _bring(archive, url, resolve, brought))
        except PhotoError as error:
            failed[url] = f"{error.message}; {error.remedy[:1].lower()}{error.remedy[1:]}"
    return found, failed


def _here(archive: Archive, url: str) -> Found | None:
    """The file that came from this address before; None where none did or it is gone."""
    known = origins.fetched(archive.db, url)
    path = _file_of(archive, known[0]) if known else None
    return Found(path, True, known[1]) if known and path else None


def _file_of(archive: Archive, sha: str) -> Path | None:
    """A file of the archive that holds this content still."""
    for stored, stamp in photos.paths_of(archive.db, sha):
        path = archive.locate(stored)
        with contextlib.suppress(OSError):
            if FileStamp.of(path) == stamp or content_sha256(path) == sha:
                return path
    return None


def _bring(archive: Archive, url: str, resolve: Resolve, brought: dict[str, Path]) -> Found:
    """Fetch one photo and prove that it is one; its file stays only then, and only where its content is new here.

    `brought`: the files that are not recorded yet, by SHA-256.
    """
    folder = archive.root / FOLDER
    try:
        fresh = not folder.exists()
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        draft = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            with draft.open("xb") as file:
                fetched = fetch(url, file, archive.config.web, resolve)
                os.fsync(file.fileno())
            kind = _photo_kind(draft)
            sha = content_sha256(draft)
            origin = Origin(url, fetched.final_url, fetched.media_type)
            path = brought.get(sha) or _file_of(archive, sha)
            if path is None:
                path = brought[sha] = folder / file_name(url, kind, sha)
                draft.replace(path)
            return Found(path, True, origin)
        finally:
            draft.unlink(missing_ok=True)
            if fresh and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise PhotoError(
            f"cannot be kept in {folder}: {error.strerror}", "Look at its permissions and space"
        ) from error


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_UNFINISHED}*"):
        if time.time() - path.stat().st_mtime > _DEAD_SECONDS:
            path.unlink(missing_ok=True)


def _photo_kind(path: Path) -> str:
    """The format of a file that can be decoded whole; raises PhotoError with a message that names no file."""
    try:
        facts, _ = images.open_photo(path, _LOOK_PX)
    except PhotoError as error:
        raise PhotoError(error.message.removeprefix(f"{path.name} "), LOOK_IN_BROWSER) from error
    return facts.format


def file_name(url: str, kind: str, sha: str) -> str:
    """The name of a fetched file: the last part of the address, then the first digits of the content's SHA-256."""
    last = PurePosixPath(unquote(urlsplit(url).path, errors="replace")).name
    stem, suffix = (PurePosixPath(last).stem, PurePosixPath(last).suffix.lower()) if last else ("", "")
    if suffix not in images.PHOTO_SUFFIXES:
        stem, suffix = last, f".{_SUFFIX.get(kind, kind)}"
    words = re.sub(r"[^\w-]+", "-", stem).strip("-_")
    while len(words.encode()) > _NAME_BYTES:
        words = words[:-1]
    return f"{words or 'photo'}-{sha[:NAME_DIGITS]}{suffix}"
