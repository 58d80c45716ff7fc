"""Greedy and beam search as pure functions, on a made-up model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urbextag.models.catalogue import GenerationSpec
from urbextag.models.generation import NotANumber, banned, write

VOCABULARY = 12


class Table:
    """A decoder whose logits follow from the whole text: a random table, the same for the same seed."""

    def __init__(self, seed: int, end: float = 0.0) -> None:
        self.seed, self.end = seed, end
        self.texts: list[list[int]] = []

    def first(self, token: int) -> np.ndarray:
        self.texts = [[token]]
        return self._logits()

    def next(self, tokens: Sequence[int]) -> np.ndarray:
        assert len(tokens) == len(self.texts)
        self.texts = [[*text, token] for text, token in zip(self.texts, tokens, strict=True)]
        return self._logits()

    def reorder(self, rows: Sequence[int]) -> None:
        self.texts = [list(self.texts[row]) for row in rows]

    def row(self, text: Sequence[int]) -> np.ndarray:
        made = np.random.default_rng([self.seed, *text]).normal(0, 2, VOCABULARY).astype(np.float32)
        made[2] += self.end
        return made

    def _logits(self) -> np.ndarray:
        return np.stack([self.row(text) for text in self.texts])


def rules(**settings: object) -> GenerationSpec:
    return GenerationSpec.model_validate({"tasks": {}, "default_tasks": (), **settings})


def likelihood(table: Table, ids: Sequence[int], spec: GenerationSpec, limit: int) -> float:
    """Log-probability of a text under the rules, None of which may be broken."""
    total = 0.0
    for at in range(1, len(ids)):
        row = table.row(ids[:at]).astype(np.float64)
        scores = row - np.log(np.exp(row).sum())
        assert ids[at] not in banned(list(ids[:at]), spec.no_repeat_ngram) or at in (1, limit)
        forced = at == 1 or at == limit
        total += 0.0 if forced else float(scores[ids[at]])
    return total


def test_banned_tokens_complete_an_ngram_that_was_there():
    assert banned([5, 6, 7, 5, 6], 3) == [7]
    assert banned([5, 6, 7, 5, 6, 8, 5, 6], 3) == [7, 8]
    assert banned([5, 6], 3) == []
    assert banned([5, 6, 5], 1) == [5, 6, 5]
    assert banned([5, 5, 5], 0) == []


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 4))
def test_a_banned_token_repeats_an_ngram_and_any_other_does_not(ids: list[int], size: int):
    grams = {tuple(ids[at : at + size]) for at in range(len(ids) - size + 1)}
    for token in range(5):
        assert (token in banned(ids, size)) == (tuple([*ids, token][-size:]) in grams)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25), st.sampled_from([1, 2, 3, 5]), st.sampled_from([0.0, 3.0]))
def test_laws_of_a_written_text(seed: int, limit: int, beams: int, end: float):
    spec = rules()
    written = write(Table(seed, end), spec, beams, limit, None)
    ids = written.ids
    assert ids[0] == spec.decoder_start_id
    assert 2 <= len(ids) <= limit + 1
    assert ids[1] == (spec.forced_eos_id if limit == 1 else spec.forced_bos_id)
    assert ids[-1] == spec.eos_id, "ended by itself or by force"
    assert spec.eos_id not in ids[1:-1]
    assert written.stopped == ("eos" if len(ids) <= limit else "length")
    total = likelihood(Table(seed, end), ids, spec, limit)
    if beams > 1:
        assert written.score == pytest.approx(total / (len(ids) - 1), abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_beam_of_every_text_finds_the_best_of_all(seed: int):
    """With as many beams as there are texts, and no early end, the search is exhaustive."""
    spec = rules(no_repeat_ngram=0, early_stopping=False, length_penalty=0.0, forced_eos_id=None)
    limit = 3
    table = Table(seed)
    written = write(table, spec, VOCABULARY, limit, None)
    texts = [[2, 0, *rest] for rest in itertools.product(range(VOCABULARY), repeat=2) if rest[0] != 2]
    texts.append([2, 0, 2])
    best = max(texts, key=lambda ids: sum(_log(table, ids, at) for at in range(2, len(ids))))
    assert list(written.ids) == best


def _log(table: Table, ids: Sequence[int], at: int) -> float:
    row = table.row(ids[:at]).astype(np.float64)
    return float(row[ids[at]] - np.log(np.exp(row).sum()))


@pytest.mark.parametrize("beams", [1, 3])
def test_a_loop_stops_the_text(beams: int):
    seen: list[int] = []

    def after_twenty(ids: Sequence[int]) -> int | None:
        seen.append(len(ids))
        return 10 if len(ids) > 20 else None

    written = write(Table(1, end=-50.0), rules(), beams, 200, after_twenty)
    assert written.stopped == "repetition"
    assert 20 < len(written.ids) <= 48
    assert seen == sorted(seen)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_refused(beams: int, value: float):
    class Broken(Table):
        def row(self, text: Sequence[int]) -> np.ndarray:
            made = super().row(text)
            made[7] = value
            return made

    with pytest.raises(NotANumber):
        write(Broken(1), rules(), beams, 20, None)
