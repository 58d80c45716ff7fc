"""Writes small taxonomies for the taxonomy tests (a YAML text per facet, the packaged rules of fusion), and records."""

from __future__ import annotations

import shutil
from pathlib import Path

from urbextag.records import Context, Derived, Evidence, Record, TagScore
from urbextag.taxonomy import Taxonomy, load_taxonomy
from urbextag.taxonomy.load import DATA

SMALL = {
    "place": """
facet: place
concepts:
  medical: {category: true, generic: true}
  faith: {category: true, generic: true}
  commercial: {category: true, generic: true}
  hospital: {parent: medical, synonyms: [infirmary block]}
  church: {parent: faith, views: [exterior]}
  chapel: {parent: faith}
  restaurant: {parent: commercial, views: [interior]}
  diner: {parent: restaurant}
""",
    "room": """
facet: room
concepts:
  bar: {views: [interior]}
  ward: {synonyms: [hospital ward], places: [hospital], views: [interior]}
  morgue: {places: [medical], views: [interior]}
""",
    "element": """
facet: element
concepts:
  window: {}
  wall: {}
  roof: {views: [exterior, aerial]}
  steeple: {views: [exterior], implies: [place/church]}
  tower: {}
  hole-in-roof: {synonyms: [hole in the roof]}
""",
    "object": """
facet: object
concepts:
  furniture: {generic: true, synonyms: [furnishings]}
  stool: {parent: furniture}
  bar-stool: {parent: stool, synonyms: [barstool, counter stool], views: [interior], places: [restaurant]}
  shelf: {parent: furniture}
  bench: {parent: furniture}
  bed: {parent: furniture}
  gurney: {places: [hospital], synonyms: [hospital trolley]}
  pew: {places: [church]}
  menu: {places: [restaurant]}
  rotary-phone: {years: [1920, 1985], years_kind: used}
""",
    "condition": """
facet: condition
concepts:
  peeling-paint: {element: paint, decay: 0.5}
  missing-windows: {element: glazing, decay: 0.6, synonyms: [missing window]}
  collapsed-roof: {element: roof, decay: 0.95}
  broken-window: {element: glazing, decay: 0.55}
  well-preserved: {decay: 0.0}
""",
    "nature": """
facet: nature
concepts:
  tree: {views: [exterior]}
  grass: {views: [exterior], excludes: [object/bench]}
""",
    "sign": "facet: sign\nconcepts:\n  no-trespassing: {synonyms: [no trespassing sign]}\n",
    "vehicle": "facet: vehicle\nconcepts:\n  bus: {}\n",
    "material": "facet: material\nconcepts:\n  brick: {}\n",
    "era": "facet: era\nconcepts:\n  art-deco: {years: [1920, 1940]}\n  victorian: {years: [1837, 1901]}\n",
    "hazard": "facet: hazard\nconcepts:\n  asbestos: {}\n",
    "view": """
facet: view
concepts:
  interior: {synonyms: [indoor]}
  exterior: {synonyms: [outdoor]}
  aerial: {synonyms: [aerial view, drone]}
  detail: {synonyms: [close-up]}
  document: {synonyms: [newspaper, floor plan]}
""",
}
WORDS = "ignore: [photo, image, several, right side, 'yes', eerie]\n"


def write(folder: Path, files: dict[str, str] | None = None, words: str = WORDS) -> Path:
    """A data folder with these facet files (by file stem) over the small ones."""
    folder.mkdir(exist_ok=True)
    for stem, text in (SMALL | (files or {})).items():
        (folder / f"{stem}.yaml").write_text(text, encoding="utf-8")
    (folder / "words.yaml").write_text(words, encoding="utf-8")
    shutil.copy(DATA / "sources.yaml", folder / "sources.yaml")
    return folder


def small(folder: Path) -> Taxonomy:
    """The small taxonomy, loaded."""
    return load_taxonomy(data=write(folder))


def said(*pieces: tuple[str, str] | tuple[str, str, float], **context: object) -> Record:
    """A record of pieces (source, label, score or none) in this context."""
    evidence = tuple(Evidence(piece[0], piece[1], piece[2] if len(piece) > 2 else None) for piece in pieces)
    return Record("img-1", Context(**context), evidence)  # type: ignore[arg-type]


def tags(derived: Derived) -> dict[str, TagScore]:
    """The tags by label, best first."""
    return {tag.label: tag for tag in derived.tags}
