"""What the owner says of a place: its facts, its name, the photo that introduces it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from urbextag.actions import Done, unheard
from urbextag.errors import UsageError
from urbextag.states import state_code
from urbextag.store import decisions, locations, photos, place_form
from urbextag.store.db import write
from urbextag.store.locations import LocationFacts

if TYPE_CHECKING:
    import sqlite3

    from urbextag.archive import Archive
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class PlaceForm:
    """All that a form says of a place, as texts; an empty one says that nothing is known."""

    name: str
    kind: str = ""
    """What it was: "hospital", "medical"."""
    city: str = ""
    state: str = ""
    """Two letters or the name."""
    era: str = ""
    """Years: "1887" or "1870-1910"."""


def place_facts(
    taxonomy: Taxonomy, kind: str | None, city: str | None, state: str | None, era: str | None
) -> LocationFacts:
    """What a person says of a place, checked and in the columns' form; None says nothing.

    Raises:
        UsageError: an unknown type or state, or no years.

    """
    from urbextag.taxonomy import parse_years

    category = stype = built = built_type = None
    if kind is not None:
        category, stype = place_type(taxonomy, kind)
    if era is not None:
        first, last = parse_years(era)
        built, built_type = (str(first), "year") if first == last else (f"{first}-{last}", "range")
    return LocationFacts(category, stype, city, state_code(state) if state is not None else None, built, built_type)


def place_type(taxonomy: Taxonomy, kind: str) -> tuple[str, str | None]:
    """(category, class) of a kind of place: "hospital" -> ("Medical", "hospital"), "medical" -> ("Medical", None).

    Raises:
        UsageError: the taxonomy knows no such kind of place.

    """
    from difflib import get_close_matches

    concept = taxonomy.place(kind)
    if concept is None:
        names = [c.label for c in taxonomy.concepts.values() if c.facet == "place"]
        close = get_close_matches(kind.lower(), names, 3, 0.5)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "See the kinds: docs/taxonomy.md"
        raise UsageError(f"no kind of place is called {kind!r}", remedy)
    return concept.category_name, None if concept.category else concept.label


def form_of(row: sqlite3.Row) -> PlaceForm:
    """What a form shows of a place at first, from its row of `locs`."""
    return PlaceForm(
        name=row["locnam"],
        kind=row["stype"] or row["type"] or "",
        city=row["address_city"] or "",
        state=row["address_state"] or "",
        era=row["built_year"] or "",
    )


def set_facts(archive: Archive, deriver: Deriver, locid: str, facts: LocationFacts, done: Done = unheard) -> int:
    """Set what the facts say; what they do not speak of stays. Its photos' tags are derived again at once.

    Where that is broken off, `urbextag tag --scope changed` brings it to its end. `done` hears how many photos so far.

    Returns:
        How many photos were derived again; 0 where nothing changed.

    """
    with write(archive.db):
        changed = locations.set_facts(archive.db, locid, facts)
    return _derive(archive, deriver, locid, done) if changed else 0


def replace_facts(archive: Archive, deriver: Deriver, locid: str, form: PlaceForm, done: Done = unheard) -> int:
    """Let a place be what a form says, its name too; an empty field clears. Its photos' tags are derived at once.

    A field that still reads as the form showed it (`form_of`) stays as it is in the archive to the letter: the
    application allows kinds of place and years that are none here.

    Returns:
        How many photos were derived again; 0 where nothing changed.

    Raises:
        UsageError: an unknown type or state, no years, no name or another place's; nothing was changed then.

    """
    with write(archive.db):
        row = locations.find(archive.db, locid)
        facts = _form_facts(deriver.taxonomy, row, form)
        changed = place_form.replace(archive.db, row["locid"], form.name, facts)
    return _derive(archive, deriver, row["locid"], done) if changed else 0


def would_change(archive: Archive, taxonomy: Taxonomy, row: sqlite3.Row, form: PlaceForm) -> bool:
    """Whether `replace_facts` would change a place (its row of `locs`), which nothing is done to here.

    Raises:
        UsageError: as `replace_facts`.

    """
    facts = _form_facts(taxonomy, row, form)
    place_form.refuse_name(archive.db, row["locid"], form.name)
    return form.name.strip() != row["locnam"] or any(row[name] != value for name, value in asdict(facts).items())


def _form_facts(taxonomy: Taxonomy, row: sqlite3.Row, form: PlaceForm) -> LocationFacts:
    shown = form_of(row)

    def changed(field: str) -> str | None:
        """What the form says of a field that it was not shown so; None where it says nothing of it."""
        said: str = getattr(form, field).strip()
        return said if said and said != getattr(shown, field).strip() else None

    said = place_facts(taxonomy, changed("kind"), changed("city"), changed("state"), changed("era"))

    def column(name: str, field: str) -> str | None:
        """Cleared, as the form says, or as it is."""
        if not getattr(form, field).strip():
            return None
        value: str | None = getattr(said, name) if changed(field) else row[name]
        return value

    return LocationFacts(
        column("type", "kind"), column("stype", "kind"), column("address_city", "city"),
        column("address_state", "state"), column("built_year", "era"), column("built_type", "era"),
    )  # fmt: skip


def _derive(archive: Archive, deriver: Deriver, locid: str, done: Done) -> int:
    from urbextag.actions.deriving import derive_place

    return derive_place(archive, deriver, locid, done)


def location_photos(archive: Archive, locid: str) -> list[str]:
    """The photos of a place, in the order of their ids; those that were replaced at their path are left out."""
    return decisions.photos_of(archive.db, locid)


def set_hero(archive: Archive, locid: str, sha: str | None) -> bool:
    """Lock the photo that introduces a place; None leaves it to us again. Returns whether that changes anything.

    The point that another photo was shown by goes with it.

    Raises:
        UsageError: it is not a photo of this place.

    """
    db, row = archive.db, locations.find(archive.db, locid)
    if sha is not None:
        found = photos.find(db, sha)
        if found["locid"] != row["locid"]:
            raise UsageError(
                f"{found['imgnam']} is not a photo of {row['locnam']}",
                f"Put it there: urbextag add PHOTO --location {row['locnam']!r}",
            )
        sha = found["imgsha"]
    with write(db):
        if changed := locations.set_hero(db, row["locid"], sha):
            place_form.set_focal_point(db, row["locid"], None)
    return changed


def set_focal_point(archive: Archive, locid: str, x: float | None, y: float | None) -> bool:
    """Keep which point of its locked hero photo a place is shown by; both None: nothing is said any more.

    Args:
        archive: the archive.
        locid: the place.
        x: share of the width from the left, in [0, 1].
        y: share of the height from the top, in [0, 1].

    Raises:
        UsageError: out of bounds, one alone, or no photo is locked.

    """
    row = locations.find(archive.db, locid)
    point = None
    if x is not None or y is not None:
        if x is None or y is None or not all(math.isfinite(share) and 0 <= share <= 1 for share in (x, y)):
            raise UsageError(f"({x}, {y}) is no point of a photo", "Give two shares from 0 to 1")
        if not row["hero_imgsha"]:
            raise UsageError(f"no photo is locked as the hero of {row['locnam']}", "Choose one first")
        point = (x, y)
    with write(archive.db):
        return place_form.set_focal_point(archive.db, row["locid"], point)
