"""Reads what Florence-2 writes: captions, tags, regions with boxes, lines of text; notices when it goes in circles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from urbextag.records import Evidence

Box = tuple[float, float, float, float]

SENTENCES: Mapping[str, str] = {
    "<CAPTION>": "What does the image describe?",
    "<DETAILED_CAPTION>": "Describe in detail what is shown in the image.",
    "<MORE_DETAILED_CAPTION>": "Describe with a paragraph what is shown in the image.",
    "<OD>": "Locate the objects with category name in the image.",
    "<DENSE_REGION_CAPTION>": "Locate the objects in the image, with their descriptions.",
    "<REGION_PROPOSAL>": "Locate the region proposals in the image.",
    "<OCR>": "What is the text in the image?",
    "<OCR_WITH_REGION>": "What is the text in the image, with regions?",
}
"""Task token -> the sentence that the model was trained on, for tasks that need nothing but the picture. Source:
`Florence2Processor` of transformers."""

REGION_TASKS = frozenset({"<OD>", "<DENSE_REGION_CAPTION>", "<REGION_PROPOSAL>"})
READING_TASKS = frozenset({"<OCR>", "<OCR_WITH_REGION>"})
CAPTION_TASKS = frozenset({"<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"})

BINS = 1000
"""Steps in which a side of the picture is counted by `<loc_0>` to `<loc_999>`."""
STALE_PAIRS = 32
"""Pairs of neighbouring tokens, one after the other, that a text has had before: then it says nothing more."""
STALE_REGIONS = 4
"""Regions, one after the other, that repeat a label at nearly the same place."""
SAME_PLACE = 10
"""Bins by which each side of a box may differ from an earlier one of the same label and still be the same place."""

_LOC = re.compile(r"<loc_(\d+)>")
_RUN = re.compile(r"([^<]*)((?:<loc_\d+>)+)")
_OTHER_MARK = re.compile(r"<(?!loc_\d+>)[^<>\s]*>?")
_ENDS = re.compile(r"</?s>|<pad>")
_MARK = re.compile(r"<[^<>\s]*>")
_SENTENCE = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')]))(?<!\b(?:St|Mr|Dr|Ms|No)\.)\s+(?=[A-Z\"'(])")
_TAG_WORDS = 4
"""Most words that the parts of a list have on average; longer ones are clauses of a sentence."""


@dataclass(frozen=True, slots=True)
class Region:
    """A label with a place; `bins` as written: left, top, right, bottom in [0, 999], or four corners (x, y)."""

    label: str
    bins: tuple[int, ...]

    @property
    def box(self) -> Box | None:
        """Left, top, right, bottom as shares in [0, 1]: the middles of the bins, as transformers takes them.

        None where the sides are the wrong way round: the model then named no place.
        """
        sides = self.bins
        if len(sides) == 8:
            sides = (min(sides[0::2]), min(sides[1::2]), max(sides[0::2]), max(sides[1::2]))
        left, top, right, bottom = ((side + 0.5) / BINS for side in sides)
        return (left, top, right, bottom) if left <= right and top <= bottom else None


def evidence(task: str, text: str, whole: bool) -> tuple[Evidence, ...]:
    """What an answer says of the photo; nothing is said twice, and text that fits no form says nothing.

    Sources: `florence`, and `ocr` for the words that a reading task read, which name things instead of showing them.

    Args:
        task: `<OD>` and `<DENSE_REGION_CAPTION>` give labels with boxes (`<REGION_PROPOSAL>` has boxes alone, which say
            nothing), `<OCR_WITH_REGION>` lines with boxes, captions sentences, all others sentences and tags.
        text: as decoded, special tokens included.
        whole: whether the model ended it; else what the limit cut off in the middle is left out.

    """
    return tuple(dict.fromkeys(_evidence(task, text, whole)))


def _evidence(task: str, text: str, whole: bool) -> Iterator[Evidence]:
    if task in REGION_TASKS:
        yield from (Evidence("florence", region.label, box=region.box) for region in regions(text) if region.label)
    elif task == "<OCR_WITH_REGION>":
        yield from (Evidence("ocr", region.label, box=region.box) for region in quads(text) if region.label)
    elif task in READING_TASKS:
        said = plain(text) if whole else _without_last_word(plain(text))
        yield from (Evidence("ocr", said) for said in [said] if said)
    else:
        for sentence in sentences(text, whole):
            for said in [sentence] if task in CAPTION_TASKS else phrases(sentence):
                yield Evidence("florence", said)


def plain(text: str) -> str:
    """The text without special tokens and places, with single spaces."""
    return " ".join(_MARK.sub(" ", _ENDS.sub("", text)).replace("\ufffd", " ").split())


def sentences(text: str, whole: bool = True) -> list[str]:
    """The sentences of a caption; without the last where it was cut off, or without its last word where it is the only.

    Args:
        text: as decoded.
        whole: whether the model ended it by itself.

    """
    lines = [plain(line) for line in text.splitlines()]
    found = [part.strip() for line in lines for part in _SENTENCE.split(line) if part.strip()]
    if whole or not found or found[-1].endswith((".", "!", "?")):
        return found
    if len(found) > 1:
        return found[:-1]
    return [shorter] if (shorter := _without_last_word(found[0])) else []


def phrases(sentence: str) -> list[str]:
    """The tags of a list such as `hallway, peeling paint, no humans`; the sentence itself where it is none."""
    parts = [part.strip(" .") for part in sentence.split(",")]
    parts = [part for part in parts if part]
    if len(parts) < 2 or sum(len(part.split()) for part in parts) > _TAG_WORDS * len(parts):
        return [sentence] if parts else []
    return parts


def regions(text: str) -> list[Region]:
    """Labels with boxes, in order: a label with several boxes once for each, boxes without a label with "".

    The boxes are those of `Florence2PostProcessor` in transformers; its labels lose letters beyond ASCII, these do not.
    """
    found = []
    for label, bins in _runs(text):
        groups = [tuple(bins[at : at + 4]) for at in range(0, len(bins) - 3, 4)]
        found += [Region(label, group) for group in groups if max(group) < BINS]
    return found


def quads(text: str) -> list[Region]:
    """Lines of text with their four corners, in order; one with fewer corners is passed over."""
    return [Region(label, bins[:8]) for label, bins in _runs(text) if len(bins) >= 8 and max(bins[:8]) < BINS]


def _runs(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each run of places with the words right before it; a mark of another kind between them parts them."""
    text = _OTHER_MARK.sub("<", _ENDS.sub("", text))
    for words, places in _RUN.findall(text):
        yield plain(words), tuple(int(place) for place in _LOC.findall(places))


