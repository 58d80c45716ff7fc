"""Loads the taxonomy: the packaged YAML files and the user's own, validated, every fault named with file and line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from urbextag.records import VIEW_TYPES, ViewType
from urbextag.taxonomy.concept import Concept
from urbextag.taxonomy.fields import Entry, read_concepts
from urbextag.taxonomy.match import Matcher
from urbextag.taxonomy.model import Taxonomy
from urbextag.taxonomy.nodes import Complaints, Reader, Where
from urbextag.taxonomy.resolve import Key, merge, own_phrases, resolve
from urbextag.taxonomy.sources import Sources, read_sources
from urbextag.taxonomy.words import fold_phrase

DATA = Path(__file__).parent / "data"
SOURCES, WORDS = "sources.yaml", "words.yaml"


def load_taxonomy(user_files: Sequence[Path] = (), *, data: Path = DATA) -> Taxonomy:
    """The taxonomy of the files in `data`, with `user_files` added to it or overriding fields of it, in order.

    Args:
        user_files: files of the same format as the packaged ones; `remove: true` takes a concept away.
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
    user = [entry for path in user_files for entry in _read_file(path, str(path), complaints, digest)]
    if complaints.unreadable:  # references into a file that was not read would be complained of without reason
        complaints.raise_if_any()

    entries = merge(packaged, user, complaints)
    concepts = resolve(entries, complaints)
    phrases = own_phrases(entries, concepts, complaints)
    overridden = {entry.where.file for entry in user}
    dropped = _without_owned(ignored, phrases, entries, overridden, complaints)
    complaints.raise_if_any()
    assert sources is not None  # read_sources complains wherever it gives None
    return _assemble(digest.hexdigest()[:16], concepts, sources, phrases, dropped)


def _read_file(path: Path, shown: str, complaints: Complaints, digest: hashlib._Hash) -> list[Entry]:
    reader = Reader(shown, complaints)
    root = reader.compose(path, digest)
    return read_concepts(reader, root) if root is not None else []


def _read_sources(path: Path, complaints: Complaints, digest: hashlib._Hash) -> Sources | None:
    reader = Reader(path.name, complaints)
    root = reader.compose(path, digest)
    return read_sources(reader, root) if root is not None else None


def _read_words(path: Path, complaints: Complaints, digest: hashlib._Hash) -> dict[tuple[str, ...], Where]:
    """Folded words and phrases to be dropped, each with the place where it stands."""
    reader = Reader(path.name, complaints)
    root = reader.compose(path, digest)
    top = reader.known(root, WORDS, ("ignore",)) if root is not None else None
    if top is None or root is None:
        return {}
    if "ignore" not in top:
        reader.complain(root, "ignore is missing")
        return {}
    listed = reader.strings(top["ignore"][0], "ignore") or []
    folded = {fold_phrase(text): where for text, where in listed}
    return {phrase: where for phrase, where in folded.items() if phrase}


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
    )
