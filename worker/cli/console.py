"""What every command shares: how it opens the installation, and how it shows things to people and to programs."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from worker.logs import configure_logging
from worker.runtime import Runtime, open_runtime
from worker.settings import Settings, load_settings
from worker.start import check_version

WIDE = 1000
"""Columns where no terminal limits them: nothing is folded for a program."""

LARGEST_ID = 2**63 - 1
Id = Annotated[int, typer.Argument(help="The campaign's number.", min=1, max=LARGEST_ID, metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]


class _Output(Console):
    """Leaves it to `opened` what happens when whoever reads has gone; rich would end with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = _Output(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def opened(*, checked: bool = True) -> Iterator[Runtime]:
    """Open the installation that the environment describes; `checked` refuses a database of another version."""
    settings = load_settings()
    configure_logging(settings)
    runtime = open_runtime(settings)
    try:
        if checked:
            check_version(runtime.engine)
        yield runtime
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough (`bulkpost campaign results 1 | head`): no failure. What is still
        # buffered must not fail a second time when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    finally:
        runtime.close()


def show_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain, indent=2 if sys.stdout.isatty() else None))
    sys.stdout.write("\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print rows under their headings; without lines and colours where no person looks."""
    table = Table(box=SIMPLE_HEAD if out.is_terminal else None, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


def local(moment: datetime | None, settings: Settings) -> str:
    """Write a moment in the installation's zone."""
    return "" if moment is None else moment.astimezone(ZoneInfo(settings.time_zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def note(line: str) -> None:
    """Say something beside the result, on stderr."""
    err.print(line, markup=False)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in JSON")
