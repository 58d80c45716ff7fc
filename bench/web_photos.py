"""The photos of an archive that nobody took: which place each is of, with made-up tags, text and a description."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from urbextag.taxonomy import Taxonomy

PHOTOS, PLACES, LARGEST, LARGE_FILES = 100_000, 500, 5000, 240
"""Photos, places, photos of the largest place, and of the place whose files are as large as a camera makes them."""
TAGS, CONCEPTS, FAVOURITES = 17, 700, 40
"""Tags drawn for a photo (about 15 differ), of so many concepts, half of them from those that its place has most of."""
QUEUED, ASIDE, MISSING, DECISIONS, TEXT, DESCRIBED = 500, 300, 40, 4000, 0.15, 0.2
"""Jobs that wait, failed, lost their file; decisions; shares of the photos with text and with a description."""
VIEWS = ("interior", "interior", "interior", "exterior", "detail", "aerial", "document", "unknown")
DESCRIPTION = (
    "A long corridor of a closed {place} with peeling green paint and a {thing} against the left wall. The ceiling "
    "has come down in several spots, and daylight falls in through broken windows at the far end."
)


@dataclass(frozen=True)
class MadeUp:
    """One photo before it is written."""

    number: int
    sha: str
    place: int
    view: str
    level: int
    tags: tuple[tuple[str, str, float, str], ...]
    """concept, label, confidence, origin; the surest first."""
    lines: tuple[str, ...]
    description: str

    @property
    def added(self) -> str:
        """When it was added: about one a minute."""
        return moment(self.number)

    @property
    def quality(self) -> float:
        """In [0, 1]."""
        return self.number * 7919 % 10_000 / 10_000


def place_id(place: int) -> str:
    """The id of a location; 0 is the largest, 1 the one with large files, the last are the smallest."""
    return f"00000000-0000-4000-8000-{place:012}"


def sha_of(number: int) -> str:
    """The id of a photo."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def _sizes() -> list[int]:
    """How many photos each place has: one large, then fewer and fewer; together `PHOTOS`."""
    weights = [1 / (rank + 8) ** 0.9 for rank in range(PLACES - 2)]
    left = PHOTOS - LARGEST - LARGE_FILES - (PLACES - 2)
    sizes = [1 + int(left * weight / sum(weights)) for weight in weights]
    sizes[0] += PHOTOS - LARGEST - LARGE_FILES - sum(sizes)
    return [LARGEST, LARGE_FILES, *sizes]


def made_up(taxonomy: Taxonomy, chance: random.Random) -> Iterator[MadeUp]:
    """Places come one after the other, as they are imported, but the largest comes last: it is being worked on."""
    concepts = [(one.id, one.label) for one in taxonomy.concepts.values() if one.facet != "view"]
    chance.shuffle(concepts)
    concepts = concepts[:CONCEPTS]
    frequency = list(accumulate(1 / (rank + 3) for rank in range(CONCEPTS)))
    number = 0
    sizes = _sizes()
    for place in (*range(1, PLACES), 0):
        favourites = chance.choices(concepts, cum_weights=frequency, k=FAVOURITES)
        level = chance.randrange(4)
        for _ in range(sizes[place]):
            found = {*chance.choices(concepts, cum_weights=frequency, k=TAGS // 2)}
            found |= {*chance.choices(favourites, k=TAGS - TAGS // 2)}
            tags = sorted(((-chance.betavariate(2.2, 1.6)), *one) for one in found)
            lines = tuple(f"{chance.choice(concepts)[1].upper()} {n}" for n in range(chance.choice((1, 2, 5))))
            described = chance.random() < DESCRIBED
            yield MadeUp(
                number, sha_of(number), place, chance.choice(VIEWS),
                min(3, max(0, level + chance.choice((-1, 0, 0, 1)))),
                tuple((concept, label, round(max(0.3, -sure), 4), "model") for sure, concept, label in tags),
                lines if chance.random() < TEXT else (),
                DESCRIPTION.format(place=chance.choice(concepts)[1], thing=tags[0][2]) if described else "",
            )  # fmt: skip
            number += 1


def moment(number: int) -> str:
    """A time in UTC, a minute for each number."""
    days, minutes = divmod(number, 1440)
    return f"2026-{days // 28 + 1:02}-{days % 28 + 1:02}T{minutes // 60:02}:{minutes % 60:02}:00Z"
