"""Reads YAML with the line of every value, and collects complaints that name file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from urbextag.errors import TaxonomyError

REMEDY = "Mend the named lines and run `urbextag taxonomy check` again"


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file, lines counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Complaints:
    """All that is wrong, gathered so that one run names every fault."""

    found: set[tuple[Where, str]] = field(default_factory=set)
    unreadable: bool = False
    """Whether a whole file could not be read."""

    def add(self, where: Where, text: str) -> None:
        """Note one fault."""
        self.found.add((where, text))

    def raise_if_any(self) -> None:
        """Raise one TaxonomyError with a `file:line: text` line for each fault, in file order."""
        if self.found:
            lines = [f"{where}: {text}" for where, text in sorted(self.found)]
            head = "1 fault in the taxonomy" if len(lines) == 1 else f"{len(lines)} faults in the taxonomy"
            raise TaxonomyError("\n".join([f"{head}:", *lines]), REMEDY)


class Reader:
    """Turns the nodes of one YAML file into typed values.

    Every method complains with the file and line of the node and returns None where the value is not what is asked
    for, so that reading goes on to the next fault.
    """

    def __init__(self, file: str, complaints: Complaints) -> None:
        self.file = file
        self.complaints = complaints

    def where(self, node: yaml.Node) -> Where:
        """The place where `node` begins."""
        return Where(self.file, node.start_mark.line + 1)

    def complain(self, node: yaml.Node, text: str) -> None:
        """Note a fault at `node`."""
        self.complaints.add(self.where(node), text)

    def compose(self, path: Path, digest: hashlib._Hash) -> yaml.Node | None:
        """The root node of the file, None (with a complaint) where it cannot be read; its bytes go into `digest`."""
        node = self._compose(path, digest)
        self.complaints.unreadable |= node is None
        return node

    def _compose(self, path: Path, digest: hashlib._Hash) -> yaml.Node | None:
        try:
            content = path.read_bytes()
        except OSError as error:
            self.complaints.add(Where(self.file, 1), f"cannot be read: {error.strerror or error}")
            return None
        digest.update(len(content).to_bytes(8, "big") + content)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            node = yaml.compose(content.decode("utf-8"), Loader=loader)
        except UnicodeDecodeError as error:
            self.complaints.add(Where(self.file, content[: error.start].count(b"\n") + 1), "is not UTF-8 text")
            return None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "cannot be understood"
            self.complaints.add(Where(self.file, mark.line + 1 if mark else 1), f"is not YAML: {problem}")
            return None
        if node is None:
            self.complaints.add(Where(self.file, 1), "is empty")
        return node

    def mapping(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, Where]] | None:
        """The entries of a mapping with string keys, each with the place of its key; a key met twice is a fault."""
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{what} must be a mapping of names to values")
            return None
        entries: dict[str, tuple[yaml.Node, Where]] = {}
        for key_node, value in node.value:
            key = self.string(key_node, f"a name in {what}")
            if key is None:
                continue
            if key in entries:
                self.complain(key_node, f"{key} stands twice in {what} (first in line {entries[key][1].line})")
                continue
            entries[key] = (value, self.where(key_node))
        return entries

    def known(self, node: yaml.Node, what: str, allowed: Iterable[str]) -> dict[str, tuple[yaml.Node, Where]] | None:
        """Like `mapping`, where only the allowed names may stand."""
        entries = self.mapping(node, what)
        if entries is None:
            return None
        names = set(allowed)
        for key in [key for key in entries if key not in names]:
            where = entries.pop(key)[1]
            self.complaints.add(where, f"unknown field {key} in {what}; known are {', '.join(sorted(names))}")
        return entries

    def string(self, node: yaml.Node, what: str) -> str | None:
        """A text that is not empty. `no`, `on` and numbers are not texts in YAML unless quoted."""
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            shown = f", not {node.value}; put it in quotes" if isinstance(node, yaml.ScalarNode) else ""
            self.complain(node, f"{what} must be a text{shown}")
            return None
        text = str(node.value).strip()
        if not text:
            self.complain(node, f"{what} is empty")
            return None
        return text

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node] | None:
        """The items of a list."""
        if not isinstance(node, yaml.SequenceNode):
            self.complain(node, f"{what} must be a list")
            return None
        return list(node.value)

    def strings(self, node: yaml.Node, what: str) -> list[tuple[str, Where]] | None:
        """A list of texts, each with its place."""
        nodes = self.items(node, what)
        if nodes is None:
            return None
        read = [(self.string(item, f"an item of {what}"), self.where(item)) for item in nodes]
        return [(text, where) for text, where in read if text is not None]

    def boolean(self, node: yaml.Node, what: str) -> bool | None:
        """True or false."""
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:bool":
            return str(node.value).lower() in {"true", "yes", "on"}
        self.complain(node, f"{what} must be true or false")
        return None

    def number(self, node: yaml.Node, what: str, low: float, high: float) -> float | None:
        """A number in [low, high]."""
        if isinstance(node, yaml.ScalarNode) and node.tag in {"tag:yaml.org,2002:float", "tag:yaml.org,2002:int"}:
            try:
                value = float(str(node.value).replace("_", ""))
            except ValueError:
                value = float("nan")
            if low <= value <= high:
                return value
        self.complain(node, f"{what} must be a number between {low:g} and {high:g}")
        return None

    def integer(self, node: yaml.Node, what: str, low: int, high: int) -> int | None:
        """A whole number in [low, high]."""
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:int" and str(node.value).isdigit():
            value = int(str(node.value))
            if low <= value <= high:
                return value
        self.complain(node, f"{what} must be a whole number between {low} and {high}")
        return None
