"""`add --sub`: the part of their place that photos are put into."""

from __future__ import annotations

import click

from urbextag.errors import UsageError


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
