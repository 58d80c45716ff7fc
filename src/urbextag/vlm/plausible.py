"""Holds an answer of the right form against the known faults of VLMs, and drops what was known already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from urbextag.taxonomy.words import fold_phrase, tokens
from urbextag.vlm import faults
from urbextag.vlm.answer import Abandonment, Answer, EnhancedTag, EraSaid, Rejected, facets_of
from urbextag.vlm.reading import Reading, letters
from urbextag.vlm.records import Known, Request

_FILL = """of in on at from with and or to by for as it its this that there these those is are was were be has have i we
    very some"""
_ANY_PLACE = "abandoned building former old place location"
_ANY_PHOTO = "photo photograph picture image view scene shot show shown showing see seen depict depicting"
_ANY_FACT = "located built circa about around type year century detected tag unknown"
_GENERIC = frozenset(f"{_FILL} {_ANY_PLACE}".split())
"""Words that make a name or a tag no other one: the "abandoned hospital building" is the hospital."""
_NO_FINDING = frozenset(f"{_FILL} {_ANY_PLACE} {_ANY_PHOTO} {_ANY_FACT}".split())
"""Words that tell nothing of what a photo of an abandoned place shows; as a tag, a photograph is a thing."""
_NO_TEXTS = """none na nil null empty notext notapplicable notextvisible novisibletext noreadabletext nolegibletext
    notextfound illegible unreadable illegibletext unreadabletext"""
_NO_STYLES = """none na null unknown unclear undetermined indeterminate unspecified unidentifiable notapplicable
    notevident notclear notvisible nostyle nottobetold cannotbetold cannotbedetermined"""
_NO_TEXT = frozenset(_NO_TEXTS.split())
_NO_STYLE = frozenset(_NO_STYLES.split())
"""Both as letters alone: how models fill a field that they were told to leave empty."""


def check(answer: Answer, request: Request) -> tuple[Answer, tuple[str, ...]]:
    """The answer without what says nothing more than was known, and what was dropped, a clause for people each.

    Raises:
        Rejected: the answer shows a known fault, so that none of it is to be believed.
    """
    _no_fault(answer, request)
    _not_empty(answer.description, request.known)
    dropped: list[str] = []
    kept = answer.model_copy(
        update={
            "enhanced_tags": tuple(_tags(answer.enhanced_tags, request, dropped)),
            "era_hints": tuple(_hints(answer.era_hints, dropped)),
            "readable_text": tuple(_texts(answer.readable_text, request.known, dropped)),
            "architectural_style": _style(answer.architectural_style, dropped),
            "abandonment_estimate": _abandonment(answer.abandonment_estimate, dropped),
        }
    )
    return kept, tuple(dropped)


def _prose(answer: Answer) -> Iterator[tuple[str, str]]:
    """Every text in which the model speaks in its own words, with what it is."""
    yield "the description", answer.description
    yield "the condition", answer.condition_notes
    yield "the layout", answer.spatial_notes
    yield "the architectural style", answer.architectural_style
    for tag in answer.enhanced_tags:
        yield f"the evidence of the tag {tag.tag!r}", tag.evidence
    for hint in answer.era_hints:
        yield f"the evidence of the era {hint.from_}-{hint.to}", hint.evidence
    yield "the evidence of the abandonment", answer.abandonment_estimate.evidence


def _no_fault(answer: Answer, request: Request) -> None:
    prose = list(_prose(answer))
    tags = [("a tag", tag.tag) for tag in answer.enhanced_tags]
    read = [("a readable text", text) for text in answer.readable_text]
    echo = faults.Echo((request.system, request.prompt), (*_facts(request.known), *request.known.tags))
    for what, text in (*prose, *tags, *read):
        _refuse(what, faults.rubbish(text) or faults.form_part(text))
    for what, text in (*prose, *read):
        _refuse(what, echo.find(text))
    for what, text in (*prose, *tags):
        _refuse(what, faults.form_word(text))
    for what, text in prose:
        _refuse(what, faults.reasoning(text) or faults.repetition(text))
    room = (answer.description, answer.condition_notes, answer.spatial_notes)
    for text in room:
        _refuse("a part of the answer", faults.form_word(text.strip().replace(" ", "_")))
    _refuse("the answer", faults.repetition("\n".join(room)))


def _refuse(what: str, fault: str | None) -> None:
    if fault is not None:
        raise Rejected(f"{what} {fault}")


def _not_empty(description: str, known: Known) -> None:
    if not letters(description):
        raise Rejected("the description holds no word")
    told = {token.fold for text in (*_facts(known), *known.tags) for token in tokens(text)} | _NO_FINDING
    told |= {str(year) for year in known.era or ()} | {f"{year}s" for year in known.era or ()}
    if {token.fold for token in tokens(description)} <= told:
        raise Rejected("the description says nothing but what was known already")


def _content(text: str) -> Set[str]:
    """The folded words that make a name or a tag this one."""
    return {token.fold for token in tokens(text)} - _GENERIC


def _facts(known: Known) -> tuple[str, ...]:
    """What the model was told of the place and the view."""
    view = None if known.view_type == "unknown" else known.view_type
    facts = (known.location_name, known.location_type, known.city, known.state, view)
    return tuple([fact for fact in facts if fact])


def _only_facts(text: str, facts: Iterable[Set[str]]) -> bool:
    """Whether a text is made of whole facts: "abandoned hospital in Utica", and not "mill" of the "Red Mill"."""
    left = set(_content(text))
    for fact in facts:
        if fact and fact <= _content(text):
            left -= fact
    return not left


def _tags(tags: Iterable[EnhancedTag], request: Request, dropped: list[str]) -> Iterator[EnhancedTag]:
    facts = [_content(fact) for fact in _facts(request.known)]
    known = {fold_phrase(tag) for tag in request.known.tags}
    facets = {fold_phrase(facet) for facet in facets_of(request.schema)}
    said: set[tuple[str, ...]] = set()
    for tag in tags:
        phrase = fold_phrase(tag.tag)
        if not phrase or phrase in facets:
            dropped.append(f"the tag {tag.tag!r}, which names no thing")
        elif phrase in known or _only_facts(tag.tag, facts):
            dropped.append(f"the tag {tag.tag!r}, which was known already")
        elif phrase in said:
            dropped.append(f"the tag {tag.tag!r}, which was said before")
        else:
            said.add(phrase)
            yield tag


def _hints(hints: Iterable[EraSaid], dropped: list[str]) -> Iterator[EraSaid]:
    for hint in hints:
        if hint.from_ > hint.to:
            dropped.append(f"the era {hint.from_}-{hint.to}, which ends before it begins")
        else:
            yield hint


def _texts(texts: Iterable[str], known: Known, dropped: list[str]) -> Iterator[str]:
    """Texts that name the place are kept only where the OCR stage read them too: the model was told the name."""
    facts = [_content(fact) for fact in _facts(known)]
    ocr = Reading(known.lines)
    said: set[str] = set()
    for text in texts:
        plain = letters(text)
        if not plain or plain in _NO_TEXT:
            dropped.append(f"the readable text {text!r}, which is none")
        elif plain in said:
            dropped.append(f"the readable text {text!r}, which was said before")
        elif faults.repetition(text):
            dropped.append(f"the readable text {text[:60]!r}, which repeats itself without end")
        elif _content(text) and _only_facts(text, facts) and not ocr.agrees(text):
            dropped.append(f"the readable text {text!r}, which the model was told and nobody else read")
        else:
            said.add(plain)
            yield text


def _style(style: str, dropped: list[str]) -> str:
    if letters(style) and letters(style) not in _NO_STYLE:
        return style
    if style.strip():
        dropped.append(f"the architectural style {style!r}, which is none")
    return ""


def _abandonment(estimate: Abandonment, dropped: list[str]) -> Abandonment:
    """Years the wrong way round are no finding. The field has to be there, so it comes to say that none can be told."""
    if estimate.from_ <= estimate.to:
        return estimate
    if estimate.confidence > 0:
        dropped.append(f"the abandonment {estimate.from_}-{estimate.to}, which ends before it begins")
    return Abandonment.model_validate(
        {"from": estimate.to, "to": estimate.from_, "confidence": 0, "evidence": estimate.evidence}
    )
