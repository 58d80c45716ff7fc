"""The circuit breaker of one endpoint: after a fault it rests, each time longer, and is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds of rest after the first fault, and at most however many follow."""


class Breaker:
    """Closed: requests may be sent. Open after a fault, for 1 s, then 2, 4 ... 60 s; a success closes it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._faults = 0
        self._until = 0.0

    def trip(self, rest: float | None = None) -> float:
        """Open after a fault; `rest`: seconds that are wanted in place of the usual. Returns the seconds of rest."""
        usual = min(LONGEST_REST, FIRST_REST * 2.0 ** min(self._faults, 10))
        self._faults += 1
        seconds = usual if rest is None else max(usual, rest)
        self._until = self._clock() + seconds
        return seconds

    def close(self) -> None:
        """A request has gone well."""
        self._faults, self._until = 0, 0.0

    @property
    def rest(self) -> float:
        """Seconds until a request may be sent again; 0 = at once."""
        return max(0.0, self._until - self._clock())

    @property
    def tripped(self) -> bool:
        """Whether nothing has gone well since the last fault."""
        return self._faults > 0
