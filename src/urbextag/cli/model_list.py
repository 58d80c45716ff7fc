"""The list of models as a table: what they are, how large, what is here, what is used; and the VLM servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urbextag.actions.models import sizes
from urbextag.cli.common import console

if TYPE_CHECKING:
    from urbextag.actions.models import Line
    from urbextag.vlm.look import Server


def show(folder: Path, lines: Sequence[Line]) -> None:
    """Print the table, and what the settings use but is not here."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("model", "for", "what it is", "licence", "precisions", "here", "used"):
        table.add_column(title, overflow="fold")
    for line in lines:
        known = sizes(line).items()
        shown = ", ".join(f"{name} {size / 1e6:,.0f} MB" if size else name for name, size in known)
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
