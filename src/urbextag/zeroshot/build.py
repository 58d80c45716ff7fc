"""Makes a `ZeroShot` of prompts, taxonomy and model: averages prompt embeddings and lays out the backgrounds."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from urbextag.errors import ModelError
from urbextag.zeroshot.background import lay_out
from urbextag.zeroshot.bank import TextEncoder, encode_prompts
from urbextag.zeroshot.prompts import GROUNDS, VIEWS, Prompts, load_prompts
from urbextag.zeroshot.read import Vectors, ZeroShot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urbextag.config import ZeroShotConfig
    from urbextag.models.installed import Installed
    from urbextag.taxonomy import Concept, Taxonomy

    Floats = NDArray[np.float32]

VERSION = 1
"""Raised by hand when the code would read the same embedding, prompts and taxonomy otherwise."""

_log = logging.getLogger(__name__)


def open_zero_shot(
    settings: ZeroShotConfig,
    taxonomy: Taxonomy,
    model: Installed,
    encoder: Callable[[], TextEncoder],
    cache: Path,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> ZeroShot:
    """The reader of a model's embeddings, its prompts encoded where no one has encoded them yet.

    Args:
        settings: `[zero_shot]` of urbextag.toml.
        taxonomy: the concepts to look for.
        model: the dual encoder; its files are not opened here.
        encoder: makes its text half; called only if a prompt has to be encoded.
        cache: folder of the files that remember encoded prompts.
        told: hears how many prompts are done of those that have to be encoded.

    Raises:
        ConfigError: the prompts are wrong.
        ModelError: the model is no dual encoder, or its text half fails.
    """
    prompts = load_prompts(settings.prompts)
    scale = model.spec.logit_scale
    if scale is None:
        raise ModelError(
            f"{model.spec.name} has no scale for cosines, so it is no dual encoder",
            "Choose another with: urbextag models use NAME",
        )
    asked = prompts.of_concepts(taxonomy)
    labels = _labels(taxonomy, asked)
    asked = {concept_id: asked[concept_id] for concept_id in labels}
    grounds: dict[str, tuple[tuple[str, ...], ...]] = {
        name: members for name in GROUNDS if (members := prompts.of_background(name))
    }
    texts = [text for group in _texts(prompts, asked, grounds) for text in group]
    known = encode_prompts(texts, f"{model.spec.name} {model.identity}", encoder, cache, told)

    rules = prompts.calibration
    concepts = _means(known, list(asked.values()))
    facets = [taxonomy.concepts[concept_id].facet for concept_id in asked]
    backgrounds = {name: _means(known, members) for name, members in grounds.items()}
    order, background, laid = lay_out(facets, concepts, backgrounds, rules.near, rules.spread_floor)
    said = list(labels.values())
    about = [VERSION, model.spec.name, model.identity, scale, prompts.version, settings.view_margin]
    return ZeroShot(
        model=model.spec.name,
        revision=model.identity,
        fingerprint=_digest([*about, settings.quality_share, taxonomy.version]),
        logit_scale=scale,
        view_margin=settings.view_margin,
        quality_share=settings.quality_share,
        labels=tuple(said[index] for index in order),
        pairs=tuple(prompts.quality),
        grounds=laid,
        calibration=rules,
        vectors=Vectors(
            views=_means(known, [prompts.views[view] for view in VIEWS]),
            concepts=concepts[order],
            background=background,
            positive=_means(known, [pair.positive for pair in prompts.quality.values()]),
            negative=_means(known, [pair.negative for pair in prompts.quality.values()]),
        ),
    )


def evidence_label(taxonomy: Taxonomy, concept: Concept) -> str | None:
    """Words that the taxonomy matches to this concept alone and in full: its label or a synonym, None if none does."""
    for words in (concept.label, *concept.synonyms):
        matches = taxonomy.match(words)
        if [(found.concept.id, found.certainty) for found in matches.found] == [(concept.id, 1.0)]:
            return words
    return None


def _labels(taxonomy: Taxonomy, asked: Iterable[str]) -> dict[str, str]:
    """What the evidence says for each concept; one that no word names is left out: its evidence would be lost."""
    labels: dict[str, str] = {}
    for concept_id in asked:
        label = evidence_label(taxonomy, taxonomy.concepts[concept_id])
        if label is None:
            _log.warning("Photos are not searched for %s: none of its words names it and nothing else", concept_id)
        else:
            labels[concept_id] = label
    return labels


def _texts(
    prompts: Prompts, asked: Mapping[str, Sequence[str]], grounds: Mapping[str, Sequence[Sequence[str]]]
) -> Iterator[Sequence[str]]:
    yield from prompts.views.values()
    for pair in prompts.quality.values():
        yield pair.positive
        yield pair.negative
    yield from asked.values()
    for members in grounds.values():
        yield from members


def _means(known: Mapping[str, Floats], groups: Sequence[Sequence[str]]) -> Floats:
    """The mean embedding of each group of prompts, L2-normalised again: (groups, dimensions)."""
    import numpy as np

    means = np.stack([np.mean([known[prompt] for prompt in group], axis=0) for group in groups])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    if not np.all(lengths > 1e-3):
        culprit = groups[int(np.argmin(lengths))]
        raise ModelError(
            f"The prompts {', '.join(culprit)} point in opposite directions",
            "Pull the model again: urbextag models pull",
        )
    means = np.asarray(means / lengths, np.float32)
    means.flags.writeable = False
    return means


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
