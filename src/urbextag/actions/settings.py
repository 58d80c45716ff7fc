"""The settings that an owner may change from a page: what they are, their bounds, and writing them to the one TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from urbextag.choices import Precision
from urbextag.config import Config, EndpointConfig, complaints, load_config
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.models.catalogue import Role

CHANGEABLE: Mapping[str, tuple[str, ...]] = {
    "": ("profile",),
    "models": ("scene", "scene_precision", "tags", "tags_precision", "provider"),
    "zero_shot": ("view_margin", "quality_share"),
    "taxonomy": ("threshold", "thresholds"),
    "vlm": (
        "run_on_import", "idle_only", "idle_load", "quiet_hours", "longest_px", "jpeg_quality", "max_tokens",
        "context_tokens", "temperature", "seed", "answer_seconds", "keep_alive",
    ),
    "work": ("workers", "threads", "batch", "lease_seconds", "idle_seconds"),
    "limits": ("max_megapixels",),
}  # fmt: skip
"""Section -> names; no path is among them, and nothing that opens this machine to others."""
OUR_KEYS = "URBEXTAG_"
"""Begins the names of the environment variables that a page may have sent to a server as its key."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a form shows it."""

    section: str
    name: str
    value: Any
    default: Any
    description: str
    kind: str
    """boolean, integer, number, string or object."""
    least: float | None
    most: float | None
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Section and name, as a form's field is called."""
        return f"{self.section}.{self.name}" if self.section else self.name


def section_model(section: str) -> type[BaseModel]:
    """The model that checks a section's values."""
    if not section:
        return Config
    found = Config.model_fields[section].annotation
    assert isinstance(found, type) and issubclass(found, BaseModel)
    return found


def described(config: Config) -> list[Setting]:
    """Every setting that may be changed, with its value."""
    found = []
    for section, names in CHANGEABLE.items():
        schema = section_model(section).model_json_schema()
        values = getattr(config, section) if section else config
        for name in names:
            of = _plain(schema["properties"][name])
            found.append(
                Setting(
                    section, name, getattr(values, name), of.get("default"), of.get("description", ""), of["type"],
                    of.get("minimum", of.get("exclusiveMinimum")), of.get("maximum", of.get("exclusiveMaximum")),
                    tuple(of.get("enum", ())),
                )
            )  # fmt: skip
    return found


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a JSON schema says of a value that is there."""
    inner: dict[str, Any] = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), {})
    return {**schema, **inner}


def change(root: Path, changes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Set values by section and name; None brings the default back. Returns False where nothing changes.

    Raises:
        UsageError: a name is not to be changed here, or no such model is known.
        ModelError: the profile would use a model that is not on this machine.
        ConfigError: a value is out of bounds, or the file cannot be changed.

    """
    from urbextag.config_edit import change_settings

    for section, values in changes.items():
        for name in values:
            if name not in CHANGEABLE.get(section, ()):
                raise UsageError(f"{section}.{name} is not changed here", "Change it in urbextag.toml")
    config = load_config(root)
    if changes.get("models") or "profile" in changes.get("", {}):
        _refuse_unfit(_as_it_would_be(config, changes))
    tidy = {}
    for section, values in changes.items():  # what is so already is not written down
        now = getattr(config, section) if section else config
        tidy[section] = {name: value for name, value in values.items() if value is None or value != getattr(now, name)}
    if tidy.get("taxonomy", {}).get("thresholds") == {}:
        tidy["taxonomy"]["thresholds"] = None
    return change_settings(root, tidy)


def _as_it_would_be(config: Config, changes: Mapping[str, Mapping[str, Any]]) -> Config:
    """The settings with the profile and models that are asked for."""
    profile = changes.get("", {}).get("profile", config.profile)
    names = type(config.models).model_fields
    of = {name: names[name].default if value is None else value for name, value in changes.get("models", {}).items()}
    models = config.models.model_copy(update=of)
    return config.model_copy(update={"profile": profile or Config.model_fields["profile"].default, "models": models})


def _refuse_unfit(config: Config) -> None:
    from urbextag.models.catalogue import load_catalogue
    from urbextag.models.installed import installed, models_folder

    folder, models = models_folder(config.models), config.models
    chosen: list[tuple[str, str, Precision]] = [
        ("scene", models.scene, models.scene_precision), ("tags", models.tags, models.tags_precision)
    ]  # fmt: skip
    known = load_catalogue(folder)
    for role, name, _ in chosen:
        if name not in known or known[name].role != role:
            raise UsageError(f"no model for {role} is called {name}", "Take one of: urbextag models list")
    needed = {"starter": 0, "scene": 1, "standard": 2}[config.profile]
    for _, name, precision in chosen[:needed]:
        installed(folder, name, precision)


def change_endpoints(root: Path, wanted: Sequence[tuple[str | None, Mapping[str, Any]]]) -> bool:
    """Let the settings name these VLM servers and no others; see `config_endpoints`. Returns False where they did.

    Raises:
        UsageError: a server is sent a key that a page may not choose, or stands under no such url.
        ConfigError: a value is out of bounds, two servers are the same, or the file cannot be changed.

    """
    from urbextag.config_endpoints import change_endpoints as write

    there = {endpoint.url: endpoint for endpoint in load_config(root).vlm.endpoints}
    named = [was for was, _ in wanted if was is not None]
    if len(set(named)) < len(named):
        raise UsageError("one server is named twice", "Name each once")
    for was, values in wanted:
        if was is not None and was not in there:
            raise UsageError(f"no server stands under {was} in the settings", "Load the page again")
        endpoint(values, tuple(there.values()))
    return write(root, wanted)


def endpoint(values: Mapping[str, Any], known: Sequence[EndpointConfig]) -> EndpointConfig:
    """A server as a page describes it.

    A page chooses among the keys that were meant for this program: else whoever may use the page could have any secret
    of this machine's environment sent anywhere.

    Args:
        values: of its settings; None is the default.
        known: the servers of the settings, whose keys a person with an editor has chosen.

    Raises:
        UsageError: the values are no server, or the key is not one to be chosen here.

    """
    try:
        made = EndpointConfig.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise UsageError(complaints(error).removeprefix(": "), "Mend the server's settings") from error
    name = made.key_env
    if name is None or name.startswith(OUR_KEYS) or any((made.url, name) == (one.url, one.key_env) for one in known):
        return made
    raise UsageError(
        f"a key is sent from here only if its environment variable is called {OUR_KEYS}...",
        f"Put the key into {OUR_KEYS}VLM_KEY and start again, or write key_env into urbextag.toml yourself",
    )


def model_names(config: Config) -> dict[Role, tuple[str, Precision]]:
    """What the settings use: role -> model and precision."""
    of = config.models
    return {"scene": (of.scene, of.scene_precision), "tags": (of.tags, of.tags_precision)}


def quiet_times(hours: str | None) -> tuple[str, str]:
    """Quiet hours as two times, both empty where there are none."""
    begin, _, end = (hours or "").partition("-")
    return begin, end
