"""Turns a believed answer into evidence, weak as a VLM's word is, and into what is kept of it beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from urbextag.records import VLM_STAGE, Evidence, StageResult
from urbextag.vlm.answer import Answer, Band
from urbextag.vlm.believe import Believed
from urbextag.vlm.reading import Reading
from urbextag.vlm.records import Probed, Reply, Request

TEXT_SOURCE = "vlm-text"
SCORES: Mapping[Band, float] = {"certain": 0.7, "likely": 0.5, "possible": 0.3}
"""A VLM's certainty is a word that it chose, not a measure: none of them comes near 1."""
STYLE_SCORE = 0.5
READ_TWICE, READ_ALONE = 0.9, 0.4
"""Score of a text that the OCR stage read too, and of one that nobody else did."""


def result(believed: Believed, request: Request, reply: Reply, probed: Probed, endpoint_url: str) -> StageResult:
    """What the stage made of one photo.

    Evidence: source `vlm`, one per tag, scored by its band, and the architectural style; source `vlm-text`, one per
    text that the model read. Data: `answer` (with the names of the schema), `how` and `dropped` (see `Believed`),
    `text` (list of `{text, ocr}`; `ocr`: the OCR stage read it too), `raw` (body of the response), `model`, `digest`
    (None where the server gives none), `endpoint`, `prompt` (what the model was told and asked), `fingerprint`,
    `template`, `seed`, `seconds`, `prompt_tokens` and `tokens` (None where the server does not count).
    """
    answer = believed.answer
    ocr = Reading(request.known.lines)
    read = [(text, ocr.agrees(text)) for text in answer.readable_text]
    data = {
        "answer": answer.model_dump(mode="json", by_alias=True),
        "how": believed.how,
        "dropped": list(believed.dropped),
        "text": [{"text": text, "ocr": agreed} for text, agreed in read],
        "raw": reply.raw,
        "model": probed.model,
        "digest": probed.digest,
        "endpoint": endpoint_url,
        "prompt": request.prompt,
        "fingerprint": request.fingerprint,
        "template": request.template,
        "seed": request.seed,
        "seconds": reply.seconds,
        "prompt_tokens": reply.prompt_tokens,
        "tokens": reply.tokens,
    }
    return StageResult(VLM_STAGE, (*_seen(answer), *_read(read)), data)


def _seen(answer: Answer) -> Iterator[Evidence]:
    for tag in answer.enhanced_tags:
        yield Evidence(VLM_STAGE, _line(tag.tag), SCORES[tag.confidence])
    if answer.architectural_style:
        yield Evidence(VLM_STAGE, _line(answer.architectural_style), STYLE_SCORE)


def _read(read: Iterable[tuple[str, bool]]) -> Iterator[Evidence]:
    for text, agreed in read:
        yield Evidence(TEXT_SOURCE, _line(text), READ_TWICE if agreed else READ_ALONE)


def _line(text: str) -> str:
    """A label is one line."""
    return " ".join(text.split())
