"""Runs the real command in processes forked from one that has imported what every command imports.

A command that is started afresh spends half a second on imports; the tests run about a thousand. What a fresh start
imports and in which order is what `test_startup.py` and all workers, which are started afresh, show.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import socket
import subprocess
import sys
import tempfile

START = ("PYTHON", "LC_", "LANG", "LD_")
"""Beginnings of the names of environment variables that count when an interpreter starts, and not later."""
MESSAGE = 1 << 20


def can_run(environment: dict[str, str]) -> bool:
    """Whether a forked process is like a fresh one: on macOS a fork may break the system's libraries."""
    return sys.platform == "linux" and _at_start(environment) == _at_start(_server()[1])


def run(
    arguments: list[str], cwd: str | None, environment: dict[str, str], stdin: str | None, timeout: float
) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command; raises subprocess.TimeoutExpired after killing it."""
    address, _ = _server()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as given,
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        socket.socket(socket.AF_UNIX) as call,
    ):
        given.write(stdin or "")
        given.seek(0)
        call.connect(address)
        text = json.dumps([arguments, cwd or os.getcwd(), environment])  # noqa: PTH109
        socket.send_fds(call, [b"."], [given.fileno(), out.fileno(), err.fileno()])
        call.sendall(text.encode())
        call.shutdown(socket.SHUT_WR)
        call.settimeout(timeout)
        with call.makefile("r") as said:
            process = int(said.readline())
            try:
                code = int(said.readline())
            except TimeoutError as error:
                os.kill(process, 9)
                raise subprocess.TimeoutExpired(arguments, timeout) from error
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def _at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(START)}


@functools.cache
def _server() -> tuple[str, dict[str, str]]:
    """(address, environment) of this process's server, which ends with it."""
    name = f"urbextag-tests-{os.getpid()}"
    server = subprocess.Popen([sys.executable, __file__, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin and server.stdout and server.stdout.readline() == b"ready\n"
    server.stdout.close()

    def stop() -> None:
        assert server.stdin
        server.stdin.close()
        server.wait()

    atexit.register(stop)
    return f"\0{name}", dict(os.environ)


def _serve(name: str) -> bool:
    """Answer calls until standard input closes (False); a process that is to be a command comes back with True."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")  # no file: Linux
        listener.listen(8)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, 0], [], [])
            if 0 in ready:
                return False
            call, _ = listener.accept()
            if os.fork() == 0:
                break
            call.close()
            while _ended():
                continue
    return _answer(call)


def _ended() -> bool:
    """Whether a call was answered since; its process is let go."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def _answer(call: socket.socket) -> bool:
    """Fork the command, tell its process id and exit code; True in the command itself, otherwise it never returns."""
    _, handed, _, _ = socket.recv_fds(call, 1, 3)
    text = b""
    while part := call.recv(MESSAGE):
        text += part
    arguments, cwd, environment = json.loads(text)
    process = os.fork()
    if process:
        call.sendall(f"{process}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        call.sendall(f"{code}\n".encode())
        os._exit(0)
    call.close()
    for number, handle in enumerate(handed):
        os.dup2(handle, number)
        os.close(handle)
    os.chdir(cwd)
    sys.argv[1:], sys.path[0] = arguments, cwd
    os.environ.clear()
    os.environ.update(environment)
    return True


if __name__ == "__main__":
    before = dict(os.environ)
    import urbextag.archive  # noqa: F401
    from urbextag.cli.app import main
    from urbextag.taxonomy import load_taxonomy

    set_by_import = {name: value for name, value in os.environ.items() if before.get(name) != value}
    load_taxonomy()  # for what it caches of words
    if _serve(sys.argv[1]):
        os.environ.update(set_by_import)
        main()
