"""`review`: a person's word on a photo's tags, kept for ever and above every model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, emit, json_option, load_deriver
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urbextag.store.decisions import Decision, Verdict
    from urbextag.taxonomy import Taxonomy


@click.group()
def review() -> None:
    """Accept, reject or add tags; your word outranks every model's for ever."""


def _command(name: str, help_text: str) -> None:
    verdict: Verdict = name  # type: ignore[assignment]

    @review.command(name, help=help_text)
    @click.argument("photo")
    @click.argument("tags", nargs=-1, required=True)
    @json_option
    @click.pass_obj
    def command(app: App, photo: str, tags: tuple[str, ...], as_json: bool) -> None:
        decide(app, photo, tags, verdict, as_json)


_command("accept", "Confirm TAGS of PHOTO: they stay whatever models say later.")
_command("reject", "Strike TAGS from PHOTO: they stay away whatever models say later.")
_command("add", "Add TAGS to PHOTO that the models missed.")
_command("clear", "Take back what you said of TAGS of PHOTO.")


def decide(app: App, photo: str, names: tuple[str, ...], verdict: Verdict, as_json: bool) -> None:
    """Keep the decisions and put them into effect, in one transaction.

    Raises:
        UsageError: unknown photo or tag, or a tag to accept that the photo does not have; nothing was changed then.

    """
    from urbextag.rederive import derive_again
    from urbextag.store import decisions, findings, photos
    from urbextag.store.db import write
    from urbextag.supervisor import cores

    with app.archive() as archive:
        db = archive.db
        taxonomy = archive.load_taxonomy()
        deriver = load_deriver(archive.config, taxonomy, cores())
        sha = photos.find(db, photo, archive.stored(Path(photo)))["imgsha"]
        said = decisions.of(db, sha) if verdict == "clear" else []
        concepts = [one for name in names for one in decided(said, name) or [concept(taxonomy, name)]]
        has = {tag.concept for tag in findings.tags(db, sha)}
        for concept_id, label in concepts:
            if verdict == "accept" and concept_id not in has:
                raise UsageError(f"the photo has no tag {label!r}", f"Add it: urbextag review add {photo} {label!r}")
        with write(db):
            for concept_id, label in concepts:
                decisions.decide(db, sha, concept_id, label, verdict)
            if not derive_again(db, deriver, [sha]):
                findings.publish_decisions(db, sha, decisions.of(db, sha))
        tags = findings.tags(db, sha)
    if as_json:
        emit({"id": sha, "tags": [{"id": tag.concept, "label": tag.label, "origin": tag.origin} for tag in tags]})
    else:
        click.echo(f"{photo}: {', '.join(tag.label for tag in tags) or 'no tags'}")


def decided(said: Sequence[Decision], name: str) -> list[tuple[str, str]]:
    """(id, label) of the decided concepts of that id, else of that label: the taxonomy may have lost them since."""
    by_id = [(one.concept, one.label) for one in said if one.concept == name.strip()]
    return by_id or [(one.concept, one.label) for one in said if one.label.lower() == name.strip().lower()]


def concept(taxonomy: Taxonomy, name: str) -> tuple[str, str]:
    """(id, label) of the concept of that id, label or synonym.

    Raises:
        UsageError: the taxonomy has none.

    """
    from difflib import get_close_matches

    found = taxonomy.find(name)
    if found is None:
        close = get_close_matches(name.lower(), [c.label for c in taxonomy.concepts.values()], 3, 0.6)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "Add it in a file of your own: docs/taxonomy.md"
        raise UsageError(f"the taxonomy has no concept {name!r}", remedy)
    return found.id, found.label
