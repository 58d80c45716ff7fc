"""What the owner's words change: shown, asked, written into the file, noted; and the last of it taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.cli.common import App, confirm, count, load_deriver, progress
from urbextag.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.learning.own_words import Draft, Words
    from urbextag.learning.proposed import Moved
    from urbextag.store.terms import OwnWord
    from urbextag.taxonomy import Taxonomy

NEXT = "Next: urbextag tag --scope changed"
UNDONE = 20
"""Changes that can be taken back, one after the other."""


def change(
    archive: Archive,
    taxonomy: Taxonomy,
    words: Words,
    terms: Sequence[str],
    text: str,
    file: Path | None,
    yes: bool,
) -> None:
    """Preview, ask, write the file and let the person's own words of that name stand as tags.

    Args:
        archive: the open archive.
        taxonomy: what it loads.
        words: what to put into the file.
        terms: a person's own words of these names become the tags that the file makes of them.
        text: the change in words.
        file: as the option gives it.
        yes: do not ask.

    """
    from urbextag.learning.own_words import make_draft
    from urbextag.learning.proposed import affected, own_photos

    path, fresh = _file(archive, file)
    files = [*archive.config.taxonomy.files, *([path] if fresh else [])]
    changed = [*words.mapped, *words.ignored, *terms]
    draft = make_draft(path, words, files, archive.config.taxonomy.calibration) if words else None
    new = draft.taxonomy if draft else taxonomy
    mine = own_photos(archive.db, terms)
    if draft is None and not mine:
        click.echo(f"{text}: so it stands already. Nothing was changed.")
        return
    photos = affected(archive.db, taxonomy, new, changed) if draft else []
    click.echo(f"{text}. Said of {count(len(photos), 'photo')}.")
    if mine:
        click.echo(f"It is a tag of your own on {count(len({word.sha for word in mine}), 'photo')}, and stays yours.")
    confirm(f"Write this into {path.name}?" if draft else "Move them?", yes)
    if draft:
        draft.write()
        if fresh:
            _name_in_settings(archive, path)
    _keep(archive, new, path, draft, mine, text)
    click.echo(f"Written into {path.name}. {NEXT}" if draft else "Moved.")
    click.echo("Take it back: urbextag taxonomy proposed undo")


def _keep(
    archive: Archive, taxonomy: Taxonomy, path: Path, draft: Draft | None, mine: Sequence[OwnWord], text: str
) -> None:
    """Move the person's own words, and note what was done for `undo`."""
    from urbextag.actions.rulings import find_concept
    from urbextag.learning.proposed import move_words
    from urbextag.store import terms
    from urbextag.store.db import write
    from urbextag.supervisor import cores

    moved: list[Moved] = []
    for word in mine:
        concept_id, label = find_concept(taxonomy, word.label)
        moved.append((word.sha, word.concept, word.label, concept_id, label))
    made: list[Moved] = []
    if moved:
        deriver = load_deriver(archive.config, taxonomy, cores())
        with progress("Photos", len(moved)) as update:
            made = move_words(archive.db, deriver, moved, update)
    stored = path.relative_to(archive.root) if path.is_relative_to(archive.root) else path
    note = {
        "text": text,
        "file": stored.as_posix(),
        "before": draft.before if draft else _text(path),
        "after": draft.after if draft else _text(path),
        "moved": moved,
        "made": made,
    }
    with write(archive.db):
        terms.keep_changes(archive.db, [*terms.changes(archive.db), note][-UNDONE:])


def _file(archive: Archive, file: Path | None) -> tuple[Path, bool]:
    """The owner's file that is written into, and whether it is made.

    Raises:
        UsageError: `file` is none of those in the settings, or one of the name we would make lies there unnamed.

    """
    from urbextag.learning.own_words import FILE_NAME

    files = archive.config.taxonomy.files
    if file is not None:
        wanted = (Path.cwd() / file).resolve()
        chosen = next((one for one in files if one.resolve() == wanted or one.name == str(file)), None)
        if chosen is None:
            raise UsageError(f"{file} is none of your taxonomy files", "Name it under [taxonomy] in urbextag.toml")
        return chosen, False
    if files:
        return files[-1], False
    path = archive.root / FILE_NAME
    if path.exists():
        raise UsageError(
            f"{path} lies here and urbextag.toml does not name it",
            f'Write files = ["{FILE_NAME}"] under [taxonomy], or move it away',
        )
    return path, True


def _name_in_settings(archive: Archive, path: Path) -> None:
    from urbextag.config_edit import change_settings

    try:
        change_settings(archive.root, {"taxonomy": {"files": [path.name]}})
    except ConfigError:
        path.unlink()
        raise


def take_back(app: App, yes: bool) -> None:
    """Take the last change back; raises UsageError where there is none, or its file was edited since."""
    from urbextag.config_edit import change_settings
    from urbextag.learning.own_words import replace_file
    from urbextag.learning.proposed import move_back
    from urbextag.store import terms
    from urbextag.store.db import write
    from urbextag.supervisor import cores

    with app.archive() as archive:
        kept = terms.changes(archive.db)
        if not kept:
            raise UsageError("there is nothing to take back", "List the unknown terms: urbextag taxonomy proposed")
        last = kept[-1]
        path = archive.root / last["file"]
        if not path.is_file() or _text(path) != last["after"]:
            raise UsageError(
                f"{path} was edited since, so {last['text']!r} cannot be taken back by itself",
                "Take the lines out of that file by hand",
            )
        click.echo(f"{last['text']}: this is taken back in {path.name}.")
        confirm("Take it back?", yes)
        if last["before"] is None:
            change_settings(archive.root, {"taxonomy": {"files": None}})
            path.unlink()
        else:
            replace_file(path, last["before"])
    with app.archive() as archive:  # by the settings that stand now
        moved = [tuple(one) for one in last["moved"]]
        if moved:
            deriver = load_deriver(archive.config, archive.load_taxonomy(), cores())
            with progress("Photos", len(moved)) as update:
                move_back(archive.db, deriver, moved, {tuple(one) for one in last["made"]}, update)
        with write(archive.db):
            terms.keep_changes(archive.db, kept[:-1])
    click.echo(f"Taken back. {NEXT}")


def _text(path: Path) -> str | None:
    """The content as it stands, line ends included; None where there is none."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
