"""The web app as tests ask it: in this process, with its site, guard and real archive; no worker unless asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from urbextag.web.app import make_app
from urbextag.web.guards import Policy, own_hosts
from urbextag.web.site import Site

API = "/api/v1"


@dataclass(frozen=True)
class Web:
    """A client as a browser on this machine is one, and the site behind it."""

    client: TestClient
    site: Site

    def page(self, path: str, code: int = 200) -> str:
        """The HTML of a page."""
        answer = self.client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == code, f"{path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer.text

    def get(self, path: str, code: int = 200) -> Any:
        """The JSON of an address below /api/v1."""
        return self._json("GET", path, code)

    def send(self, method: str, path: str, body: Any = None, code: int = 200) -> Any:
        """A change, as a page of the app makes it."""
        return self._json(method, path, code, json=body, headers={"origin": "http://127.0.0.1"})

    def _json(self, method: str, path: str, code: int, **more: Any) -> Any:
        answer = self.client.request(method, API + path, **more)
        assert answer.status_code == code, f"{method} {path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer.json()

    def end_of(self, started: Any) -> Any:
        """Wait for a task's end; its report."""
        task = self.site.tasks.get(started["task"]["id"])
        self.site.tasks._threads[task.id].join(60)
        return task.report()


@contextmanager
def web_of(root: Path, *, with_worker: bool = False, token: str | None = None) -> Iterator[Web]:
    """The web app of an archive's folder, as long as the block lasts."""
    site = Site(root, with_worker=with_worker)
    app = make_app(site, Policy(own_hosts("127.0.0.1"), token))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Web(client, site)
