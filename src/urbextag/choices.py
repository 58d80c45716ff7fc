"""The closed lists of words that settings and options choose from; light, so that the command line may read them."""

from __future__ import annotations

from typing import Literal, get_args

Profile = Literal["starter", "scene", "standard"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

Precision = Literal["fp32", "fp16", "int8"]
"""Number format of a model's weights."""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Provider = Literal["auto", "cpu", "cuda", "coreml", "webgpu", "directml"]
"""What runs the models; `auto` takes the best that is here."""

Facet = Literal[
    "place", "room", "element", "material", "object", "condition", "nature", "sign", "vehicle", "era", "hazard", "view"
]
"""What a tag can be about."""
FACETS: tuple[Facet, ...] = get_args(Facet)

ServerKind = Literal["ollama", "openai"]
"""What a VLM server speaks: Ollama's own `/api`, or OpenAI's `/v1`."""

HIGHER = ("must", "should", "may", "precision", "view")
"""Figures of an evaluation that are better when they are higher: shares in [0, 1]."""
LOWER = ("false",)
"""Figures that are better when they are lower."""
GATED = HIGHER + LOWER
"""Figures that a configuration can be held to; the others are neither good nor bad by themselves."""
