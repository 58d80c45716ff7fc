"""`add --sub`: puts the photos that were just added into a part of their place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive


def _with_letters(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty name before any photo is added."""
    if value is not None and not value.strip():
        raise UsageError("a sub-location needs a name", 'Give one: --sub "Boiler House"')
    return value


sub_option = click.option(
    "--sub",
    metavar="SUB",
    callback=_with_letters,
    help="With --location: the part of the place they show; made where it is not there yet.",
)


def put_into_sub(archive: Archive, locid: str, name: str, files: Sequence[Path], *, move: bool) -> int:
    """Put the photos of these files, as far as they are in this place, into its sub-location of that name.

    It is made where there is none. Those in another sub-location stay there unless `move`. Returns how many were put.

    Raises:
        UsageError: the name is empty, or several are called that.

    """
    from urbextag.store import locations
    from urbextag.store.db import write, write_in_slices

    with write(archive.db):
        subid = locations.find_or_make_sub(archive.db, locid, name)
    paths = [archive.stored(file) for file in files]
    put = 0

    def save(part: Sequence[str]) -> None:
        nonlocal put
        put += locations.put_into_sub(archive.db, subid, part, move=move)

    write_in_slices(archive.db, paths, save)
    return put
