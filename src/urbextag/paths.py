"""The one mapping between paths as a database has them and folders of this machine: `[paths]` of the settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from urbextag.config import PathsConfig


def here(mapping: PathsConfig, stored: str) -> Path | None:
    """Where a stored path lies on this machine; None where the mapping does not cover it."""
    if mapping.stored is None or mapping.here is None:
        return None
    prefix = pure(mapping.stored)
    path = type(prefix)(stored)
    return mapping.here.joinpath(*path.relative_to(prefix).parts) if path.is_relative_to(prefix) else None


def stored(mapping: PathsConfig, path: Path) -> str | None:
    """An absolute path of this machine as the database has it; None where the mapping does not cover it."""
    if mapping.stored is None or mapping.here is None:
        return None
    for folder in (mapping.here, mapping.here.resolve()):
        if path.is_relative_to(folder):
            return str(pure(mapping.stored).joinpath(*path.relative_to(folder).parts))
    return None


def pure(text: str) -> PurePath:
    r"""A path of the system that it was written on: `D:\photos` and `\\nas\photos` are Windows'."""
    return PureWindowsPath(text) if re.match(r"[A-Za-z]:|\\\\", text) or "\\" in text else PurePosixPath(text)


def common_beginning(paths: Sequence[str]) -> str | None:
    """The deepest folder that all of these paths lie in; None where they have none in common."""
    if not paths:
        return None
    kind = type(pure(paths[0]))
    folders = [kind(path).parent.parts for path in paths]
    parts = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))]
    return str(kind(*parts)) if parts else None
