"""The tags that programs before this one left in `imgs`: the rows that hold some, as they are and as they were."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

from urbextag.guest.legacy_tags import (
    HUMAN,
    INVENTED,
    LegacySource,
    Unreadable,
    is_text,
    read_labels,
    read_scores,
    source_of,
)
from urbextag.store.db import any_bytes, now

COLUMNS = (
    "auto_tags", "auto_tags_source", "auto_tags_confidence", "auto_tags_at", "auto_tags_legacy",
    "view_type", "quality_score", "scene_view_type", "scene_confidence", "scene_model",
)  # fmt: skip
"""Of `imgs`: all that taking a photo over may change."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class LegacyRow:
    """One photo as another program tagged it."""

    sha: str
    path: str
    source: LegacySource
    columns: Mapping[str, Any]
    """As they are, by name (`COLUMNS`)."""
    labels: tuple[str, ...]
    fault: str | None
    """Why the row cannot be read; None where it can."""
    tagged: bool
    """The stages of this archive have looked at it."""
    to_queue: bool
    """It has neither been looked at nor ever been queued."""
    kept: bool
    """This archive has published over these columns; they are read as they were kept."""

    def scores(self) -> Mapping[str, float]:
        """The score of each label, in [0, 1], as far as it has one."""
        return read_scores(self.columns["auto_tags_confidence"], self.labels)


def legacy_rows(db: sqlite3.Connection, shas: Sequence[str] | None = None) -> Iterator[LegacyRow]:
    """The rows that another program tagged, of all photos or of these, in the order of their ids.

    What this archive published itself is none: those of its rows that a person had a hand in have the same sources, but
    their labels stand in `ut_tags`. Where it published over such a row, the row is read as it was kept.
    """
    if shas is not None:
        yield from _legacy_among(db, f"imgsha IN ({','.join('?' * len(shas))})", shas)
        return
    last = ""
    while page := _page(db, last):
        yield from _legacy_among(db, "imgsha > ? AND imgsha <= ?", (last, page))
        last = page


def keep_before_publishing(db: sqlite3.Connection, shas: Sequence[str]) -> None:
    """Keep the columns of those photos that another program tagged, to be taken over later. Inside `db.write`."""
    condition = f"imgsha IN ({','.join('?' * len(shas))}) AND imgsha NOT IN (SELECT sha FROM ut_backfill)"
    for row in _legacy_among(db, condition, shas, kept=False):
        db.execute(
            """INSERT INTO ut_backfill (sha, source, columns, decisions, queued, taken, at)
            VALUES (?, ?, ?, '[]', 0, 0, ?) ON CONFLICT (sha) DO NOTHING""",
            (row.sha, row.source, json.dumps(row.columns, default=bytes.hex), now()),
        )


def _page(db: sqlite3.Connection, last: str) -> str | None:
    """The id that ends the next page: a whole archive's columns are more than memory wants to hold."""
    row = db.execute(
        "SELECT max(imgsha) FROM (SELECT imgsha FROM imgs WHERE imgsha > ? ORDER BY imgsha LIMIT ?)", (last, _PAGE)
    ).fetchone()
    return None if row[0] is None else str(row[0])


def _legacy_among(
    db: sqlite3.Connection, condition: str, arguments: Sequence[str], *, kept: bool = True
) -> Iterator[LegacyRow]:
    """`kept`: also those whose columns only `ut_backfill` still has."""
    with any_bytes(db):
        rows = db.execute(
            f"""SELECT imgsha, imgloc, {", ".join(f"imgs.{name}" for name in COLUMNS)},
                tagged_at IS NOT NULL AS tagged, state IS NULL AND hidden_reason IS NOT 'replaced' AS queueable,
                CASE WHEN lower(trim(auto_tags_source)) IN ('manual', 'hybrid')
                    THEN (SELECT json_group_array(label) FROM ut_tags WHERE sha = imgsha) END AS own,
                ut_backfill.columns AS kept
            FROM imgs LEFT JOIN ut_photos ON ut_photos.sha = imgsha LEFT JOIN ut_jobs ON ut_jobs.sha = imgsha
                LEFT JOIN ut_backfill ON ut_backfill.sha = imgsha AND NOT taken
            WHERE {condition} AND (coalesce(auto_tags_source, 'urbextag') <> 'urbextag' OR kept IS NOT NULL)
            ORDER BY imgsha""",
            tuple(arguments),
        ).fetchall()
    for row in rows:
        found = _legacy_row(row, {name: row[name] for name in COLUMNS}, row["own"])
        if found is None and kept and row["kept"] is not None:
            found = _legacy_row(row, json.loads(row["kept"]), None, kept=True)
        if found is not None:
            yield found


def _legacy_row(
    row: sqlite3.Row, columns: Mapping[str, Any], own: str | None, *, kept: bool = False
) -> LegacyRow | None:
    """`own`: JSON of the labels that we published for the photo; None where these columns were never ours."""
    source = source_of(columns["auto_tags_source"])
    if source is None:
        return None
    labels: tuple[str, ...] = ()
    fault = None
    try:
        labels = read_labels(columns["auto_tags"])
    except Unreadable as error:
        fault = None if source == INVENTED else f"auto_tags: {error}"
    for name, value in columns.items():
        if not is_text(value) and not isinstance(value, (int, float, NoneType)):
            fault = f"{name}: it is no valid text"
    if source in HUMAN and own not in (None, "[]"):  # ours once: what is more was written since by another
        published = {label.casefold() for label in json.loads(own or "[]")}
        labels = tuple(label for label in labels if label.casefold() not in published)
        if fault or not labels:
            return None
    return LegacyRow(
        row["imgsha"], row["imgloc"], source, columns, labels, fault, bool(row["tagged"]),
        bool(row["queueable"]) and not row["tagged"], kept,
    )  # fmt: skip


def unknown_sources(db: sqlite3.Connection) -> dict[str, int]:
    """How many rows have tags whose source is none that is known here, by that source ("" = none is named)."""
    with any_bytes(db):
        rows = db.execute(
            """SELECT coalesce(auto_tags_source, '') AS source, count(*) FROM imgs
            WHERE coalesce(auto_tags_source, '') <> 'urbextag' AND coalesce(auto_tags, '') NOT IN ('', '[]', 'null')
            GROUP BY source ORDER BY source"""
        ).fetchall()
    return {str(source): number for source, number in rows if source_of(source) is None}
