"""Takes a picture of every page of the web app, light and dark and some at a phone's width (make screenshots)."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHOTOS = Path(__file__).parents[1] / "demo" / "photos"
PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Riverside Hospital": (
        ("--type", "hospital", "--city", "Albany", "--state", "NY", "--era", "1890-1930"),
        ("hospital-entrance.jpg", "brick-wall.png", "clipping.png", "broken-truncated.jpg"),
    ),
    "Willow Creek Mill": (
        ("--type", "mill", "--city", "Utica", "--state", "NY", "--era", "1887"),
        ("mill-plan.png", "fence-sign.jpg", "brick-pavilion.webp", "carved-passage.webp"),
    ),
    "Fort Meridian": (
        (),
        ("fortress-walls.webp", "amphitheatre-arches.webp", "temple-roof.jpg", "cathedral-choir.webp"),
    ),
}
"""Places of the archive that is made where none is given: what is said of them, and their photos of the demo."""
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
QUIET_MS = 600
"""After a page has loaded, what it asks for itself is on it."""
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main() -> None:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures, made where missing")
    parser.add_argument("--archive", type=Path, help="an archive to show; it is only looked at")
    parser.add_argument("--photos", type=Path, help="show an archive of the photos in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = given.archive or _made(Path(scratch) / "Abandoned places", given.photos)
        with _serving(root) as address:
            for file in _pictures(address, given.out):
                print(file)


def _made(root: Path, photos: Path | None) -> Path:
    """An archive of its own: of a folder's photos as one place, else of the demo's; tagged."""
    _urbextag("init", root)
    if photos:
        shutil.copytree(photos, root / "photos")
        _urbextag("--archive", root, "add", root / "photos", "--location", photos.resolve().name)
    for place, (facts, names) in PLACES.items() if not photos else ():
        folder = root / "photos" / place
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(PHOTOS / name, folder)
        _urbextag("--archive", root, "add", folder, "--location", place, *facts)
    _urbextag("--archive", root, "tag")
    return root


def _urbextag(*words: object) -> None:
    """Run a command; photos that cannot be read (exit code 5) are shown as such."""
    done = subprocess.run([sys.executable, "-m", "urbextag", *map(str, words)], stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 5):
        sys.exit(f"urbextag {' '.join(map(str, words))} failed")


@contextmanager
def _serving(root: Path) -> Iterator[str]:
    """Serve an archive without a worker; gives the address."""
    command = [sys.executable, "-m", "urbextag", "--archive", str(root), "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        if " at http://" not in line:
            sys.exit("urbextag serve did not start: run it by hand to see why")
        try:
            yield line.rpartition(" at ")[2].strip().rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)


def _pictures(address: str, out: Path) -> Iterator[Path]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        sys.exit("Chromium is missing: apt install chromium, or name it in the environment as CHROMIUM")
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        for name, path in _pages(address):
            for scheme in ("light", "dark"):
                yield _picture(
                    browser, address + path, out / f"{name}-{scheme}.png", {"viewport": DESK, "color_scheme": scheme}
                )
            yield _picture(browser, address + path, out / f"{name}-phone.png", {"viewport": PHONE})
        browser.close()


def _pages(address: str) -> Iterator[tuple[str, str]]:
    """(name of the picture, path): every page; of places and photos the ones that show most."""
    with httpx2.Client(base_url=f"{address}/api/v1", timeout=60) as client:
        places = client.get("/locations").json()["locations"]
        photos = client.get("/search").json()["photos"]
        tags = client.get("/review/tags").json()
        shown = max((photo["id"] for photo in photos), key=lambda sha: _said(client, sha), default=None)
    yield from (("home", "/"), ("locations", "/locations"), ("review", "/review"), ("search", "/search"))
    yield from (("jobs", "/jobs"), ("jobs-aside", "/jobs?show=aside"), ("settings", "/settings"))
    if places:
        place = max(places, key=lambda one: int(one["tagged"]))
        yield "location", f"/locations/{place['locid']}"
    if tags:
        yield "review-tag", f"/review/tag?tag={max(tags, key=lambda one: int(one['photos']))['concept']}"
    if shown:
        yield "photo", f"/photos/{shown}"
    yield "sign-in", "/sign-in"


def _said(client: httpx2.Client, sha: str) -> int:
    return len(client.get(f"/images/{sha}/tags").json()["tags"])


def _picture(browser: Browser, url: str, file: Path, look: dict[str, Any]) -> Path:
    """One page as a whole, from its top to its end."""
    page = browser.new_page(device_scale_factor=1, **look)
    page.goto(url)
    page.wait_for_load_state("load")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.mouse.wheel(0, height)  # pictures below are loaded when they come near
    page.wait_for_timeout(QUIET_MS)
    page.mouse.wheel(0, -height)
    page.screenshot(path=file, full_page=True, animations="disabled")
    page.close()
    return file


if __name__ == "__main__":
    main()
