"""Asking before what costs money: on a terminal by a question, elsewhere by `--yes`."""

import sys
from typing import Annotated

import typer

from worker.errors import ConfigurationError

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where no terminal is.")]


def check_asked(question: str, *, yes: bool) -> None:
    """Go on only if somebody wants this: `--yes`, or a yes on the terminal.

    Raises:
        ConfigurationError: nobody can be asked.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("nothing was changed: nobody can be asked here, so say it with --yes")
    typer.confirm(question, err=True, abort=True)
