"""The settings: one `urbextag.toml` in the archive's folder, read once, every value bounded and described."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from urbextag.choices import FACETS, Facet, Precision, Profile, Provider, ServerKind
from urbextag.errors import ConfigError

CONFIG_NAME = "urbextag.toml"
DATABASE_NAME = "urbextag.db"
"""Of an archive of its own; one that was attached lives in the database of another application."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkConfig(_Section):
    """How the work is done."""

    workers: int = Field(0, ge=0, le=64, description="worker processes of `tag`; 0 = chosen from cores and memory")
    threads: int = Field(0, ge=0, le=256, description="model threads per worker; 0 = cores / workers")
    batch: int = Field(4, ge=1, le=256, description="photos that a worker claims at a time")
    lease_seconds: float = Field(60.0, ge=1.0, le=3600.0, description="silence after which a worker counts as dead")
    idle_seconds: float = Field(
        300.0, ge=1.0, le=86_400, description="time without work after which a worker drops its models"
    )


class LimitsConfig(_Section):
    """What a photo may cost at most."""

    max_megapixels: float = Field(500.0, gt=0, le=10_000, description="larger photos are refused before decoding")

    @property
    def max_pixels(self) -> int:
        """`max_megapixels` as the decoder counts."""
        return int(self.max_megapixels * 1e6)


class PathsConfig(_Section):
    """Where the photos lie on this machine, where the database was written on another one. Both or none is set."""

    stored: str | None = Field(None, min_length=1, description="how the paths in the database begin")
    here: Path | None = Field(None, description="the folder on this machine that this stands for")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.stored is None) != (self.here is None):
            raise ValueError("stored and here belong together: set both")
        return self


class WebConfig(_Section):
    """What `urbextag add URL` may fetch."""

    max_megabytes: float = Field(200.0, gt=0, le=10_000, description="larger downloads are broken off")
    max_redirects: int = Field(5, ge=0, le=20, description="redirects that are followed")
    seconds: float = Field(300.0, ge=1, le=3600, description="longest download")
    allow_private: bool = Field(False, description="addresses of this machine and of the local network may be asked")


Threshold = Annotated[float, Field(ge=0.01, le=0.99)]
"""A confidence."""


class TaxonomyConfig(_Section):
    """Your own vocabulary."""

    files: tuple[Path, ...] = Field((), description="your taxonomy files; relative to the archive's folder")
    calibration: Path | None = Field(
        None, description="what `urbextag taxonomy calibrate` learned from you; relative to the archive's folder"
    )
    threshold: Threshold | None = Field(None, description="how sure a tag must be to be shown, whatever it is about")
    thresholds: dict[Facet, Threshold] = Field(
        default_factory=dict, description="the same for tags of one facet; goes before threshold"
    )

    @property
    def wanted(self) -> dict[Facet, float]:
        """How sure a tag must be, for the facets of which the owner has said so."""
        everywhere = {} if self.threshold is None else dict.fromkeys(FACETS, self.threshold)
        return everywhere | self.thresholds


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


