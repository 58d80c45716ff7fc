"""Writes into the owner's taxonomy file: lines are put in where they belong, and every other byte stays as it is.

Not by a library: ruamel.yaml 0.19, the kept one that remembers comments, sets the whole file anew and drops comments
inside lists in brackets. PyYAML tells where each value ends; what comes of an insertion is read again and compared with
what was meant, so a form of file that this does not foresee is refused and never damaged.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from urbextag.errors import TaxonomyError, UsageError
from urbextag.taxonomy import Concept, Facet, Taxonomy, load_taxonomy
from urbextag.taxonomy.load import IGNORE, MAP

FILE_NAME = "my-words.yaml"
"""Made in the archive's folder where the settings name no file."""
HEADER = "# Your own words. What each part means: docs/taxonomy.md; check it with: urbextag taxonomy check\n"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ /-][A-Za-z0-9]+)*")
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_STEP = 2
"""Spaces that a section of ours is set in by."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is to be put into a file."""

    mapped: Mapping[str, str] = field(default_factory=dict)
    """Word -> concept as `facet/name`."""
    ignored: Sequence[str] = ()
    concepts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`facet/name` -> its fields: texts and lists of texts."""

    def __bool__(self) -> bool:
        return bool(self.mapped or self.ignored or self.concepts)


def named(concept: Concept) -> str:
    """A concept as a file refers to it: the facet and its name, whatever it stands below."""
    return f"{concept.facet}/{concept.slug}"


def new_concept(facet: Facet, term: str, parent: Concept | None, synonyms: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """`facet/name` and the fields of a concept for a term.

    Raises:
        UsageError: the term has no letter a to z and no digit to make a name of, or its parent is of another facet.

    """
    ascii_term = unicodedata.normalize("NFKD", term.lower()).encode("ascii", "ignore").decode()
    slug = "-".join(re.findall(r"[a-z0-9]+", ascii_term))
    if not slug:
        raise UsageError(f"{term!r} has no letters a to z to make a name of", "Write it into your file by hand")
    if parent is not None and parent.facet != facet:
        raise UsageError(f"{parent.label!r} is of the facet {parent.facet}", f"Name a parent of the facet {facet}")
    fields: dict[str, Any] = {}
    if slug.replace("-", " ") != term.strip():
        fields["label"] = term.strip()
    if parent is not None:
        fields["parent"] = parent.slug
    if synonyms:
        fields["synonyms"] = list(synonyms)
    return f"{facet}/{slug}", fields


def ignored_in(files: Sequence[Path]) -> set[str]:
    """The words that the owner's files ignore, as they stand there."""
    tops = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    return {str(word) for top in tops if isinstance(top, dict) for word in top.get(IGNORE) or ()}


def put_in(text: str, words: Words) -> str:
    """The text of a taxonomy file with these words put in.

    Raises:
        UsageError: the file is written in a way that leaves no safe place for them, or is no mapping at all.

    """
    after = text
    for name, key, value in _pieces(text, words):
        after = _insert(after, name, key, value)
    if _read(after) != _meant(_read(text), words):
        raise UsageError(
            "the file is written in a way that no line can be put into safely",
            f"Put these lines in by hand, or name another file with --file: {json.dumps(_meant({}, words))}",
        )
    return after


def _read(text: str) -> Any:
    """The content, all scalars as texts; an empty file is an empty mapping."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader) or {}
    except yaml.YAMLError:
        return None


def _meant(before: Any, words: Words) -> Any:
    """What the file has to hold afterwards."""
    if not isinstance(before, dict):
        return None
    after = dict(before)
    facet = before.get("facet")
    concepts = {_key(name, facet): _fields(value) for name, value in words.concepts.items()}
    for section, more in ((MAP, dict(words.mapped)), ("concepts", concepts)):
        if more:
            after[section] = dict(after.get(section) or {}) | more
    if words.ignored:
        after[IGNORE] = [*(after.get(IGNORE) or ()), *words.ignored]
    return after


def _fields(fields: Mapping[str, Any]) -> Any:
    return dict(fields) if fields else {}


def _key(name: str, facet: str | None) -> str:
    """A concept's key in a file whose facet is this."""
    own, _, slug = name.partition("/")
    return slug if own == facet else name


