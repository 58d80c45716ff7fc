"""The commands `urbextag taxonomy check|stats|derive`; `proposed` and `calibrate` have files of their own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from urbextag.cli.common import console, emit, json_option
from urbextag.cli.taxonomy_calibrate import calibrate
from urbextag.cli.taxonomy_proposed import proposed
from urbextag.errors import UsageError

_USER_FILES = click.option(
    "--taxonomy",
    "user_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of your own that adds to the packaged taxonomy or overrides it; may be given more than once.",
)


@click.group()
def taxonomy() -> None:
    """The vocabulary: check it, count it, derive tags from evidence; teach it your words and your judgement."""


taxonomy.add_command(proposed)
taxonomy.add_command(calibrate)


@taxonomy.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@json_option
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Validate the packaged taxonomy together with your own FILES.

    Every fault is named with its file and line; the exit code is 7 when there is one.
    """
    from urbextag.taxonomy import load_taxonomy

    loaded = load_taxonomy(files)
    if as_json:
        emit({"version": loaded.version, "concepts": len(loaded.concepts), "faults": 0})
    else:
        click.echo(f"The taxonomy is in order: {len(loaded.concepts)} concepts, version {loaded.version}.")


@taxonomy.command()
@_USER_FILES
@json_option
def stats(user_files: tuple[Path, ...], as_json: bool) -> None:
    """Count what the taxonomy holds, per facet."""
    from urbextag.taxonomy import FACETS, load_taxonomy

    loaded = load_taxonomy(user_files)
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for concept in loaded.concepts.values():
        counts[concept.facet].update(
            concepts=1,
            synonyms=len(concept.synonyms),
            generic=concept.generic,
            views=bool(concept.views),
            places=bool(concept.places),
            decay=concept.decay is not None,
            years=concept.years is not None,
        )
    rows = {facet: {name: count[name] for name in _COLUMNS} for facet, count in counts.items()}
    total = {name: sum(row[name] for row in rows.values()) for name in _COLUMNS}
    if as_json:
        emit({"version": loaded.version, "facets": rows, "total": total})
    else:
        _print_table(loaded.version, rows, total)


_COLUMNS = ("concepts", "synonyms", "generic", "views", "places", "decay", "years")


def _print_table(version: str, rows: dict[str, dict[str, int]], total: dict[str, int]) -> None:
    from rich.table import Table

    table = Table(title=f"Taxonomy {version}", show_footer=True)
    table.add_column("facet", footer="all", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right", footer=str(total[name]))
    for facet, row in rows.items():
        table.add_row(facet, *(str(row[name]) for name in _COLUMNS))
    console().print(table)


@taxonomy.command()
@click.argument("source", metavar="FILE|-", type=click.Path(path_type=Path, allow_dash=True))
@_USER_FILES
def derive(source: Path, user_files: tuple[Path, ...]) -> None:
    """Derive tags from evidence, as JSON lines.

    One record per line of FILE (- for standard input), one object per line out. Each line is
    answered before the next is read. A line that is no record ends the run with an error that names it.
    """
    from urbextag.taxonomy import derive as derive_one
    from urbextag.taxonomy import derived_to_dict, load_taxonomy, parse_record

    loaded = load_taxonomy(user_files)
    with _opened(source) as stream:
        for number, line in _lines(stream):
            derived = derive_one(loaded, parse_record(line, number))
            _answer(derived_to_dict(derived))


def _answer(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _opened(source: Path) -> IO[bytes]:
    """The file, or standard input, as bytes: the lines say themselves whether they are UTF-8."""
    try:
        return click.open_file(str(source), "rb")
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}", "Name a file of JSON lines, or -") from error


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1."""
    for number, raw in enumerate(stream, start=1):
        try:
            line = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(f"line {number}: is not UTF-8 text", "Write the records as JSON in UTF-8") from error
        if line.strip():
            yield number, line