class EndpointConfig(_Section):
    """One VLM server, and the model to ask there."""

    url: str = Field("http://127.0.0.1:11434", description="its address; for kind openai the one that ends in /v1")
    kind: ServerKind = Field("ollama", description="ollama, or openai for llama-server, LM Studio and vLLM")
    model: str = Field("qwen3-vl:8b-instruct", min_length=1, description="name of the model as the server knows it")
    allow_remote: bool = Field(False, description="photos may leave this machine for this address")
    key_env: str | None = Field(None, description="environment variable that holds the server's key")
    parallel: int = Field(1, ge=1, le=64, description="requests at a time; Ollama answers one after the other")

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is no http:// or https:// address")
        if parts.username or parts.password:
            raise ValueError("holds a password; name an environment variable as key_env instead")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _stays_here(self) -> Self:
        if not self.allow_remote and not is_loopback(urlsplit(self.url).hostname or ""):
            raise ValueError(f"{self.url} is another machine, and photos would be sent to it: set allow_remote = true")
        if self.kind == "ollama" and self.parallel != 1:
            raise ValueError("Ollama answers one request after the other: leave parallel at 1")
        return self


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine; names are not looked up, so only `localhost` does."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class VlmConfig(_Section):
    """The vision-language models that describe photos, how they are asked and when."""

    endpoints: tuple[EndpointConfig, ...] = Field((), description="the servers; none = no photo is described")
    run_on_import: bool = Field(False, description="queue photos for it when they have been tagged for the first time")
    longest_px: int = Field(1280, ge=256, le=4096, description="longest side of the JPEG that is sent")
    jpeg_quality: int = Field(90, ge=50, le=100, description="its quality")
    max_tokens: int = Field(1500, ge=64, le=16384, description="most tokens of an answer; twice that at the last try")
    context_tokens: int = Field(
        8192, ge=2048, le=262144, description="num_ctx asked of Ollama; a change reloads the model"
    )
    temperature: float = Field(0.2, ge=0, le=2, description="0 = the likeliest word each time")
    seed: int = Field(1, ge=0, le=2**31 - 10, description="seed of the first try")
    answer_seconds: float = Field(
        300.0, ge=1, le=3600, description="longest wait for an answer, model loading included"
    )
    keep_alive: str = Field("10m", description="how long Ollama keeps the model in memory after an answer")
    prompt: Path | None = Field(None, description="your own prompt; relative to the archive's folder; see docs/vlm.md")
    idle_only: bool = Field(True, description="photos nobody asked for wait for an idle machine on mains power")
    idle_load: float = Field(0.5, gt=0, le=64, description="idle = load average per core below this")
    quiet_hours: str | None = Field(None, description='"22:00-07:00": no photo nobody asked for is begun meanwhile')

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, hours: str | None) -> str | None:
        if hours is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", hours):
            raise ValueError('is no time from-to like "22:00-07:00"')
        return hours

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if 2 * self.max_tokens >= self.context_tokens:
            raise ValueError("twice max_tokens, as the last try has them, must leave room in context_tokens")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        urls = [endpoint.url for endpoint in self.endpoints]
        if twice := sorted({url for url in urls if urls.count(url) > 1}):
            raise ValueError(f"{twice[0]} stands twice among the endpoints")
        return self


class Config(_Section):
    """The whole of `urbextag.toml`."""

    profile: Profile = Field("starter", description="the list of stages; see `urbextag doctor`")
    database: Path = Field(
        Path(DATABASE_NAME), description="the archive's database; relative to the archive's folder; set by `attach`"
    )
    paths: PathsConfig = PathsConfig()
    web: WebConfig = WebConfig()
    work: WorkConfig = WorkConfig()
    limits: LimitsConfig = LimitsConfig()
    taxonomy: TaxonomyConfig = TaxonomyConfig()
    models: ModelsConfig = ModelsConfig()
    zero_shot: ZeroShotConfig = ZeroShotConfig()
    vlm: VlmConfig = VlmConfig()
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
# threshold = 0.5           # (learned, else 0.4) how sure a tag must be to be shown
# thresholds = {object = 0.6}  # (none) the same for one facet: place, room, element, material, object ...

[paths]
# stored = "/Volumes/archive"  # (none) how the paths in the database begin ...
# here = "/mnt/archive"     # (none) ... and the folder on this machine that this stands for

[web]
# max_megabytes = 200.0     # what `urbextag add URL` fetches at most
# allow_private = false     # addresses of this machine and of the local network may be asked

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

[vlm]
# run_on_import = false     # queue photos to be described when they have been tagged for the first time
# longest_px = 1280         # longest side of the JPEG that is sent
# idle_only = true          # photos nobody asked for wait for an idle machine on mains power
# idle_load = 0.5           # idle = load average per core below this
# quiet_hours = "22:00-07:00"  # (none) no photo nobody asked for is begun meanwhile

# [[vlm.endpoints]]         # (none) one block for each server; see docs/vlm.md
# url = "http://127.0.0.1:11434"
# kind = "ollama"           # or openai for llama-server, LM Studio, vLLM
# model = "qwen3-vl:8b-instruct"
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
            "database": folder / config.database.expanduser(),
            "paths": config.paths.model_copy(update={"here": rooted(config.paths.here)}),
            "taxonomy": config.taxonomy.model_copy(
                update={
                    "files": tuple(folder / name.expanduser() for name in config.taxonomy.files),
                    "calibration": rooted(config.taxonomy.calibration),
                }
            ),
            "models": config.models.model_copy(update={"folder": rooted(config.models.folder)}),
            "zero_shot": config.zero_shot.model_copy(update={"prompts": rooted(config.zero_shot.prompts)}),
            "vlm": config.vlm.model_copy(update={"prompt": rooted(config.vlm.prompt)}),
        }
    )


def complaints(error: ValidationError) -> str:
    """The complaints of a validation in one line: `work.batch: Input should be less than ...`."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()
    )
