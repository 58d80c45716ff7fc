"""Photos that answer words: by tags, by names and by stored embeddings, joined into one ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from urbextag.store import embeddings, listing, tag_search
from urbextag.store.listing import PhotoFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.archive import Archive
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.models.installed import Installed
    from urbextag.similar import Background
    from urbextag.taxonomy import Taxonomy
    from urbextag.taxonomy.concept import Concept

MOST = 600
"""Photos of an answer: ten pages of a grid."""
_NEAR = 4
"""So many times the photos of an answer are ranked before all are, where filters leave some of them out."""
RANK_DAMPING = 60
"""k of reciprocal rank fusion (Cormack, Clarke, Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods, SIGIR 2009)."""
CAPTION = "a photo of {}"
"""How a query is put to the model, which has learned from captions (Radford et al., Learning Transferable Visual Models
From Natural Language Supervision, 2021, 3.1.4). One prompt: a second one to average with would take as long again."""

Vector: TypeAlias = "NDArray[np.float32]"
Encode = Callable[["Installed", str], Vector]
"""A caption's vector by a dual encoder: float32 (dimensions,), of length 1."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo, and why it answers."""

    sha: str
    tags: int
    """How many of the concepts it is tagged with."""
    sigma: float | None
    """How far its picture stands out for the words, in standard deviations; None where nothing tells."""
    stands_out: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What answers a query."""

    answers: tuple[Answer, ...]
    """Best first, `MOST` at most."""
    concepts: tuple[Concept, ...]
    """That the words name."""
    pictures: int
    """Embeddings that were compared; 0 where there are none of the model of the settings."""


def search(archive: Archive, taxonomy: Taxonomy, encode: Encode, words: str, wanted: PhotoFilter) -> Found:
    """Photos that answer words, of those that are wanted.

    Args:
        archive: the archive.
        taxonomy: what words name.
        encode: of the dual encoder.
        words: one query.
        wanted: which photos may answer.

    Raises:
        ModelError: there are embeddings, and their model is not on this machine.

    """
    concepts = _named(taxonomy, words)
    # without a filter nearly every photo may answer: to look at the answers alone saves a look at all photos
    allowed = None if wanted == PhotoFilter() else set(listing.ids(archive.db, wanted))
    most = _NEAR * MOST if allowed is None else 20 * MOST

    def fits(sha: str) -> bool:
        return allowed is None or sha in allowed

    named = [concept.id for concept in concepts]
    by_tags = [(sha, number) for sha, number, _ in tag_search.tagged(archive.db, named, most) if fits(sha)]
    by_name = [sha for sha in tag_search.named(archive.db, words, most) if fits(sha)]
    by_picture, usual, compared = _by_picture(archive, encode, words, fits)
    answers = _joined(by_tags, by_name, by_picture, usual)
    if allowed is None:
        shown = set(listing.ids(archive.db, PhotoFilter(shas=tuple([answer.sha for answer in answers]))))
        answers = tuple([answer for answer in answers if answer.sha in shown])
    return Found(answers, concepts, compared)


def scene_model(archive: Archive) -> Installed:
    """The dual encoder of the settings; raises ModelError where it is not on this machine."""
    from urbextag.models.installed import installed, models_folder

    settings = archive.config.models
    return installed(models_folder(settings), settings.scene, settings.scene_precision)


def text_encoder(archive: Archive, model: Installed) -> TextEncoder:
    """What makes vectors of captions, loaded; raises ModelError."""
    from urbextag.models.dual_encoder import TextEncoder
    from urbextag.models.providers import choose
    from urbextag.supervisor import cores

    encoder = TextEncoder(model, archive.config.work.threads or cores(), choose(archive.config.models.provider))
    encoder.load()
    return encoder


def _named(taxonomy: Taxonomy, words: str) -> tuple[Concept, ...]:
    found = [one.concept for one in taxonomy.match(words).found]
    return tuple(dict.fromkeys(found))


def _by_picture(
    archive: Archive, encode: Encode, words: str, fits: Callable[[str], bool]
) -> tuple[list[tuple[str, float]], Background | None, int]:
    """(SHA-256, cosine) of the nearest, nearest first; what is usual for these words; how many were compared."""
    import numpy as np

    from urbextag.similar import Index, background

    if archive.config.profile == "starter" or not embeddings.any_kept(archive.db):
        return [], None, 0
    model = scene_model(archive)
    query = encode(model, CAPTION.format(words))
    shas: list[str] = []
    parts: list[NDArray[np.float32]] = []
    for names, matrix in embeddings.blocks(archive.db, model.spec.name, model.identity):
        shas += names
        # not `@`: the threads that BLAS takes for it wait for each other longer than so small a product takes
        parts.append(np.einsum("ij,j->i", matrix, query))
    if not shas:
        return [], None, 0
    cosines = np.clip(np.concatenate(parts), -1.0, 1.0)
    usual = background(cosines)
    index = Index(shas, cosines[:, None])
    near: list[int] = []
    for most in (_NEAR * MOST, len(shas)):  # to ask of a hundred thousand whether they fit takes as long as all cosines
        near = [row for row in index.ranked(cosines, most) if fits(shas[row])][:MOST]
        if len(near) == MOST:
            break
    return [(shas[row], float(cosines[row])) for row in near], usual, len(shas)


def _joined(
    by_tags: Sequence[tuple[str, int]],
    by_name: Sequence[str],
    by_picture: Sequence[tuple[str, float]],
    usual: Background | None,
) -> tuple[Answer, ...]:
    """The rankings as one: each gives a photo 1 / (k + rank). Pictures that do not stand out come after all others."""
    tags, near = dict(by_tags), dict(by_picture)
    outstanding = {sha for sha, cosine in by_picture if usual and usual.sigma(cosine) >= usual.least}
    scores: dict[str, float] = {}
    standing_out = [sha for sha, _ in by_picture if sha in outstanding]
    for ranking in ([sha for sha, _ in by_tags], by_name, standing_out):
        for rank, sha in enumerate(ranking, 1):
            scores[sha] = scores.get(sha, 0.0) + 1 / (RANK_DAMPING + rank)
    ranked = sorted(scores, key=lambda sha: (-scores[sha], sha))
    ranked += [sha for sha, _ in by_picture if sha not in scores]
    return tuple(
        Answer(sha, tags.get(sha, 0), usual.sigma(near[sha]) if usual and sha in near else None, sha in outstanding)
        for sha in ranked[:MOST]
    )
