"""What `search` and `similar` share: the embeddings that they ask, and the photos found as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import console, count, progress
from urbextag.errors import ModelError
from urbextag.similar import SAME, Alike

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.cli.contact_sheet import Section, Tile
    from urbextag.images import Limits
    from urbextag.similar import Index
    from urbextag.store.embeddings import Entry

TAGS_SHOWN = 5

limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
alike_option = click.option(
    "--alike",
    "same",
    type=click.FloatRange(0.5, 1.0),
    default=SAME,
    show_default=True,
    help="Cosine from which photos count as near-duplicates.",
)
html_option = click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page with thumbnails, complete in one file.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The embeddings that a question goes to."""

    model: str
    revision: str
    index: Index
    left_out: int
    """Photos, of the archive or the location, without an embedding of this model and revision."""

    def report(self) -> dict[str, Any]:
        """What is said of them in JSON."""
        numbers = {"searched": len(self.index.shas), "left_out": self.left_out}
        return {"model": self.model, "revision": self.revision, **numbers}


@dataclass(frozen=True, slots=True)
class Hit:
    """A photo that was found."""

    entry: Entry
    cosine: float
    strong: bool | None
    """Whether it stands out (`search`) or shows the same (`similar`); None = nothing tells."""
    sigma: float | None = None
    """Standard deviations above what is usual for the query, where that is known."""
    alike: tuple[Alike, ...] = ()
    """Near-duplicates that it stands for."""

    @property
    def score(self) -> str:
        """How near it is, for people."""
        return f"{self.cosine:.3f}" if self.sigma is None else f"{self.sigma:.1f} sigma"

    @property
    def folded(self) -> str:
        """How many it stands for, for people."""
        return f"+{len(self.alike)} alike" if self.alike else ""


def ask(archive: Archive, model: str, revision: str, locid: str | None = None) -> Asked:
    """Load the embeddings of one model and revision; photos that have none are counted on standard error.

    Raises:
        ModelError: no photo has one.

    """
    from urbextag.similar import Index
    from urbextag.store import embeddings

    shas, matrix = embeddings.load_all(archive.db, model, revision, locid)
    if not shas:
        raise no_embeddings(archive, model, revision)
    left_out = embeddings.left_out(archive.db, model, revision, locid)
    if left_out:
        click.echo(
            f"{count(left_out, 'photo')} left out: no embedding of {model} ({_short(revision)}). {_steps(archive)}.",
            err=True,
        )
    return Asked(model, revision, Index(shas, matrix), left_out)


def limits(archive: Archive) -> Limits:
    """What opening a photo may cost, by the settings."""
    from urbextag.images import Limits

    return Limits(max_pixels=archive.config.limits.max_pixels)


def no_embeddings(archive: Archive, model: str | None = None, revision: str = "") -> ModelError:
    """The error where there is nothing to ask, with what the archive has instead."""
    from urbextag.store import embeddings

    wanted = f" of {model} ({_short(revision)})" if model else ""
    others = [f"{number:,} of {name} ({_short(of)})" for (name, of), number in embeddings.counts(archive.db).items()]
    here = f"; there are {', '.join(others)}" if others else ""
    return ModelError(f"no photo here has an embedding{wanted}{here}", _steps(archive))


def _steps(archive: Archive) -> str:
    tag = "urbextag tag, and for photos that have tags: urbextag tag --scope changed"
    if archive.config.profile == "starter":
        return f'Set profile = "scene" or "standard" in urbextag.toml, then: urbextag models pull, {tag}'
    return f"Run: {tag}"


def _short(revision: str) -> str:
    """The commit's first digits and the precision: `7fd15f0689c7/int8`."""
    commit, _, precision = revision.partition("/")
    return f"{commit[:12]}/{precision}"


def entry_report(archive: Archive, entry: Entry) -> dict[str, Any]:
    """A photo in JSON."""
    return {
        "id": entry.sha,
        "path": str(archive.locate(entry.path)),
        "location": entry.location,
        "view_type": entry.view_type,
        "quality": None if entry.quality is None else round(entry.quality, 3),
        "tags": list(entry.tags),
    }


def hit_reports(archive: Archive, hits: Sequence[Hit], strong: str) -> list[dict[str, Any]]:
    """The photos found in JSON, best first; `strong` is the name of that field."""
    return [
        {
            "rank": rank,
            **entry_report(archive, hit.entry),
            "cosine": round(hit.cosine, 4),
            **({} if hit.sigma is None else {"sigma": round(hit.sigma, 2)}),
            strong: hit.strong,
            "alike": [{"id": one.sha, "cosine": round(one.cosine, 4)} for one in hit.alike],
        }
        for rank, hit in enumerate(hits, 1)
    ]


def print_hits(hits: Sequence[Hit], title: str) -> None:
    """Print the photos found as a table; the score of the strong ones is bold."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("#", title, "photo", "location", "view", "tags"):
        table.add_column(name, justify="right" if name in ("#", title) else "left", overflow="fold")
    for rank, hit in enumerate(hits, 1):
        score = f"[bold]{hit.score}[/]" if hit.strong else hit.score
        name = f"{escape(hit.entry.path)} [dim]{hit.folded}[/]"
        facts = (hit.entry.location or "", hit.entry.view_type or "", tags_in_short(hit.entry))
        table.add_row(str(rank), score, name, *map(escape, facts))
    console().print(table)


def tags_in_short(entry: Entry) -> str:
    """The first tags of a photo, and how many more there are."""
    more = len(entry.tags) - TAGS_SHOWN
    return ", ".join(entry.tags[:TAGS_SHOWN]) + (f", +{more}" if more > 0 else "")


def tile(archive: Archive, entry: Entry, *facts: str) -> Tile:
    """A photo on a contact sheet, with facts about it as it was found."""
    from urbextag.cli.contact_sheet import Tile

    return Tile(
        file=archive.locate(entry.path),
        facts=" · ".join(filter(None, facts)),
        lines=(entry.path, " · ".join(filter(None, (entry.location, entry.view_type))), tags_in_short(entry)),
    )


def write_page(archive: Archive, page: Path, title: str, note: str, sections: Sequence[Section]) -> None:
    """Write a contact sheet and say so on standard error."""
    from urbextag.cli.contact_sheet import write

    with progress("Thumbnails", sum(len(section.tiles) for section in sections)) as update:
        write(page, title, note, sections, limits(archive), update)
    click.echo(f"Wrote {page}", err=True)
