"""Changes values in an archive's `urbextag.toml`; comments, order and line ends stay as they are."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from urbextag.config import CONFIG_NAME, Config, complaints
from urbextag.errors import ConfigError

ONE_AT_A_TIME = threading.RLock()
"""Held from the reading to the writing, so that of two threads of a server none undoes what the other wrote."""
ANY_HEADER = re.compile(r"\s*\[")
"""Of a line that begins a table; what only looks like one (in an array of several lines) is found out afterwards."""
A_NAME = re.compile(r"\s*[\w\"'.-]+\s*=")


def change_settings(root: Path, changes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Set values by section and name; None takes the name away. Returns False where all of it stood there already.

    The file is replaced at once or not at all. A name that is not there yet is put below the comment that shows it as
    an example (`# name = ...`), else where its section ends. A mapping as value changes and removes names within.

    Args:
        root: the archive's folder.
        changes: {section: {name: value}}; the section "" holds the names above all sections.

    Raises:
        ConfigError: the file is missing, is not TOML or cannot be written, a section in it is no table, or the
            settings would not be valid.

    """
    import tomlkit

    with ONE_AT_A_TIME:
        path = (root / CONFIG_NAME).resolve()  # where it is a link, what it points to is replaced
        before = read_text(path)
        document = parsed(path, before)
        placed = before
        for section, values in changes.items():
            fresh = _set(path, document, section, values)
            for name in reversed(fresh):
                placed = _with_line(placed, section, name, tomlkit.item(fresh[name]).as_string())
        after = tomlkit.dumps(document)
        if placed != before:  # the same settings, with what is added standing where a reader looks for it
            with suppress(ConfigError):  # a value of several lines was cut in two
                better = parsed(path, placed)
                for section, values in changes.items():
                    _set(path, better, section, values)
                if better.unwrap() == document.unwrap():
                    after = tomlkit.dumps(better)
        return replace_text(path, before, after)


def _set(path: Path, document: Any, section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set these values in a document. Returns those of names that were not there before."""
    import tomlkit

    fresh: dict[str, Any] = {}
    if section and section not in document:
        if all(value is None for value in values.values()):
            return fresh
        document[section] = tomlkit.table()
    table: Any = document[section] if section else document
    if not hasattr(table, "update"):
        raise ConfigError(f"{path}: {section} is no table", f"Write [{section}] and the settings below it")
    for name, value in values.items():
        if value is None:
            table.pop(name, None)
        elif isinstance(value, Mapping) and hasattr(table.get(name), "update"):
            _set_within(table[name], value)
        elif name not in table:
            table[name] = fresh[name] = _item(value)
        elif table[name] != value:  # an equal one stays as it is written
            table[name] = _item(value)
    return fresh


def _item(value: Any) -> Any:
    import tomlkit

    if not isinstance(value, Mapping):
        return value
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _set_within(table: Any, values: Mapping[str, Any]) -> None:
    for name in [name for name in table if name not in values]:
        table.pop(name)
    for name, value in values.items():
        if name not in table or table[name] != value:
            table[name] = value


def _with_line(text: str, section: str, name: str, value: str) -> str:
    """The text with `name = value` in a section: below the comment that shows it, else at the top where it is empty."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    start = 0
    if section:
        header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$")
        start = next((number + 1 for number, line in enumerate(lines) if header.match(line)), -1)
        if start < 0:
            return text
    stop = next((number for number in range(start, len(lines)) if ANY_HEADER.match(lines[number])), len(lines))
    example = re.compile(rf"\s*#\s*{re.escape(name)}\s*=")
    at = next((number + 1 for number in range(start, stop) if example.match(lines[number])), -1)
    if at < 0:
        if any(A_NAME.match(line) for line in lines[start:stop]):
            return text  # it follows the last of them
        at = start
    if at and not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += end
    return "".join([*lines[:at], f"{name} = {value}{end}", *lines[at:]])


def read_text(path: Path) -> str:
    """The text of a settings file with its own line ends, a mark of its encoding left out.

    Raises:
        ConfigError: it is missing or cannot be read.

    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read().removeprefix("\ufeff")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing", "Make an archive with: urbextag init DIR") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "Mend the file or its permissions") from error


def parsed(path: Path, text: str) -> Any:
    """The text as a document that keeps its comments; raises ConfigError where it is not TOML."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{path} cannot be read: {error}", "Mend the file") from error


def replace_text(path: Path, before: str, after: str) -> bool:
    """Write the settings at once or not at all. Returns False where nothing has changed.

    Raises:
        ConfigError: they would not be valid, or cannot be written.

    """
    import tomllib

    from pydantic import ValidationError

    if after == before:
        return False
    try:
        Config.model_validate(tomllib.loads(after))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} cannot be changed: {error}", "Change it in an editor") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {complaints(error)}", "Mend or remove that setting") from error
    draft = path.with_name(f".{CONFIG_NAME}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "Make room or mend its permissions") from error
    return True