def loop_start(ids: Sequence[int], places: Mapping[int, int]) -> int | None:
    """Where a text begins to repeat itself without end, None where it does not.

    A trigram never comes twice (`no_repeat_ngram`), so a model that is stuck varies a few words for ever or moves a box
    by a hair. Two signs: `STALE_PAIRS` pairs of neighbouring words in a row that all came before, or `STALE_REGIONS`
    regions in a row at the place of an earlier one of the same label.

    Args:
        ids: tokens.
        places: bin by token id, for `<loc_0>` to `<loc_999>`.

    """
    return _stale_pairs(ids, places) if places.keys().isdisjoint(ids) else _stale_regions(ids, places)


def _stale_pairs(ids: Sequence[int], places: Mapping[int, int]) -> int | None:
    seen: set[tuple[int, int]] = set()
    since = 0
    for at in range(1, len(ids)):
        pair = (ids[at - 1], ids[at])
        if pair not in seen:
            seen.add(pair)
            since = at + 1
        elif at - since + 1 >= STALE_PAIRS:
            return since
    return None


def _stale_regions(ids: Sequence[int], places: Mapping[int, int]) -> int | None:
    known: dict[tuple[int, ...], list[list[int]]] = {}
    label: list[int] = []
    box: list[int] = []
    begin = since = stale = 0
    for at, token in enumerate(ids):
        if token not in places:
            if at and ids[at - 1] in places:
                label, box, begin = [], [], at
            label.append(token)
            continue
        box.append(places[token])
        if len(box) < 4:
            continue
        earlier = known.setdefault(tuple(label), [])
        if any(max(abs(new - old) for new, old in zip(box, other, strict=True)) <= SAME_PLACE for other in earlier):
            since, stale = (since, stale + 1) if stale else (begin, 1)
        else:
            stale = 0
        if stale >= STALE_REGIONS:
            return since
        earlier.append(box)
        box, begin = [], at + 1
    return None


def _without_last_word(text: str) -> str:
    return text.rpartition(" ")[0].rstrip(" ,;:")
