"""An Ollama server on the loopback, as far as `/api/chat|show|tags|ps|version|pull` go; it can be told to misbehave.

with FakeOllama() as fake:                      # fake.url; answers by itself, differently for each picture
    fake.answers.append(Answer(content="{"))    # what the next chat gets
    fake.faults["/api/tags"] = [Answer(status=503)]
    fake.down(); fake.up()                      # the same port again
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fake_ollama_says import MODEL, Answer, Model, chat, listed, pull, shown

__all__ = ["MODEL", "Answer", "FakeOllama", "Model", "Seen"]


@dataclass(frozen=True)
class Seen:
    """One request that came in."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]
    at: float


class FakeOllama:
    """The server. All its fields may be changed while it serves."""

    def __init__(self, *models: Model, up: bool = True) -> None:
        self.models = list(models or (Model(),))
        self.library: dict[str, Model] = {}
        """What `/api/pull` can fetch, by name."""
        self.version: str | None = "0.33.1"
        """None: the path is not there."""
        self.answers: deque[Answer] = deque()
        """For the next chats, in order; then healthy ones."""
        self.faults: dict[str, list[Answer]] = {}
        """For the next requests to other paths."""
        self.delay = 0.0
        """Seconds that every healthy chat takes."""
        self.picture_tokens = 1024
        self.requests: list[Seen] = []
        self.in_flight = 0
        self.most_in_flight = 0
        """Chats at a time, at most, since the start."""
        self.abandoned = 0
        """Requests whose client closed the connection before the answer was whole."""
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._open: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.up()
        if not up:
            self.down()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """Bodies of the chats that came in."""
        with self.lock:
            return [seen.body for seen in self.requests if seen.path == "/api/chat"]

    def paths(self) -> list[str]:
        with self.lock:
            return [seen.path for seen in self.requests]

    def up(self) -> None:
        """Listen, on the same port as before."""
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """End as a killed process does: connections break off, further ones are refused."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self.over.set()
        self._server = None
        with self.lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def opened(self, connection: socket.socket) -> None:
        with self.lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self.lock:
            self._open.discard(connection)

    def find(self, name: str) -> Model | None:
        full = (name if ":" in name else f"{name}:latest").casefold()  # Ollama minds no case
        return next((model for model in self.models if model.name.casefold() == full), None)

    def __enter__(self) -> FakeOllama:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()


class _Ended(Exception):
    """The exchange is over before its time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeOllama

    def log_message(self, *arguments: object) -> None:
        pass

    def setup(self) -> None:
        super().setup()
        self.fake.opened(self.connection)

    def finish(self) -> None:
        self.fake.closed(self.connection)
        with suppress(OSError):  # shut by down()
            super().finish()

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, sent: bytes | None) -> None:
        fake, chat = self.fake, self.path == "/api/chat"
        body = json.loads(sent) if sent else None
        with fake.lock:
            fake.requests.append(Seen(self.command, self.path, body, dict(self.headers), time.monotonic()))
            waiting = fake.faults.get(self.path)
            if chat:
                fake.in_flight += 1
                fake.most_in_flight = max(fake.most_in_flight, fake.in_flight)
                answer = fake.answers.popleft() if fake.answers else Answer(delay=fake.delay)
            else:
                answer = waiting.pop(0) if waiting else Answer()
        try:
            self._say(answer, *self._answer(answer, body))
        except (_Ended, OSError):
            self.close_connection = True
        finally:
            if chat:
                with fake.lock:
                    fake.in_flight -= 1

    def _answer(self, answer: Answer, body: Any) -> tuple[int, bytes]:
        if answer.body is not None:
            return answer.status, answer.body
        if answer.error is not None or not 200 <= answer.status < 300:
            return answer.status, json.dumps({"error": answer.error or "server says no"}).encode()
        status, reply = self._healthy(answer, body)
        if isinstance(reply, list):  # a stream: a line each
            return status, b"".join(json.dumps(line).encode() + b"\n" for line in reply)
        return status, json.dumps(reply).encode()

    def _healthy(self, answer: Answer, body: Any) -> tuple[int, Any]:
        fake = self.fake
        match self.command, self.path:
            case "GET", "/api/version" if fake.version is not None:
                return 200, {"version": fake.version, **answer.more}
            case "GET", "/api/tags":
                return 200, {"models": [listed(model) for model in fake.models], **answer.more}
            case "GET", "/api/ps":
                loaded = [model for model in fake.models if model.size_vram is not None]
                return 200, {
                    "models": [{**listed(model), "size_vram": model.size_vram} for model in loaded],
                    **answer.more,
                }
            case "POST", "/api/show" | "/api/chat":
                model = fake.find(body["model"])
                if model is None:
                    return 404, {"error": f"model '{body['model']}' not found"}
                return (
                    (200, shown(model) | answer.more)
                    if self.path == "/api/show"
                    else chat(fake.picture_tokens, model, body, answer)
                )
            case "POST", "/api/pull":
                return 200, pull(fake.models, fake.library, body)
        return 404, {"error": "404 page not found"}

    def _say(self, answer: Answer, status: int, body: bytes) -> None:
        self._wait(answer.delay)
        self.send_response(status)
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if answer.then == "whole":
            self.wfile.write(body)
            return
        self.wfile.write(body[: answer.after])
        if answer.then == "dribble":
            for number in body[answer.after :]:
                self._wait(0.05)
                self.wfile.write(bytes([number]))
            return
        if answer.then == "stall":
            self._wait(60.0)
        raise _Ended

    def _wait(self, seconds: float) -> None:
        """Let time pass, unless the client closes the connection or the server ends."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.fake.over.is_set():
                raise _Ended
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.02))
            if readable and self._left():
                with self.fake.lock:
                    self.fake.abandoned += 1
                raise _Ended

    def _left(self) -> bool:
        """Whether the client has closed the connection."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionError:
            return True
