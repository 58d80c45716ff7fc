"""The frozen records that cross rooms. They hold plain values only, so each serialises to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

ViewType = Literal["interior", "exterior", "aerial", "detail", "document", "unknown"]
VIEW_TYPES: tuple[ViewType, ...] = get_args(ViewType)

Years = tuple[int, int]
"""First and last year of an interval, both inclusive."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a photo's place before looking at it. None = not known."""

    view_type: ViewType | None = None
    location_type: str | None = None
    """Label of a place concept in lower case: a class ("hospital") or a category ("medical")."""
    state: str | None = None
    era: Years | None = None
    location_name: str | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that one source said about one photo; never thrown away, tags are derived from it."""

    source: str
    """Who says so: `imagenet`, `ocr`, `keyword`, `filename`, `folder`, `camera`, `florence`, `ram++`, `siglip`, ..."""
    label: str
    """A word, phrase, sentence or slugged_phrase in the source's own words."""
    score: float | None = None
    """The source's own score in [0, 1], None where it gives none."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom as shares of width and height in [0, 1], None for the whole photo."""


@dataclass(frozen=True, slots=True)
class Record:
    """A photo's evidence with its context: the input of `taxonomy.derive` (one JSON line of the CLI)."""

    id: str
    context: Context
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """One reason for a tag: a source, its words and the log-odds weight that it contributed."""

    source: str
    label: str
    weight: float


@dataclass(frozen=True, slots=True)
class TagScore:
    """One derived tag: a taxonomy concept with its confidence in [0, 1] and the reasons."""

    id: str
    """Facet, ancestors and slug: `object/furniture/bar-stool`."""
    label: str
    confidence: float
    synonyms: tuple[str, ...]
    ancestors: tuple[str, ...]
    """Labels, nearest first, facet left out."""
    why: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class SceneResult:
    """The view type with its confidence in [0, 1] and what decided it; `unknown` is an abstention."""

    view_type: ViewType
    confidence: float
    model: str
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SceneResult:
        """The result from the data that the scene stage put down as JSON; its keys are the fields.

        Raises:
            KeyError: `reasons` is missing.
            TypeError: another field is missing, or there is one too many.
        """
        return cls(**{**data, "reasons": tuple(data["reasons"])})


@dataclass(frozen=True, slots=True)
class ElementCondition:
    """How far decay has gone in one element of a place: roof, glazing, paint, floor, ..."""

    element: str
    score: float
    """In [0, 1]."""
    level: int
    """The same on an ordinal scale: 0 = sound to 3 = ruined."""
    label: str
    because: tuple[str, ...]
    """Labels of the tags that show it, the worst first."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How far decay has gone: 0 = sound, 1 = ruin, with a label for people."""

    score: float
    label: str
    elements: tuple[ElementCondition, ...] = ()
    """The worst first; elements that nothing tells of are left out."""


@dataclass(frozen=True, slots=True)
class ViewConflict:
    """What the tags say of the view where they contradict the picture's own scores."""

    view_type: ViewType
    confidence: float
    """In [0, 1]."""
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EraHint:
    """An interval of years that a cue in the photo points to."""

    years: Years
    concept: str
    kind: Literal["built", "used"]
    confidence: float
    because: tuple[str, ...] = ()
    """What was seen or read, as `source: words`, the weightiest first."""


@dataclass(frozen=True, slots=True)
class Era:
    """What the cues to the era say together."""

    built: Years | None
    """The interval in which it was built; None = no cue tells."""
    used: Years | None
    """The years from the first to the last in which it is seen to have been in use; None = no cue tells."""
    confidence: float
    """Of the weakest link of the chain that gives the narrowest bound, in [0, 1]."""
    chain: tuple[EraHint, ...]
    """The cues that agree, surest first."""
    conflicts: tuple[tuple[EraHint, EraHint], ...]
    """Pairs of cues that cannot both hold, the surer first."""


