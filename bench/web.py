"""`serve` with 100,000 photos while a worker writes: first bytes of the pages, a grid in Chromium, memory."""

from __future__ import annotations

import http.client
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench import full_size
from bench.measure import EXPORT_PYTHON, MIB, WORK, Figure, module
from bench.web_archive import use_profile, web_archive
from bench.web_photos import ASIDE, PHOTOS, PLACES, QUEUED, place_id, sha_of
from bench.web_server import Server, serving, watched, working
from urbextag.config import DATABASE_NAME
from urbextag.models.installed import installed
from urbextag.store import listing
from urbextag.store.db import connect
from urbextag.web.place_list import SORTS as PLACE_SORTS

FIRST_BYTE_MS, GRID_SECONDS, MEMORY_MIB = 300, 1.5, 300
ROUNDS = 40
"""Requests of a page after the first round, which is told beside them."""
GRIDS = 9
FILTERS = (
    "view=interior", "condition=decayed", "quality=0.5", "text=yes", "described=yes", "band=certain", "reviewed=no",
    "state=set_aside", "reviewed=yes", "place=hospital", "state=untagged", "text=no&view=exterior&condition=worn",
)  # fmt: skip
PLACE_FILTERS = ("type=hospital", "state=NY", "condition=decayed", "untagged=true", "suggested=true", "text=place+1")
WORDS = (
    "a broken chair in a corridor", "peeling paint", "hospital bed", "rusty pipes on a wall", "window", "old car",
    "wheelchair in front of a window", "graffiti", "collapsed roof", "trees growing inside",
)  # fmt: skip


@dataclass
class Taken:
    """Milliseconds to the first byte of one kind of page."""

    name: str
    address: Callable[[int], str]
    """Given the number of the request, so that none asks for what the one before it did where pages differ."""
    ms: list[float] = field(default_factory=list)
    first: float = 0.0

    @property
    def p95(self) -> float:
        """Of 100 requests, 95 took no longer."""
        return statistics.quantiles(self.ms, n=20, method="inclusive")[-1]

    def line(self) -> str:
        """All of it."""
        ms = f"first {self.first:5.0f}  p50 {statistics.median(self.ms):5.0f}  p95 {self.p95:5.0f}"
        return f"     {self.name:<34} {ms}  max {max(self.ms):5.0f} ms"


def web() -> list[Figure]:
    """All pages, the grid and the memory in the profile `starter`; search by embeddings and the memory with it."""
    module("full_size", "siglip-base", "--precision", "int8", "--photos", 1, python=EXPORT_PYTHON)
    folder, model = WORK / "web", installed(full_size.MODELS, "siglip-base", "int8")
    started = time.perf_counter()
    web_archive(folder, model)
    print(f"     the archive: {time.perf_counter() - started:.0f} s", flush=True)
    figures = []
    for profile, kinds in (("starter", _pages(folder)), ("scene", _by_words())):
        use_profile(folder, profile, full_size.MODELS)
        shutil.rmtree(folder / ".urbextag", ignore_errors=True)  # thumbnails
        with serving(folder) as server, watched(server), working(folder):
            figures += _first_bytes(server, kinds)
            if profile == "starter":
                figures += _grids(server)
            print(f"     memory of the server, {profile}: {server.memory.line()}", flush=True)
            peak = server.memory.rss / MIB
        figures.append(Figure(f"peak memory of the server, profile {profile}, MiB", peak, MEMORY_MIB, "MiB"))
    return figures


