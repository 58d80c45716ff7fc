"""The command `urbextag`: its nouns, and the ONE boundary where errors become a line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

import click

from urbextag import __version__
from urbextag.cli.attach import attach, detach
from urbextag.cli.backfill import backfill
from urbextag.cli.backup import backup
from urbextag.cli.common import App
from urbextag.cli.enhance import enhance
from urbextag.cli.evaluate import evaluate
from urbextag.cli.jobs import jobs
from urbextag.cli.locations import locations
from urbextag.cli.models import models
from urbextag.cli.photos import add, init, show
from urbextag.cli.review import review
from urbextag.cli.search import search
from urbextag.cli.serve import serve
from urbextag.cli.similar import similar
from urbextag.cli.status import doctor, status
from urbextag.cli.tag import tag
from urbextag.cli.taxonomy import taxonomy
from urbextag.cli.worker import worker
from urbextag.errors import UrbextagError

EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted; what was finished is kept and the rest stays queued. Go on: run it again, or: urbextag tag."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--archive",
    type=click.Path(path_type=Path, file_okay=False),
    help="The archive's folder.  [default: found from here upwards]",
)
@click.option("-v", "--verbose", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="urbextag")
@click.pass_context
def cli(context: click.Context, archive: Path | None) -> None:
    """Tag archives of photos of abandoned places, on your own machine. Photos are never written.

    \b
    Start:  urbextag init ~/archive && cd ~/archive
            urbextag add ~/photos/willard --location "Willard Asylum" --type asylum --state NY
            urbextag tag
            urbextag locations show "Willard Asylum"
    """
    context.obj = App(archive)


for command in (
    init,
    attach,
    detach,
    backup,
    add,
    tag,
    enhance,
    worker,
    serve,
    show,
    search,
    similar,
    review,
    locations,
    jobs,
    status,
    doctor,
    models,
    taxonomy,
    evaluate,
    backfill,
):
    cli.add_command(command)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    Put this into its start-up file: eval "$(urbextag completion bash)"
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(cli, {}, "urbextag", "_URBEXTAG_COMPLETE").source())


def main() -> NoReturn:
    """Run the command line and exit: 0, or the exit code of the error (docs/cli.md)."""
    # A broken EXIF field is no fault of the photo: it reads as "the file does not say"
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    interrupted = threading.Event()

    def on_interrupt(number: int, frame: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, on_interrupt)
    verbose = any(argument in ("-v", "--verbose") for argument in sys.argv[1:])
    try:
        code = cli.main(prog_name="urbextag", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except UrbextagError as error:
        _tell(str(error), verbose)
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except (KeyboardInterrupt, click.Abort):
        _tell(INTERRUPTED, verbose)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of the pipe went away; the interpreter would complain of it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except UnicodeEncodeError as error:
        _tell(f"{ascii(error.object)[:80]} is not valid UTF-8 or cannot be shown here. Use another text.", verbose)
        sys.exit(EXIT_USAGE)
    except OSError as error:
        _tell(f"{error.filename or 'the system'}: {error.strerror}. Look at the path and its permissions.", verbose)
        sys.exit(EXIT_USAGE)
    except Exception as error:  # noqa: BLE001 - the last boundary: a bug becomes one line and its own exit code
        if interrupted.is_set():  # a library may turn the interruption into an error of its own
            _tell(INTERRUPTED, verbose)
            sys.exit(EXIT_INTERRUPTED)
        _tell(f"a bug: {type(error).__name__}: {error}. Run again with -v and report what it prints.", verbose)
        sys.exit(EXIT_BUG)


def _tell(line: str, verbose: bool) -> None:
    if verbose:
        traceback.print_exc()
    click.echo(f"urbextag: {line}", err=True)
