"""How long Chromium takes to show a grid: from asking for the page until all its pictures are decoded.

`python -m bench.web_browser ADDRESS TIMES` prints the seconds of each time as JSON; a fresh browser profile each time,
so that nothing comes from its cache.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
WIDTH, HEIGHT = 1600, 4000
"""High enough for all of a grid of 60, so that no picture waits to be scrolled to."""
PICTURES = 60
DECODED = """async (pictures) => {
  const all = [...document.querySelectorAll(".grid img")];
  if (all.length !== pictures) throw new Error(`${all.length} pictures`);
  await Promise.all(all.map((one) => one.decode()));
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done));
  return performance.now();
}"""


def seconds_of(address: str, times: int) -> list[float]:
    """Seconds from the start of each navigation until 60 pictures are decoded and the page has loaded."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for _ in range(times):
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
            page = context.new_page()
            page.goto(address, wait_until="domcontentloaded")
            found.append(page.evaluate(DECODED, PICTURES) / 1000)
            context.close()
        browser.close()
    return found


def main() -> None:
    """Print them."""
    print(json.dumps({"seconds": seconds_of(sys.argv[1], int(sys.argv[2]))}))


if __name__ == "__main__":
    main()
