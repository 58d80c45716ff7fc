"""The photos that look most like one of the archive, by the embeddings that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urbextag.similar import SAME, nearest_in
from urbextag.store import embeddings

if TYPE_CHECKING:
    from urbextag.archive import Archive


@dataclass(frozen=True, slots=True)
class Near:
    """A photo that looks like another."""

    sha: str
    cosine: float

    @property
    def same(self) -> bool:
        """Whether it counts as showing the same."""
        return self.cosine >= SAME


@dataclass(frozen=True, slots=True)
class Likeness:
    """What looks like a photo."""

    photos: tuple[Near, ...]
    """Nearest first; without the photo's other half, where it is a RAW file or was developed from one."""
    model: str | None
    """Whose embeddings were compared; None: the photo has none."""
    why_none: str
    """Why there are no photos, for people; empty where there are."""


def like(archive: Archive, sha: str, limit: int) -> Likeness:
    """The photos nearest to one, `limit` at most. Reads all embeddings block by block: 0.4 s for 100,000."""
    from urbextag.deriver import vectors

    family = embeddings.family(archive.db, sha)
    found = embeddings.of(archive.db, family)
    half = next((one for one in (sha, *family) if one in found), None)
    if half is None:
        return Likeness((), None, _why_none(archive))
    kept = found[half]
    blocks = embeddings.blocks(archive.db, kept.model, kept.revision)
    nearest = nearest_in(blocks, vectors([kept])[0], limit + len(family))
    photos = tuple([Near(other, cosine) for other, cosine in nearest if other not in family][:limit])
    return Likeness(photos, kept.model, "" if photos else "No other photo has an embedding of the same model yet.")


def _why_none(archive: Archive) -> str:
    if archive.config.profile == "starter":
        return (
            "Likeness is told by embeddings, and the profile “starter” makes none. "
            "Choose the profile “scene” or “standard” under Settings, then tag again."
        )
    return "This photo has no embedding yet: it is made when the photo is tagged."
