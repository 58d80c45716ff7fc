"""Hostile names and texts in a real browser: nothing of them runs, on any page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import web_photos
from browser.kit import tab
from serve_kit import Served, serving
from web_photos import PAYLOAD, Kept

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root: Path = tmp_path_factory.mktemp("hostile") / "archive"
    return web_photos.make(root)


@pytest.fixture(scope="module")
def served(kept: Kept) -> Iterator[Served]:
    with serving(kept.root, worker=False) as served:
        yield served


def test_nothing_of_a_hostile_text_runs(browser: Browser, served: Served, kept: Kept) -> None:
    paths = ("/", "/locations", "/review", "/search", "/jobs?show=aside", "/settings")
    no_picture = r"422.*/picture"  # the photo's file has gone; the page says so in its place
    with tab(browser, served, allowed=[no_picture]) as page:
        page.add_init_script("window.ut = () => { throw new Error('the hostile text runs'); };")
        for path in (*paths, f"/photos/{kept.hostile}", f"/locations/{kept.locid}"):
            page.goto(path)
            page.wait_for_load_state("load")
            page.wait_for_timeout(300)  # what the page asks for itself is shown as well
            assert page.locator("img[src=x]").count() == 0, path
        assert PAYLOAD in page.locator("h1").inner_text()
