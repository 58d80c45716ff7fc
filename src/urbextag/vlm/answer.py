"""What a VLM is asked to answer: one model of it, which is also the JSON schema that servers are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1
"""Counts up whenever the answer's shape or bounds change: what is asked for is then another thing."""

Band = Literal["certain", "likely", "possible"]
EraKind = Literal["built", "used", "abandoned"]
Year = Annotated[int, Field(ge=1500, le=2100)]

_KEPT = ("type", "enum", "const", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")
"""Of JSON schema, what llama.cpp's grammar (and so Ollama's) holds the model to, beside the structure."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EnhancedTag(_Part):
    """One thing that the model sees and nobody told it of."""

    tag: str = Field(min_length=1, max_length=48)
    facet: str
    """Of the taxonomy: `believe` holds it to those that were asked for."""
    evidence: str = Field(max_length=120)
    """What in the picture shows it."""
    confidence: Band


class EraSaid(_Part):
    """Years that something in the picture points to, both inclusive."""

    kind: EraKind
    from_: Year = Field(alias="from")
    to: Year
    evidence: str = Field(max_length=120)


class Abandonment(_Part):
    """When the place was given up: first and last year, both inclusive."""

    from_: Year = Field(alias="from")
    to: Year
    confidence: int = Field(ge=0, le=100)
    """0 = cannot be told; the years then mean nothing."""
    evidence: str = Field(max_length=120)


class Answer(_Part):
    """All that a VLM says about one photo, in the order it is asked for: what is seen before what follows from it."""

    description: str = Field(min_length=1, max_length=900)
    condition_notes: str = Field(max_length=600)
    enhanced_tags: tuple[EnhancedTag, ...] = Field(max_length=24)
    era_hints: tuple[EraSaid, ...] = Field(max_length=4)
    readable_text: tuple[Annotated[str, Field(max_length=120)], ...] = Field(max_length=20)
    spatial_notes: str = Field(max_length=500)
    architectural_style: str = Field(max_length=80)
    """Empty = not to be told."""
    abandonment_estimate: Abandonment


class Rejected(Exception):
    """An answer is not believed: it counts against the photo's tries and nothing of it is stored but the reply."""

    def __init__(self, reason: str) -> None:
        """What a model made up may stand in the reason: nothing in it can steer a terminal or break a line."""
        super().__init__(reason)
        self.reason = "".join([letter if letter.isprintable() else "\ufffd" for letter in reason])
        """One sentence for people, without a full stop."""


def schema(facets: Sequence[str]) -> dict[str, Any]:
    """The answer's JSON schema for a server: no `$ref`, no `anyOf`, every property required, no other allowed.

    Args:
        facets: the facets that a tag may have, at least one.

    Raises:
        ValueError: there is no facet.
    """
    if not facets:
        raise ValueError("a tag needs at least one facet")
    made = Answer.model_json_schema(by_alias=True)
    plain = _plain(made, made.get("$defs", {}))
    plain["properties"]["enhanced_tags"]["items"]["properties"]["facet"]["enum"] = list(facets)
    return plain


def facets_of(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The facets that a schema made by `schema` allows."""
    return tuple(asked["properties"]["enhanced_tags"]["items"]["properties"]["facet"]["enum"])


def _plain(node: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A node with its references put in place, and without the titles and docstrings that cost tokens."""
    if "$ref" in node:
        return _plain(parts[node["$ref"].rpartition("/")[2]], parts)
    plain = {key: node[key] for key in _KEPT if key in node}
    if node["type"] == "array":
        plain["items"] = _plain(node["items"], parts)
    if node["type"] == "object":
        plain["properties"] = {name: _plain(value, parts) for name, value in node["properties"].items()}
        plain["required"] = list(node["properties"])
        plain["additionalProperties"] = False
    return plain
