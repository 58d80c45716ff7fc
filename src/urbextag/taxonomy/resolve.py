"""Turns the entries of all files into concepts: ancestors, references and one owner for every phrase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from urbextag.records import ViewType
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fields import Entry, Listed
from urbextag.taxonomy.nodes import Complaints, Where
from urbextag.taxonomy.words import fold_phrase

Key = tuple[str, str]
"""Facet and slug."""
ROOM: Key = ("room", "room")
"""Ancestor of all that the facet room holds."""


def merge(packaged: list[Entry], user: list[Entry], complaints: Complaints) -> dict[Key, Entry]:
    """One entry per concept: the packaged ones, changed field by field by the user's, in order.

    A concept that stands twice in the packaged files, or twice in one user file, is a fault.
    """
    merged: dict[Key, Entry] = {}
    for entry in packaged:
        key = (entry.facet, entry.slug)
        if key in merged:
            complaints.add(entry.where, f"{entry.facet} {entry.slug} is already defined at {merged[key].where}")
        elif "remove" in entry.values:
            complaints.add(entry.places["remove"], "remove belongs in a user's file")
        else:
            merged[key] = entry
    for entry in user:
        key = (entry.facet, entry.slug)
        if entry.values.get("remove"):
            if merged.pop(key, None) is None:
                complaints.add(entry.where, f"there is no {entry.facet} {entry.slug} to remove")
        elif key in merged:
            before = merged[key]
            values, places = before.values | entry.values, before.places | entry.places
            merged[key] = Entry(entry.facet, entry.slug, before.where, values, places)
        else:
            merged[key] = entry
    return merged


def resolve(entries: Mapping[Key, Entry], complaints: Complaints) -> dict[str, Concept]:
    """Concepts by id. Unknown parents, cycles and unknown references are complained of."""
    lineages = {key: _lineage(key, entries, complaints) for key in entries}
    ids = {key: "/".join([key[0], *(slug for _, slug in reversed(line)), key[1]]) for key, line in lineages.items()}
    for key, line in lineages.items():
        line += [kind for kind in _kinds(key, entries) if kind not in line]
    return {ids[key]: _concept(key, entries, lineages[key], ids, complaints) for key in entries}


def _lineage(key: Key, entries: Mapping[Key, Entry], complaints: Complaints) -> list[Key]:
    """Ancestors, nearest first."""
    line: list[Key] = []
    entry = entries[key]
    while "parent" in entry.values:
        parent: Key = (key[0], entry.values["parent"])
        if parent not in entries:
            complaints.add(entry.places["parent"], f"unknown parent {parent[1]} in facet {key[0]}")
            break
        if parent == key or parent in line:
            if parent == key:
                complaints.add(entries[key].places["parent"], f"{key[1]} is its own ancestor")
            break
        line.append(parent)
        entry = entries[parent]
    return line


def _kinds(key: Key, entries: Mapping[Key, Entry]) -> list[Key]:
    """What a concept is by its name, beside its parents and without a part in its id: a generic one, or a room.

    A bar stool stands among the furniture and is a stool; a kitchen is a room. A place has one line: its category.
    """
    facet, slug = key
    if facet == "place":
        return []
    words = slug.split("-")
    heads: list[Key] = [(facet, "-".join(words[start:])) for start in range(1, len(words))]
    found = [head for head in heads if head in entries and entries[head].values.get("generic")]
    return [*found, ROOM] if facet == ROOM[0] and key != ROOM and ROOM in entries else found


def _concept(
    key: Key, entries: Mapping[Key, Entry], line: list[Key], ids: Mapping[Key, str], complaints: Complaints
) -> Concept:
    entry = entries[key]
    values = entry.values
    if "years_kind" in values and "years" not in values:
        complaints.add(entry.places["years_kind"], "years_kind stands without years")

    def ids_of(name: str) -> tuple[str, ...]:
        named: Listed = values.get(name, [])
        found = [_reference(text, where, name, ids, complaints) for text, where in named]
        return tuple(dict.fromkeys(known for known in found if known is not None))

    return Concept(
        id=ids[key],
        facet=entry.facet,
        slug=entry.slug,
        label=_label(entry),
        synonyms=tuple(dict.fromkeys(text for text, _ in values.get("synonyms", []))),
        lineage=tuple(ids[ancestor] for ancestor in line),
        ancestors=tuple(_label(entries[ancestor]) for ancestor in line),
        generic=values.get("generic", False),
        category=values.get("category", False),
        corroborate=values.get("corroborate", False),
        views=_views(entry, line),
        places=ids_of("places"),
        implies=ids_of("implies"),
        excludes=ids_of("excludes"),
        element=values.get("element"),
        decay=values.get("decay"),
        years=values.get("years"),
        years_kind=values.get("years_kind", "built"),
    )


def _label(entry: Entry) -> str:
    return str(entry.values.get("label", entry.slug.replace("-", " ")))


def _views(entry: Entry, line: list[Key]) -> tuple[ViewType, ...]:
    """The views it is evidence for; a concept of the facet view is evidence for the view it or its ancestor names."""
    known: tuple[ViewType, ...] = get_args(ViewType)
    named = {text for text, _ in entry.values.get("views", [])}
    if not named and entry.facet == "view":
        named = {slug for slug in (entry.slug, *(slug for _, slug in line)) if slug in known and slug != "unknown"}
    return tuple(view for view in known if view in named)


def _reference(text: str, where: Where, field: str, ids: Mapping[Key, str], complaints: Complaints) -> str | None:
    """The id meant by a slug of the facet place (`places`), a facet/slug or an id (`implies`, `excludes`)."""
    parts = text.split("/")
    key = ("place", text) if field == "places" else (parts[0], parts[-1])
    found = ids.get(key)
    if found is None or (field != "places" and (len(parts) < 2 or (len(parts) > 2 and found != text))):
        kind = "place" if field == "places" else "concept"
        complaints.add(where, f"unknown {kind} {text} in {field}")
        return None
    return found


def own_phrases(
    entries: Mapping[Key, Entry], concepts: Mapping[str, Concept], complaints: Complaints
) -> dict[tuple[str, ...], str]:
    """Folded label or synonym -> id of the one concept it belongs to; a second owner is a fault."""
    owner: dict[tuple[str, ...], tuple[str, Where]] = {}
    for concept, entry in zip(concepts.values(), entries.values(), strict=True):
        named: Listed = [(concept.label, entry.places.get("label", entry.where)), *entry.values.get("synonyms", [])]
        for text, where in named:
            phrase = fold_phrase(text)
            if not phrase:
                complaints.add(where, f"{text!r} has no letters or digits")
                continue
            first = owner.setdefault(phrase, (concept.id, where))
            if first[0] != concept.id:
                complaints.add(where, f"{text!r} of {concept.id} belongs to {first[0]} already ({first[1]})")
    return {phrase: concept_id for phrase, (concept_id, _) in owner.items()}
