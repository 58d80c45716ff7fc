"""What browser tests share: one Chromium, an archive that was tagged once, a server for each file of tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.kit import ARGUMENTS, PHOTOS, chromium
from conftest import Box, urbextag
from serve_kit import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
PLACES = {
    "Riverside Hospital": ("hospital-entrance.jpg", "cathedral-choir.webp"),
    "The Mill": ("brick-wall.png", "fence-sign.jpg", "mill-plan.png"),
}
SETTINGS = "[work]\nworkers = 1\nthreads = 2\nbatch = 1\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def lay_out(root: Path) -> Box:
    """An archive's folder with photos in `photos`, that knows none of them."""
    assert urbextag("init", root).code == 0
    box = Box(root)
    box.settings(SETTINGS)
    for place, names in PLACES.items():
        folder = root / "photos" / place
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(PHOTOS / name, folder / name)
    return box


@pytest.fixture(scope="session")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with both places, their photos tagged by the stages of the starter profile; to be copied."""
    box = lay_out(tmp_path_factory.mktemp("tagged") / "archive")
    for place in PLACES:
        box.ok("add", f"photos/{place}", "--location", place)
    box.ok("tag")
    return box.root


@pytest.fixture(scope="module")
def root(tagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for the tests of one file, which run in order."""
    return Path(shutil.copytree(tagged, tmp_path_factory.mktemp("served") / "archive"))


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with serving(root) as served:
        yield served
