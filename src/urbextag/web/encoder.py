"""The text encoder of search, the one model in this process: loaded with the first query, kept for the next."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from urbextag.actions.searching import text_encoder
from urbextag.models.onnx_session import give_back

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.archive import Archive
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.models.installed import Installed

QUERIES_KEPT = 256
"""Vectors: the next page of an answer asks for the same words again."""


class QueryEncoder:
    """Makes vectors of captions, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._encoder: tuple[str, TextEncoder] | None = None
        self._kept = lru_cache(QUERIES_KEPT)(self._encode)

    def __call__(self, archive: Archive, model: Installed, caption: str) -> NDArray[np.float32]:
        """The caption's vector, float32 (dimensions,), of length 1; raises ModelError."""
        with self._lock:
            if self._encoder is None or self._encoder[0] != model.identity:
                self._kept.cache_clear()
                self._encoder = (model.identity, text_encoder(archive, model))
                give_back()  # 70 MB of 190 that loading took
            return self._kept(caption)

    def _encode(self, caption: str) -> NDArray[np.float32]:
        assert self._encoder is not None
        vector: NDArray[np.float32] = self._encoder[1].encode([caption])[0]
        return vector
