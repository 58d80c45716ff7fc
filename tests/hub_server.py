"""A model hub on the loopback, in the layout and with the headers of the real one; it can be told to misbehave."""

import hashlib
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 1 << 16


@dataclass
class Fault:
    """What goes wrong with one GET of a file's content."""

    after: int | None = None
    """Bytes of the answer that still come."""
    then: str = "cut"
    """`cut`: the connection ends; `stall`: nothing more comes; `short`: the answer ends as if that were all."""
    change: bool = False
    """A byte in the middle is another one."""
    page: bool = False
    """A page for people comes in place of the file."""


@dataclass
class Hub:
    """One repository. `files` may be changed while it serves."""

    repository: str
    files: dict[str, bytes]
    commit: str = COMMIT
    linked: tuple[str, ...] = (".onnx",)
    """Endings of files that are kept as large ones: with SHA-256, behind a redirect."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """Path -> faults of its next GETs."""
    refusal: tuple[int, dict[str, str]] | None = None
    """Status and headers of every answer."""
    page: bool = False
    """Every answer is a page for people, as a captive portal gives it."""
    mute: bool = False
    """No answer comes at all."""
    claimed: dict[str, dict[str, str]] = field(default_factory=dict)
    """Path -> headers that replace the true ones."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range, in order; paths in the repository, `/...` for anything else."""
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def contents(self):
        """The GETs of content: path and first byte asked for."""
        return [
            (path, int(re.match(r"bytes=(\d+)-", asked)[1]) if asked else 0)
            for method, path, asked in self.requests
            if method == "GET"
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        hub = self.hub
        resolve = re.fullmatch(rf"/{re.escape(hub.repository)}/resolve/([^/]+)/(.+)", self.path)
        behind = re.fullmatch(r"/behind/(.+)", self.path)
        path = (resolve or behind)[(resolve or behind).re.groups] if resolve or behind else self.path
        if not (body and resolve and path.endswith(hub.linked) and path in hub.files):  # the redirect is no download
            hub.requests.append((self.command, path, self.headers.get("Range")))
        hub.headers.append({name.lower(): value for name, value in self.headers.items()})
        if hub.mute:
            hub.over.wait(30)
            return
        if hub.refusal is not None:
            self._say(hub.refusal[0], hub.refusal[1])
        elif hub.page:
            self._say(200, {"Content-Type": "text/html"}, b"<html>Welcome to our hotel</html>", body)
        elif behind:
            self._content(path)
        elif not resolve:
            self._say(401, {"X-Error-Code": "RepoNotFound"})
        elif resolve[1] not in ("main", hub.commit):
            self._say(404, {"X-Error-Code": "RevisionNotFound"})
        elif path not in hub.files:
            self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.commit})
        else:
            self._file(path, body)

    def _file(self, path, body):
        hub, content = self.hub, self.hub.files[path]
        common = {"X-Repo-Commit": hub.commit, **hub.claimed.get(path, {})}
        if path.endswith(hub.linked):
            said = {
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(len(content)),
                "Location": f"{hub.url}/behind/{path}".replace("127.0.0.1", "localhost"),
            }
            self._say(302, {**said, **common})
        elif body:
            self._content(path, common)
        else:
            blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            self._say(200, {"ETag": f'"{blob}"', **common}, content, body=False)

    def _content(self, path, headers=None):
        hub, content = self.hub, self.hub.files[path]
        fault = hub.faults[path].pop(0) if hub.faults.get(path) else Fault()
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked else 0
        if fault.page:
            return self._say(200, {"Content-Type": "text/html"}, b"<html>Welcome to our hotel</html>")
        if fault.change:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        rest = content[start:]
        if fault.then == "short":
            rest = rest[: fault.after]
        ranged = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if asked else {}
        if fault.after is None or fault.then == "short":
            return self._say(206 if asked else 200, {**(headers or {}), **ranged}, rest)
        self._start(206 if asked else 200, {**(headers or {}), **ranged}, len(rest))
        for at in range(0, fault.after, CHUNK):
            self.wfile.write(rest[at : min(at + CHUNK, fault.after)])
        self.wfile.flush()
        if fault.then == "stall":
            hub.over.wait(30)
        self.close_connection = True
        return None

    def _start(self, status, headers, length):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _say(self, status, headers, content=b"", body=True):
        self._start(status, headers, len(content))
        if body:
            self.wfile.write(content)


@contextmanager
def serving(hub):
    """The hub at an address of the loopback, until the end of the block; also in `hub.url`."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # clients that are killed or give up are what is tested
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
