"""What an owner asks of an archive, whoever asks: the command line and the web app call the same functions."""

from __future__ import annotations

from collections.abc import Callable

Done = Callable[[int], None]
"""Hears how many are done so far."""


def unheard(count: int) -> None:
    """A `Done` that nobody listens to."""
