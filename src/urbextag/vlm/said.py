"""Reads out of what a server said, in whatever form, why it gave no answer and when to come back."""

from __future__ import annotations

import email.utils
import html
import json
import re
from typing import Any

LONGEST_REST = 3600.0
"""Seconds of a Retry-After that are believed at most."""


def reason(text: str) -> str:
    """The reason that a body gives: of JSON its error, of a page its title, of anything else its first line."""
    if error := error_in(text):
        return error
    if re.match(r"\s*<(!doctype|html|\?xml)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]{0,200}>([^<]{0,1000})", text, re.IGNORECASE)
        return f'a web page, "{html.unescape(title[1]).strip()}"' if title else "a web page"
    value = _decoded(text)
    said = (value.get("detail") or value.get("message")) if isinstance(value, dict) else None
    return said if isinstance(said, str) else text.strip().partition("\n")[0][:1000]


def context_numbers(raw: str) -> tuple[int | None, int | None] | None:
    """Tokens of the prompt and of the context, where known, if a prompt was refused as too long; else None.

    llama.cpp's server says `exceed_context_size_error` with both; Ollama hands that on as JSON inside a string.
    """
    if not re.search("exceed_context_size|context (length|size|window)", raw):
        return None
    needed, there = (re.search(rf'{name}[\\\\]*":\s*(\d{{1,9}})', raw) for name in ("n_prompt_tokens", "n_ctx"))
    return int(needed[1]) if needed else None, int(there[1]) if there else None


def count(value: Any) -> int | None:
    """A number of things as a server gives it, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _decoded(text: str) -> Any:
    """The JSON value of a text, None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def error_in(text: str) -> str | None:
    """The error that a body reports, if it reports one.

    A stream puts it on a line of its own, after `data:` where it is one of events; Ollama hands on the error of its
    engine as JSON inside a string.
    """
    whole = _decoded(text)
    if whole is None:
        whole = _decoded((text.strip().splitlines() or [""])[-1].removeprefix("data:"))
    error = whole.get("error") if isinstance(whole, dict) else None
    if isinstance(error, str) and isinstance(inner := _decoded(error), dict):
        error = inner.get("error", inner)
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    return error if isinstance(error, str) else json.dumps(error) if error else None


def retry_after(header: str | None, at: float) -> float | None:
    """Seconds to wait that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date), at most an hour.

    Args:
        header: its value, if there is one.
        at: the time that it came, in seconds since 1970.
    """
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}", header.strip(), re.ASCII):
        return min(float(header), LONGEST_REST)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return min(max(0.0, date.timestamp() - at), LONGEST_REST)
