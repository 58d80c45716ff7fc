"""`review reject|clear --location`: a person's word on all photos of a place, those that are added later included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, confirm, count, emit, load_deriver, progress

if TYPE_CHECKING:
    from urbextag.store.decisions import Verdict


def decide_location(
    app: App, location: str, names: tuple[str, ...], verdict: Verdict, yes: bool, as_json: bool
) -> None:
    """Keep the decisions on a whole place and put them into effect (`rulings.decide_location`); asks first.

    Raises:
        UsageError: unknown place or tag.

    """
    from urbextag.actions import rulings
    from urbextag.store import decisions, locations
    from urbextag.supervisor import cores

    of_place: rulings.LocationVerdict = "reject" if verdict == "reject" else "clear"
    with app.archive() as archive:
        db, taxonomy = archive.db, archive.load_taxonomy()
        row = locations.find(db, location)
        locid, place = row["locid"], row["locnam"]
        said = decisions.of_location(db, locid) if verdict == "clear" else []
        concepts = rulings.find_concepts(taxonomy, names, said)
        effect = rulings.location_effect(archive, locid, concepts)
        if not as_json:
            _preview(concepts, verdict, place, len(effect.shas), effect.tagged)
        confirm(f"{'Reject' if verdict == 'reject' else 'Clear'} for all photos of {place}?", yes)
        deriver = load_deriver(archive.config, taxonomy, cores())
        with progress("Deriving", len(effect.shas)) as update:
            ruling = rulings.decide_location(archive, deriver, locid, concepts, of_place, update)
        before, after = ruling.before, ruling.after
    if as_json:
        tags = [
            {"id": concept_id, "label": label, "before": before[concept_id], "after": after[concept_id]}
            for concept_id, label in concepts
        ]
        emit({"location": locid, "photos": ruling.photos, "tags": tags})
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
