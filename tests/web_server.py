"""A web server on the loopback that answers each path as a test says, badly where it says so."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

Answer = Callable[[BaseHTTPRequestHandler], None]


class WebServer:
    """Use it as a context manager.

    Args:
        answers: by path; others get 404.
        certificate: PEM file with key and certificate: then it speaks TLS.
    """

    def __init__(self, answers: dict[str, Answer], certificate: Path | None = None) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and headers of every request."""
        asked, self.stopped = self.asked, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, dict(self.headers)))
                with suppress(BrokenPipeError, ConnectionResetError):
                    answers.get(self.path.partition("?")[0], status(404))(self)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:  # a client that mistrusts the certificate hangs up
                pass

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' * bool(certificate)}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def body(content: bytes, *, media_type: str = "image/jpeg", length: int | bool = True, code: int = 200) -> Answer:
    """Answer with this body. `length`: whether Content-Length is sent, or a wrong one."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Type", media_type)
        request.send_header("Set-Cookie", "id=1")
        if length is not False:
            request.send_header("Content-Length", str(len(content) if length is True else length))
        request.end_headers()
        request.wfile.write(content)

    return answer


def status(code: int) -> Answer:
    """Answer with this status and a page."""
    return body(b"<html>no</html>", media_type="text/html", code=code)


def to(address: str, code: int = 302) -> Answer:
    """Redirect to an address."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Location", address)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def endless(chunk: bytes, pause: float, stopped: Callable[[], threading.Event], *, head: bytes = b"") -> Answer:
    """Answer without an end and without Content-Length, a chunk at a time."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "image/jpeg")
        request.end_headers()
        request.wfile.write(head)
        while not stopped().wait(pause):
            request.wfile.write(chunk)

    return answer


def slow_head(pause: float, stopped: Callable[[], threading.Event]) -> Answer:
    """Send header lines without an end."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not stopped().wait(pause):
            request.wfile.write(b"X-A: b\r\n")

    return answer
