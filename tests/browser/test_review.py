"""Review by keyboard alone: move, choose a range, accept, reject, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.kit import tab, toast
from serve_kit import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_photos_are_decided_by_keyboard_and_undone(browser: Browser, served: Served) -> None:
    from playwright.sync_api import expect

    with tab(browser, served) as page:
        page.get_by_role("link", name="Review", exact=True).click()
        page.get_by_label("Find").fill("exterior")
        page.get_by_label("Find").press("Enter")
        page.get_by_role("link", name="exterior", exact=True).click()
        tiles = page.get_by_role("option")
        expect(tiles).to_have_count(2)
        page.wait_for_load_state()  # its scripts have run
        shas = [tile.get_attribute("data-sha") for tile in tiles.all()]

        def decided() -> list[list[str]]:
            photos = [served.get(f"/images/{sha}/tags") for sha in shas]
            return [[one["id"] for one in photo["rejected"]] for photo in photos]

        page.keyboard.press("Home")
        expect(tiles.first).to_be_focused()
        page.keyboard.press("r")
        expect(toast(page)).to_contain_text("1 photo")
        expect(tiles.first).to_have_class("tile rejected")
        expect(tiles.nth(1)).to_be_focused()  # it moves on
        assert [len(one) for one in decided()] == [1, 0]
        page.keyboard.press("u")
        expect(tiles.first).not_to_have_class("tile rejected")
        expect(tiles.first).to_be_focused()
        assert [len(one) for one in decided()] == [0, 0]
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
        page.keyboard.press("r")
        expect(page.locator(".tile.rejected")).to_have_count(2)
        expect(toast(page).filter(has_text="2 photos")).to_be_visible()
        page.reload()
        expect(page.get_by_text("No photo has this tag.")).to_be_visible()
        page.get_by_role("link", name="All tags").click()
        page.wait_for_url("**/review")
        page.get_by_role("button", name="Undo").first.click()
        expect(page.get_by_text("taken back", exact=True)).to_have_count(2)
        assert [len(one) for one in decided()] == [0, 0]
