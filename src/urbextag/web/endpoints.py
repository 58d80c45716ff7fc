"""The health of the VLM servers, asked now and then and kept for a moment: a page does not wait for them twice."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urbextag.web.site import Site

KEPT_SECONDS = 30.0


class Health:
    """What each server of the settings said when it was last asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: object = None
        self._asked = 0.0
        self._found: list[dict[str, Any]] = []

    def of(self, site: Site) -> list[dict[str, Any]]:
        """Ask the servers of the settings side by side, unless that was done a moment ago."""
        from urbextag.vlm.look import look_at_all

        with site.opened() as archive:
            config = archive.config.vlm
        with self._lock:
            if self._of != config or time.monotonic() - self._asked > KEPT_SECONDS:
                servers = look_at_all(config) if config.endpoints else []
                self._found = [
                    {
                        "url": server.endpoint.url,
                        "model": server.endpoint.model,
                        "ready": not server.fault,
                        "detail": server.fault or server.detail,
                        "remedy": server.remedy,
                    }
                    for server in servers
                ]
                self._of, self._asked = config, time.monotonic()
            return self._found
