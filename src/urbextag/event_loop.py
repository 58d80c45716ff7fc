"""Runs asynchronous work to its end from ordinary code, and gives it up at once where it is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Value = TypeVar("Value")


def run_to_end(work: Coroutine[Any, Any, Value]) -> Value:
    """`asyncio.run`, but not held up by a name service that does not answer.

    Names are looked up on a thread that nothing can end; `asyncio.run` would wait for it, past every clock.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    try:
        return loop.run_until_complete(task)
    finally:  # Ctrl-C leaves the task unfinished
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
