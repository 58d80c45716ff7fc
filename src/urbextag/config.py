"""The settings: one `urbextag.toml` in the archive's folder, read once, every value bounded and described."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from urbextag.errors import ConfigError

CONFIG_NAME = "urbextag.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkConfig(_Section):
    """How the work is done."""

    workers: int = Field(0, ge=0, le=64, description="worker processes of `tag`; 0 = chosen from cores and memory")
    threads: int = Field(0, ge=0, le=256, description="model threads per worker; 0 = cores / workers")
    batch: int = Field(4, ge=1, le=256, description="photos that a worker claims at a time")
    lease_seconds: float = Field(60.0, ge=1.0, le=3600.0, description="silence after which a worker counts as dead")


class LimitsConfig(_Section):
    """What a photo may cost at most."""

    max_megapixels: float = Field(500.0, gt=0, le=10_000, description="larger photos are refused before decoding")


class TaxonomyConfig(_Section):
    """Your own vocabulary."""

    files: tuple[Path, ...] = Field((), description="your taxonomy files; relative to the archive's folder")


class Config(_Section):
    """The whole of `urbextag.toml`."""

    profile: Literal["starter", "standard"] = Field("starter", description="the list of stages; see `urbextag doctor`")
    work: WorkConfig = WorkConfig()
    limits: LimitsConfig = LimitsConfig()
    taxonomy: TaxonomyConfig = TaxonomyConfig()
    stages: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options by stage name; checked by the stage"
    )


TEMPLATE = """\
# Settings of this archive. The lines that are commented out show the defaults, and for files an example.
profile = "starter"         # starter: what ships inside the package; standard: SigLIP and Florence-2

[work]
# workers = 0               # worker processes of `urbextag tag`; 0 = chosen from cores and memory
# threads = 0               # model threads per worker; 0 = cores / workers
# batch = 4                 # photos that a worker claims at a time
# lease_seconds = 60.0      # silence after which a worker counts as dead

[limits]
# max_megapixels = 500.0    # larger photos are refused before decoding

[taxonomy]
# files = ["my-words.yaml"] # (none) your own concepts and synonyms, added to the packaged ones
"""


def load_config(folder: Path) -> Config:
    """Read `urbextag.toml` of an archive folder.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds an unknown name or a value out of bounds.

    """
    path = folder / CONFIG_NAME
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing", "Make an archive with: urbextag init DIR") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "Mend the file or its permissions") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", "Mend that line") from error
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {complaints(error)}", "Mend or remove that setting") from error
    files = tuple(folder / name for name in config.taxonomy.files)
    return config.model_copy(update={"taxonomy": TaxonomyConfig(files=files)})


def complaints(error: ValidationError) -> str:
    """The complaints of a validation in one line: `work.batch: Input should be less than ...`."""
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
