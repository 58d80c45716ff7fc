"""Reads the concepts of one taxonomy file: which fields there are and what each may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from urbextag.records import VIEW_TYPES, Years
from urbextag.taxonomy.concept import ELEMENTS, FACETS, Facet
from urbextag.taxonomy.nodes import Reader, Where

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FIRST_YEAR, LAST_YEAR = 1500, 2100
YEARS_KINDS = ("built", "used")

Listed = list[tuple[str, Where]]


@dataclass(slots=True)
class Entry:
    """One concept as a file gives it: only the fields that stand there."""

    facet: Facet
    slug: str
    where: Where
    values: dict[str, Any]
    places: dict[str, Where]
    """Where each field stands."""


def _read_years(reader: Reader, node: yaml.Node, what: str) -> Years | None:
    pair = reader.items(node, what)
    if pair is None:
        return None
    if len(pair) != 2:
        reader.complain(node, f"{what} must be [first, last]")
        return None
    first, last = (reader.integer(item, "a year", FIRST_YEAR, LAST_YEAR) for item in pair)
    if first is None or last is None:
        return None
    if first > last:
        reader.complain(node, f"{what} begin in {first}, after they end in {last}")
        return None
    return first, last


def _one_of(allowed: tuple[str, ...]) -> Callable[[Reader, yaml.Node, str], str | None]:
    def read(reader: Reader, node: yaml.Node, what: str) -> str | None:
        text = reader.string(node, what)
        if text is not None and text not in allowed:
            reader.complain(node, f"unknown {what} {text}; known are {', '.join(allowed)}")
            return None
        return text

    return read


def _read_views(reader: Reader, node: yaml.Node, what: str) -> Listed | None:
    named = reader.strings(node, what)
    known = [view for view in VIEW_TYPES if view != "unknown"]
    for text, where in named or ():
        if text not in known:
            reader.complaints.add(where, f"unknown view {text}; known are {', '.join(known)}")
    return None if named is None else [(text, where) for text, where in named if text in known]


FIELDS: dict[str, Callable[[Reader, yaml.Node, str], Any]] = {
    "label": Reader.string,
    "parent": Reader.string,
    "synonyms": Reader.strings,
    "generic": Reader.boolean,
    "category": Reader.boolean,
    "corroborate": Reader.boolean,
    "views": _read_views,
    "places": Reader.strings,
    "implies": Reader.strings,
    "excludes": Reader.strings,
    "element": _one_of(ELEMENTS),
    "decay": lambda reader, node, what: reader.number(node, what, 0, 1),
    "years": _read_years,
    "years_kind": _one_of(YEARS_KINDS),
    "remove": Reader.boolean,
}


def read_concepts(reader: Reader, root: yaml.Node, beside: tuple[str, ...] = ()) -> list[Entry]:
    """The entries of a taxonomy file, in order; what is wrong goes to the reader's complaints.

    Args:
        reader: of the file.
        root: its root node.
        beside: names that may stand in the file as well; where one of them does, `concepts` may be missing.
    """
    top = reader.known(root, "the file", ("facet", "concepts", *beside))
    if top is None:
        return []
    if "concepts" not in top:
        if not top.keys() & set(beside):
            reader.complain(root, "concepts is missing")
        return []
    facet = _read_facet(reader, top["facet"][0]) if "facet" in top else None
    entries: list[Entry] = []
    for name, (node, where) in (reader.mapping(top["concepts"][0], "concepts") or {}).items():
        own, _, slug = name.rpartition("/")
        if not own and "facet" not in top:
            reader.complaints.add(where, f"facet is missing: write it above, or {name} as facet/{name}")
        elif own and own not in FACETS:
            reader.complaints.add(where, f"unknown facet {own}; known are {', '.join(FACETS)}")
        elif found := next((known for known in FACETS if known == own), facet):
            entries.append(_read_entry(reader, found, slug, node, where))
    return entries


def _read_facet(reader: Reader, node: yaml.Node) -> Facet | None:
    """The facet of all concepts of a file that name none of their own."""
    named = reader.string(node, "facet")
    facet = next((facet for facet in FACETS if facet == named), None)
    if facet is None and named is not None:
        reader.complain(node, f"unknown facet {named}; known are {', '.join(FACETS)}")
    return facet


def _read_entry(reader: Reader, facet: Facet, slug: str, node: yaml.Node, where: Where) -> Entry:
    if not SLUG.fullmatch(slug):
        reader.complaints.add(where, f"bad slug {slug}: only a-z, 0-9 and single hyphens between them")
    entry = Entry(facet, slug, where, {}, {})
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return entry
    for name, (value_node, at) in (reader.known(node, slug, FIELDS) or {}).items():
        value = FIELDS[name](reader, value_node, name)
        if value is not None:
            entry.values[name] = value
            entry.places[name] = at
    return entry
