"""`review reject|clear --location`: a person's word on all photos of a place, those that are added later included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, confirm, count, derive_shown, emit, load_deriver
from urbextag.cli.review import concept, decided

if TYPE_CHECKING:
    from urbextag.store.decisions import Verdict


def decide_location(
    app: App, location: str, names: tuple[str, ...], verdict: Verdict, yes: bool, as_json: bool
) -> None:
    """Keep the decisions on a whole place and put them into effect on its photos; asks first.

    The photos are marked to be derived before the decision is written: where the run is broken off, `urbextag tag
    --scope changed` brings it to its end.

    Raises:
        UsageError: unknown place or tag.

    """
    from urbextag.store import decisions, locations
    from urbextag.store.db import write, write_in_slices
    from urbextag.supervisor import cores

    with app.archive() as archive:
        db, taxonomy = archive.db, archive.load_taxonomy()
        row = locations.find(db, location)
        locid, place = row["locid"], row["locnam"]
        said = decisions.of_location(db, locid) if verdict == "clear" else []
        concepts = [one for name in names for one in decided(said, name) or [concept(taxonomy, name)]]
        shas = decisions.photos_of(db, locid)
        before = decisions.tagged_by_models(db, locid, [concept_id for concept_id, _ in concepts])
        if not as_json:
            _preview(concepts, verdict, place, len(shas), before)
        confirm(f"{'Reject' if verdict == 'reject' else 'Clear'} for all photos of {place}?", yes)
        deriver = load_deriver(archive.config, taxonomy, cores())
        write_in_slices(db, shas, lambda part: decisions.mark_stale(db, part))
        with write(db):
            for concept_id, label in concepts:
                decisions.decide_location(db, locid, concept_id, label, "reject" if verdict == "reject" else "clear")
        derive_shown(archive, deriver, shas)
        after = decisions.tagged_by_models(db, locid, [concept_id for concept_id, _ in concepts])
    if as_json:
        tags = [
            {"id": concept_id, "label": label, "before": before[concept_id], "after": after[concept_id]}
            for concept_id, label in concepts
        ]
        emit({"location": locid, "photos": len(shas), "tags": tags})
        return
    for concept_id, label in concepts:
        click.echo(
            f"{label}: on {count(before[concept_id], 'photo')} of {place} before, on {after[concept_id]:,} after"
        )


def _preview(
    concepts: Sequence[tuple[str, str]], verdict: Verdict, place: str, photos: int, before: Mapping[str, int]
) -> None:
    for concept_id, label in concepts:
        if verdict == "clear":
            click.echo(f"{label!r} is judged photo by photo again at {place}.")
            continue
        lose = "loses" if before[concept_id] == 1 else "lose"
        click.echo(f"{before[concept_id]:,} of {count(photos, 'photo')} of {place} {lose} {label!r}.")
    if verdict == "reject":
        click.echo("Photos on which you said otherwise keep it.")
