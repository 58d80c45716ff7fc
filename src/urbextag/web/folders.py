"""Folders that a person may pick from a page, by ids that this server gave out: no path from a client opens a file."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from urbextag.errors import UsageError
from urbextag.images import PHOTO_SUFFIXES
from urbextag.importer import SYSTEM_FOLDERS
from urbextag.web.lookup import NotHere
from urbextag.web.render import writable

SHOWN = 500
"""Folders that one listing shows at most."""
MOUNTED = ("/media", "/mnt", "/Volumes", "/run/media", "/home", "/Users", "/srv", "/data")
"""Drives that are mounted below these are worth offering; others are the system's own."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to pick or to look into."""

    id: str
    name: str
    """For people: what is no UTF-8 in it is replaced."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder."""

    folder: Folder
    path: str
    """Where it lies, for people."""
    parent: Folder | None
    folders: tuple[Folder, ...]
    photos: int
    """Files in it, not below it, that are named like photos."""
    more: int
    """Folders that are not shown."""


class Folders:
    """Gives folders ids, and takes only those back."""

    def __init__(self, archive_root: Path) -> None:
        self._root = archive_root
        self._secret = secrets.token_bytes(32)
        self._known: dict[str, Path] = {}
        self._lock = threading.Lock()

    def roots(self) -> list[Folder]:
        """Where to begin: the user's own folder, the archive's, drives, and the whole machine."""
        import psutil

        found = {Path.home(): "Home", self._root: "The archive's folder"}
        for part in psutil.disk_partitions(all=False):
            if part.mountpoint.startswith(MOUNTED):
                found.setdefault(Path(part.mountpoint), part.mountpoint)
        found.setdefault(Path("/"), "This computer")
        return [self._folder(path, name) for path, name in found.items()]

    def inside(self, folder_id: str) -> Listing:
        """What is in a folder; hidden and system folders and links are left out.

        Raises:
            NotHere: this server gave no such id out.
            UsageError: the folder cannot be read.

        """
        path = self.path(folder_id)
        try:
            with os.scandir(path) as entries:
                names, photos = _sorted_out(entries)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", "Look at its permissions") from error
        folders = tuple(self._folder(path / name) for name in names[:SHOWN])
        parent = self._folder(path.parent) if path.parent != path else None
        return Listing(self._folder(path), writable(str(path)), parent, folders, photos, max(0, len(names) - SHOWN))

    def path(self, folder_id: str) -> Path:
        """The folder of an id; raises NotHere where this server gave none such out."""
        with self._lock:
            path = self._known.get(folder_id)
        if path is None:
            raise NotHere("that folder was picked before the server was started again", "Pick it again")
        return path

    def _folder(self, path: Path, name: str = "") -> Folder:
        """A folder with its id; it is called by its own name where no other is given."""
        return Folder(self._id(path), writable(name or path.name or "/"))

    def _id(self, path: Path) -> str:
        folder_id = hmac.new(self._secret, os.fsencode(path), hashlib.sha256).hexdigest()[:24]
        with self._lock:
            self._known[folder_id] = path
        return folder_id


def _sorted_out(entries: Iterable[os.DirEntry[str]]) -> tuple[list[str], int]:
    names, photos = [], 0
    for entry in entries:
        if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
            continue
        if entry.is_dir(follow_symlinks=False):
            names.append(entry.name)
        elif Path(entry.name).suffix.lower() in PHOTO_SUFFIXES:
            photos += 1
    return sorted(names, key=str.casefold), photos
