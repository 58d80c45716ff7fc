"""Keeps the tools of an export from talking past what the user is told."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Without the progress bars of transformers, and the tracer's warnings of what is meant as it is.

    The tracer warns of every Python branch on a size, for a graph holds for one side of it only. Here sizes are fixed,
    or what comes out is compared with torch at another size.
    """
    from transformers.utils import logging as transformers_logging

    level, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()


@contextmanager
def quiet_tools() -> Iterator[None]:
    """Without the converters' advice on the root logger: to optimise beforehand, which the session does itself."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
