"""The command `bulkpost`: one file per group of commands.

Exit codes: 0 done, also when some rows of a list were refused; 1 refused or failed, with one clear line on stderr;
2 wrong usage.
"""

import gc
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from models.errors import LedgerError
from worker.database_faults import find_fault
from worker.errors import ConfigurationError, DispatchError

DISTRIBUTION = "bulkpost-worker"

COMMANDS = {
    "demo": "demo",
    "up": "run",
    "db": "database",
    "account": "account",
    "campaign": "campaign",
    "schedule": "schedule",
    "list": "lists",
    "stoplist": "stoplist",
    "key": "key",
    "web": "web",
    "webhooks": "webhooks",
    "why": "why",
    "prove": "prove",
    "replay": "replay",
    "purge": "purge",
    "doctor": "doctor",
    "drill": "drill",
    "bench": "bench",
    "stop": "control",
    "start": "control",
    "adopt": "adopt",
    "simulator": "simulator",
}
"""Every command in the order of the help, and the file that has it: as a group `app`, or as a function of its name."""


def command_line(asked: str | None = None) -> typer.Typer:
    """Return the command line, with the asked command alone where there is one: the others take time to load."""
    app = typer.Typer(
        name="bulkpost",
        help="Bulk messages that are sent once: campaigns in SQL, posted in batches, every answer kept.",
        callback=_options,  # also, so that it stays a group even of one command
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module = import_module(f"worker.cli.{COMMANDS[name]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def main() -> None:
    """Run the command; what is refused is one line on stderr and exit code 1."""
    app = command_line(next(iter(sys.argv[1:]), None))
    gc.freeze()  # what is loaded stays: to look through it for cycles took a tenth of a second each time
    try:
        app()
    except ConfigurationError as error:
        _fail(*error.problems)
    except (LedgerError, DispatchError) as error:
        _fail(str(error))
    except SQLAlchemyError as error:
        _fail(find_fault(error).words)
    except OSError as error:
        _fail(f"the system refused: {error}")


def _show_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"bulkpost {version(DISTRIBUTION)}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def _fail(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"bulkpost: {line}\n")
    sys.exit(1)
