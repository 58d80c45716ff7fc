"""From an empty archive to tagged photos, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import lay_out
from browser.kit import tab
from serve_kit import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root: Path = tmp_path_factory.mktemp("empty") / "archive"
    lay_out(root)
    with serving(root) as served:
        yield served


def test_a_folder_is_picked_and_its_photos_are_tagged(browser: Browser, served: Served) -> None:
    from playwright.sync_api import expect

    with tab(browser, served) as page:
        expect(page.get_by_role("heading", name="This archive is empty")).to_be_visible()
        page.get_by_role("button", name="Add a folder of photos").click()
        dialog = page.locator("#add-folder")
        expect(dialog.get_by_role("button", name="Add this folder")).to_be_disabled()
        for folder in ("The archive's folder", "photos", "The Mill"):
            dialog.get_by_role("listitem").filter(has_text=folder).get_by_role("button").click()
        expect(dialog).to_contain_text("3 photos in here")
        dialog.get_by_label("Location that they show").fill("The Mill")
        dialog.get_by_label("State").fill("NY")
        dialog.get_by_role("button", name="Add this folder").click()
        expect(page.get_by_text("Added 3 photos.")).to_be_visible()
        figure = page.locator(".figure").filter(has_text="tagged").locator("b")
        expect(figure).to_have_text("3", timeout=60_000)  # without a reload: the page follows the work
        expect(page.locator("#work")).to_contain_text("3 of 3")
        page.get_by_role("link", name="Locations", exact=True).click()
        page.get_by_role("link", name="The Mill").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The Mill")
