"""Loads the taxonomy: the packaged YAML files and the user's own, validated, every fault named with file and line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import yaml

from urbextag.records import VIEW_TYPES, ViewType
from urbextag.taxonomy.calibration import Calibration, read_calibration
from urbextag.taxonomy.concept import Concept, Facet
from urbextag.taxonomy.fields import Entry, read_concepts
from urbextag.taxonomy.match import Matcher
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.nodes import Complaints, Reader, Where
from urbextag.taxonomy.resolve import Key, merge, own_phrases, resolve
from urbextag.taxonomy.sources import Sources, read_sources
from urbextag.taxonomy.words import fold_phrase

DATA = Path(__file__).parent / "data"
SOURCES, WORDS = "sources.yaml", "words.yaml"
MAP, IGNORE = "map", "ignore"
"""What a user's file may hold beside its concepts: further words for known concepts, and words to be dropped."""

Phrases = dict[tuple[str, ...], Where]
"""Folded words, with the place where they stand."""


def load_taxonomy(
    user_files: Sequence[Path] = (),
    *,
    calibration: Path | None = None,
    wanted: Mapping[Facet, float] = MappingProxyType({}),
    data: Path = DATA,
) -> Taxonomy:
    """The taxonomy of the files in `data`, with `user_files` added to it or overriding fields of it, in order.

    Args:
        user_files: files of the same format as the packaged ones; `remove: true` takes a concept away, `map` gives
            known concepts further words, and `ignore` lists words to be dropped.
        calibration: what the owner's decisions taught, as `urbextag taxonomy calibrate` writes it.
        wanted: facet -> confidence from which the owner wants to see its tags.
        data: folder of the packaged files: facets, `sources.yaml` and `words.yaml`.

    Raises:
        TaxonomyError: something is wrong; the message holds one `file:line: text` line for every fault in all files.
    """
    complaints = Complaints()
    digest = hashlib.sha256()
    packaged: list[Entry] = []
    for path in sorted(data.glob("*.yaml")):
        if path.name not in {SOURCES, WORDS}:
            packaged += _read_file(path, path.name, complaints, digest)
    sources = _read_sources(data / SOURCES, complaints, digest)
    ignored = _read_words(data / WORDS, complaints, digest)
    user, mapped, dropped_by_user = _read_user_files(user_files, complaints, digest)
    learned = _read_calibration(calibration, complaints, digest) if calibration else Calibration()
    if complaints.unreadable:  # references into a file that was not read would be complained of without reason
        complaints.raise_if_any()

    entries = merge(packaged, user, complaints)
    _add_words(mapped, entries, complaints)
    concepts = resolve(entries, complaints)
    phrases = own_phrases(entries, concepts, complaints)
    dropped = _without_owned(ignored, phrases, entries, {str(path) for path in user_files}, complaints)
    dropped += [phrase for phrase in dropped_by_user if phrase not in phrases]
    complaints.raise_if_any()
    assert sources is not None  # read_sources complains wherever it gives None
    if wanted:
        digest.update(json.dumps(wanted, sort_keys=True).encode())
    loaded = _assemble(digest.hexdigest()[:16], concepts, sources, phrases, dropped, learned)
    return replace(loaded, wanted=dict(wanted))


def _read_file(path: Path, shown: str, complaints: Complaints, digest: hashlib._Hash) -> list[Entry]:
    reader = Reader(shown, complaints)
    root = reader.compose(path, digest)
    return read_concepts(reader, root) if root is not None else []


def _read_user_files(
    paths: Sequence[Path], complaints: Complaints, digest: hashlib._Hash
) -> tuple[list[Entry], list[tuple[str, str, Where]], Phrases]:
    """The concepts of a user's files, the (word, concept, place) that they map, and what they ignore."""
    entries: list[Entry] = []
    mapped: list[tuple[str, str, Where]] = []
    ignored: Phrases = {}
    for path in paths:
        reader = Reader(str(path), complaints)
        root = reader.compose(path, digest)
        if root is None:
            continue
        entries += read_concepts(reader, root, (MAP, IGNORE))
        beside = _section(root, MAP), _section(root, IGNORE)
        if beside[0] is not None:
            for word, (node, where) in (reader.mapping(beside[0], MAP) or {}).items():
                concept = reader.string(node, f"the concept that {word} names")
                mapped += [(word, concept, where)] if concept is not None else []
        if beside[1] is not None:
            ignored |= _folded(reader.strings(beside[1], IGNORE) or [])
    return entries, mapped, ignored


