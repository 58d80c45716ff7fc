"""Known faults of what language models write, each found in one text by rules of its own; style is not judged.

The faults are those that users of VLM servers report (`ollama` issues 11452, 13084, 14716, 17871): the prompt or the
template said again, reasoning where the answer belongs, one phrase without end, tokens of the model's own, rubbish.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from urbextag.vlm.answer import Answer, EnhancedTag

ECHO_WORDS = 8
"""Words in a row that an answer and the instructions do not share by chance."""
ECHO_WHOLE = 5
"""Words from which a text that stands in the instructions as a whole was copied from there."""
PHRASE_WORDS, PHRASE_TIMES, PHRASE_LETTERS = 12, 4, 3
SENTENCE_TIMES, SENTENCE_WORDS = 3, 3

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|[\r\n]+")
_NUMBERING = re.compile(r"(?<!\S)\d{1,2}[.)](?!\S)")
"""Of a list, which an echo keeps or leaves out."""
_QUOTED = re.compile(r"\"[^\"]{1,80}\"|“[^”]{1,80}”|(?<!\w)['‘][^'’]{1,80}['’](?!\w)")
"""What a wall says is no reasoning: graffiti that reads "I need to go home"."""
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a terminal show a text in another order than it has."""
_TOKENS = re.compile(
    r"<\|[a-z_]{2,30}\|>|</?think(?:ing)?>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<unk>|\bEOS_TOKEN\b", re.IGNORECASE
)
_FIELDS = tuple(Answer.model_fields)
_FORM_WORDS = frozenset({*_FIELDS, "string"})
_TOLD = ("view", "view_type", "place", "location_name", "location_type", "location", "era", "where", "city", "state")
_SLOTS = "|".join((*_FIELDS, *EnhancedTag.model_fields, *_TOLD, "tags", "string", "text", "value", "placeholder"))
_FORM_PART = re.compile(
    rf"[<{{]{{1,2}} ?(?:{_SLOTS}) ?[>}}]{{1,2}}"
    rf'|"(?:{"|".join(_FIELDS)})" ?:'
    r"|[<{\[](?:insert|your|describe|fill in|enter|write|provide) [^>}\]]*[>}\]]"
    r"|^(?:your )?(?:description|text|notes?) (?:goes )?here\b|\blorem ipsum\b",
    re.IGNORECASE,
)
_REASONING = re.compile(
    "|".join(
        (
            r"\bthe user (?:wants?|asks?|asked|is asking|has asked|requests?|requested|provided|gave|said|needs?)\b",
            r"\bthe user's (?:request|question|prompt|instructions?|message|image|photo|query)\b",
            r"\b(?:let me|let's|let us|i need to|i should|i must|i have to|i will|i'll|i'm going to|i am going to"
            r"|we need to|we should) (?:now |first |just |also |carefully )*(?:think|look|see|check|analy|describ"
            r"|examin|start|begin|consider|identif|figure|break|note|list|provide|answer|make|write|output|produce|generate"
            r"|create|fill|go |re-?read|re-?check|verify|ensure|be |determine|estimate|focus|avoid|include|mention"
            r"|return|respond|do |try|use)",
            r"^(?:okay|ok|alright|sure|so|hmm+|wait|got it|now),? (?:so |here|let|i |i'|the user|we |first|looking)",
            r"^(?:okay|hmm+|wait|alright|got it)[,.:!]",
            r"[.!?]\s+(?:wait|hmm+),",
            r"\bas an? (?:ai|(?:large )?language model|vision(?:-language)? model)\b|\blarge language model\b",
            r"\bi(?:'m| am) (?:sorry|unable|not able)\b",
            r"\bi (?:can ?not|can't) (?:see|view|help|assist|provide|determine|identif)",
            r"\bhere(?:'s| is) (?:the|a|my|your) (?:json|answer|description|response|output)\b",
            r"\b(?:the|this|valid|a) json\b|\bjson (?:object|schema|format)\b",
            r"\bthe (?:prompt|schema) (?:says|asks|wants|requires|states|is)\b",
            r"\bthe instructions (?:say|ask|want|require)\b|\bthe (?:task|question) (?:is to|asks|wants)\b",
        )
    ),
    re.IGNORECASE,
)


