"""Writes a text token by token, greedily or by beam search, exactly as transformers 5 does; knows no model files.

Sources: `GenerationMixin._sample`, `_beam_search` and the logits processors of transformers 5.23. Arithmetic is float32
as there, so that the same logits give the same tokens; only equal scores may be ordered otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from urbextag.models.catalogue import GenerationSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]

Stopped = Literal["eos", "length", "repetition"]
LoopStart = Callable[[Sequence[int]], int | None]
"""Where a text begins to repeat itself, None where it does not."""

CHECK_EVERY = 16
"""Tokens after which a text is looked at for repetition."""
_NEVER = -1e9
"""What transformers adds to a score to rule a hypothesis out."""


class NotANumber(ArithmeticError):
    """A model gave logits that are no numbers."""


class Decoder(Protocol):
    """A model that continues texts, with the past of each kept inside."""

    def first(self, token: int) -> Scores:
        """Begin one text with `token`; logits (1, vocabulary), float32, which the caller may overwrite."""
        ...

    def next(self, tokens: Sequence[int]) -> Scores:
        """Append one token to each text; logits (texts, vocabulary), float32, which the caller may overwrite."""
        ...

    def reorder(self, rows: Sequence[int]) -> None:
        """Replace the texts by those of these indices; an index may come several times."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """A text in tokens."""

    ids: tuple[int, ...]
    """With the start token."""
    stopped: Stopped
    """`eos`: the model ended it; `length`: the limit did; `repetition`: it went in circles."""
    score: float | None = None
    """Beam search: log-probability over length ** length_penalty."""


def write(decoder: Decoder, rules: GenerationSpec, beams: int, limit: int, loop_start: LoopStart | None) -> Written:
    """One text.

    Args:
        decoder: at the beginning of a text.
        rules: forced and forbidden tokens, early stopping, length penalty.
        beams: 1 = greedy.
        limit: most new tokens, at least 1 (`max_new_tokens`).
        loop_start: finds repetition; None = never stop for it, as transformers.

    Raises:
        NotANumber: the logits hold NaN or infinity, or nothing but forbidden tokens.

    """
    if beams == 1:
        return _greedy(decoder, rules, limit, loop_start)
    return _beam_search(decoder, rules, beams, limit, loop_start)


def banned(ids: Sequence[int], size: int) -> list[int]:
    """Tokens that would complete an n-gram of `size` tokens that `ids` has already; none where `size` is 0."""
    if not 0 < size <= len(ids):
        return []
    tail = ids[len(ids) - size + 1 :]
    return [ids[at + size - 1] for at in range(len(ids) - size + 1) if ids[at : at + size - 1] == tail]


def _forced(length: int, rules: GenerationSpec, limit: int) -> int | None:
    """The one token that may follow a text of `length` tokens, None where any may."""
    if length == limit and rules.forced_eos_id is not None:
        return rules.forced_eos_id
    return rules.forced_bos_id if length == 1 else None


def _greedy(decoder: Decoder, rules: GenerationSpec, limit: int, loop_start: LoopStart | None) -> Written:
    import numpy as np

    ids = [rules.decoder_start_id]
    logits = decoder.first(ids[0])
    while True:
        row = logits[0]
        row[banned(ids, rules.no_repeat_ngram)] = -np.inf
        best = int(row.argmax())
        if not np.isfinite(row[best]):  # argmax gives the place of the first NaN, else of the greatest
            raise NotANumber
        forced = _forced(len(ids), rules, limit)
        ids.append(best if forced is None else forced)
        if ids[-1] == rules.eos_id and len(ids) <= limit:
            return Written(tuple(ids), "eos")
        if len(ids) > limit:
            return Written(tuple(ids), "length")
        if loop_start and len(ids) % CHECK_EVERY == 0 and loop_start(ids) is not None:
            return Written(tuple(ids), "repetition")
        logits = decoder.next(ids[-1:])


@dataclass(frozen=True, slots=True)
class _Beam:
    """A text in the making or finished."""

    ids: list[int]
    score: np.float32
    done: bool = False


def _beam_search(
    decoder: Decoder, rules: GenerationSpec, beams: int, limit: int, loop_start: LoopStart | None
) -> Written:
    import numpy as np

    start = [rules.decoder_start_id]
    running = [_Beam(start, np.float32(_NEVER if index else 0)) for index in range(beams)]
    finished = [_Beam(start, np.float32(_NEVER)) for _ in range(beams)]
    # The beams are alike before the first token: the decoder runs for one of them.
    scores = np.repeat(_log_softmax(decoder.first(start[0])), beams, axis=0)
    while True:
        length = len(running[0].ids)
        rows, found = _candidates(scores, running, rules, limit)
        ends = [beam.ids[-1] == rules.eos_id or length == limit for beam in found]
        running, kept = _continue(found, ends, beams)
        finished = _finish(finished, found, ends, rules, beams)
        worst = min(beam.score for beam in finished)
        best = running[0].score / np.float32(length**rules.length_penalty)
        improvable = any(best > (worst if beam.done else _NEVER) for beam in finished)
        full = rules.early_stopping and all(beam.done for beam in finished)
        if full or not improvable or all(ends):
            break
        if loop_start and length % CHECK_EVERY == 0 and loop_start(running[0].ids) is not None:
            if finished[0].done:
                break
            return Written(tuple(running[0].ids), "repetition", float(best))
        if length > 1:
            decoder.reorder([rows[index] for index in kept])
        else:
            decoder.reorder([0] * beams)
        scores = _log_softmax(decoder.next([beam.ids[-1] for beam in running]))
    ids = tuple(finished[0].ids)
    by_itself = ids[-1] == rules.eos_id and len(ids) <= limit
    return Written(ids, "eos" if by_itself else "length", float(finished[0].score))


def _candidates(
    scores: Scores, running: Sequence[_Beam], rules: GenerationSpec, limit: int
) -> tuple[list[int], list[_Beam]]:
    """The best continuations of all beams, twice as many as beams, best first; and the beam that each continues."""
    import numpy as np

    count = 2 * len(running)
    best: list[tuple[np.float32, int, int]] = []
    for index, (row, beam) in enumerate(zip(scores, running, strict=True)):
        row[banned(beam.ids, rules.no_repeat_ngram)] = -np.inf
        forced = _forced(len(beam.ids), rules, limit)
        if forced is not None:
            row[:] = -np.inf
            row[forced] = 0
        row += beam.score
        best += [(score, index, token) for score, token in _largest(row, count)]
    best.sort(key=lambda entry: -entry[0])
    found = best[:count]
    return [index for _, index, _ in found], [_Beam([*running[at].ids, token], score) for score, at, token in found]


def _continue(found: Sequence[_Beam], ends: Sequence[bool], beams: int) -> tuple[list[_Beam], list[int]]:
    """The best candidates that have not ended, and their indices among all."""
    import numpy as np

    scores = [
        np.float32(beam.score + np.float32(_NEVER)) if end else beam.score
        for beam, end in zip(found, ends, strict=True)
    ]
    kept = sorted(range(len(found)), key=lambda index: -scores[index])[:beams]
    return [_Beam(found[index].ids, scores[index]) for index in kept], kept


def _finish(
    finished: Sequence[_Beam], found: Sequence[_Beam], ends: Sequence[bool], rules: GenerationSpec, beams: int
) -> list[_Beam]:
    """The best finished texts; only candidates that ended among the first `beams` may join them."""
    import numpy as np

    divisor = np.float32((len(found[0].ids) - 1) ** rules.length_penalty)
    joined = list(finished)
    for place, (beam, end) in enumerate(zip(found, ends, strict=True)):
        done = end and place < beams
        score = beam.score / divisor
        joined.append(_Beam(beam.ids, score if done else np.float32(score + np.float32(_NEVER)), done))
    return sorted(joined, key=lambda beam: -beam.score)[:beams]


def _largest(row: Scores, count: int) -> list[tuple[np.float32, int]]:
    """The `count` largest values with their places, largest first; a few passes beat sorting a whole vocabulary."""
    import numpy as np

    row = row.copy()
    found = []
    for _ in range(min(count, len(row))):
        place = int(row.argmax())
        found.append((row[place], place))
        row[place] = -np.inf
    return found


def _log_softmax(logits: Scores) -> Scores:
    """Log-probabilities along the last axis, float32; raises NotANumber."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        shifted = logits - logits.max(axis=-1, keepdims=True)
        result: Scores = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float32))
    if not np.isfinite(result.max()):
        raise NotANumber
    return result
