"""`taxonomy proposed`: the inbox of unknown terms, and the commands that map, ignore or add them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import App, console, emit, json_option, progress, yes_option
from urbextag.cli.words_change import change, take_back
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from urbextag.taxonomy import Taxonomy

_file_option = click.option(
    "--file", "file", type=click.Path(path_type=Path), help="Which of your taxonomy files.  [default: the last]"
)


@click.group(invoke_without_command=True)
@click.option("--most", type=click.IntRange(1), default=40, show_default=True, help="Terms in the list.")
@click.option("--least", type=click.IntRange(1), default=1, show_default=True, help="Photos that a term is on.")
@json_option
@click.pass_context
def proposed(context: click.Context, most: int, least: int, as_json: bool) -> None:
    """List words that no tag has; map, ignore or add them."""
    if context.invoked_subcommand is None:
        _list(context.obj, most, least, as_json)


def _list(app: App, most: int, least: int, as_json: bool) -> None:
    from urbextag.learning.own_words import ignored_in
    from urbextag.learning.proposed import EXAMPLES, Suggester
    from urbextag.learning.proposed import proposed as find
    from urbextag.store import terms

    with app.archive() as archive:
        taxonomy = archive.load_taxonomy()
        with progress("Reading what was said", terms.photo_count(archive.db)) as update:
            found = find(archive.db, taxonomy, ignored_in(archive.config.taxonomy.files), update)
        found = [one for one in found if one.photos >= least]
        suggester = Suggester(taxonomy)
        names = terms.names(archive.db, [sha for one in found[:most] for sha in one.examples])
    rows = [
        {
            "term": one.term,
            "photos": one.photos,
            "sources": list(one.sources),
            "yours": one.yours,
            "examples": [names.get(sha, sha) for sha in one.examples[:EXAMPLES]],
            "suggestion": suggester.suggest(one.term),
        }
        for one in found[:most]
    ]
    if as_json:
        emit({"terms": len(found), "proposed": rows})
    else:
        _print(rows, len(found))


def _print(rows: list[dict[str, Any]], total: int) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        click.echo("No unknown term: all that was said has a tag, or is ignored.")
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("term", "photos", "said by", "for example", "perhaps"):
        table.add_column(title, justify="right" if title == "photos" else "left", overflow="fold")
    for row in rows:
        cells = (row["term"], f"{row['photos']:,}", ", ".join(row["sources"]), ", ".join(row["examples"]))
        table.add_row(*map(escape, cells), escape(row["suggestion"].id if row["suggestion"] else ""))
    console().print(table)
    if total > len(rows):
        click.echo(f"... and {total - len(rows):,} more: --most {total}")
    click.echo("Next: urbextag taxonomy proposed map TERM TAG, ... ignore TERM, or ... add TERM --facet FACET")


@proposed.command("map")
@click.argument("terms", nargs=-1, required=True)
@click.argument("concept")
@_file_option
@yes_option
@click.pass_obj
def map_command(app: App, terms: tuple[str, ...], concept: str, file: Path | None, yes: bool) -> None:
    """Let TERMS mean the tag CONCEPT from now on."""
    from urbextag.actions.rulings import find_concept
    from urbextag.learning.own_words import Words, named

    with app.archive() as archive:
        taxonomy = archive.load_taxonomy()
        target = taxonomy.concepts[find_concept(taxonomy, concept)[0]]
        fresh = [term for term in _terms(terms) if _owner(taxonomy, term) != target.id]
        _refuse_owned(taxonomy, fresh)
        words = Words(mapped=dict.fromkeys(fresh, named(target)))
        text = f"{_quoted(terms)} {'means' if len(terms) == 1 else 'mean'} {target.label} ({target.id})"
        change(archive, taxonomy, words, terms, text, file, yes)


@proposed.command()
@click.argument("terms", nargs=-1, required=True)
@_file_option
@yes_option
@click.pass_obj
def ignore(app: App, terms: tuple[str, ...], file: Path | None, yes: bool) -> None:
    """Drop TERMS silently from now on."""
    from urbextag.learning.own_words import Words

    with app.archive() as archive:
        taxonomy = archive.load_taxonomy()
        names = _terms(terms)
        _refuse_owned(taxonomy, names)
        change(archive, taxonomy, Words(ignored=names), (), f"{_quoted(names)} dropped", file, yes)


@proposed.command()
@click.argument("terms", nargs=-1, required=True)
@click.option("--facet", required=True, help="What kind of tag: object, room, element, ... (docs/taxonomy.md)")
@click.option("--parent", help="The tag that it is a kind of.")
@click.option("--synonym", "synonyms", multiple=True, help="Another word for it; may be given more than once.")
@_file_option
@yes_option
@click.pass_obj
def add(
    app: App,
    terms: tuple[str, ...],
    facet: str,
    parent: str | None,
    synonyms: tuple[str, ...],
    file: Path | None,
    yes: bool,
) -> None:
    """Make tags of TERMS."""
    from urbextag.actions.rulings import find_concept
    from urbextag.learning.own_words import Words, new_concept
    from urbextag.taxonomy import FACETS

    kind = next((one for one in FACETS if one == facet.strip().lower()), None)
    if kind is None:
        raise UsageError(f"there is no facet {facet!r}", f"Name one of: {', '.join(FACETS)}")
    if synonyms and len(terms) > 1:
        raise UsageError("--synonym does not say of which term it is one", "Add that term by itself")
    with app.archive() as archive:
        taxonomy = archive.load_taxonomy()
        names = _terms(terms)
        _refuse_owned(taxonomy, [*names, *synonyms])
        above = taxonomy.concepts[find_concept(taxonomy, parent)[0]] if parent else None
        concepts = dict(new_concept(kind, term, above, synonyms) for term in names)
        text = f"{_quoted(names)} made {'a tag' if len(names) == 1 else 'tags'} below {above.id if above else kind}"
        change(archive, taxonomy, Words(concepts=concepts), [*names, *synonyms], text, file, yes)


@proposed.command()
@yes_option
@click.pass_obj
def undo(app: App, yes: bool) -> None:
    """Take the last map, ignore or add back."""
    take_back(app, yes)


def _terms(terms: tuple[str, ...]) -> list[str]:
    """Terms to write, each once.

    Raises:
        UsageError: one has no letters.

    """
    from urbextag.taxonomy.words import fold_phrase

    for term in terms:
        if not fold_phrase(term):
            raise UsageError(f"{term!r} has no letters or digits", "Give a word")
    return list({fold_phrase(term): term.strip() for term in terms}.values())


def _owner(taxonomy: Taxonomy, term: str) -> str | None:
    """The concept that has this word."""
    from urbextag.taxonomy.words import fold_phrase

    return taxonomy.phrases.get(fold_phrase(term))


def _refuse_owned(taxonomy: Taxonomy, terms: list[str]) -> None:
    """A word belongs to one concept only; raises UsageError that names it."""
    for term in terms:
        if owner := _owner(taxonomy, term):
            raise UsageError(
                f"{term!r} is a word of {owner} already",
                "Take it from there first, in a file of your own: docs/taxonomy.md",
            )


def _quoted(terms: Iterable[str]) -> str:
    return ", ".join(repr(term) for term in terms)