def words(text: str) -> list[str]:
    """The words of a text without case and punctuation; underscores part words."""
    return _WORD.findall(text.casefold())


def rubbish(text: str) -> str | None:
    """Control characters, or tokens of the model's own, in any text of an answer."""
    for letter in text:
        if (unicodedata.category(letter) == "Cc" and letter not in "\n\r\t") or letter in _BIDI:
            return f"holds the control character U+{ord(letter):04X}"
    found = _TOKENS.search(text)
    return f"holds {found[0]!r}, a token of the model's own" if found else None


def form_word(text: str) -> str | None:
    """Nothing but the name of a field or of its type where its content belongs."""
    plain = text.casefold().strip(" \t\r\n\"'`<>{}[].:")
    return f"is nothing but {plain!r}, a word of the form" if plain in _FORM_WORDS else None


def form_part(text: str) -> str | None:
    """A form's slot that was not filled, or a filler."""
    found = _FORM_PART.search(text)
    return f"holds {found[0][:40]!r}, which is a part of a form" if found else None


def reasoning(text: str) -> str | None:
    """What a model says to itself, or to the one who asks, and not of the picture."""
    found = _REASONING.search(_QUOTED.sub(" ", text.strip().replace("’", "'")))
    return f"holds the model's reasoning ({found[0].strip()[:40]!r})" if found else None


def repetition(text: str) -> str | None:
    """One phrase of up to 12 words four times in a row, or one sentence or line three times.

    Words are parted by blanks here, and a phrase has at least three letters, so that rows of figures pass.
    """
    said = [word for part in text.casefold().split() if (word := part.strip(".,;:!?-–—\"'“”()[]"))]
    for length in range(1, PHRASE_WORDS + 1):
        same = 0
        for place in range(length, len(said)):
            same = same + 1 if said[place] == said[place - length] else 0
            if same >= length * (PHRASE_TIMES - 1):
                phrase = " ".join(said[place - length + 1 : place + 1])
                if sum(letter.isalpha() for letter in phrase) >= PHRASE_LETTERS:
                    return f"says {phrase[:60]!r} over and over"
    sentences = Counter(tuple(words(sentence)) for sentence in _SENTENCE_END.split(text))
    for sentence, times in sentences.items():
        if times >= SENTENCE_TIMES and len(sentence) >= SENTENCE_WORDS:
            return f"says {' '.join(sentence)[:60]!r} {times} times"
    return None


class Echo:
    """Finds the instructions, or what was told with them, said again."""

    def __init__(self, instructions: Iterable[str], names: Iterable[str]) -> None:
        """Names of more than one word count as one: a long one is no echo by itself."""
        long = {" ".join(said) for name in names if len(said := words(name)) > 1}
        any_name = "|".join(re.escape(name) for name in sorted(long, key=len, reverse=True))
        self._names = re.compile(rf"(?<![^ ])(?:{any_name})(?![^ ])") if long else None
        told = [self._joined(text) for text in instructions]
        self._runs = {run for text in told for run in _runs(text)}
        self._told = [f" {' '.join(text)} " for text in told]

    def find(self, text: str) -> str | None:
        """Where a text repeats the instructions: 8 words in a row, or as a whole from 5 words."""
        said = self._joined(text)
        for run in _runs(said):
            if run in self._runs:
                return f"repeats the instructions ({' '.join(run)[:80]!r})"
        whole = f" {' '.join(said)} "
        if len(said) >= ECHO_WHOLE and any(whole in told for told in self._told):
            return f"is a part of the instructions ({whole.strip()[:80]!r})"
        return None

    def _joined(self, text: str) -> list[str]:
        said = words(_NUMBERING.sub(" ", text))
        if self._names is None:
            return said
        return self._names.sub(lambda name: name[0].replace(" ", "_"), " ".join(said)).split()


def _runs(said: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(said[place : place + ECHO_WORDS]) for place in range(len(said) - ECHO_WORDS + 1)]
