"""The real llama.cpp server with the tiny model, in a process of its own that can be killed and started again."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx2

from tiny_vlm import TEXT, VISION, build, phrases
from urbextag.vlm.answer import schema

MODEL = "qwen3-vl:tiny"
START_SECONDS = 60.0


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LlamaServer:
    """A server on the loopback, always on the same port; use it as a context manager, which starts and ends it.

    Args:
        folder: where models lie, and are built where they do not.
        vision: whether the projector is loaded, too.
        threads: that compute.
        thinking: the model is the one that thinks unless told not to.
        context: tokens of the context, shared out among the slots.
        slots: requests that are answered at a time.
        key: that must be shown for everything but /health.
        alias: the name under which the model is served.
    """

    def __init__(
        self,
        folder: Path,
        *,
        vision: bool = True,
        threads: int = 1,
        thinking: bool = False,
        context: int = 16384,
        slots: int = 1,
        key: str | None = None,
        alias: str = MODEL,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._model = folder / ("thinking" if thinking else "plain")
        self._options: dict[str, Any] = {"threads": threads, "context": context, "slots": slots}
        self._options |= {"vision": int(vision), "alias": alias, "key": key or ""}
        self._log = folder / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        if not self._model.exists():
            build(self._model, phrases=() if thinking else phrases(schema(["object"])), thinking=thinking)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, **changed: object) -> None:
        """Start it, on the same port each time, and wait until it answers.

        Args:
            changed: arguments of the server that are others from here on: `vision`, `alias`, `context`, `key`.

        Raises:
            RuntimeError: it ended, or does not answer within `START_SECONDS`; with the end of its log.
        """
        if self._process is not None:
            raise RuntimeError("the server runs already")
        self._options |= {name: int(value) if isinstance(value, bool) else value for name, value in changed.items()}
        options = [f"--{name}={value}" for name, value in {"port": self.port, **self._options}.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(self._model), *options], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        try:
            self._wait(self._process)
        except BaseException:
            self.kill()
            raise

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server did not start:\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return httpx2.get(self.url.removesuffix("/v1") + "/health", timeout=2, trust_env=False).is_success
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """End it at once (SIGKILL), in the middle of whatever it does; nothing happens where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")


def main() -> None:
    """Serve until the standard input ends, so that a server never outlives the tests that started it."""
    import xllamacpp

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for name in ("port", "threads", "context", "slots", "vision"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("alias", "key"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = str(options.folder / TEXT)
    params.no_mmproj = not options.vision
    if options.vision:
        params.mmproj.path = str(options.folder / VISION)
    params.n_ctx, params.n_parallel, params.port = options.context, options.slots, options.port
    params.hostnames = ["127.0.0.1"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.image_max_tokens = 64  # few, so that reading the picture is quick
    params.model_alias = {options.alias}
    if options.key:
        params.api_keys = [options.key]
    server = xllamacpp.Server(params)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
