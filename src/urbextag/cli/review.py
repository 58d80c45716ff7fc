"""`review`: a person's word on the tags of a photo or of a whole place, kept for ever and above every model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import App, complete_location, emit, json_option, load_deriver, yes_option
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.store.decisions import Verdict


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
    """Keep the decisions on a photo and put them into effect (`rulings.decide`).

    Raises:
        UsageError: unknown photo or tag, or what `rulings.decide` refuses; nothing was changed then.

    """
    from urbextag.actions import rulings
    from urbextag.store import decisions, findings, photos
    from urbextag.supervisor import cores

    with app.archive() as archive:
        taxonomy = archive.load_taxonomy()
        deriver = load_deriver(archive.config, taxonomy, cores())
        sha = photos.find(archive.db, photo, archive.stored(Path(photo)))["imgsha"]
        said = decisions.of(archive.db, sha) if verdict == "clear" else []
        rulings.decide(archive, deriver, sha, rulings.find_concepts(taxonomy, names, said), verdict, called=photo)
        tags = findings.tags(archive.db, sha)
    if as_json:
        emit({"id": sha, "tags": [{"id": tag.concept, "label": tag.label, "origin": tag.origin} for tag in tags]})
    else:
        click.echo(f"{photo}: {', '.join(tag.label for tag in tags) or 'no tags'}")
