"""A small real text encoder for tests: letter triples through a fixed projection, so that like texts lie near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LETTERS = " abcdefghijklmnopqrstuvwxyz"


class LetterEncoder:
    """Linear in the counts of letter triples; remembers what it was asked."""

    def __init__(self, dimensions: int = 96, seed: int = 7) -> None:
        self.projection = np.random.default_rng(seed).normal(size=(len(LETTERS) ** 3, dimensions)).astype(np.float32)
        self.loads = 0
        self.asked: list[str] = []

    def load(self) -> None:
        self.loads += 1

    def encode(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += prompts
        found = np.stack([self._sum(prompt) for prompt in prompts])
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _sum(self, prompt: str) -> NDArray[np.float32]:
        codes = np.array([max(LETTERS.find(letter), 0) for letter in f"  {prompt.lower()}  "])
        triples = (codes[:-2] * len(LETTERS) + codes[1:-1]) * len(LETTERS) + codes[2:]
        return self.projection[triples].sum(axis=0)
