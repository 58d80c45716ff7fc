"""`urbextag serve` as a process, with the worker beside it: it begins, lives on through faults, and ends in order."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conftest import urbextag
from make_photos import make_jpeg
from serve_kit import is_gone, serving, wait_for
from urbextag.actions.adding import add, look_for_photos
from urbextag.archive import create, opened
from urbextag.errors import UsageError
from urbextag.store import db as store
from urbextag.web.server import Listen, address, bind, policy_of
from urbextag.web.worker_process import WorkerProcess
from web_kit import web_of

PHOTOS = 3


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose photos wait for a worker that takes one at a time; to be copied."""
    root = tmp_path_factory.mktemp("queued") / "archive"
    create(root)
    (root / "urbextag.toml").write_text("[work]\nworkers = 1\nthreads = 1\nbatch = 1\n", encoding="utf-8")
    (root / "photos").mkdir()
    for number in range(PHOTOS):
        make_jpeg(root / "photos" / f"{number}.jpg", size=(640, 480), text="BOILER", seed=number)
    with opened(root) as archive:
        add(archive, look_for_photos(archive, [root / "photos"]), "The Mill")
    return root


@pytest.fixture
def root(queued: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(queued, tmp_path / "archive"))


def rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(root / "urbextag.db", timeout=30)) as db:
        return db.execute(query).fetchall()


def in_hand(root: Path) -> list[tuple[Any, ...]]:
    return rows(root, "SELECT sha FROM ut_jobs WHERE state = 'running'")


def states(root: Path) -> dict[str, int]:
    return dict(rows(root, "SELECT state, count(*) FROM ut_jobs GROUP BY state"))


def test_it_tells_where_it_is_and_tags_and_ends_in_good_order(root: Path) -> None:
    with serving(root) as served, served.events() as events:
        assert served.address == f"{served.client.base_url}/"
        assert "urbextag" in served.client.get("/", headers={"accept": "text/html"}).text
        pid = served.worker["pid"]
        assert next(events)["worker"]["state"] == "running"
        wait_for(lambda: in_hand(root))
        assert served.end(signal.SIGINT) == 0
        for _ in events:  # the stream has its end, too
            pass
        assert is_gone(pid)
    assert states(root).keys() == {"done", "queued"}  # what was in hand is finished, and nothing is held
    assert rows(root, "SELECT sum(deaths), sum(strikes) FROM ut_jobs") == [(0, 0)]
    assert not any("Traceback" in line or "Error" in line for line in served.said), served.said


def test_two_that_watch_see_the_same_and_a_killed_worker_is_replaced(root: Path) -> None:
    with serving(root) as served, served.events() as one, served.events() as other:
        wait_for(lambda: in_hand(root))
        pid = served.worker["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: served.worker["pid"] not in (None, pid))
        assert served.worker["state"] == "running"
        wait_for(lambda: states(root) == {"done": PHOTOS})  # long before the lease of the dead would have run out
        served.post("/queue/pause", {})
        paused = [next(each for each in events if each["queue"]["paused_since"]) for events in (one, other)]
        assert paused[0]["queue"] == paused[1]["queue"]
        pid = served.worker["pid"]
        served.process.kill()
        wait_for(lambda: is_gone(pid))  # it ends by itself


def test_a_worker_that_cannot_work_is_said_and_the_pages_live_on(root: Path) -> None:
    models = root / "no-models"
    (root / "urbextag.toml").write_text(f'profile = "standard"\n[models]\nfolder = "{models}"\n', encoding="utf-8")
    with serving(root) as served:
        wait_for(lambda: served.worker["state"] == "failed")
        assert "urbextag models pull" in served.worker["message"]
        with served.events() as events:
            assert next(events)["worker"]["state"] == "failed"
        assert served.client.get("/jobs", headers={"accept": "text/html"}).status_code == 200
        assert states(root) == {"queued": PHOTOS}
        assert served.end() == 0


def test_for_other_machines_it_wants_a_token(queued: Path) -> None:
    with serving(queued, "--host", "0.0.0.0", worker=False) as served:
        assert "127.0.0.1" not in served.address and "/sign-in?token=" in served.address
        assert served.client.get("/api/v1/status").status_code == 401
        assert served.client.get("/", headers={"host": "evil.example"}).status_code == 421
        token = served.address.partition("token=")[2]
        assert served.client.get("/api/v1/status", headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert served.client.get(f"/sign-in?token={token}").status_code == 303
        assert served.get("/status")["worker"]["state"] == "off"  # by the cookie


def test_a_port_that_is_taken(queued: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = urbextag("--archive", queued, "serve", "--port", taken.getsockname()[1])
    assert ran.code == 2 and not ran.out
    assert "cannot listen" in ran.err and "--port 0" in ran.err


@pytest.mark.parametrize("token", ["short", "a token with spaces", "пароль-пароль-пароль", "x" * 20 + ";"])
def test_a_token_that_protects_nothing_or_cannot_be_sent(token: str) -> None:
    with pytest.raises(UsageError):
        policy_of(Listen(token=token))


def test_where_a_token_is_wanted() -> None:
    assert policy_of(Listen("127.0.0.1")).token is None and policy_of(Listen("::1")).token is None
    made = {policy_of(Listen(host)).token for host in ("0.0.0.0", "::", "", "192.168.1.5", "archive.lan")}
    assert len(made) == 5 and all(len(token or "") >= 32 for token in made)
    listen = Listen("192.168.1.5", token="a+b/c=d&e" * 3)
    with pytest.raises(UsageError):
        policy_of(listen)
    listen = Listen("192.168.1.5", token="a+b/c=d~e" * 3)
    assert address(listen, policy_of(listen), 80) == f"http://192.168.1.5:80/sign-in?token={'a%2Bb%2Fc%3Dd~e' * 3}"
    assert address(Listen("::1"), policy_of(Listen("::1")), 80) == "http://[::1]:80/"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "1.2.3.4", "a" * 70, ".."])
def test_an_address_that_is_not_this_machines(host: str) -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        bind(Listen(host, 0))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the worker be a program of the test's own."""

    def put(text: str) -> None:
        file = tmp_path / "worker"
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(file))

    return put


