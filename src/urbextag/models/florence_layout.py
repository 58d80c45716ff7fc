"""Finds the inputs and outputs of Florence-2's ONNX files, and refuses files that do not fit family or each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from urbextag.errors import ModelError
from urbextag.models.florence_ports import DecoderPorts, EmbedPorts, EncoderPorts, Port, Ports, Slot, VisionPorts
from urbextag.models.installed import Installed
from urbextag.models.layout import remedy, who
from urbextag.models.onnx_session import numpy_type

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

_CACHE = re.compile(r"^(?:past_key_values|past|present)\.(\d+)\.(decoder|encoder)\.(key|value)$")
"""Optimum's names for keys and values: `past_key_values.3.decoder.key` goes in, `present.3.decoder.key` comes out.
`decoder`: of the text so far; `encoder`: of photo and prompt."""


def find_ports(sessions: Mapping[str, InferenceSession], installed: Installed) -> Ports:
    """Inputs and outputs of a model's four parts.

    Args:
        sessions: by part: `vision_encoder`, `embed_tokens`, `encoder_model`, `decoder`.
        installed: the model, for its sizes and for messages.

    Raises:
        ModelError: a part has other inputs or outputs than the family, or the parts are of different models.

    """
    ports = Ports(
        _vision(_Part(sessions, "vision_encoder", installed)),
        _embed(_Part(sessions, "embed_tokens", installed)),
        _encoder(_Part(sessions, "encoder_model", installed)),
        _decoder(_Part(sessions, "decoder", installed)),
    )
    _same_width(ports, installed)
    _same_cache(ports, installed)
    return ports


def check(installed: Installed) -> None:
    """Open every part on the CPU, look at one picture and write two tokens: what `pull` does with new files.

    Raises:
        ModelError: a part is damaged or does not fit the others, the tokenizer is of another model, or what comes out
            is no numbers.

    """
    import numpy as np

    from urbextag.models.florence import Florence

    model = Florence(installed, threads=1)
    model.load()
    features = model.look(np.full((64, 64, 3), 128, np.uint8))
    model.answer(features, next(iter(model.tasks)), max_new_tokens=3)
    model.unload()


class _Part:
    """The inputs and outputs of one file, taken out one by one."""

    def __init__(self, sessions: Mapping[str, InferenceSession], part: str, installed: Installed) -> None:
        self.part, self.installed = part, installed
        self._found = {"inputs": sessions[part].get_inputs(), "outputs": sessions[part].get_outputs()}
        self._left = {side: {port.name: port for port in map(self._port, found)} for side, found in self._found.items()}

    def take(self, side: str, expected: str, *names: str, rank: int, floats: bool) -> Port | None:
        """The one of `names` that is there, or the only one of its kind that is left; None where there is none."""
        left = self._left[side]
        fits = {name: port for name, port in left.items() if _is(port, rank, floats)}
        for name in names:
            if name in fits:
                return left.pop(name)
        if len(fits) > 1 or (not names and fits):
            raise self.misfit(side, expected)
        return left.pop(next(iter(fits))) if fits else None

    def need(self, side: str, expected: str, *names: str, rank: int, floats: bool) -> Port:
        """As `take`; raises ModelError where there is none."""
        port = self.take(side, expected, *names, rank=rank, floats=floats)
        if port is None:
            raise self.misfit(side, expected)
        return port

    def cache(self, side: str, which: str) -> dict[Slot, Port]:
        """Keys and values of `decoder` or `encoder`, in the order of layers."""
        found: dict[Slot, Port] = {}
        for name in list(self._left[side]):
            match = _CACHE.match(name)
            if match and match[2] == which and _is(self._left[side][name], 4, True):
                found[int(match[1]), match[3]] = self._left[side].pop(name)
        slots = [(layer, kind) for layer in range((len(found) + 1) // 2) for kind in ("key", "value")]
        if sorted(found) != slots:
            raise self.misfit(side, f"a key and a value of {which} attention for every layer")
        return {slot: found[slot] for slot in slots}

    def rest(self, side: str) -> list[Port]:
        """All that were not taken."""
        return list(self._left[side].values())

    def done(self, expected: str) -> None:
        """Raise ModelError where an input is left that nobody knows; unknown outputs are not asked for."""
        if self.rest("inputs"):
            raise self.misfit("inputs", expected)

    def misfit(self, side: str, expected: str) -> ModelError:
        """The error that says what was expected and what is there."""
        listed = "; ".join(_words(entry) for entry in self._found[side])
        return ModelError(
            f"{who(self.installed, self.part)} does not fit the family {self.installed.spec.family}: "
            f"expected {side} {expected}, found {listed or 'none'}",
            remedy(self.installed),
        )

    def _port(self, entry: NodeArg) -> Port:
        kind = numpy_type(entry.type)
        if kind is None:
            raise ModelError(
                f"{who(self.installed, self.part)} does not fit the family {self.installed.spec.family}: "
                f"{entry.name} is of the unknown type {entry.type}",
                remedy(self.installed),
            )
        return Port(entry.name, kind, tuple(entry.shape))


def _vision(part: _Part) -> VisionPorts:
    size = part.installed.spec.image.size
    expected = f"pixel_values (1, 3, {size}, {size}) of floats"
    pixels = part.need("inputs", expected, "pixel_values", rank=4, floats=True)
    part.done(expected)
    sizes = zip(pixels.shape, (1, 3, size, size), strict=True)
    if any(isinstance(found, int) and found != wanted for found, wanted in sizes):
        raise part.misfit("inputs", expected)
    features = part.need("outputs", "image_features (1, positions, d)", "image_features", rank=3, floats=True)
    return VisionPorts(pixels, features)


def _embed(part: _Part) -> EmbedPorts:
    ids = part.need("inputs", "input_ids (n, positions) of integers", "input_ids", rank=2, floats=False)
    part.done("input_ids alone")
    embeds = part.need("outputs", "inputs_embeds (n, positions, d)", "inputs_embeds", rank=3, floats=True)
    return EmbedPorts(ids, embeds)


def _encoder(part: _Part) -> EncoderPorts:
    expected = "inputs_embeds (n, positions, d) of floats, with or without attention_mask"
    mask = part.take("inputs", expected, "attention_mask", rank=2, floats=False)
    embeds = part.need("inputs", expected, "inputs_embeds", rank=3, floats=True)
    part.done(expected)
    states = part.need("outputs", "last_hidden_state (n, positions, d)", "last_hidden_state", rank=3, floats=True)
    return EncoderPorts(mask, embeds, states, part.cache("outputs", "encoder"))


def _decoder(part: _Part) -> DecoderPorts:
    expected = (
        "inputs_embeds or input_ids, past_key_values.*.decoder.* and .encoder.*, with or without "
        "encoder_attention_mask, encoder_hidden_states and use_cache_branch"
    )
    own_past, cross_past = part.cache("inputs", "decoder"), part.cache("inputs", "encoder")
    roles: dict[str, Port] = {}
    for port in part.rest("inputs"):
        role = _role(port)
        if role is None or role in roles:
            raise part.misfit("inputs", expected)
        roles[role] = port
    whole = "tokens" in roles and own_past and cross_past and ("states" in roles or "branch" not in roles)
    sizes = [port.shape[1::2] for port in [*own_past.values(), *cross_past.values()]]
    if not whole or any(sizes[0] != size or not all(isinstance(side, int) for side in size) for size in sizes):
        raise part.misfit("inputs", f"{expected}; each past (n, heads, positions, d) with the same heads and d")
    logits = part.need("outputs", "logits (n, positions, vocabulary)", "logits", rank=3, floats=True)
    own, cross = part.cache("outputs", "decoder"), part.cache("outputs", "encoder")
    if own.keys() != own_past.keys() or ("branch" in roles and cross.keys() != cross_past.keys()):
        raise part.misfit("outputs", "present.* for every past_key_values.*")
    return DecoderPorts(
        roles["tokens"],
        roles.get("mask"),
        roles.get("states"),
        roles.get("branch"),
        own_past,
        cross_past,
        logits,
        own,
        cross,
    )


def _role(port: Port) -> str | None:
    """What an input of a decoder is for, past left out; None = unknown."""
    if _is(port, 1, False):
        return "branch"
    if _is(port, 2, False):
        return "tokens" if "mask" not in port.name else "mask" if "encoder" in port.name else None
    if _is(port, 3, True):
        return "states" if "encoder" in port.name else "tokens"
    return None


def _same_width(ports: Ports, installed: Installed) -> None:
    """Raise ModelError where two parts differ in d."""
    widths = {
        "vision_encoder": ports.vision.features,
        "embed_tokens": ports.embed.embeds,
        "encoder_model": ports.encoder.embeds,
    }
    if not ports.decoder.takes_ids:
        widths["decoder"] = ports.decoder.tokens
    found = {part: port.shape[2] for part, port in widths.items() if isinstance(port.shape[2], int)}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{part} {width}" for part, width in found.items())
        raise ModelError(
            f"The files of {installed.spec.name} {installed.precision} are of different models: expected one width, "
            f"found {listed}",
            remedy(installed),
        )


def _same_cache(ports: Ports, installed: Installed) -> None:
    """Raise ModelError where nobody gives the `encoder` cache that the decoder wants, or gives another size."""
    if ports.decoder.merged:
        return
    given, asked = ports.encoder.cross, ports.decoder.cross_past
    sizes = [[port.shape[1::2] for port in side.values()] for side in (given, asked)]
    if sizes[0] != sizes[1]:
        raise ModelError(
            f"{who(installed, 'encoder_model')} does not fit its decoder: expected {len(asked)} outputs "
            f"present.*.encoder.* with (heads, d) {sizes[1][0]}, found {len(given)}"
            + (f" with {sizes[0][0]}" if given else ""),
            remedy(installed),
        )


def _is(port: Port, rank: int, floats: bool) -> bool:
    import numpy as np

    return len(port.shape) == rank and issubclass(port.kind, np.floating) == floats


def _words(entry: NodeArg) -> str:
    sides: Sequence[Any] = entry.shape
    return f"{entry.name} {entry.type.removeprefix('tensor').strip('()')} ({', '.join(str(side) for side in sides)})"
