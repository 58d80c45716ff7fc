"""The settings: one `urbextag.toml` in the archive's folder, read once, every value bounded and described."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from urbextag.choices import Precision, Profile, Provider
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
    idle_seconds: float = Field(300.0, ge=1.0, description="time without work after which a worker drops its models")


class LimitsConfig(_Section):
    """What a photo may cost at most."""

    max_megapixels: float = Field(500.0, gt=0, le=10_000, description="larger photos are refused before decoding")


class TaxonomyConfig(_Section):
    """Your own vocabulary."""

    files: tuple[Path, ...] = Field((), description="your taxonomy files; relative to the archive's folder")


class ModelsConfig(_Section):
    """Which models the profiles `scene` and `standard` use, and where their files lie."""

    folder: Path | None = Field(
        None, description="the one folder of all model files; relative to the archive's folder; default: the user's own"
    )
    provider: Provider = Field("auto", description="what runs the models; `urbextag doctor` shows what is here")
    scene: str = Field("siglip-base-patch16-224", description="dual encoder that understands and finds photos")
    scene_precision: Precision = Field("int8", description="number format of its weights")
    tags: str = Field("florence-2-large", description="model that describes photos")
    tags_precision: Precision = Field("int8", description="number format of its weights")


class ZeroShotConfig(_Section):
    """How stored embeddings are read. A change here needs no model to look at a photo again."""

    prompts: Path | None = Field(
        None, description="your own prompts, beside or in place of the packaged; relative to the archive's folder"
    )
    view_margin: float = Field(
        0.2, ge=0, le=1, description="lead in probability of the best view; below it the view is unknown"
    )
    quality_share: float = Field(
        0.4, ge=0, le=1, description="share of the look (CLIP-IQA) in quality_score; the rest is technical"
    )


class Config(_Section):
    """The whole of `urbextag.toml`."""

    profile: Profile = Field("starter", description="the list of stages; see `urbextag doctor`")
    work: WorkConfig = WorkConfig()
    limits: LimitsConfig = LimitsConfig()
    taxonomy: TaxonomyConfig = TaxonomyConfig()
    models: ModelsConfig = ModelsConfig()
    zero_shot: ZeroShotConfig = ZeroShotConfig()
    stages: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options by stage name; checked by the stage"
    )


TEMPLATE = """\
# Settings of this archive. The lines that are commented out show the defaults, and for files an example.
# starter: what ships inside the package; scene: SigLIP alone, quick; standard: SigLIP and Florence-2
profile = "starter"

[work]
# workers = 0               # worker processes of `urbextag tag`; 0 = chosen from cores and memory
# threads = 0               # model threads per worker; 0 = cores / workers
# batch = 4                 # photos that a worker claims at a time
# lease_seconds = 60.0      # silence after which a worker counts as dead
# idle_seconds = 300.0      # time without work after which a worker drops its models

[limits]
# max_megapixels = 500.0    # larger photos are refused before decoding

[taxonomy]
# files = ["my-words.yaml"] # (none) your own concepts and synonyms, added to the packaged ones

[models]
# scene = "siglip-base-patch16-224"  # change with: urbextag models use NAME
# scene_precision = "int8"  # int8, fp16 or fp32
# tags = "florence-2-large"
# tags_precision = "int8"
# provider = "auto"         # auto, cpu, cuda, coreml, webgpu, directml; see: urbextag doctor
# folder = "models"         # (the user's own) where all model files lie

[zero_shot]
# prompts = "my-prompts.yaml"  # (none) your own prompts; see docs/models.md
# view_margin = 0.2         # lead of the best view; below it the view is unknown
# quality_share = 0.4       # share of the look in quality_score; the rest is technical
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
    return _rooted(config, folder)


def _rooted(config: Config, folder: Path) -> Config:
    """The settings with the paths in them taken from the archive's folder."""

    def rooted(path: Path | None) -> Path | None:
        return folder / path.expanduser() if path else None

    return config.model_copy(
        update={
            "taxonomy": TaxonomyConfig(files=tuple(folder / name.expanduser() for name in config.taxonomy.files)),
            "models": config.models.model_copy(update={"folder": rooted(config.models.folder)}),
            "zero_shot": config.zero_shot.model_copy(update={"prompts": rooted(config.zero_shot.prompts)}),
        }
    )


def complaints(error: ValidationError) -> str:
    """The complaints of a validation in one line: `work.batch: Input should be less than ...`."""
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
