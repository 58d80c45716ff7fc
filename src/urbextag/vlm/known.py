"""What is known of photos before a VLM looks at them, and whose request would read otherwise today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from urbextag.prompt import place_kind
from urbextag.records import VLM_STAGE, Findings, Material
from urbextag.states import state_name
from urbextag.store import decisions, locations, results, vlm
from urbextag.vlm.ask import prompt_fingerprint
from urbextag.vlm.records import Known

if TYPE_CHECKING:
    from urbextag.deriver import Deriver
    from urbextag.taxonomy import Taxonomy
    from urbextag.vlm.template import Template

MOST_TAGS = 15
"""Tags that are told: more make the model repeat them in place of looking."""
CHUNK = 500


def known_of(db: sqlite3.Connection, deriver: Deriver, shas: Sequence[str]) -> dict[str, Known]:
    """What is known of each of these photos that was ever tagged.

    Tags and view are derived without what a VLM said: else each answer would change the next request.
    """
    contexts = locations.contexts(db, list(shas))
    materials = results.materials(db, contexts, decisions.of_each(db, shas), without=VLM_STAGE)
    found = deriver.derive(materials)
    return {
        material.record.id: _known(deriver.taxonomy, material, one)
        for material, one in zip(materials, found, strict=True)
    }


def changed(
    db: sqlite3.Connection,
    deriver: Deriver,
    template: Template,
    models: Collection[str],
    shas: Sequence[str],
    done: Callable[[int], None],
) -> list[str]:
    """Those of the photos whose answer is to another request than would be sent today, or by none of `models`.

    `done` hears how many have been looked at.
    """
    found = []
    for start in range(0, len(shas), CHUNK):
        chunk = shas[start : start + CHUNK]
        asked = vlm.asked(db, chunk)
        for sha, known in known_of(db, deriver, list(asked)).items():
            fingerprint, model = asked[sha]
            if model not in models or fingerprint != prompt_fingerprint(known, template):
                found.append(sha)
        done(min(start + CHUNK, len(shas)))
    return found


def _known(taxonomy: Taxonomy, material: Material, found: Findings) -> Known:
    context, derived = material.record.context, found.derived
    return Known(
        view_type=derived.view_type,
        location_name=context.location_name,
        location_type=place_kind(taxonomy, context.location_type),
        era=context.era,
        city=context.city,
        state=state_name(context.state) if context.state else None,
        tags=tuple(tag.label for tag in derived.tags[:MOST_TAGS]),
        lines=tuple(piece.label for piece in material.record.evidence if piece.source == "ocr"),
    )
