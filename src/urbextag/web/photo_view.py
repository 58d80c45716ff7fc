"""A photo's report as its page shows it: tags by facet, boxes over the picture, what each model said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from urbextag.records import PhotoFacts
from urbextag.store import decisions, locations, results
from urbextag.taxonomy.concept import FACETS
from urbextag.web.render import writable

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive
    from urbextag.taxonomy import Taxonomy

CANVAS = 1000
"""Sides of what boxes are drawn on where the photo's own are not known."""
SHOWN_PX = 1500
"""Longer side of the picture on the page; a small photo is shown no larger than it is."""


@dataclass(frozen=True, slots=True)
class Box:
    """A place in the picture that a model named."""

    kind: Literal["text", "region"]
    label: str
    score: float | None
    left: float
    """On the canvas, as the three that follow."""
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Canvas:
    """The picture's size, with what is drawn over it."""

    width: int
    height: int
    known: bool
    """Whether these are the photo's own; else boxes fit and letters would not."""
    texts: tuple[Box, ...]
    regions: tuple[Box, ...]

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height of the picture in pixels of the page."""
        share = min(1.0, SHOWN_PX / max(self.width, self.height))
        return max(1, round(self.width * share)), max(1, round(self.height * share))


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage said, as it is kept."""

    name: str
    at: str
    raw: str
    """JSON with line breaks."""


@dataclass(frozen=True, slots=True)
class PhotoView:
    """One photo for its page."""

    report: Mapping[str, Any]
    """The object of `show --json`, fit to be written as UTF-8."""
    name: str
    location: tuple[str, str] | None
    """Id and name."""
    file_fault: str
    """Why the photo's file cannot be opened; empty where it is there."""
    facets: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]
    """Tags by facet, in the taxonomy's order; a tag is one of the report's."""
    rejected: tuple[decisions.Decision, ...]
    prior: float
    """The log-odds that any tag begins with."""
    facts: Mapping[str, Any]
    """What the file says, None where it does not: every name is there."""
    canvas: Canvas
    stages: tuple[Stage, ...]


def view_of(archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row) -> PhotoView:
    """A photo for its page, from its row of `imgs`."""
    from urbextag.actions.report import stored_report

    db, sha = archive.db, row["imgsha"]
    report = writable(stored_report(archive, taxonomy, row))
    place = locations.of_photo(db, sha)
    at = results.moments(db, sha)
    return PhotoView(
        report,
        writable(row["imgnam"]),
        (place["locid"], writable(place["locnam"])) if place else None,
        writable(fault_of(archive.locate(row["imgloc"]))),
        by_facet(report["tags"]),
        tuple([one for one in decisions.of(db, sha) if one.verdict == "reject"]),
        taxonomy.sources.rules.prior,
        dict.fromkeys([field.name for field in fields(PhotoFacts)]) | report["facts"],
        canvas_of(report["facts"], report["stages"]),
        tuple([Stage(name, at[name], _pretty(said)) for name, said in report["stages"].items()]),
    )


def fault_of(path: Path) -> str:
    """Why a file cannot be opened, as far as looking at its name tells; empty where it is there."""
    try:
        path.stat()
    except FileNotFoundError:
        return "it is not where the archive says"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def by_facet(tags: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]:
    """Tags by facet, in the taxonomy's order; what is of none of them comes last."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for tag in tags:
        found.setdefault(tag["id"].split("/")[0], []).append(tag)
    order = {facet: number for number, facet in enumerate(FACETS)}
    facets = sorted(found, key=lambda facet: (order.get(facet, len(order)), facet))  # type: ignore[call-overload]
    return tuple([(facet, tuple(found[facet])) for facet in facets])


def canvas_of(facts: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]) -> Canvas:
    """Every place that a stage named, on the photo's size; a box beyond the picture ends at its edge."""
    sides = [facts.get(side) for side in ("width", "height")]
    known = all(isinstance(side, int) and side > 0 for side in sides)
    width, height = (int(side or 1) for side in sides) if known else (CANVAS, CANVAS)
    boxes = list(dict.fromkeys(_boxes(stages, width, height)))
    texts, regions = (tuple([box for box in boxes if box.kind == kind]) for kind in ("text", "region"))
    return Canvas(width, height, known, texts, regions)


def _boxes(stages: Mapping[str, Mapping[str, Any]], width: int, height: int) -> Iterator[Box]:
    for stage in stages.values():
        for piece in stage["evidence"]:
            if not piece.get("box"):
                continue
            left, top, right, bottom = (min(1.0, max(0.0, float(edge))) for edge in piece["box"])
            yield Box(
                "text" if piece["source"] == "ocr" else "region",
                piece["label"],
                piece["score"],
                round(left * width, 1),
                round(top * height, 1),
                round(max(0.0, right - left) * width, 1),
                round(max(0.0, bottom - top) * height, 1),
            )


def _pretty(said: Mapping[str, Any]) -> str:
    return json.dumps(said, indent=2, ensure_ascii=False)
