"""Settings are written to the one file, comments kept, and are effective."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from browser.kit import agree, tab
from serve_kit import Served, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOTE = "# two threads: the other cores are the owner's"


def labels(served: Served) -> set[str]:
    photos = [photo["id"] for photo in served.get("/search")["photos"]]
    return {tag["label"] for sha in photos for tag in served.get(f"/images/{sha}/tags")["tags"]}


def test_a_threshold_is_tried_saved_and_effective(browser: Browser, served: Served, root: Path) -> None:
    from playwright.sync_api import expect

    file = root / "urbextag.toml"
    file.write_text(f"{NOTE}\n{file.read_text()}")
    assert "brick wall" in labels(served)
    with tab(browser, served) as page:
        page.get_by_role("link", name="Settings", exact=True).click()
        sure = page.locator("#sure")
        everything = sure.get_by_role("slider", name="Everything")
        page.wait_for_load_state()
        everything.fill("0.7")
        expect(sure.locator("[data-sum]")).to_contain_text("On all 5 photos: 0 tags would appear")
        assert "brick wall" in labels(served), "it was saved before it was said"
        sure.get_by_role("button", name="Save the marks").click()
        outdated = page.locator("#outdated")
        expect(outdated).to_contain_text("5 photos have tags by other models or settings")
        outdated.get_by_role("button", name="Tag them again").click()
        assert "5 photos" in agree(page)
        wait_for(lambda: "brick wall" not in labels(served))
        assert NOTE in file.read_text() and "threshold = 0.7" in file.read_text()
        page.reload()
        expect(everything).to_have_value("0.7")


def test_a_server_that_does_not_answer_is_said_and_saved(browser: Browser, served: Served, root: Path) -> None:
    from playwright.sync_api import expect

    with tab(browser, served) as page:
        page.goto("/settings#describing")
        form = page.get_by_role("form", name="Another server")
        form.get_by_role("textbox", name="Address").fill("http://127.0.0.1:9")
        form.get_by_role("combobox", name="Model").fill("qwen3-vl:8b-instruct")
        form.get_by_role("button", name="Test connection").click()
        expect(form.locator("[data-verdict]")).to_contain_text("✗")
        form.get_by_role("button", name="Add this server").click()
        expect(page.get_by_role("form", name="Server http://127.0.0.1:9")).to_be_visible()
        assert 'url = "http://127.0.0.1:9"' in (root / "urbextag.toml").read_text()
