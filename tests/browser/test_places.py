"""What is known of a place, changed on its page: the tags of its photos follow at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.kit import tab
from serve_kit import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_change_of_its_facts_derives_its_tags_again(browser: Browser, served: Served) -> None:
    from playwright.sync_api import expect

    with tab(browser, served) as page:
        page.get_by_role("link", name="Locations", exact=True).click()
        page.get_by_role("link", name="Riverside Hospital").first.click()
        photo = page.locator("#photos").get_by_role("link").filter(has_text="hospital-entrance.jpg").first
        photo.click()
        boarded = page.locator("#tags .tag").filter(has_text="hospital").first
        before = boarded.inner_text()
        page.go_back()
        form = page.locator("#facts-form")
        form.get_by_label("What it was").select_option("hospital")
        form.get_by_role("textbox", name="City").fill("Albany")
        form.get_by_role("combobox", name="State").fill("NY")
        form.get_by_role("textbox", name="Built").fill("1887")
        form.get_by_role("button", name="Save").click()
        expect(page.locator("#place-head")).to_contain_text("hospital · Albany, NY · 1887")
        expect(page.locator("#toasts")).to_contain_text("2 photos")
        photo.click()
        expect(boarded).not_to_have_text(before)  # surer, since the place is one
        page.go_back()
        page.reload()
        expect(form.get_by_role("textbox", name="City")).to_have_value("Albany")
