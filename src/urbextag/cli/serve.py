"""`serve`: the web app on this machine, with a worker beside it."""

from __future__ import annotations

import os
import webbrowser

import click

from urbextag.cli.common import App

TOKEN_VARIABLE = "URBEXTAG_TOKEN"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; another needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8420, show_default=True, help="0 takes a free one.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Another name this machine goes by.")
@click.option("--no-worker", is_flag=True, help="Only show; photos are tagged by a worker elsewhere.")
@click.option("--open", "open_browser", is_flag=True, help="Open the browser.")
@click.pass_obj
def serve(app: App, host: str, port: int, allow_hosts: tuple[str, ...], no_worker: bool, open_browser: bool) -> None:
    """Serve the archive to your browser: look, decide, watch the work.

    \b
    urbextag serve                    http://127.0.0.1:8420, for this machine alone
    urbextag serve --host 0.0.0.0     for other machines too; it prints an address with a token

    It runs a worker that tags what is queued. Stop it with Ctrl-C: photos in hand are finished.
    The token is made afresh at each start unless the environment variable URBEXTAG_TOKEN holds one.
    """
    from urbextag.web.server import Listen, serve

    root = app.root()

    def told(address: str) -> None:
        click.echo(f"Serving {root} at {address}")
        click.echo("Stop it with Ctrl-C.", err=True)
        if open_browser:
            webbrowser.open(address)

    listen = Listen(host, port, allow_hosts, os.environ.get(TOKEN_VARIABLE) or None)
    serve(root, listen, with_worker=not no_worker, told=told)
