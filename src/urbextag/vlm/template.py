"""The words of a request: a template in data, filled with what is known of one photo."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from urbextag.config import complaints
from urbextag.errors import ConfigError
from urbextag.prompt import clean_name
from urbextag.records import ViewType
from urbextag.vlm.answer import SCHEMA_VERSION
from urbextag.vlm.records import Known
from urbextag.yaml_file import read_yaml

PACKAGED = Path(__file__).parent / "data" / "prompt.yaml"
PLACEHOLDERS = ("view", "place", "era", "where", "tags")
REMEDY = "Mend that file; docs/vlm.md shows its form"

_VIEWS: Mapping[ViewType, str] = {
    "interior": "an interior photograph",
    "exterior": "an exterior photograph",
    "aerial": "an aerial view",
    "detail": "a detail photograph",
    "document": "a scanned document",
    "unknown": "a photograph",
}
_NOTHING = frozenset({"none", "null", "n a", "unknown"})
"""What people write where they know nothing, as `clean_name` leaves it."""
_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|[{}\[\]]|[^{}\[\]]+")


@dataclass(frozen=True, slots=True)
class Template:
    """What is told and asked, with placeholders."""

    system: str
    prompt: str
    version: str
    """16 hex digits that change with the two texts, the file's own `version` and the answer's schema."""


@dataclass(frozen=True, slots=True)
class _Hole:
    name: str


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of a line; an optional one goes alone where something in it is not known."""

    parts: tuple[str | _Hole, ...]
    optional: bool


def load_template(path: Path | None) -> Template:
    """The packaged template, or the file that takes its place as a whole.

    Raises:
        ConfigError: the file cannot be read or is not as it must be; the message names the file and the fault.
    """
    file = path or PACKAGED
    try:
        said = _File.model_validate(read_yaml(file, "`prompt` under [vlm]", REMEDY))
    except ValidationError as error:
        raise ConfigError(f"{file}: {complaints(error)}", REMEDY) from error
    content = json.dumps([said.version, said.system, said.prompt, SCHEMA_VERSION])
    return Template(said.system, said.prompt, hashlib.sha256(content.encode()).hexdigest()[:16])


def render(template: Template, known: Known) -> tuple[str, str]:
    """System text and prompt for one photo.

    What is not known leaves no trace: an optional stretch goes alone, else its whole line. Words from outside keep
    their letters, digits, spaces and `'-.&` only, 60 letters each, so that none can bring a placeholder, a line or a
    token of the model's own.
    """
    words = _words(known)
    return _filled(template.system, words), _filled(template.prompt, words)


def _words(known: Known) -> dict[str, str | None]:
    """What each placeholder says; None = not known."""
    name, kind = _said(known.location_name), _said(known.location_type)
    place = f"an abandoned {kind or 'place'}"
    where = ", ".join(part for part in (_said(known.city), _said(known.state)) if part)
    tags = {tag.casefold(): tag for tag in map(_said, known.tags) if tag}
    return {
        "view": _VIEWS[known.view_type],
        "place": f"{name}, {place}" if name else place,
        "era": "-".join(str(year) for year in dict.fromkeys(known.era)) if known.era else None,
        "where": where or None,
        "tags": ", ".join(tags.values()) or None,
    }


def _said(words: str | None) -> str | None:
    name = clean_name(words)
    return name if name.casefold() not in _NOTHING and re.search(r"\w", name) else None


def _filled(text: str, words: Mapping[str, str | None]) -> str:
    lines = [_line(runs, words) for runs in _runs(text)]
    kept = "\n".join(line.rstrip() for line in lines if line is not None)
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


def _line(runs: tuple[_Run, ...], words: Mapping[str, str | None]) -> str | None:
    """One line filled in; None where it goes."""
    text = ""
    for run in runs:
        said = [part if isinstance(part, str) else words[part.name] for part in run.parts]
        known = [part for part in said if part is not None]
        if len(known) == len(said):
            text += "".join(known)
        elif not run.optional:
            return None
    return text if text.strip() or not runs else None


@lru_cache(maxsize=8)
def _runs(text: str) -> tuple[tuple[_Run, ...], ...]:
    """The runs of each line.

    Raises:
        ValueError: a brace or bracket without its like, an unknown placeholder, or brackets with no placeholder.
    """
    return tuple(_parsed_line(number, line) for number, line in enumerate(text.splitlines(), 1))


def _parsed_line(number: int, line: str) -> tuple[_Run, ...]:
    runs: list[_Run] = []
    parts: list[str | _Hole] = []
    inside = False
    tokens = iter(_TOKEN.findall(line))
    for token in tokens:
        if token == "{":
            name, end = next(tokens, ""), next(tokens, "")
            if end != "}":
                raise ValueError(f"line {number}: {{ without its }}; write {{{{ and }}}} for braces")
            parts.append(_hole(number, name))
        elif token == "[" and not inside:
            runs.append(_Run(tuple(parts), optional=False))
            parts, inside = [], True
        elif token == "]" and inside:
            if not any(isinstance(part, _Hole) for part in parts):
                raise ValueError(f"line {number}: [brackets] without a placeholder; write [[ and ]] for brackets")
            runs.append(_Run(tuple(parts), optional=True))
            parts, inside = [], False
        elif token in "}[]":
            raise ValueError(f"line {number}: {token} stands alone; write {token * 2} for one that is to be said")
        else:
            parts.append(token[0] if token in ("{{", "}}", "[[", "]]") else token)
    if inside:
        raise ValueError(f"line {number}: [ without its ] in the same line; write [[ for one that is to be said")
    return tuple(run for run in (*runs, _Run(tuple(parts), optional=False)) if run.parts)


def _hole(number: int, name: str) -> _Hole:
    if name not in PLACEHOLDERS:
        known = " ".join(f"{{{one}}}" for one in PLACEHOLDERS)
        raise ValueError(f"line {number}: {{{name}}} is no placeholder; known are {known}")
    return _Hole(name)


def _fillable(text: str) -> str:
    _runs(text)
    return text


_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000), AfterValidator(_fillable)
]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(ge=1, strict=True)
    system: _Text
    prompt: _Text