@pytest.fixture
def worker(root: Path) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(root)
    yield worker
    worker.stop()


def test_a_worker_that_is_killed_again_and_again_is_given_up(worker: WorkerProcess, program: Any) -> None:
    program("kill -9 $$")
    worker.start()
    wait_for(lambda: worker.state == "failed")
    assert worker.message == "it was killed 3 times in a row (signal 9)" and worker.report()["pid"] is None


def test_a_worker_that_stops_on_an_error_says_it(worker: WorkerProcess, program: Any) -> None:
    program("echo 'urbextag: the disk is full. Free some space.' >&2; exit 4")
    worker.start()
    wait_for(lambda: worker.state == "failed")
    assert worker.message == "the disk is full. Free some space."
    program("read line")
    worker.restart()  # with settings that allow it to work
    assert worker.state == "running"
    worker.start()
    pid = worker.report()["pid"]
    worker.stop()
    assert (worker.state, is_gone(pid)) == ("stopped", True)
    worker.restart()
    assert worker.state == "stopped"


def test_a_worker_that_is_stopped_from_outside(worker: WorkerProcess, program: Any) -> None:
    program("exit 0")
    worker.start()
    wait_for(lambda: worker.state == "stopped")
    assert "outside" in worker.message


def test_a_worker_that_cannot_be_started(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    worker.start()
    assert worker.state == "failed" and "cannot be started" in worker.message


def test_pages_are_read_while_another_program_writes(queued: Path) -> None:
    with web_of(queued) as web, closing(sqlite3.connect(queued / "urbextag.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "<h1>" in web.page("/")
        assert web.get("/status")["jobs"]["queued"] == PHOTOS


def test_a_database_that_is_locked_for_readers_too_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(root / "urbextag.db")) as other:
        other.execute("PRAGMA journal_mode = DELETE")  # as another application may have it
    with closing(sqlite3.connect(root / "urbextag.db")) as other, web_of(root) as web:
        other.execute("BEGIN EXCLUSIVE")
        assert "another program holds it locked" in web.page("/", 503)
        assert "another program" in web.get("/status", 503)["error"]["message"]
        assert web.client.portal
        assert "another program" in web.client.portal.call(_first, web)["fault"]["message"]
        other.execute("ROLLBACK")
        assert web.get("/status")["jobs"]["queued"] == PHOTOS


async def _first(web: Any) -> Any:
    async for snapshot in web.site.pulse.watch():
        return snapshot


def test_the_settings_are_read_afresh_by_those_who_watch(root: Path) -> None:
    with web_of(root) as web:
        assert web.client.portal

        async def after_a_change() -> Any:
            seen = []
            async for snapshot in web.site.pulse.watch():
                seen.append(snapshot)
                if len(seen) == 1:
                    (root / "urbextag.toml").write_text("profile = 1", encoding="utf-8")
                else:
                    return seen

        first, second = web.client.portal.call(after_a_change)
        assert "queue" in first and "urbextag.toml" in second["fault"]["message"]
