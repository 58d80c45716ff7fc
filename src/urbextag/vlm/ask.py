"""Puts together all that one photo's request says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from urbextag.config import VlmConfig
from urbextag.vlm.answer import schema
from urbextag.vlm.records import Known, Request, fingerprint
from urbextag.vlm.template import Template, render

ATTEMPTS = 3
"""Tries that an answer nobody can believe has in all."""


def make_request(
    known: Known, jpeg: bytes, template: Template, config: VlmConfig, facets: Sequence[str], attempt: int
) -> Request:
    """The request of one photo; the same input makes the same request.

    Args:
        known: what is known of the photo.
        jpeg: the picture as `picture.encode` makes it.
        template: what is told and asked.
        config: the settings.
        facets: the facets that a tag may have, at least one.
        attempt: 0 for the first; 1 asks with the next seed, 2 with the one after it and twice the tokens.

    Raises:
        ValueError: there is no such attempt, or no facet.
    """
    if not 0 <= attempt < ATTEMPTS:
        raise ValueError(f"attempt {attempt} is not one of {ATTEMPTS}")
    system, prompt = render(template, known)
    return Request(
        system=system,
        prompt=prompt,
        jpeg=jpeg,
        schema=_schema(tuple(facets)),
        known=known,
        template=template.version,
        max_tokens=config.max_tokens * (2 if attempt == ATTEMPTS - 1 else 1),
        temperature=config.temperature,
        seed=config.seed + attempt,
        context_tokens=config.context_tokens,
        keep_alive=config.keep_alive,
    )


def prompt_fingerprint(known: Known, template: Template) -> str:
    """The `fingerprint` that a request of this photo would have, without opening its picture."""
    return fingerprint(*render(template, known), template.version)


@lru_cache(maxsize=4)
def _schema(facets: tuple[str, ...]) -> Mapping[str, Any]:
    """The same for every photo of a run; making it takes longer than all the rest of a request but the picture."""
    return schema(facets)
