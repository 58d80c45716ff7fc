"""Decides what of a server's reply is an answer that may be believed, and says why where it is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from urbextag.vlm import plausible
from urbextag.vlm.answer import Answer, Rejected, facets_of
from urbextag.vlm.records import Reply, Request
from urbextag.vlm.repair import Beginning, Other, Whole, examine

__all__ = ["Believed", "How", "Rejected", "believe"]

How = Literal["content", "thinking", "repaired"]


@dataclass(frozen=True, slots=True)
class Believed:
    """An answer that holds: right in form, and without a fault that is known of VLMs."""

    answer: Answer
    how: How
    """Where it stood: in the content, in the reasoning (a fault of some servers), or in content that was cut off."""
    dropped: tuple[str, ...]
    """What of it says nothing more than was known, a clause for people each."""


def believe(reply: Reply, request: Request) -> Believed:
    """The answer of a reply: its content; else its reasoning, where that is an answer as a whole; else cut-off content.

    Raises:
        Rejected: none of them is an answer that fits the schema, or the one that does shows a known fault.
    """
    answer, how = _formed(reply, facets_of(request.schema))
    answer, dropped = plausible.check(answer, request)
    return Believed(answer, how, dropped)


def _formed(reply: Reply, facets: tuple[str, ...]) -> tuple[Answer, How]:
    """The first answer that fits the schema, and where it stood."""
    content = examine(reply.content)
    if isinstance(content, Whole):
        answer = _fits(content.text, facets)
        if isinstance(answer, Answer):
            return answer, "content"
        fault = f"the answer does not fit: {answer}"
    elif isinstance(content, Other):
        fault = f"the answer {content.reason}"
    else:
        fault = f"the answer is cut off after {len(reply.content)} characters"
    if reply.finish == "length":
        fault += "; the model reached the most tokens it may say"
    thinking = examine(reply.thinking)
    if isinstance(thinking, Whole):
        answer = _fits(thinking.text, facets)
        if isinstance(answer, Answer):
            return answer, "thinking"
    if isinstance(content, Beginning):
        answer = _fits(content.text, facets)
        if isinstance(answer, Answer):
            return answer, "repaired"
    if reply.thinking.strip():
        fault += "; its reasoning is no answer either"
    raise Rejected(fault)


def _fits(text: str, facets: tuple[str, ...]) -> Answer | str:
    """The answer in a JSON object that fits the schema, else what of it does not: a clause for people."""
    try:
        answer = Answer.model_validate_json(text)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where[:80]}: {first['msg'][:1].lower()}{first['msg'][1:]}" if where else first["msg"]
    for tag in answer.enhanced_tags:
        if tag.facet not in facets:
            return f"the tag {tag.tag!r} has the facet {tag.facet[:48]!r}, which there is not"
    return answer
