"""A file's identity: its content's SHA-256, and a stamp that tells cheaply whether it is still the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Size in bytes and time of the last change in nanoseconds."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """The stamp of a file on disk; raises OSError."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


def content_sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