def _section(root: yaml.Node, name: str) -> yaml.Node | None:
    """What stands under a name at the top of a file."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((node for key, node in pairs if key.value == name), None)


def _folded(listed: Sequence[tuple[str, Where]]) -> Phrases:
    folded = {fold_phrase(text): where for text, where in listed}
    return {phrase: where for phrase, where in folded.items() if phrase}


def _add_words(mapped: Sequence[tuple[str, str, Where]], entries: dict[Key, Entry], complaints: Complaints) -> None:
    """Give concepts the words that a user maps to them, beside those that they have."""
    for word, concept, where in mapped:
        parts = concept.split("/")
        key: Key = (parts[0], parts[-1])
        entry = entries.get(key)
        if entry is None or len(parts) < 2:
            complaints.add(where, f"unknown concept {concept} in {MAP}; write it as facet/name")
            continue
        synonyms = [*entry.values.get("synonyms", []), (word, where)]
        entries[key] = replace(entry, values=entry.values | {"synonyms": synonyms})


def _read_calibration(path: Path, complaints: Complaints, digest: hashlib._Hash) -> Calibration:
    reader = Reader(str(path), complaints)
    root = reader.compose(path, digest)
    return read_calibration(reader, root) if root is not None else Calibration()


def _read_sources(path: Path, complaints: Complaints, digest: hashlib._Hash) -> Sources | None:
    reader = Reader(path.name, complaints)
    root = reader.compose(path, digest)
    return read_sources(reader, root) if root is not None else None


def _read_words(path: Path, complaints: Complaints, digest: hashlib._Hash) -> Phrases:
    """Folded words and phrases to be dropped, each with the place where it stands."""
    reader = Reader(path.name, complaints)
    root = reader.compose(path, digest)
    top = reader.known(root, WORDS, ("ignore",)) if root is not None else None
    if top is None or root is None:
        return {}
    if "ignore" not in top:
        reader.complain(root, "ignore is missing")
        return {}
    return _folded(reader.strings(top["ignore"][0], "ignore") or [])


def _without_owned(
    ignored: Mapping[tuple[str, ...], Where],
    phrases: Mapping[tuple[str, ...], str],
    entries: Mapping[Key, Entry],
    user_files: set[str],
    complaints: Complaints,
) -> list[tuple[str, ...]]:
    """The ignored phrases that no concept owns. A user may claim an ignored word; the packaged files must agree."""
    kept: list[tuple[str, ...]] = []
    claimed = {fold_phrase(text) for entry in entries.values() for text in _words_of(entry, user_files)}
    for phrase, where in ignored.items():
        if phrase not in phrases:
            kept.append(phrase)
        elif phrase not in claimed:
            complaints.add(where, f"{' '.join(phrase)!r} is ignored and names {phrases[phrase]}")
    return kept


def _words_of(entry: Entry, user_files: set[str]) -> list[str]:
    """The names that a user's file gives to this concept."""
    own = [text for text, where in entry.values.get("synonyms", []) if where.file in user_files]
    if entry.where.file in user_files or ("label" in entry.places and entry.places["label"].file in user_files):
        own.append(str(entry.values.get("label", entry.slug.replace("-", " "))))
    return own


def _assemble(
    version: str,
    concepts: Mapping[str, Concept],
    sources: Sources,
    phrases: Mapping[tuple[str, ...], str],
    ignored: Sequence[tuple[str, ...]],
    calibration: Calibration,
) -> Taxonomy:
    named: dict[tuple[str, ...], Concept | None] = dict.fromkeys(ignored)
    named.update({phrase: concepts[concept_id] for phrase, concept_id in phrases.items()})
    count = Counter(concept.slug for concept in concepts.values())
    slugs = {concept.slug: concept.id for concept in concepts.values() if count[concept.slug] == 1}
    views: dict[ViewType, str] = {view: f"view/{view}" for view in VIEW_TYPES if f"view/{view}" in concepts}
    return Taxonomy(
        version=version,
        concepts=MappingProxyType(dict(concepts)),
        sources=sources,
        matcher=Matcher(named),
        phrases=MappingProxyType(dict(phrases)),
        slugs=MappingProxyType(slugs),
        views=MappingProxyType(views),
        calibration=calibration,
    )
