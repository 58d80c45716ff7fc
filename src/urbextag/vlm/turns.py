"""Turns at a server: no more requests in flight than it can answer, whichever processes on this machine ask it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.config import EndpointConfig

if TYPE_CHECKING:
    from filelock import FileLock


def turns(endpoint: EndpointConfig) -> list[FileLock]:
    """One lock for each request that may be in flight at an endpoint; whoever holds one may send.

    The system drops them when their process ends, however it ends. They lie in the user's cache folder, so that several
    archives and programs of one user share them; other users of a machine and other machines do not.
    """
    from filelock import FileLock
    from platformdirs import user_cache_path

    folder: Path = user_cache_path("urbextag", appauthor=False) / "endpoints"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(endpoint.url.encode()).hexdigest()[:16]
    return [FileLock(folder / f"{name}-{number}.lock", thread_local=False) for number in range(endpoint.parallel)]
