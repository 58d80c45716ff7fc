"""What goes into Florence-2's ONNX files and what comes out, as `florence_layout` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Slot = tuple[int, str]
"""Layer, and `key` or `value`."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output."""

    name: str
    kind: type[np.generic]
    shape: tuple[Any, ...]
    """A number for each dimension that the file fixes, a name or None for the others."""


@dataclass(frozen=True, slots=True)
class VisionPorts:
    """pixels (1, 3, size, size) -> features (1, image tokens, d)."""

    pixels: Port
    features: Port


@dataclass(frozen=True, slots=True)
class EmbedPorts:
    """ids (n, positions) -> embeddings (n, positions, d)."""

    ids: Port
    embeds: Port


@dataclass(frozen=True, slots=True)
class EncoderPorts:
    """mask (n, positions), embeds (n, positions, d) -> states and, in our own export, the decoder's `encoder` cache."""

    mask: Port | None
    embeds: Port
    states: Port
    cross: Mapping[Slot, Port]


@dataclass(frozen=True, slots=True)
class DecoderPorts:
    """One token with its past -> logits and the past with that token.

    `merged`: the published graph; `branch` False is the first step, which makes the `encoder` cache from `states`, True
    all others, which take it and give a dummy back. Else our own export: one graph without a branch, and the encoder
    gives the `encoder` cache.
    """

    tokens: Port
    """Token ids (n, 1) or their embeddings (n, 1, d)."""
    mask: Port | None
    states: Port | None
    branch: Port | None
    own_past: Mapping[Slot, Port]
    cross_past: Mapping[Slot, Port]
    logits: Port
    own_present: Mapping[Slot, Port]
    cross_present: Mapping[Slot, Port]

    @property
    def merged(self) -> bool:
        """Whether this is the published graph with two branches."""
        return self.branch is not None

    @property
    def takes_ids(self) -> bool:
        """Whether tokens go in as ids; else as embeddings."""
        return len(self.tokens.shape) == 2

    @property
    def vocabulary(self) -> int | None:
        """Tokens that have a logit, None where the file leaves it open."""
        size = self.logits.shape[-1]
        return size if isinstance(size, int) else None


@dataclass(frozen=True, slots=True)
class Ports:
    """Inputs and outputs of the four parts, which fit each other."""

    vision: VisionPorts
    embed: EmbedPorts
    encoder: EncoderPorts
    decoder: DecoderPorts
