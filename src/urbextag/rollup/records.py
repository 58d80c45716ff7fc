"""What the roll-up reads of photos and places, and what it says of them: frozen records of plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from urbextag.records import Condition, EraHint, ViewType, Years

SuggestionKind = Literal["type", "era"]


class PhotoTag(NamedTuple):
    """One tag that stands for a photo. A tuple: a large place has a hundred thousand of them."""

    concept: str
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class PhotoSummary:
    """What the roll-up needs to know of one photo with tags."""

    sha: str
    name: str
    view_type: ViewType
    view_confidence: float
    """In [0, 1]; 0 where no stage has judged the view."""
    quality: float | None
    """In [0, 1]; None = not measured."""
    tags: tuple[PhotoTag, ...]
    condition: Condition | None = None
    """None = nothing tells."""
    era: tuple[EraHint, ...] = ()
    pair_sha: str | None = None
    """The developed picture that a RAW file belongs to."""
    subid: str | None = None
    """The sub-location it is in."""
    camera: str | None = None
    taken: str | None = None
    """ISO 8601 local time."""
    pixels: int = 0
    """Width x height."""
    reviewed: bool = False
    """Whether a person has spoken about its tags."""
    hidden: bool = False
    """Whether the owner's application hides it."""
    text: tuple[str, ...] = ()
    """Lines that OCR read, of documents only."""

    archival: bool = field(init=False)
    """Whether it is a historic photograph: it shows the place as it was. Worked out once, since it is asked often."""

    def __post_init__(self) -> None:
        historic = any(sure >= ARCHIVAL_FROM for concept, _, sure in self.tags if ARCHIVAL in concept)
        object.__setattr__(self, "archival", historic)

    @property
    def shows_the_place(self) -> bool:
        """Whether it shows the place as it is: neither a document nor a historic photograph."""
        return self.view_type != "document" and not self.archival


ARCHIVAL = "archival-photo"
"""The concept of historic photographs."""
ARCHIVAL_FROM = 0.6
"""Confidence from which the tag is believed (the band "likely"): a photo in black and white may have it by chance."""


@dataclass(frozen=True, slots=True)
class View:
    """Photos that show the same: one view of the place, with a weight of 1 whatever their number."""

    speaker: PhotoSummary
    """The photo that speaks for the view."""
    photos: tuple[PhotoSummary, ...]
    """All of them, the speaker first; RAW files whose developed picture is here are left out."""


@dataclass(frozen=True, slots=True)
class SubLocation:
    """A part of a place, such as one building of a hospital."""

    subid: str
    name: str
    photos: int
    """Tagged or not."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the owner has said of the place; None = nothing."""

    type: str | None = None
    stype: str | None = None
    built_year: str | None = None
    hero_sha: str | None = None
    dismissed_types: frozenset[str] = frozenset()
    """Labels of kinds of place that are not to be suggested again."""
    dismissed_eras: frozenset[str] = frozenset()
    """Intervals as they are written: "1920-1940"."""
    subs: tuple[SubLocation, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A photo by its id and name."""

    sha: str
    name: str


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag of the place."""

    concept: str
    label: str
    facet: str
    views: int
    """Distinct views that show it."""
    photos: int
    """Photos that show it: bursts and near-duplicates counted one by one."""
    share: float
    """Of all views, each weighted by its confidence, in (0, 1]."""
    confidence: float
    """Mean over the views that show it."""
    examples: tuple[Named, ...]
    """Sure and of good quality first."""


@dataclass(frozen=True, slots=True)
class ElementProfile:
    """The condition of one element (roof, glazing, ...) over all views that tell of it."""

    element: str
    score: float
    """Mean over the views that tell, in [0, 1]."""
    level: int
    """The same on an ordinal scale: 0 = sound to 3 = ruined."""
    label: str
    views: int
    share: float
    """Of the views that tell of any decay."""
    levels: tuple[int, int, int, int]
    """Number of views by level, 0 to 3."""
    because: tuple[str, ...]
    """What shows it, the most seen first."""
    examples: tuple[Named, ...]
    """The worst first."""


@dataclass(frozen=True, slots=True)
class PlaceCondition:
    """How far decay has gone in a place: 0 = sound, 1 = ruin; `views` is how many tell."""

    score: float
    label: str
    views: int
    elements: tuple[ElementProfile, ...]
    """The worst first."""


@dataclass(frozen=True, slots=True)
class EraCue:
    """A cue to the era, over all views that show it."""

    years: Years
    concept: str
    kind: Literal["built", "used"]
    confidence: float
    because: tuple[str, ...]
    views: int
    examples: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class PlaceEra:
    """The era that the cues give together, with the evidence chain and what contradicts it."""

    built: Years | None
    used: Years | None
    confidence: float
    chain: tuple[EraCue, ...]
    conflicts: tuple[tuple[EraCue, EraCue], ...]
    """The surer of the two first."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A view that speaks for or against a suggestion, by the photo that stands for it."""

    sha: str
    name: str
    shows: tuple[str, ...]
    """What it shows that speaks, the weightiest first."""
    weight: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the photos say that the owner has not said. It is never applied by itself."""

    kind: SuggestionKind
    value: str
    """A class ("hospital"), a category ("medical") or years ("1880-1900")."""
    columns: dict[str, str]
    """What `locations apply` would set."""
    share: float
    """Of the weight of all views that speak for or against it, in (0, 1]."""
    agree: int
    """Views that speak for it rather than against it."""
    tell: int
    """Views that speak for or against it."""
    support: float
    """Weight of all views that speak for it."""
    confidence: float
    """In [0, 1): the share, lowered where few views speak."""
    supporting: tuple[Voice, ...]
    """The strongest first."""
    contradicting: tuple[Voice, ...]
    """The strongest first; a view may speak for and against."""


@dataclass(frozen=True, slots=True)
class Hero:
    """A photo that introduces the place, and why."""

    sha: str
    name: str
    view_type: ViewType
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A paper, plan, clipping or historic photograph among the photos."""

    sha: str
    name: str
    kind: str
    """What it is: "floor plan"."""
    lines: tuple[str, ...]
    """How its text begins."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a place has been photographed, and what has not."""

    missing_views: tuple[ViewType, ...]
    """Of exterior, interior and aerial."""
    rooms: dict[str, int]
    """Distinct views by room, the most seen first."""
    unseen_rooms: tuple[str, ...]
    """Rooms that such places usually have, the most telling first."""
    rooms_of: str | None
    """The kind of place whose rooms these are; None where none is known."""
    subs_without_photos: tuple[str, ...]
    subs_without_exterior: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubSummary:
    """A sub-location in short."""

    subid: str
    name: str
    photos: int
    """Tagged or not."""
    distinct_views: int
    condition: PlaceCondition | None
    tags: tuple[str, ...]
    """Labels of what most of it shows."""


@dataclass(frozen=True, slots=True)
class LocationSummary:
    """All that a place's photos say together."""

    photos: int
    """Pictures with tags: a RAW file and its developed picture are one."""
    distinct_views: int
    views: dict[str, int]
    """Distinct views by view type, the most first."""
    suggestions: tuple[Suggestion, ...]
    condition: PlaceCondition | None
    era: PlaceEra | None
    """None where no cue tells."""
    coverage: Coverage
    documents: tuple[Document, ...]
    hero: Hero | None
    """What introduces the place best by these rules, whatever the owner chose."""
    heroes: tuple[Hero, ...]
    """The best few, each of another view."""
    locked_hero: Named | None
    """The owner's choice; it stands above ours and nothing here changes it."""
    sublocations: tuple[SubSummary, ...]
    tags: tuple[TagCount, ...]
