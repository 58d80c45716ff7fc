"""Reads the YAML files that a person may write in place of the packaged ones."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml

from urbextag.errors import ConfigError


def read_yaml(path: Path, setting: str, remedy: str) -> object:
    """The content of a YAML file; safe: plain values only.

    Args:
        path: the file.
        setting: what names it in urbextag.toml, for the remedy where it is missing: "`prompt` under [vlm]".
        remedy: for every other fault.

    Raises:
        ConfigError: it is missing, cannot be read or understood, or a key stands twice; names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing", f"Mend {setting} in urbextag.toml") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", remedy) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
        twice = _twice(root) if root is not None else None
        if twice is not None:
            line = twice.start_mark.line + 1
            raise ConfigError(f"{path}: line {line}: {twice.value} stands twice", "Join the two")
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f": line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be understood"
        raise ConfigError(f"{path}{where}: is not YAML: {problem}", remedy) from error


def _twice(root: yaml.Node) -> yaml.Node | None:
    """The first key that stands twice in its mapping: YAML would silently keep the second alone."""
    waiting, met = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if str(key.value) in seen:
                    return cast(yaml.Node, key)
                seen.add(str(key.value))
                children.append(value)
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        fresh = [child for child in children if id(child) not in met]  # aliases may make a node its own child
        met |= {id(child) for child in fresh}
        waiting += fresh
    return None
