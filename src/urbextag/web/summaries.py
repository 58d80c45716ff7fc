"""What the photos of places say together, kept for as long as nothing it was made of has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from urbextag.cards import made_with
from urbextag.store import cards
from urbextag.store.summaries import summed_up

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive
    from urbextag.rollup.records import LocationSummary
    from urbextag.taxonomy import Taxonomy

    Summed = tuple[int, LocationSummary]
    """How many photos a place has, and what they say together."""

KEPT = 8
"""Places whose summary is kept: some megabytes for one of 5,000 photos."""


class Summaries:
    """The summaries of the places that were looked at last, for any number of threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Summed]] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def of(self, archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row) -> Summed:
        """The summary of a place (its row of `locs`); it takes about a second for 5,000 photos where none is kept.

        One is made at a time: others who ask for the same have it then too.
        """
        found = self.kept(archive, taxonomy, row)
        if found is not None:
            return found
        with self._making:
            mark = _mark(archive, taxonomy, row["locid"])  # before it is made: a change meanwhile makes it outdated
            return self._known(row["locid"], mark) or self._keep(row["locid"], mark, archive, taxonomy, row)

    def kept(self, archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row) -> Summed | None:
        """The summary of a place where it is kept and nothing has changed since; None where it is to be made."""
        locid = row["locid"]
        with self._lock:
            if locid not in self._kept:
                return None
        return self._known(locid, _mark(archive, taxonomy, locid))

    def _known(self, locid: str, mark: str) -> Summed | None:
        with self._lock:
            kept = self._kept.get(locid)
            if kept is None or kept[0] != mark:
                return None
            self._kept.move_to_end(locid)
            return kept[1]

    def _keep(self, locid: str, mark: str, archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row) -> Summed:
        made = summed_up(archive.db, taxonomy, row)
        with self._lock:
            self._kept[locid] = (mark, made)
            self._kept.move_to_end(locid)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def _mark(archive: Archive, taxonomy: Taxonomy, locid: str) -> str:
    return cards.mark(archive.db, made_with(taxonomy), locid).get(locid, "")