def _pieces(text: str, words: Words) -> list[tuple[str, str | None, str]]:
    """(section, key or None in a list, value as YAML) of each line."""
    top = _read(text)
    facet = top.get("facet") if isinstance(top, dict) else None
    pieces: list[tuple[str, str | None, str]] = [
        ("concepts", _scalar(_key(name, facet)), _flow(value)) for name, value in words.concepts.items()
    ]
    pieces += [(MAP, _scalar(word), _scalar(concept)) for word, concept in words.mapped.items()]
    return pieces + [(IGNORE, None, _scalar(word)) for word in words.ignored]


def _flow(fields: Mapping[str, Any]) -> str:
    each = [
        f"{name}: {_scalar(value) if isinstance(value, str) else '[' + ', '.join(map(_scalar, value)) + ']'}"
        for name, value in fields.items()
    ]
    return "{" + ", ".join(each) + "}"


def _scalar(text: str) -> str:
    """A text as YAML; quoted as JSON, which YAML reads alike, where it might be taken for something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if plain else json.dumps(text, ensure_ascii=False)


def _insert(text: str, section: str, key: str | None, value: str) -> str:
    """The text with one entry more at the end of a section, which is made where it is missing."""
    item = f"{key}: {value}" if key is not None else value
    root = yaml.compose(text)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((node for name, node in pairs if name.value == section), None)
    if node is None:
        head = text if not text or text.endswith("\n") else text + "\n"
        return f"{head}{section}:\n{' ' * _STEP}{item if key is not None else '- ' + item}\n"
    if isinstance(node, yaml.ScalarNode):  # nothing stands below the name yet
        return _line_after(text, node.start_mark.index, " " * _STEP + (item if key is not None else "- " + item))
    if node.flow_style:
        return _within_brackets(text, node, item)
    dash = "" if key is not None else "- "
    return _line_after(text, _end(node), " " * node.start_mark.column + dash + item)


def _end(node: yaml.Node) -> int:
    """Where the last thing in a node ends; PyYAML counts comments after it to a block."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_after(text: str, index: int, line: str) -> str:
    """The text with a line after the one that this place is in."""
    stop = text.find("\n", index)
    if stop < 0:
        return f"{text}\n{line}\n"
    ends = "\r\n" if text[:stop].endswith("\r") else "\n"
    return f"{text[: stop + 1]}{line}{ends}{text[stop + 1 :]}"


def _within_brackets(text: str, node: yaml.CollectionNode, item: str) -> str:
    """The text with an item more before the closing bracket."""
    close = node.end_mark.index - 1
    if not node.value:
        return f"{text[:close]}{item}{text[close:]}"
    last = node.value[-1]
    end = _end(last[1] if isinstance(last, tuple) else last)
    tail = text[end:close]
    if "," in re.sub(r"#.*", "", tail):  # a comma after the last item
        return f"{text[:close]}{item}{text[close:]}"
    if "#" in tail:
        return f"{text[:close]}, {item}{text[close:]}"
    return f"{text[:end]}, {item}{text[end:]}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A taxonomy file as it would become, not written yet, with the taxonomy that it makes."""

    path: Path
    before: str | None
    """None: there is no such file."""
    after: str
    taxonomy: Taxonomy

    def write(self) -> None:
        """Put it in place of the file, at once or not at all."""
        replace_file(self.path, self.after)


def make_draft(path: Path, words: Words, files: Sequence[Path], calibration: Path | None) -> Draft:
    """What becomes of a file with these words, tried with all that the archive loads.

    Args:
        path: the file; it need not be there.
        words: what is put in.
        files: all taxonomy files of the archive, `path` among them.
        calibration: that of the archive.

    Raises:
        TaxonomyError: it would not be valid; nothing was written.
        UsageError: the lines cannot be put in.

    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            before: str | None = file.read()
    except FileNotFoundError:
        before = None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Mend the file or its permissions") from error
    after = put_in(before if before is not None else HEADER, words)
    trial = path.with_name(f".{path.name}.{os.getpid()}.trial.yaml")
    try:
        trial.write_text(after, encoding="utf-8", newline="")
        taxonomy = load_taxonomy([trial if one == path else one for one in files], calibration=calibration)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "Mend its permissions") from error
    except TaxonomyError as error:
        what = error.message.replace(str(trial), str(path))
        raise TaxonomyError(what, "Nothing was written: name another word or concept") from error
    finally:
        trial.unlink(missing_ok=True)
    return Draft(path, before, after, taxonomy)


def replace_file(path: Path, text: str) -> None:
    """Write a file at once or not at all; its permissions stay.

    Raises:
        UsageError: it cannot be written.

    """
    path = path.resolve()  # where it is a link, what it points to is replaced
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}", "Make room or mend its permissions") from error
