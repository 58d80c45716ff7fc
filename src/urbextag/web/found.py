"""One page of an answer to a search: by words, or by filters alone; the page and the API show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from urbextag.actions import searching
from urbextag.errors import UsageError
from urbextag.store import listing
from urbextag.store.listing import PhotoFilter, Sort, Tile

if TYPE_CHECKING:
    from urbextag.actions.searching import Answer, Found, Vector
    from urbextag.archive import Archive
    from urbextag.models.installed import Installed
    from urbextag.taxonomy.concept import Concept
    from urbextag.web.site import Site

PER_PAGE = 60
LONGEST_QUERY = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of photos."""

    tiles: tuple[Tile, ...]
    answers: tuple[Answer | None, ...]
    """Why each answers the words; None where there were none."""
    photos: int
    """In all, as far as was counted."""
    capped: bool
    next: str | None
    previous: str | None
    """For `after`."""
    concepts: tuple[Concept, ...] = ()
    """That the words name."""
    pictures: int | None = None
    """Embeddings that were compared; None without words."""


def find(
    site: Site, archive: Archive, words: str, wanted: PhotoFilter, sort: Sort, after: str | None, limit: int = PER_PAGE
) -> Shown:
    """A page of what is asked for.

    Raises:
        UsageError: the words are too long, or `after` is of no page.
        ModelError: there are embeddings, and their model is not on this machine.

    """
    words = _plain(words)
    if not words:
        found = listing.page(archive.db, wanted, sort, after, limit)
        total = listing.total(archive.db, wanted)
        none = (None,) * len(found.tiles)
        return Shown(found.tiles, none, total.photos, total.capped, found.next, found.previous)
    return _by_words(site, archive, words, wanted, _offset(after), limit)


def answering(site: Site, archive: Archive, words: str, wanted: PhotoFilter) -> PhotoFilter:
    """What is asked for, words included: those that answer them. Raises what `find` raises."""
    words = _plain(words)
    if not words:
        return wanted
    found = _answer(site, archive, words, wanted, first_page=False)
    return replace(wanted, shas=tuple([answer.sha for answer in found.answers]))


def _plain(words: str) -> str:
    words = " ".join(words.split())
    if len(words) > LONGEST_QUERY:
        raise UsageError("the query is too long", f"At most {LONGEST_QUERY} letters")
    return words


def _answer(site: Site, archive: Archive, words: str, wanted: PhotoFilter, *, first_page: bool) -> Found:
    def encode(model: Installed, caption: str) -> Vector:
        return site.encoder(archive, model, caption)

    def search() -> Found:
        return searching.search(archive, site.taxonomy(archive), encode, words, wanted)

    models = archive.config.models
    question = (words, wanted, archive.config.profile, models.scene, models.scene_precision)
    return site.answers.of(question, search, first_page=first_page)


def _by_words(site: Site, archive: Archive, words: str, wanted: PhotoFilter, at: int, limit: int) -> Shown:
    found = _answer(site, archive, words, wanted, first_page=at == 0)
    part = found.answers[at : at + limit]
    tiles = listing.tiles(archive.db, wanted, [answer.sha for answer in part])
    return Shown(
        tiles, _in_order(tiles, part), len(found.answers), len(found.answers) == searching.MOST,
        str(at + limit) if at + limit < len(found.answers) else None, str(max(0, at - limit)) if at else None,
        found.concepts, found.pictures,
    )  # fmt: skip


def _in_order(tiles: Sequence[Tile], answers: Sequence[Answer]) -> tuple[Answer | None, ...]:
    """A photo that went meanwhile has no tile."""
    by_sha = {answer.sha: answer for answer in answers}
    return tuple(by_sha[tile.sha] for tile in tiles)


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal()) or int(after) > searching.MOST:
        raise UsageError(f"{after[:40]!r} is no place in an answer", "Begin at the first page")
    return int(after)
