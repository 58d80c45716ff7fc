"""Folds words to one form (case, accents, English plurals) and cuts text into tokens by spelling rules alone."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_IRREGULAR = {
    "feet": "foot", "teeth": "tooth", "geese": "goose", "mice": "mouse", "lice": "louse", "oxen": "ox",
    "men": "man", "women": "woman", "children": "child", "people": "person",
    "shelves": "shelf", "leaves": "leaf", "knives": "knife", "wolves": "wolf", "halves": "half", "loaves": "loaf",
    "calves": "calf", "wives": "wife", "scarves": "scarf", "hooves": "hoof", "wharves": "wharf", "sheaves": "sheaf",
    "bookshelves": "bookshelf", "dwarves": "dwarf", "thieves": "thief",
    "fungi": "fungus", "cacti": "cactus", "termini": "terminus", "stadia": "stadium", "gymnasia": "gymnasium",
    "sanatoria": "sanatorium", "sanitaria": "sanitarium", "auditoria": "auditorium", "crematoria": "crematorium",
    "buses": "bus", "busses": "bus", "minibuses": "minibus", "omnibuses": "omnibus", "campuses": "campus",
    "cactuses": "cactus", "circuses": "circus", "viruses": "virus", "terminuses": "terminus",
    "lenses": "lens", "gases": "gas", "gasses": "gas", "canvases": "canvas", "atlases": "atlas",
    "trellises": "trellis", "irises": "iris", "menus": "menu", "skis": "ski", "taxis": "taxi",
    "artworks": "artwork", "networks": "network", "frameworks": "framework",
}  # fmt: skip
_ENDS_IN_S = frozenset({"lens", "canvas", "atlas", "christmas", "pampas", "news"})
_WORD = re.compile(r"([^\W_]+(?:['’][^\W_]+)*)|(\.(?=\s|$)|[;:!?()\[\]{}|\n\"“”]|\s[-–—]+\s|—)|,")
_DETERMINERS = frozenset({"a", "an", "the"})

NO_BREAK, COMMA, HARD = 0, 1, 2


class Token(NamedTuple):
    """One word of a text; articles are left out and leave their mark on the word that follows."""

    fold: str
    raw: str
    gap: int
    """What stands between the word before and this one: NO_BREAK, COMMA or HARD (a sentence or clause ends)."""
    article: bool


@lru_cache(maxsize=1 << 16)
def fold(word: str) -> str:
    """One form for a word and its plural, without case and accents; the form itself need not be a word.

    Plain English spelling rules (shelf/shelves, box/boxes, story/stories) with a short list of irregular ones. Endings
    that a plural hides (`niche`/`niches`, `shoe`/`shoes`, `movie`/`movies`) lose the same letters in the singular.
    """
    plain = unicodedata.normalize("NFKD", word.casefold())
    if not plain.isascii():
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if plain in _IRREGULAR:
        return _IRREGULAR[plain]
    if any(letter.isdigit() for letter in plain):
        return plain
    return _stem(_singular(plain))


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in _ENDS_IN_S:
        return word
    if word.endswith("works") and word != "works":  # brickworks is a factory, brickwork a wall
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "zes", "sses")):
        return word[:-2]
    if word.endswith("oes") and len(word) > 4:
        return word[:-2]
    return word[:-1]


def _stem(word: str) -> str:
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if word.endswith(("che", "she", "xe", "ze", "sse")) or (word.endswith("oe") and len(word) > 3):
        return word[:-1]
    return word


def tokens(text: str) -> list[Token]:
    """The words of a phrase, sentence or slugged_phrase, in order; hyphens, underscores and slashes part words."""
    found: list[Token] = []
    gap, article = NO_BREAK, False
    for word, hard in _WORD.findall(text):
        if not word:
            gap, article = HARD if hard else max(gap, COMMA), False
            continue
        token = _token(word, gap, article)
        if token:
            found.append(token)
            gap, article = NO_BREAK, False
        else:
            article = True
    return found


@lru_cache(maxsize=1 << 16)
def _token(word: str, gap: int, article: bool) -> Token | None:
    """A word as it stands in a text; None = an article. Cached: texts repeat their words far more than themselves."""
    raw = word.lower().replace("’", "'")
    if raw in _DETERMINERS:
        return None
    if "'" in raw:
        raw = "not" if raw.endswith("n't") else raw.split("'", 1)[0]
    return Token(fold(raw), raw, gap, article)


@lru_cache(maxsize=1 << 16)
def fold_phrase(text: str) -> tuple[str, ...]:
    """The folded words of a label or synonym: two texts with the same result are the same phrase."""
    return tuple(token.fold for token in tokens(text))
