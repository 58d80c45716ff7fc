"""`review`: a person's word on the tags of a photo or of a whole place, kept for ever and above every model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import App, complete_location, emit, json_option, load_deriver, yes_option
from urbextag.errors import UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from urbextag.store.decisions import Decision, Verdict
    from urbextag.taxonomy import Taxonomy


@click.group()
def review() -> None:
    """Accept, reject or add tags; your word outranks every model's for ever."""


def _command(name: str, help_text: str, of_location: bool = False) -> None:
    verdict: Verdict = name  # type: ignore[assignment]
    location_option = click.option(
        "--location", shell_complete=complete_location, help="All photos of this place, whatever is added later."
    )

    def command(
        app: App, words: tuple[str, ...], as_json: bool, location: str | None = None, yes: bool = False
    ) -> None:
        if location is not None:
            from urbextag.cli.review_location import decide_location

            decide_location(app, location, words, verdict, yes, as_json)
        elif len(words) < 2:
            raise UsageError("a photo and its tags are needed", f"urbextag review {name} PHOTO TAG...")
        else:
            decide(app, words[0], words[1:], verdict, as_json)

    decorated: Any = json_option(click.pass_obj(command))
    if of_location:
        decorated = location_option(yes_option(decorated))
    words = click.argument(
        "words", metavar="[PHOTO] TAG..." if of_location else "PHOTO TAG...", nargs=-1, required=True
    )
    review.command(name, help=help_text)(words(decorated))


_command("accept", "Confirm TAGS of PHOTO: they stay whatever models say later.")
_command("reject", "Strike TAGS from PHOTO, or from a whole place; they stay away.", of_location=True)
_command("add", "Add TAGS to PHOTO that the models missed.")
_command("clear", "Take back what you said of TAGS of PHOTO, or of a whole place.", of_location=True)


def decide(app: App, photo: str, names: tuple[str, ...], verdict: Verdict, as_json: bool) -> None:
    """Keep the decisions and put them into effect, in one transaction.

    Raises:
        UsageError: unknown photo or tag, a tag to accept that the photo does not have, or one to clear that is
            rejected for the whole place; nothing was changed then.

    """
    from urbextag.rederive import put_into_effect
    from urbextag.store import decisions, findings, locations, photos
    from urbextag.store.db import write
    from urbextag.supervisor import cores

    with app.archive() as archive:
        db = archive.db
        taxonomy = archive.load_taxonomy()
        deriver = load_deriver(archive.config, taxonomy, cores())
        sha = photos.find(db, photo, archive.stored(Path(photo)))["imgsha"]
        said = decisions.of(db, sha) if verdict == "clear" else []
        concepts = [one for name in names for one in decided(said, name) or [concept(taxonomy, name)]]
        _refuse_of_location(said, concepts, locations.of_photo(db, sha))
        has = {tag.concept for tag in findings.tags(db, sha)}
        for concept_id, label in concepts:
            if verdict == "accept" and concept_id not in has:
                raise UsageError(f"the photo has no tag {label!r}", f"Add it: urbextag review add {photo} {label!r}")
        with write(db):
            for concept_id, label in concepts:
                decisions.decide(db, sha, concept_id, label, verdict)
            put_into_effect(db, deriver, sha)
        tags = findings.tags(db, sha)
    if as_json:
        emit({"id": sha, "tags": [{"id": tag.concept, "label": tag.label, "origin": tag.origin} for tag in tags]})
    else:
        click.echo(f"{photo}: {', '.join(tag.label for tag in tags) or 'no tags'}")


def _refuse_of_location(
    said: Sequence[Decision], concepts: Sequence[tuple[str, str]], location: sqlite3.Row | None
) -> None:
    """What is rejected for a whole place is not cleared on one photo; raises UsageError."""
    of_location = {one.concept for one in said if one.of_location}
    for concept_id, label in concepts:
        if concept_id in of_location and location is not None:
            name = location["locnam"]
            raise UsageError(
                f"{label!r} is rejected for the whole of {name}",
                f"Clear it there: urbextag review clear --location {name!r} {label!r}, or add it to the photo",
            )


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
