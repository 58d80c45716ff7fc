"""What the endpoints of photos take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from urbextag.web.api.common import Body

ConceptName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Id, label or synonym of a concept."""
ConceptNames = Annotated[list[ConceptName], Field(max_length=100)]


class Why(BaseModel):
    """A reason for a tag."""

    source: str
    label: str
    """The source's own words."""
    weight: float
    """Log-odds."""


class Tag(BaseModel):
    """A tag that stands."""

    id: str
    """Facet, ancestors and slug: `object/furniture/bar-stool`."""
    label: str
    confidence: float
    band: Literal["certain", "likely", "possible", "yours"]
    origin: Literal["model", "accepted", "added"]
    """`accepted` and `added` are a person's word."""
    synonyms: list[str]
    ancestors: list[str]
    """Labels, nearest first."""
    why: list[Why]


class Struck(BaseModel):
    """A tag that a person has rejected."""

    id: str
    label: str
    of_location: bool
    """Rejected for the whole location: to be taken back there, or outranked by adding it here."""


class PhotoTags(BaseModel):
    """The tags of a photo with a person's word on them."""

    id: str
    tags: list[Tag]
    """Most certain first."""
    rejected: list[Struck]


class TagsChanged(PhotoTags):
    """The tags after a change."""

    message: str


class TagChange(Body):
    """A person's word on tags; all of it is kept and put into effect at once, or none."""

    accept: ConceptNames = Field(default_factory=list)
    """Tags that are right: they stay whatever models say later."""
    reject: ConceptNames = Field(default_factory=list)
    """Tags that are wrong: they stay away."""
    add: ConceptNames = Field(default_factory=list)
    """What the models missed."""
    clear: ConceptNames = Field(default_factory=list)
    """Earlier words that are taken back."""


class ImageReport(BaseModel):
    """All that the archive knows of a photo: the object of `urbextag show --json`."""

    id: str
    path: str
    location: str | None
    state: str | None
    """Of its last tagging job."""
    reason: str | None
    tags: list[Tag]
    rejected: list[str]
    view_type: dict[str, Any] | None
    condition: dict[str, Any] | None
    era: list[dict[str, Any]]
    era_summary: dict[str, Any] | None
    readable_text: list[str]
    quality: dict[str, Any] | None
    scene: dict[str, Any] | None
    facts: dict[str, Any]
    origins: list[dict[str, Any]]
    description: dict[str, Any] | None
    stages: dict[str, Any]
    """What each stage said: evidence and data."""


class SimilarImage(BaseModel):
    """A photo that looks like another."""

    id: str
    name: str
    location: str | None
    cosine: float
    same: bool
    """Near enough to count as showing the same."""


class SimilarImages(BaseModel):
    """What looks like a photo, nearest first."""

    model: str | None
    """Whose embeddings were compared; null: the photo has none."""
    photos: list[SimilarImage]
    why_none: str
    """Why there are no photos, for people."""
