"""`enhance --show-request`: exactly what would be sent for one photo, and nothing is sent."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from urbextag.cli.common import emit, load_deriver
from urbextag.errors import UsageError

if TYPE_CHECKING:
    from urbextag.archive import Archive
    from urbextag.vlm.records import Request


def show(archive: Archive, photo: str, as_json: bool) -> None:
    """Print the request of a photo to each server: with `--json` to the byte, else with the picture told in words.

    The servers are only asked what they are, since a thinking model gets one field more.
    """
    from urbextag.store import photos
    from urbextag.supervisor import cores
    from urbextag.vlm.describe import preview
    from urbextag.vlm.desk import make_desk
    from urbextag.vlm.look import look_at_all
    from urbextag.worker import locate

    row = photos.find(archive.db, photo, archive.stored(Path(photo)))
    path = locate(archive, row["imgsha"])
    if not isinstance(path, Path):
        raise UsageError(f"{photo} {path.reason}", "Name a photo that is there")
    deriver = load_deriver(archive.config, archive.load_taxonomy(), cores())
    servers = look_at_all(archive.config.vlm)
    desk = make_desk(archive.config, deriver)(archive)
    request = preview(desk, row["imgsha"], path)
    bodies: list[dict[str, Any]] = []
    for server in servers:
        if server.fault:
            click.echo(f"urbextag: {server.fault}; what it would be sent is shown as far as it is known.", err=True)
        if server.client is not None:
            bodies.append({"url": server.endpoint.url + server.client.path, "body": server.client.body(request)})
    if as_json:
        emit(bodies)
        return
    for sent in bodies:
        _print(sent["url"], sent["body"], request)


def _print(url: str, body: dict[str, Any], request: Request) -> None:
    import json

    from PIL import Image

    size = "x".join(map(str, Image.open(io.BytesIO(request.jpeg)).size))
    digest = hashlib.sha256(request.jpeg).hexdigest()[:16]
    picture = f"<JPEG of {size} pixels, {len(request.jpeg):,} bytes, SHA-256 {digest}...; in full with --json>"
    click.echo(f"POST {url}")
    click.echo(json.dumps(_without_picture(body, picture), indent=2, ensure_ascii=False))
    click.echo(f"\nThe prompt, as the model reads it:\n\n{request.system}\n\n{request.prompt}")


def _without_picture(value: Any, picture: str) -> Any:
    """The same with the picture told in words in place of its base64."""
    if isinstance(value, dict):
        return {name: _without_picture(part, picture) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_picture(part, picture) for part in value]
    return picture if isinstance(value, str) and len(value) > 100 and " " not in value[:100] else value
