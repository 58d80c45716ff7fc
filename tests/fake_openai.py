"""A server that says fixed things at fixed places, for what no real OpenAI-compatible server can be made to say."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from vlm_server import MODEL


@contextmanager
def saying(places, status=200):
    """Serve JSON values (or bytes) by path, and 404 elsewhere; `.asked` lists the paths, `status` is that of POSTs."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            said = places.get(self.path)
            content = said if isinstance(said, bytes) else json.dumps(said or {"detail": "Not Found"}).encode()
            code = 404 if said is None else status if self.command == "POST" else 200
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_address[1]}/v1", asked=asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def entry(name, owner="somebody", **more):
    return {"id": name, "object": "model", "created": 1, "owned_by": owner, **more}


def models(*entries):
    return {"object": "list", "data": list(entries)}


def chat(content="{}", finish="stop", model=MODEL, **message):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    return {"id": "1", "object": "chat.completion", "model": model, "choices": [choice]}
