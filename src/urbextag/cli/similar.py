"""`similar`: the photos most like one photo, or the groups of photos that show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import App, complete_location, console, count, emit, json_option, progress, yes_option
from urbextag.cli.found import (
    Hit,
    alike_option,
    ask,
    entry_report,
    hit_reports,
    html_option,
    limit_option,
    limits,
    no_embeddings,
    print_hits,
    tile,
    write_page,
)
from urbextag.errors import ModelError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.archive import Archive
    from urbextag.similar import Group
    from urbextag.store.embeddings import Entry

MEMBERS_SHOWN = 8
"""Photos of a group in the table and on the page; `--json` has them all."""
WORTH_A_BAR = 20_000
"""Photos from which comparing all with all takes more than a few seconds."""


@click.command()
@click.argument("photo", required=False)
@click.option(
    "--location",
    metavar="NAME",
    shell_complete=complete_location,
    help="Groups among this location's photos; with PHOTO: only photos of it.",
)
@click.option("--everywhere", is_flag=True, help="Groups among all photos of the archive.")
@limit_option
@alike_option
@html_option
@yes_option
@json_option
@click.pass_obj
def similar(
    app: App, photo: str | None, location: str | None, everywhere: bool, limit: int, same: float, page: Path | None,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Find photos like PHOTO, or groups that show the same.

    \b
    urbextag similar IMG_0412.jpg           a photo of the archive: path, name or first digits of its id
    urbextag similar /media/card/new.jpg    or any other file, where the model is on this machine
    urbextag similar --location "The Mill"  near-duplicates and bursts, the best of each first
    urbextag similar --everywhere           of the whole archive
    """
    from urbextag.cli.contact_sheet import check_target
    from urbextag.store import locations

    if photo is not None and everywhere:
        raise UsageError("--everywhere lists groups, PHOTO asks for its like", "Give one or the other")
    if photo is None and everywhere == bool(location):
        raise UsageError(
            "similar to what?", "Name a photo, or list groups: urbextag similar --location NAME, or --everywhere"
        )
    if page:
        check_target(page, yes)
    with app.archive() as archive:
        locid = locations.find(archive.db, location)["locid"] if location else None
        if photo is None:
            list_groups(archive, locid, location or "the archive", limit, same, page, as_json)
        else:
            list_similar(archive, photo, locid, limit, same, page, as_json)


@dataclass(frozen=True, slots=True)
class Question:
    """A photo to find the like of."""

    name: str
    vector: NDArray[np.float32]
    model: str
    revision: str
    shas: frozenset[str]
    """Of the photo itself, and of its other half where it is a RAW file with a developed picture."""


def list_similar(
    archive: Archive, photo: str, locid: str | None, limit: int, same: float, page: Path | None, as_json: bool
) -> None:
    """Print the photos nearest to one."""
    import numpy as np

    from urbextag.store import embeddings

    if not embeddings.counts(archive.db):
        raise no_embeddings(archive)
    question = find_question(archive, photo)
    asked = ask(archive, question.model, question.revision)
    cosines = asked.index.cosines(question.vector)
    allowed = embeddings.within(archive.db, locid, None) if locid else None
    for row, sha in enumerate(asked.index.shas):
        if sha in question.shas or (allowed is not None and sha not in allowed):
            cosines[row] = -np.inf
    rows = asked.index.ranked(cosines, limit)
    entries = embeddings.entries(archive.db, [asked.index.shas[row] for row in rows])
    hits = [Hit(entries[asked.index.shas[row]], float(cosines[row]), strong=bool(cosines[row] >= same)) for row in rows]
    number = int((cosines >= same).sum())
    summary = f"{count(number, 'photo')} {'shows' if number == 1 else 'show'} the same (cosine {same:g} or more)."
    if as_json:
        emit({"photo": question.name, **asked.report(), "photos": hit_reports(archive, hits, "same")})
    else:
        click.echo(summary)
        if hits:
            print_hits(hits, "cosine")
    if page:
        from urbextag.cli.contact_sheet import Section

        tiles = tuple(tile(archive, hit.entry, f"{n}", hit.score) for n, hit in enumerate(hits, 1))
        write_page(archive, page, f"Similar to {question.name}", summary, [Section(tiles)])


def find_question(archive: Archive, photo: str) -> Question:
    """The photo of the archive of that name, else the file of that path.

    Raises:
        UsageError: there is neither, or several photos have the name.
        ModelError: the photo has no embedding, or the file needs a model that is not here.
        PhotoError: the file cannot be opened.

    """
    from urbextag.files import content_sha256
    from urbextag.store import photos

    path = Path(photo)
    try:
        row = photos.find(archive.db, photo, archive.stored(path))
    except UsageError:
        if not path.is_file():
            raise
        sha = content_sha256(path)
        if photos.current_path(archive.db, sha) is None:
            return _encoded(archive, path, sha)
        row = photos.find(archive.db, sha)
    return _kept(archive, row["imgsha"], row["imgloc"])


