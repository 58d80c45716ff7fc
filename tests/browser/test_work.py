"""Work is watched, paused and resumed; what was set aside is tried again; faults of the machines are said."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import SETTINGS
from browser.kit import PHOTOS, tab
from conftest import Box, urbextag
from serve_kit import Served, is_gone, serving, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROKEN = "brick-wall.png"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos wait in a paused archive; one of them has been damaged since it was added."""
    root: Path = tmp_path_factory.mktemp("work") / "archive"
    assert urbextag("init", root).code == 0
    box = Box(root)
    box.settings(SETTINGS)
    (root / "photos").mkdir()
    for name in (BROKEN, "temple-roof.jpg"):
        shutil.copy(PHOTOS / name, root / "photos" / name)
    box.ok("jobs", "pause")
    box.ok("add", "photos")
    overwrite(root / "photos" / BROKEN, bytes((PHOTOS / BROKEN).stat().st_size))
    return root


def overwrite(file: Path, content: bytes) -> None:
    """Put other bytes into a file; its time stays, so that it is taken for the file that was added."""
    before = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as served:
        yield served


def test_paused_work_is_resumed_and_what_was_set_aside_is_tried_again(
    browser: Browser, served: Served, root: Path
) -> None:
    from playwright.sync_api import expect

    with tab(browser, served, allowed=[r"422.*picture"]) as page, tab(browser, served) as other:
        expect(page.locator("#pulse")).to_contain_text("paused, 2 to tag")
        expect(other.locator("#work")).to_contain_text("Paused")
        page.get_by_role("button", name="Resume").first.click()
        expect(other.locator("#work")).not_to_contain_text("Paused")
        expect(other.locator("#numbers")).to_contain_text("1tagged", timeout=60_000)
        aside = page.locator("#work").get_by_role("link", name="1 set aside")
        expect(aside).to_be_visible(timeout=60_000)
        aside.click()
        row = page.locator("table.jobs tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(BROKEN)
        expect(row).to_contain_text("set aside")
        overwrite(root / "photos" / BROKEN, (PHOTOS / BROKEN).read_bytes())
        row.get_by_role("button", name="Try again").click()
        expect(other.locator("#numbers")).to_contain_text("2tagged", timeout=60_000)
        expect(row).to_have_count(0)


def test_it_is_paused(browser: Browser, served: Served) -> None:
    from playwright.sync_api import expect

    with tab(browser, served) as page:
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume").first).to_be_visible()
        assert served.get("/status")["paused_since"]
        page.get_by_role("button", name="Resume").first.click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        assert not served.get("/status")["paused_since"]


def test_a_worker_that_is_killed_while_one_watches_is_replaced_and_at_last_given_up(
    browser: Browser, served: Served
) -> None:
    from playwright.sync_api import expect

    def kill() -> int:
        pid: int = served.worker["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: served.worker["pid"] != pid)
        return pid

    with tab(browser, served) as page:
        machines = page.locator("#machines")
        expect(machines).to_contain_text("running")
        kill()
        expect(machines).to_contain_text("running")
        for _ in range(3):
            if served.worker["pid"]:
                kill()
        expect(machines).to_contain_text("it was killed 3 times in a row")
        expect(page.locator("#pulse")).to_contain_text("worker stopped")
        machines.get_by_role("button", name="Start").click()
        expect(machines).to_contain_text("running")


def test_a_server_that_is_gone_is_said(browser: Browser, served: Served) -> None:
    from playwright.sync_api import expect

    worker = served.worker["pid"]
    with tab(browser, served, allowed=["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE", "ERR_EMPTY"]) as page:
        expect(page.locator("#machines")).to_contain_text("running")
        assert served.end() == 0
        expect(page.locator("#pulse")).to_have_text("no connection to the server")
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#toasts")).to_contain_text("Is urbextag serve still running?")
    assert is_gone(worker)