@dataclass(frozen=True, slots=True)
class Derived:
    """All that follows from one record: the output of `taxonomy.derive` (one JSON line of the CLI)."""

    id: str
    tags: tuple[TagScore, ...]
    view_type: ViewType
    view_confidence: float
    condition: Condition | None
    era: tuple[EraHint, ...]
    unmatched: tuple[str, ...]
    view_conflict: ViewConflict | None = None
    """What the tags say where they contradict the view; None where they do not."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that is kept of one photo's looks and decisions: what its tags, view and quality follow from."""

    record: Record
    scene: SceneResult | None
    """The view as the stages judged it; None where none of them does."""
    embedding: Embedding | None
    technical: float | None
    """Technical quality in [0, 1], None where the profile does not measure it."""
    rulings: Mapping[str, bool] = field(default_factory=dict)
    """A person's word by concept id, oldest first: whether it is there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that follows from one photo's material."""

    derived: Derived
    scene: SceneResult | None
    """The view as the picture alone shows it, before context and decisions."""
    quality: float | None
    """Technical quality and look in one, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What a photo's file says of itself (EXIF, IPTC, XMP); None = the file does not say."""

    format: str
    """`jpeg`, `png`, `tiff`, `webp`, `avif`, `jpeg2000`, `gif`, `heic`, or a RAW kind: `nef`, `cr2`, `cr3`, `arw`,
    `dng`, `raf`, `orf`, `rw2`, `pef`, `srw`, or `raw` for another maker's."""
    width: int
    """Pixels, orientation applied."""
    height: int
    taken: str | None = None
    """ISO 8601 local time without zone, as the camera wrote it."""
    camera_make: str | None = None
    camera_model: str | None = None
    latitude: float | None = None
    """Degrees, south negative."""
    longitude: float | None = None
    altitude: float | None = None
    """Metres above sea level (negative below)."""
    drone_make: str | None = None
    """Maker, where the camera is carried by a drone."""
    keywords: tuple[str, ...] = ()
    """IPTC keywords and dc:subject, in order, without repeats."""


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A photo to be looked at: its identity (SHA-256 in hex), where it lies and what is known."""

    id: str
    path: str
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class Embedding:
    """A photo's embedding by a dual encoder, L2-normalised: stored once, read again and again."""

    model: str
    """Name in the catalogue: `siglip-base-patch16-224`."""
    revision: str
    """Commit of its repository and precision: `7fd15f0689c7.../int8`; vectors of others do not compare with it."""
    vector: bytes
    """float16, little-endian, (dimensions,)."""


VLM_STAGE = "vlm"
"""The stage that photos are taken through apart from all others: tagging again keeps what it said."""
LEGACY_STAGE = "legacy"
"""Where the words of a tagger that was here before are kept as evidence: tagging again keeps them too."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage made of one photo."""

    stage: str
    evidence: tuple[Evidence, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """JSON values beyond evidence, under names the stage documents (`quality`: score and parts, `ocr`: lines)."""
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a photo could not be looked at. `own_fault`: the photo's, not the machine's."""

    photo: str
    stage: str
    reason: str
    own_fault: bool = True


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """All that the stages made of one photo, in the order they ran."""

    photo: PhotoRef
    facts: PhotoFacts
    stages: tuple[StageResult, ...]
    seconds: float
    """Wall time of the stages for one photo: the mean over the batch it was looked at in."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence of every stage, in stage order."""
        return tuple(piece for stage in self.stages for piece in stage.evidence)

    @property
    def data(self) -> Mapping[str, Mapping[str, Any]]:
        """What each stage put down beyond evidence, by stage name."""
        return {stage.stage: stage.data for stage in self.stages}

    @property
    def embedding(self) -> Embedding | None:
        """The photo's embedding, None where the profile has no dual encoder."""
        return next((stage.embedding for stage in self.stages if stage.embedding), None)

    @property
    def scene(self) -> SceneResult | None:
        """The view as a stage judged it, None where the profile has no such stage."""
        return scene_in(self.data)

    def material(self, rulings: Mapping[str, bool]) -> Material:
        """What its tags, view and quality follow from, with a person's word on it."""
        record = Record(self.photo.id, self.photo.context, self.evidence)
        return Material(record, self.scene, self.embedding, technical_in(self.data), rulings)


def scene_in(data: Mapping[str, Mapping[str, Any]]) -> SceneResult | None:
    """The view that a stage judged, from what the stages put down by name."""
    judged = data.get("embedding") or data.get("scene")
    return SceneResult.from_json(judged) if judged else None


def technical_in(data: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The technical quality in [0, 1], from what the stages put down by name."""
    return float(data["quality"]["score"]) if "quality" in data else None
