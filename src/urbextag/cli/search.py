"""`search`: the photos that show what a sentence says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, complete_location, count, emit, json_option, yes_option
from urbextag.cli.found import (
    Asked,
    Hit,
    alike_option,
    ask,
    hit_reports,
    html_option,
    limit_option,
    no_embeddings,
    print_hits,
    tile,
    write_page,
)
from urbextag.errors import UsageError
from urbextag.records import VIEW_TYPES, ViewType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.archive import Archive
    from urbextag.similar import Background, Group
    from urbextag.store.embeddings import Entry

FIRST_LOOK = 10
"""Photos looked at per photo wanted, so that enough are left when near-duplicates are folded; doubled as needed."""


@click.command()
@click.argument("words", nargs=-1, required=True)
@limit_option
@click.option("--location", metavar="NAME", shell_complete=complete_location, help="Only photos of this location.")
@click.option("--view", type=click.Choice(VIEW_TYPES), help="Only photos of this view.")
@click.option("--all", "every", is_flag=True, help="List near-duplicates one by one.")
@alike_option
@html_option
@yes_option
@json_option
@click.pass_obj
def search(
    app: App, words: tuple[str, ...], limit: int, location: str | None, view: ViewType | None, every: bool,
    same: float, page: Path | None, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Find photos by what they show, in your own words.

    \b
    urbextag search wheelchair in a hallway
    urbextag search "flooded basement" --location "The Mill" --html found.html

    The score says how far a photo stands out from all others for these words, in standard
    deviations: there is always a nearest photo, also where none shows it. Near-duplicates and
    bursts are folded into the nearest of them.
    """
    from urbextag.actions.searching import CAPTION, scene_model, text_encoder
    from urbextag.cli.contact_sheet import Section, check_target
    from urbextag.similar import background
    from urbextag.store import embeddings, locations

    query = " ".join(" ".join(words).split())
    if not query:
        raise UsageError("there are no words to search for", 'Say what is to be seen: urbextag search "bed"')
    if page:
        check_target(page, yes)
    with app.archive() as archive:
        locid = locations.find(archive.db, location)["locid"] if location else None
        if not embeddings.counts(archive.db):
            raise no_embeddings(archive)
        model = scene_model(archive)
        asked = ask(archive, model.spec.name, model.identity)
        cosines = asked.index.cosines(text_encoder(archive, model).encode([CAPTION.format(query)])[0])
        usual = background(cosines)
        if locid or view:
            cosines = _only(asked, cosines, embeddings.within(archive.db, locid, view))
        hits = nearest(archive, asked, cosines, usual, limit, same, fold=not every)
        summary = _summary(cosines, usual)
        if as_json:
            known = {"centre": usual.centre, "spread": usual.spread, "least_sigma": usual.least} if usual else None
            answer = {"query": query, **asked.report(), "background": known}
            emit(answer | {"photos": hit_reports(archive, hits, "stands_out")})
        else:
            click.echo(summary)
            if hits:
                print_hits(hits, "stands out" if usual else "cosine")
        if page:
            tiles = tuple(tile(archive, hit.entry, f"{n}", hit.score, hit.folded) for n, hit in enumerate(hits, 1))
            write_page(archive, page, query, summary, [Section(tiles)])


def _only(asked: Asked, cosines: NDArray[np.float32], allowed: set[str]) -> NDArray[np.float32]:
    """The cosines with -inf for photos that are not asked for."""
    import numpy as np

    wanted = np.fromiter((sha in allowed for sha in asked.index.shas), bool, len(cosines))
    return np.where(wanted, cosines, np.float32(-np.inf))


def nearest(
    archive: Archive,
    asked: Asked,
    cosines: NDArray[np.float32],
    usual: Background | None,
    limit: int,
    same: float,
    *,
    fold: bool,
) -> list[Hit]:
    """The nearest photos, near-duplicates folded into the nearest of them.

    Args:
        archive: where they are.
        asked: the embeddings.
        cosines: of the query with each, float32 (n,); -inf for photos that are not asked for.
        usual: what is usual for the query, where that is known.
        limit: how many at most.
        same: cosine of near-duplicates.
        fold: whether to fold; near-duplicates are looked for among the photos that come next in rank.

    """
    from urbextag.similar import Group
    from urbextag.similar import fold as folded
    from urbextag.store import embeddings

    index, look = asked.index, limit * FIRST_LOOK if fold else limit
    while True:
        rows = index.ranked(cosines, look)
        shas = [index.shas[row] for row in rows]
        groups: Sequence[Group] = (
            folded(embeddings.pictures(archive.db, shas), index.matrix, rows, same)
            if fold
            else [Group(s) for s in shas]
        )
        if len(groups) >= limit or len(rows) < look:
            break
        look *= 2
    groups = groups[:limit]
    near = {sha: float(cosines[row]) for sha, row in zip(shas, rows, strict=True)}
    entries = embeddings.entries(archive.db, [group.best for group in groups])
    return [_hit(entries[group.best], near[group.best], group, usual) for group in groups]


def _hit(entry: Entry, cosine: float, group: Group, usual: Background | None) -> Hit:
    if usual is None:
        return Hit(entry, cosine, strong=None, alike=group.others)
    sigma = usual.sigma(cosine)
    return Hit(entry, cosine, sigma >= usual.least, sigma, group.others)


def _summary(cosines: NDArray[np.float32], usual: Background | None) -> str:
    """How many photos stand out, in a sentence."""
    import numpy as np

    asked_for = int((cosines > -np.inf).sum())
    if not asked_for:
        return "No photo of that location and view has an embedding."
    if usual is None:
        return f"{count(asked_for, 'photo')}: too few, or too much alike, to say whether any stands out. The nearest:"
    outstanding = int((cosines >= usual.centre + usual.least * usual.spread).sum())
    if not outstanding:
        return f"None of {count(asked_for, 'photo')} stands out: none shows it, or very many do. The nearest:"
    return f"{outstanding:,} of {count(asked_for, 'photo')} {'stands' if outstanding == 1 else 'stand'} out:"
