"""Writes the choice of a model into an archive's `urbextag.toml`: that line changes, all else stays as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from urbextag.choices import Precision
from urbextag.config import CONFIG_NAME, Config, complaints
from urbextag.errors import ConfigError
from urbextag.models.catalogue import ModelSpec


def use(root: Path, spec: ModelSpec, precision: Precision) -> bool:
    """Set `[models] scene` or `tags` with its precision. Returns False where that was set already.

    Comments, order and line ends stay; the file is replaced at once or not at all.

    Args:
        root: the archive's folder.
        spec: the model; its role says which setting.
        precision: of its weights.

    Raises:
        ConfigError: the file is missing, is not TOML, cannot be written, or `models` in it is no table.

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
    if "models" not in document:
        document["models"] = tomlkit.table()
    models = document["models"]
    if not hasattr(models, "update"):
        raise ConfigError(f"{path}: models is no table", "Write [models] and the settings below it")
    models.update({spec.role: spec.name, f"{spec.role}_precision": precision})
    try:
        Config.model_validate(document.unwrap())
    except ValidationError as error:
        raise ConfigError(f"{path}: {complaints(error)}", "Mend or remove that setting") from error
    after = tomlkit.dumps(document)
    if after == before.removeprefix("\ufeff"):
        return False
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
