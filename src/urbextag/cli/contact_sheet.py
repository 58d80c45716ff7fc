"""A contact sheet: photos as one page of HTML that needs no other file, for looking where reading would be slow."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from urbextag.cli.common import confirm
from urbextag.errors import PhotoError, UsageError

if TYPE_CHECKING:
    from urbextag.images import Limits

SUFFIXES = (".html", ".htm")
THUMBNAIL_PX = 360
"""Longest side; 15 to 30 kB of JPEG each."""
_JPEG_QUALITY = 80

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --page: #f4f3f0; --card: #fff; --ink: #1d1c1a; --soft: #6b6862; --line: #dcd9d2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #171614; --card: #232220; --ink: #ece9e3; --soft: #a19d95; --line: #3a3834; }
}
body { margin: 0 auto; max-width: 110rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; border-top: 1px solid var(--line); padding-top: .8rem; }
p { color: var(--soft); margin: .2rem 0 1.2rem; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .9rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.photo { display: grid; place-items: center; aspect-ratio: 4 / 3; background: var(--line); text-align: center; }
.photo img { width: 100%; height: 100%; object-fit: contain; }
.photo span { padding: 1rem; color: var(--soft); }
figcaption { padding: .55rem .7rem .7rem; overflow-wrap: anywhere; }
figcaption b { font-weight: 600; }
figcaption div { color: var(--soft); font-size: .87rem; }
a { color: inherit; }
</style>
<h1>$title</h1>
<p>$note</p>
$sections
</html>
""")
_SECTION = Template("""\
$heading<div class="sheet">
$tiles</div>
$more""")
_TILE = Template("""\
<figure>
<a class="photo" href="$link">$picture</a>
<figcaption><b>$facts</b>$lines</figcaption>
</figure>
""")


@dataclass(frozen=True, slots=True)
class Tile:
    """One photo of a sheet."""

    file: Path
    facts: str
    """How it was found, in a few words."""
    lines: tuple[str, ...]
    """What else is known, its name first."""


@dataclass(frozen=True, slots=True)
class Section:
    """Photos that belong together."""

    tiles: tuple[Tile, ...]
    heading: str = ""
    more: str = ""
    """What is not shown."""


def check_target(page: Path, yes: bool) -> None:
    """Make sure, before any work, that the page may be written; asks before it replaces a file.

    Raises:
        UsageError: the name is not that of a page (a photo must never be overwritten), its folder is not there, or
            there is a file already and nobody to ask.

    """
    if page.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{page} is not the name of a page", "Give it the ending .html")
    if not page.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {page.absolute().parent}", "Make it, or name another")
    if page.exists():
        confirm(f"{page} exists. Replace it?", yes)


def write(
    page: Path, title: str, note: str, sections: Sequence[Section], limits: Limits, done: Callable[[int], None]
) -> None:
    """Write the page, whole or not at all; `done` hears how many thumbnails are made.

    A thumbnail carries pixels alone, no metadata. A photo that cannot be opened is shown as the reason why.
    """
    made = 0
    parts = []
    for section in sections:
        tiles = []
        for tile in section.tiles:
            tiles.append(_tile(tile, limits))
            made += 1
            done(made)
        heading = f"<h2>{escape(section.heading)}</h2>\n" if section.heading else ""
        more = f"<p>{escape(section.more)}</p>\n" if section.more else ""
        parts.append(_SECTION.substitute(heading=heading, tiles="".join(tiles), more=more))
    text = _PAGE.substitute(title=escape(title), note=escape(note), sections="".join(parts))
    draft = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(page)
    finally:
        draft.unlink(missing_ok=True)


def _tile(tile: Tile, limits: Limits) -> str:
    try:
        picture = f'<img alt="{escape(tile.lines[0])}" src="{_thumbnail(tile.file, limits)}">'
    except PhotoError as error:
        picture = f"<span>{escape(error.message)}</span>"
    return _TILE.substitute(
        link=escape(tile.file.absolute().as_uri()),
        picture=picture,
        facts=escape(tile.facts),
        lines="".join(f"<div>{escape(line)}</div>" for line in tile.lines if line),
    )


def _thumbnail(file: Path, limits: Limits) -> str:
    """A small JPEG as a data URI; raises PhotoError."""
    from PIL import Image

    from urbextag.images import decode

    written = io.BytesIO()
    Image.fromarray(decode(file, THUMBNAIL_PX, limits)).save(written, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"
