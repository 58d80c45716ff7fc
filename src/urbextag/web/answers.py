"""Answers to words that were given of late: turning their pages asks for nothing anew and moves no photo."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urbextag.actions.searching import Found

KEPT = 16
"""Answers: 600 photos each at most."""
KEPT_SECONDS = 120.0
"""From its first page on; what changes meanwhile is in the next answer."""


class Answers:
    """The last answers, for any number of threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[float, Found]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, question: Hashable, find: Callable[[], Found], *, first_page: bool) -> Found:
        """The answer to a question: found afresh for its first page, for the others as it was then."""
        with self._lock:
            at, found = self._kept.get(question, (0.0, None))
        if found is not None and not first_page and time.monotonic() - at < KEPT_SECONDS:
            return found
        found = find()
        with self._lock:
            self._kept[question] = (time.monotonic(), found)
            self._kept.move_to_end(question)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
