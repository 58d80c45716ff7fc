"""The owner's word on what the photos suggest of a place: apply, dismiss, and each one's way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard
from urbextag.errors import UsageError
from urbextag.store import suggestions as store
from urbextag.store.db import write

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.rollup.records import Suggestion, SuggestionKind
    from urbextag.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applying or taking back has done."""

    kinds: tuple[SuggestionKind, ...]
    """Which were applied, or taken back."""
    derived: int
    """Photos whose tags were derived again."""


def waiting(
    archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, kind: SuggestionKind | None = None
) -> tuple[Suggestion, ...]:
    """What is suggested for a place (its row of `locs`), of one kind or all.

    Raises:
        UsageError: nothing is.

    """
    from urbextag.store import summaries

    _, summary = summaries.summed_up(archive.db, taxonomy, row)
    found = tuple(one for one in summary.suggestions if kind in (None, one.kind))
    if not found:
        what = f"no {kind}" if kind else "nothing"
        raise UsageError(
            f"{what} is suggested for {row['locnam']}: it is set, was dismissed, or the photos say too little",
            f"See: urbextag locations show {row['locnam']!r}",
        )
    return found


def apply(
    archive: Archive, deriver: Deriver, row: sqlite3.Row, found: Sequence[Suggestion], done: Done = unheard
) -> Outcome:
    """Set what these suggestions (of `waiting`) say; the tags of the place's photos are derived again at once.

    Raises:
        UsageError: all that they would set has been set meanwhile; nothing was changed then.

    """
    with write(archive.db):
        kinds = tuple(one.kind for one in found if store.apply(archive.db, row["locid"], one.kind, one.columns))
    if not kinds:
        raise UsageError(f"{row['locnam']} was changed meanwhile", "Look again: urbextag locations show")
    return Outcome(kinds, _derive(archive, deriver, row, done))


def to_undo(archive: Archive, row: sqlite3.Row, kind: SuggestionKind | None = None) -> list[SuggestionKind]:
    """The kinds of suggestions that were applied to a place and can be taken back, of one kind or all.

    Raises:
        UsageError: nothing was applied.

    """
    kinds = [one for one in store.applied(archive.db, row["locid"]) if kind in (None, one)]
    if not kinds:
        raise UsageError(
            f"nothing that was applied to {row['locnam']} is there to take back",
            "Set its facts yourself: urbextag add PHOTOS --location NAME --type TYPE",
        )
    return kinds


def undo(
    archive: Archive, deriver: Deriver, row: sqlite3.Row, kinds: Sequence[SuggestionKind], done: Done = unheard
) -> Outcome:
    """Take back what applying these kinds (of `to_undo`) has set; the tags of the place's photos are derived again.

    Raises:
        UsageError: all of it has been changed since, so that it is the owner's; nothing was changed then.

    """
    with write(archive.db):
        undone = tuple(one for one in kinds if store.undo(archive.db, row["locid"], one))
    if not undone:
        raise UsageError(
            f"what was applied to {row['locnam']} has been changed since, so it is yours and stays",
            "Change it where you set it",
        )
    return Outcome(undone, _derive(archive, deriver, row, done))


def dismiss(
    archive: Archive, locid: str, values: Sequence[tuple[SuggestionKind, str]]
) -> list[tuple[SuggestionKind, str]]:
    """Keep that these (kind, value) are not to be suggested again. Returns those that were not dismissed before."""
    with write(archive.db):
        return [(kind, value) for kind, value in values if store.dismiss(archive.db, locid, kind, value)]


def recall(
    archive: Archive, locid: str, values: Sequence[tuple[SuggestionKind, str]]
) -> list[tuple[SuggestionKind, str]]:
    """Let these (kind, value) be suggested again. Returns those that were dismissed."""
    with write(archive.db):
        return [(kind, value) for kind, value in values if store.recall(archive.db, locid, kind, value)]


def dismissed(archive: Archive, locid: str) -> dict[SuggestionKind, list[str]]:
    """What is not to be suggested again, by kind."""
    return {kind: store.dismissed(archive.db, locid, kind) for kind in store.COLUMNS}


def value_of(taxonomy: Taxonomy, kind: SuggestionKind, text: str) -> str:
    """A kind of place or years as suggestions name them.

    Raises:
        UsageError: it is none.

    """
    from urbextag.actions.places import place_type
    from urbextag.rollup.suggest import era_text
    from urbextag.taxonomy import parse_years

    if kind == "era":
        return era_text(parse_years(text))
    category, stype = place_type(taxonomy, text)
    return stype or category.lower()


def _derive(archive: Archive, deriver: Deriver, row: sqlite3.Row, done: Done) -> int:
    from urbextag.actions.deriving import derive_place

    return derive_place(archive, deriver, row["locid"], done)