def _first_bytes(server: Server, kinds: Sequence[Taken]) -> list[Figure]:
    """The kinds of page in turn, round after round, as people go from one to the other."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
        for number in range(ROUNDS + 1):
            for kind in kinds:
                taken = first_byte(client, kind.address(number))
                if number:
                    kind.ms.append(taken)
                else:
                    kind.first = taken
    for kind in kinds:
        print(kind.line(), flush=True)
    return [Figure(f"first byte of {kind.name}, p95, ms", kind.p95, FIRST_BYTE_MS, "ms") for kind in kinds]


def first_byte(client: http.client.HTTPConnection, address: str) -> float:
    """Milliseconds from asking for a page to the first byte of its answer; the answer is read to its end."""
    started = time.perf_counter()
    client.request("GET", address, headers={"accept": "text/html"})
    answer = client.getresponse()
    taken = 1000 * (time.perf_counter() - started)
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{address}: {answer.status} {body[:400]!r}")
    return taken


def _grids(server: Server) -> list[Figure]:
    """Sixty photos, each decoded in a browser: thumbnails that are made for it, and kept ones."""
    base = f"http://127.0.0.1:{server.port}"

    def seconds(path: str, times: int) -> list[float]:
        found: list[float] = module("web_browser", base + path, times)["seconds"]
        return found

    large = seconds(f"/search?location={place_id(1)}", 1)
    cold, *kept = seconds("/search?sort=added", 1 + GRIDS)
    print(f"     a grid of 60, its thumbnails made of photos of 12 megapixels: {large[0]:.2f} s", flush=True)
    print(f"     of photos of 1 megapixel: {cold:.2f} s; kept ones: {min(kept):.2f} to {max(kept):.2f} s", flush=True)
    return [Figure("a grid of 60 in Chromium, median, seconds", statistics.median(kept), GRID_SECONDS, "s")]


def _pages(folder: Path) -> list[Taken]:
    """Every page, with other parameters at each request."""
    with closing(connect(folder / DATABASE_NAME)) as db:
        tags = [one.concept for one in listing.tag_list(db) if one.photos]
        half = listing.page(db, listing.PhotoFilter(), "quality", limit=PHOTOS // 2).next
    shows = {"running": 1, "queued": QUEUED - 60, "aside": ASIDE - 60, "done": PHOTOS // 2}

    def of(number: int, choice: Sequence[str]) -> str:
        return quote(choice[number % len(choice)], safe="=&+")

    pages: dict[str, Callable[[int], str]] = {
        "/": lambda n: "/",
        "/locations": lambda n: f"/locations?page={n % 8 + 1}",
        "/locations, filtered, sorted": lambda n: f"/locations?{of(n, PLACE_FILTERS)}&sort={of(n, PLACE_SORTS)}",
        "/locations/ of 5,000 photos": lambda n: f"/locations/{place_id(0)}?tag={of(n, tags[:30])}",
        "/locations/ of hundreds": lambda n: f"/locations/{place_id(20 + n)}",
        "/locations/ of few": lambda n: f"/locations/{place_id(PLACES - 1 - n)}",
        "/photos/": lambda n: f"/photos/{sha_of(n * 2411)}",
        "/photos/ in a list": lambda n: f"/photos/{sha_of(n * 2411)}?tag={of(n, tags[:30])}&sort=uncertain",
        "/review": lambda n: f"/review?order={of(n, ('undecided', 'photos', 'name'))}",
        "/review/tag, frequent": lambda n: f"/review/tag?tag={of(n, tags[:10])}",
        "/review/tag, rare": lambda n: f"/review/tag?tag={of(n, tags[-50:])}",
        **{f"/search by {sort}": _always(f"/search?sort={sort}") for sort in listing.SORTS},
        "/search, half way through": lambda n: f"/search?sort=quality&after={half}&hidden={of(n, ('yes', 'no'))}",
        "/search, filters": lambda n: f"/search?{of(n, FILTERS)}&sort={of(n, listing.SORTS)}",
        "/search, two tags": lambda n: f"/search?tag={of(n, tags[:20])}&tag={of(n * 7 + 1, tags[:50])}",
        "/search by words": lambda n: f"/search?q={quote(WORDS[n % len(WORDS)])}",
        "/search/facets": lambda n: "/search/facets",
        "/search/facets, filtered": lambda n: f"/search/facets?tag={of(n, tags[:20])}&{of(n, FILTERS)}",
        **{f"/jobs, {show}": _paged(f"/jobs?show={show}", last) for show, last in shows.items()},
        "/jobs, described": lambda n: f"/jobs?queue=describing&show=done&at={60 * n}",
        "/settings": lambda n: "/settings",
    }
    return [Taken(name, address) for name, address in pages.items()]


def _always(address: str) -> Callable[[int], str]:
    return lambda n: address


def _paged(address: str, last: int) -> Callable[[int], str]:
    """Pages of a list here and there; `last`: where its last page begins."""
    return lambda n: f"{address}&at={60 * n * n % last}"


def _by_words() -> list[Taken]:
    return [
        Taken("/search by words and embeddings", lambda n: f"/search?q={quote(f'{WORDS[n % len(WORDS)]} {n}')}"),
        Taken("the same, second page", lambda n: f"/search?q={quote(f'{WORDS[n % len(WORDS)]} {n}')}&after=60"),
        Taken("/api/v1/images/{id}/similar", lambda n: f"/api/v1/images/{sha_of(n * 2411)}/similar"),
    ]
