"""The page of a place for people: what matters most first, one line for each thing, the tags as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from urbextag.cli.common import console, count, years

if TYPE_CHECKING:
    from urbextag.rollup.records import EraCue, LocationSummary, PlaceCondition, PlaceEra, Suggestion, Voice

Line = tuple[str, str]
"""Label and text."""
BAR = 20
"""Characters of a full bar."""
VOICES = 3
"""Photos that are named for each side of a suggestion."""
CUES, DOCUMENTS, ROOMS = 4, 8, 12
"""Cues, documents and rooms that are listed; `--json` has all."""


def print_page(place: Mapping[str, Any], files: int, summary: LocationSummary, most: int) -> None:
    """Print what the photos of a place, or of a sub-location, say together; `most`: rows of the table of tags."""
    from rich.markup import escape

    out = console()
    where = ", ".join(filter(None, (place["address_city"], place["address_state"])))
    facts = ", ".join(filter(None, (place["stype"] or place["type"], where, place["built_year"])))
    title = place["locnam"] + (f" / {place['sub']}" if place["sub"] else "")
    out.print(f"[bold]{escape(title)}[/]{f' ({escape(facts)})' if facts else ''}: {_photos(files, summary)}")
    if not summary.photos:
        out.print("  not tagged yet: urbextag tag")
    for label, text in _lines(place, summary) if summary.photos else _parts(summary):
        out.print(f"  [dim]{label:<10}[/] {escape(text)}", soft_wrap=True)
    if summary.photos:
        _print_tags(out, summary, most)


def _photos(files: int, summary: LocationSummary) -> str:
    """How many photos, and how many different ones: "40 photos, 31 distinct views"."""
    return f"{count(files, 'photo')}, {count(summary.distinct_views, 'distinct view')}"


def _lines(place: Mapping[str, Any], summary: LocationSummary) -> list[Line]:
    lines: list[Line] = []
    for one in summary.suggestions:
        lines += _suggestion(one, place["locnam"])
    if not place["sub"]:
        lines += [
            ("dismissed", f"{kind}: {', '.join(values)}") for kind, values in place["dismissed"].items() if values
        ]
    lines += _condition(summary.condition)
    lines += _era(summary.era)
    lines.append(("views", ", ".join(f"{number} {view}" for view, number in summary.views.items())))
    lines += _coverage(summary)
    lines += _documents(summary)
    lines += _heroes(summary)
    return lines + _parts(summary)


def _suggestion(one: Suggestion, name: str) -> list[Line]:
    what = one.value
    if category := one.columns.get("type"):
        what = f"{one.value} ({category})" if "stype" in one.columns else category
    text = f"{what}: {one.agree} of {count(one.tell, 'view')} that tell, {one.share:.0%} of the weight"
    label = "looks like" if one.kind == "type" else "built"
    lines = [(label, f"{text}, confidence {one.confidence:.2f}")]
    lines += [(side, _voices(voices)) for side, voices in (("  for", one.supporting), ("  against", one.contradicting))]
    return [*lines, ("", f'urbextag locations apply "{name}" {one.kind}, or: dismiss')]


def _voices(voices: Sequence[Voice]) -> str:
    if not voices:
        return "none"
    named = "; ".join(f"{voice.name} ({', '.join(voice.shows)})" for voice in voices[:VOICES])
    return named + (f"; and {len(voices) - VOICES:,} more" if len(voices) > VOICES else "")


def _condition(found: PlaceCondition | None) -> list[Line]:
    """The score, and a bar for each element: its length is how far decay has gone there."""
    if found is None:
        return []
    lines = [("condition", f"{found.label} ({found.score:.2f}, {count(found.views, 'view')} tell)")]
    for one in found.elements:
        filled = round(one.score * BAR)
        bar = "█" * filled + "░" * (BAR - filled)
        because = ", ".join(one.because)
        lines.append(("", f"{one.element:<10} {bar} {one.label:<7} {count(one.views, 'view'):>9}  {because}".rstrip()))
    return lines


def _era(found: PlaceEra | None) -> list[Line]:
    if found is None:
        return []
    told = [f"{kind} {years(one)}" for kind, one in (("built", found.built), ("in use", found.used)) if one]
    lines = [("era", f"{'; '.join(told) or 'not clear'} (confidence {found.confidence:.2f})")]
    lines += [("", _cue(cue)) for cue in found.chain[:CUES]]
    if len(found.chain) > CUES:
        lines.append(("", f"and {len(found.chain) - CUES} more cues: --json"))
    lines += [("", f"but {_cue(one)} and {_cue(other)} cannot both hold") for one, other in found.conflicts[:CUES]]
    return lines


def _cue(cue: EraCue) -> str:
    name = cue.concept.split("/")[-1].replace("-", " ")
    seen = f"{count(cue.views, 'view')}: {', '.join(photo.name for photo in cue.examples)}"
    return f"{name} ({cue.kind} {years(cue.years)}; {seen})"


def _coverage(summary: LocationSummary) -> list[Line]:
    found = summary.coverage
    missing = [f"no {view}" for view in found.missing_views]
    missing += [f"no exterior of {name}" for name in found.subs_without_exterior]
    missing += [f"no photo of {name}" for name in found.subs_without_photos]
    lines = [("missing", ", ".join(missing))] if missing else []
    if found.rooms:
        rooms = [f"{label} ({number})" for label, number in list(found.rooms.items())[:ROOMS]]
        lines.append(("rooms", ", ".join(rooms)))
    if found.unseen_rooms:
        rest = f", and {len(found.unseen_rooms) - ROOMS} more" if len(found.unseen_rooms) > ROOMS else ""
        lines.append(("not seen", f"usual for {found.rooms_of}: {', '.join(found.unseen_rooms[:ROOMS])}{rest}"))
    return lines


def _documents(summary: LocationSummary) -> list[Line]:
    lines = []
    for number, one in enumerate(summary.documents[:DOCUMENTS]):
        text = f": {' / '.join(one.lines)}" if one.lines else ""
        lines.append(("documents" if number == 0 else "", f"{one.kind}, {one.name}{text}"))
    if len(summary.documents) > DOCUMENTS:
        lines.append(("", f"and {len(summary.documents) - DOCUMENTS} more: --json"))
    return lines


def _heroes(summary: LocationSummary) -> list[Line]:
    lines: list[Line] = []
    if summary.locked_hero:
        lines.append(("hero", f"{summary.locked_hero.name}: yours, locked"))
    for number, one in enumerate(summary.heroes):
        label = "hero" if number == 0 else "  or"
        if number == 0 and summary.locked_hero:
            label = "  ours"
        lines.append((label, f"{one.name}: {', '.join(one.reasons)}"))
    return lines


def _parts(summary: LocationSummary) -> list[Line]:
    lines = []
    for number, sub in enumerate(summary.sublocations):
        told = [count(sub.photos, "photo"), count(sub.distinct_views, "view")]
        told += [sub.condition.label] if sub.condition else []
        told += [", ".join(sub.tags)] if sub.tags else []
        lines.append(("parts" if number == 0 else "", f"{sub.name}: {'; '.join(told)}"))
    return lines


def _print_tags(out: Any, summary: LocationSummary, most: int) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("tag", "facet", "views", "photos", "share", "how sure", "for example"):
        left = title in ("tag", "facet", "for example")
        table.add_column(title, justify="left" if left else "right", overflow="fold")
    for tag in summary.tags[:most]:
        cells = (tag.label, tag.facet, f"{tag.views:,}", f"{tag.photos:,}", f"{tag.share:.0%}", f"{tag.confidence:.2f}")
        table.add_row(*map(escape, cells), escape(", ".join(photo.name for photo in tag.examples)))
    out.print(table)
    if len(summary.tags) > most:
        out.print(f"  ... and {len(summary.tags) - most} more: --tags {len(summary.tags)}")
