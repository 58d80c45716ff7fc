"""Changes values in an archive's `urbextag.toml`; comments, order and line ends stay as they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from urbextag.config import CONFIG_NAME, Config, complaints
from urbextag.errors import ConfigError


def change_settings(root: Path, changes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Set values by section and name; None takes the name away. Returns False where all of it stood there already.

    The file is replaced at once or not at all.

    Args:
        root: the archive's folder.
        changes: {section: {name: value}}; the section "" holds the names above all sections.

    Raises:
        ConfigError: the file is missing, is not TOML or cannot be written, a section in it is no table, or the
            settings would not be valid.

    """
    import tomlkit
    from pydantic import ValidationError
    from tomlkit.exceptions import TOMLKitError

    path = (root / CONFIG_NAME).resolve()  # where it is a link, what it points to is replaced
    try:
        with path.open(encoding="utf-8", newline="") as file:
            before = file.read()
        document = tomlkit.parse(before.removeprefix("\ufeff"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing", "Make an archive with: urbextag init DIR") from error
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "Mend the file or its permissions") from error
    for section, values in changes.items():
        if section and section not in document:
            document[section] = tomlkit.table()
        table: Any = document[section] if section else document
        if not hasattr(table, "update"):
            raise ConfigError(f"{path}: {section} is no table", f"Write [{section}] and the settings below it")
        for name, value in values.items():
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
    try:
        Config.model_validate(document.unwrap())
    except ValidationError as error:
        raise ConfigError(f"{path}: {complaints(error)}", "Mend or remove that setting") from error
    after = tomlkit.dumps(document)
    if after == before.removeprefix("\ufeff"):
        return False
    _replace(path, after)
    return True


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{CONFIG_NAME}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "Make room or mend its permissions") from error
