"""`backup`: a proved copy of the archive in another folder."""

from __future__ import annotations

from pathlib import Path

import click

from urbextag.cli.attach import Steps
from urbextag.cli.common import App, count, emit, json_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Remove older backups of this archive but for N.")
@json_option
@click.pass_obj
def backup(app: App, folder: Path, keep: int | None, as_json: bool) -> None:
    """Copy the archive's database and settings into DIR, proved.

    DIR may be a share. A worker may go on meanwhile. Photos are not copied. To restore one: docs/attach.md.
    """
    from urbextag.backup import backup as make

    with app.archive() as archive, Steps() as steps:
        made = make(archive, folder, keep, steps)
    if as_json:
        files = [str(path.relative_to(made.folder)) for path in made.files]
        removed = [str(path) for path in made.removed]
        emit(
            {"backup": str(made.folder), "files": files, "bytes": made.size, "sha256": made.sha256, "removed": removed}
        )
        return
    click.echo(f"Backed up to {made.folder}: {count(len(made.files), 'file')}, {made.size / 1e6:,.1f} MB.")
    if made.removed:
        click.echo(f"  {count(len(made.removed), 'older backup')} removed")
