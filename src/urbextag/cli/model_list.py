"""The list of models, as JSON or as a table: what they are, how large, what is here, what is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.choices import PRECISIONS, Precision
from urbextag.cli.common import console
from urbextag.errors import ModelError
from urbextag.models.catalogue import Manifest, ModelSpec, Role, load_catalogue, read_manifest

if TYPE_CHECKING:
    from urbextag.vlm.look import Server


@dataclass(frozen=True, slots=True)
class Line:
    """One model of the list."""

    spec: ModelSpec
    manifest: Manifest | None
    damaged: bool
    used: Precision | None
    """In which precision the settings use it."""


def lines(folder: Path, chosen: Mapping[Role, tuple[str, Precision]]) -> list[Line]:
    """Every known model.

    Args:
        folder: of all models.
        chosen: role -> model and precision that the settings use.

    """
    found: list[Line] = []
    for spec in load_catalogue(folder).values():
        damaged, manifest = False, None
        try:
            manifest = read_manifest(folder / spec.name)
        except ModelError:
            damaged = True
        name, precision = chosen[spec.role]
        found.append(Line(spec, manifest, damaged, precision if spec.name == name else None))
    return found


def as_json(line: Line) -> dict[str, Any]:
    """One model for programs; sizes are null where they are not known before the first pull."""
    spec = line.spec
    known = ("name", "title", "family", "role", "licence", "repository", "checkpoint")
    return {
        **{field: getattr(spec, field) for field in known},
        "revision": line.manifest.revision if line.manifest else spec.revision,
        "bytes": {precision: _bytes(line, precision) for precision in _precisions(line)},
        "here": sorted(line.manifest.precisions) if line.manifest else [],
        "damaged": line.damaged,
        "used": line.used,
    }


def _precisions(line: Line) -> list[Precision]:
    there = {*line.spec.files, *(line.manifest.precisions if line.manifest else ())}
    return sorted(there, key=PRECISIONS.index)


def _bytes(line: Line, precision: Precision) -> int | None:
    """Size of a precision with the common files, None where it is known in part only."""
    if line.manifest and precision in line.manifest.precisions:
        files = line.manifest.files(precision)
    else:
        files = {**line.spec.files[precision], **line.spec.common}
    sizes = [file.size for file in files.values()]
    return None if None in sizes else sum(size or 0 for size in sizes)


def show(folder: Path, lines: Sequence[Line]) -> None:
    """Print the table, and what the settings use but is not here."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("model", "for", "what it is", "licence", "precisions", "here", "used"):
        table.add_column(title, overflow="fold")
    for line in lines:
        sizes = [(precision, _bytes(line, precision)) for precision in _precisions(line)]
        shown = ", ".join(f"{name} {size / 1e6:,.0f} MB" if size else name for name, size in sizes)
        here = "damaged" if line.damaged else ", ".join(line.manifest.precisions) if line.manifest else ""
        cells = (line.spec.name, line.spec.role, line.spec.title, line.spec.licence, shown, here, line.used or "")
        table.add_row(*map(escape, cells))
    out = console()
    out.print(table)
    out.print(f"Folder: {escape(str(folder))}")
    lacking = [line for line in lines if line.used and (not line.manifest or line.used not in line.manifest.precisions)]
    for line in lacking:
        assert line.used is not None
        out.print(
            f"{line.spec.name} {line.used} is set and not here. {line.spec.how_to_get(line.used)}.", soft_wrap=True
        )


def server_as_json(server: Server) -> dict[str, Any]:
    """One VLM server for programs."""
    probed = asdict(server.probed) if server.probed else None
    return {"url": server.endpoint.url, "model": server.endpoint.model, "probed": probed, "fault": server.fault or None}


def show_servers(servers: Sequence[Server]) -> None:
    """Print what the VLM servers said, or what is wrong with them and what to do."""
    from rich.markup import escape

    out = console()
    for server in servers:
        if server.fault:
            out.print(f"[red]VLM[/] {escape(server.fault)}. {escape(server.remedy)}.", soft_wrap=True)
        else:
            out.print(f"VLM {escape(server.detail)}", soft_wrap=True)