def _kept(archive: Archive, sha: str, name: str) -> Question:
    from urbextag.deriver import vectors
    from urbextag.store import embeddings

    family = embeddings.family(archive.db, sha)
    found = embeddings.of(archive.db, family)
    if sha not in found:
        raise ModelError(f"{name} has no embedding yet", f"Make it: urbextag tag --photo {sha[:12]}")
    kept = found[sha]
    return Question(name, vectors([kept])[0], kept.model, kept.revision, frozenset(family))


def _encoded(archive: Archive, path: Path, sha: str) -> Question:
    """A file outside the archive, seen by the dual encoder of the settings."""
    from urbextag.actions.searching import scene_model
    from urbextag.images import decode
    from urbextag.models.dual_encoder import ImageEncoder
    from urbextag.models.providers import choose
    from urbextag.supervisor import cores

    model, settings = scene_model(archive), archive.config
    encoder = ImageEncoder(model, settings.work.threads or cores(), choose(settings.models.provider))
    pixels = decode(path, encoder.needs_px, limits(archive))
    encoder.load()
    return Question(str(path), encoder.encode([pixels])[0], model.spec.name, model.identity, frozenset([sha]))


def list_groups(
    archive: Archive, locid: str | None, where: str, limit: int, same: float, page: Path | None, as_json: bool
) -> None:
    """Print the groups of near-duplicates and bursts, of a location or of all, in the embeddings that most have."""
    from urbextag.similar import groups
    from urbextag.store import embeddings

    most = next(iter(embeddings.counts(archive.db, locid)), None)
    if most is None:
        raise no_embeddings(archive)
    model, revision = most
    asked = ask(archive, model, revision, locid)
    shas = asked.index.shas
    pictures = embeddings.pictures(archive.db, shas)
    if len(shas) < WORTH_A_BAR:
        found = groups(pictures, asked.index.matrix, same)
    else:
        with progress("Comparing", len(shas)) as update:
            found = groups(pictures, asked.index.matrix, same, update)
    spare = sum(len(group.others) for group in found)
    listed = found[:limit]
    members = [sha for group in listed for sha in (group.best, *(other.sha for other in group.others))]
    entries = embeddings.entries(archive.db, members)
    summary = (
        f"{count(len(found), 'group')} of photos that show the same in {where}: "
        f"{count(spare, 'photo')} of {len(shas):,} beside the best of each."
    )
    if as_json:
        total = {"groups_in_all": len(found), "photos_beside_the_best": spare}
        emit({**asked.report(), **total, "groups": [_group_report(archive, entries, group) for group in listed]})
    else:
        click.echo(summary)
        if listed:
            print_groups(listed, entries)
        if len(found) > limit:
            click.echo(f"... and {len(found) - limit:,} more: --limit {min(1000, len(found))}")
    if page:
        sections = [_section(archive, entries, group, number) for number, group in enumerate(listed, 1)]
        write_page(archive, page, f"The same more than once: {where}", summary, sections)


def _group_report(archive: Archive, entries: dict[str, Entry], group: Group) -> dict[str, Any]:
    others = [{**entry_report(archive, entries[other.sha]), "cosine": round(other.cosine, 4)} for other in group.others]
    return {"burst": group.burst, "best": entry_report(archive, entries[group.best]), "others": others}


def _kind(group: Group) -> str:
    return f"{'burst' if group.burst else 'near-duplicates'}, {count(1 + len(group.others), 'photo')}"


def print_groups(groups: Sequence[Group], entries: dict[str, Entry]) -> None:
    """Print groups as a table: the best photo of each, then the others with their likeness to it."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("#", "group", "photo", "cosine", "quality", "location"):
        right = name in ("#", "cosine", "quality")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for number, group in enumerate(groups, 1):
        cells = [(group.best, "best"), *((other.sha, f"{other.cosine:.3f}") for other in group.others)]
        for line, (sha, near) in enumerate(cells[:MEMBERS_SHOWN]):
            entry = entries[sha]
            first = (str(number), _kind(group)) if line == 0 else ("", "")
            quality = "" if entry.quality is None else f"{entry.quality:.2f}"
            name = f"[bold]{escape(entry.path)}[/]" if line == 0 else escape(entry.path)
            table.add_row(*first, name, near, quality, escape(entry.location or ""))
        if len(cells) > MEMBERS_SHOWN:
            table.add_row("", "", f"[dim]... and {len(cells) - MEMBERS_SHOWN:,} more[/]", "", "", "")
    console().print(table)


def _section(archive: Archive, entries: dict[str, Entry], group: Group, number: int) -> Any:
    from urbextag.cli.contact_sheet import Section

    def quality(entry: Entry) -> str:
        return "" if entry.quality is None else f"quality {entry.quality:.2f}"

    cells = [(group.best, "best"), *((other.sha, f"cosine {other.cosine:.3f}") for other in group.others)]
    tiles = tuple(tile(archive, entries[sha], fact, quality(entries[sha])) for sha, fact in cells[:MEMBERS_SHOWN])
    more = len(cells) - MEMBERS_SHOWN
    return Section(tiles, f"{number}. {_kind(group)}", f"... and {more:,} more" if more > 0 else "")
