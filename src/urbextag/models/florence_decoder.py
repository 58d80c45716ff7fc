"""Runs Florence-2's decoder a token at a time, in either layout; its past stays in ONNX Runtime's own memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urbextag.models.florence_ports import Port, Ports

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, OrtValue

    Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder made of photo and prompt."""

    states: OrtValue
    """(1, positions, d)."""
    cross: Sequence[OrtValue]
    """Our own export: keys and values (1, heads, positions, dim) in the order of `DecoderPorts.cross_past`."""
    positions: int


class TokenDecoder:
    """The `generation.Decoder` of one photo and prompt.

    The past is handed from step to step as ONNX Runtime's values, never through numpy; only beams that change places
    are copied. Step 0 of a published graph takes a past of length 0 and gives the cross-attention's keys and values;
    later steps give dummies in their place, which are not asked for.
    """

    def __init__(self, session: InferenceSession, embed: InferenceSession, ports: Ports, encoded: Encoded) -> None:
        self._session, self._embed, self._ports = session, embed, ports.decoder
        self._embed_ports = ports.embed
        own = list(self._ports.own_past.values())
        self._own = [port.name for port in own]
        self._own_present = [port.name for port in self._ports.own_present.values()]
        self._encoded = encoded
        self._feeds: dict[str, OrtValue] = {port.name: _empty(port) for port in own}

    def first(self, token: int) -> Scores:
        """Begin the text with `token`; logits (1, vocabulary)."""
        import numpy as np

        ports, encoded = self._ports, self._encoded
        if ports.mask is not None:
            self._feeds[ports.mask.name] = _value(np.ones((1, encoded.positions), ports.mask.kind))
        if ports.states is not None:
            self._feeds[ports.states.name] = encoded.states
        if ports.branch is None:
            self._keep_cross(encoded.cross)
            return self.next([token])
        first = {port.name: _empty(port) for port in ports.cross_past.values()}
        first[ports.branch.name] = _value(np.array([False]))
        cross = [port.name for port in ports.cross_present.values()]
        logits, made = self._step([token], first, cross)
        self._keep_cross(made)
        self._feeds[ports.branch.name] = _value(np.array([True]))
        return logits

    def next(self, tokens: Sequence[int]) -> Scores:
        """Append a token to each text; logits (texts, vocabulary)."""
        return self._step(tokens, {}, [])[0]

    def reorder(self, rows: Sequence[int]) -> None:
        """Replace the texts by those of these indices."""
        held = self._feeds[self._own[0]].shape()[0]
        if list(rows) == list(range(held)):
            return
        self._pick(self._own, rows)
        if len(rows) != held and self._ports.merged:
            # The published graph wants everything in one batch; all rows look at the same photo and are alike.
            names = [port.name for port in (self._ports.mask, self._ports.states) if port is not None]
            self._pick([*names, *(port.name for port in self._ports.cross_past.values())], [0] * len(rows))

    def _keep_cross(self, values: Sequence[OrtValue]) -> None:
        self._feeds |= zip((port.name for port in self._ports.cross_past.values()), values, strict=True)

    def _pick(self, names: Sequence[str], rows: Sequence[int]) -> None:
        index = list(rows)
        for name in names:
            self._feeds[name] = _value(self._feeds[name].numpy()[index])

    def _step(
        self, tokens: Sequence[int], extra: Mapping[str, OrtValue], also: Sequence[str]
    ) -> tuple[Scores, list[OrtValue]]:
        """Logits of a step and the outputs `also`; the own past moves on."""
        import numpy as np

        outputs = [self._ports.logits.name, *self._own_present, *also]
        feeds = {**self._feeds, **extra, self._ports.tokens.name: self._tokens(tokens)}
        logits, *made = self._session.run_with_ort_values(outputs, feeds)
        self._feeds |= zip(self._own, made, strict=False)
        last: Scores = logits.numpy()[:, -1]
        return last.astype(np.float32), made[len(self._own) :]

    def _tokens(self, tokens: Sequence[int]) -> OrtValue:
        """Tokens (texts, 1) as the decoder takes them: ids, or embeddings."""
        import numpy as np

        column = np.array(tokens)[:, np.newaxis]
        if self._ports.takes_ids:
            return _value(column.astype(self._ports.tokens.kind))
        ports = self._embed_ports
        (embeds,) = self._embed.run([ports.embeds.name], {ports.ids.name: column.astype(ports.ids.kind)})
        return _value(embeds.astype(self._ports.tokens.kind, copy=False))


def _empty(port: Port) -> OrtValue:
    """A past of one text and length 0, (1, heads, 0, dim)."""
    import numpy as np

    return _value(np.zeros((1, port.shape[1], 0, port.shape[3]), port.kind))


def _value(array: NDArray[Any]) -> OrtValue:
    from onnxruntime import OrtValue

    return OrtValue.ortvalue_from_numpy(array)
