"""`bulkpost campaign results`: one row per recipient, streamed."""

from collections.abc import Iterator
from dataclasses import astuple, fields
from itertools import chain, islice
from typing import Annotated

import typer

from models.ledger.report import ResultRow, show
from models.ledger.report import results as read_results
from models.session import reading
from models.states import RecipientStatus
from worker.cli.console import Id, local, note, opened
from worker.cli.rows import Format, Row, write_array, write_csv, write_lines
from worker.errors import ConfigurationError

COLUMNS = tuple(field.name for field in fields(ResultRow))


def results(
    id_: Id,
    status: Annotated[str | None, typer.Option(help="Only these, separated by commas.")] = None,
    format_: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = Format.CSV,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON array; --format jsonl has an object per line.")
    ] = False,
) -> None:
    """Write what became of each recipient, in the order of the list."""
    wanted = _statuses(status)
    with opened() as runtime, reading(runtime.sessions) as session:
        rows = _begun(read_results(session, id_, statuses=wanted))
        purged_at = show(session, id_)["purged_at"]
        if purged_at is not None:
            purged = local(purged_at, runtime.settings)
            note(f"campaign {id_} was purged {purged}: numbers, references and the provider's texts are gone")
        if as_json:
            write_array(rows)
        elif format_ is Format.JSONL:
            write_lines(rows)
        else:
            write_csv(COLUMNS, rows)


def _begun(rows: Iterator[ResultRow]) -> Iterator[Row]:
    """Read the first row, so that an unknown campaign is refused before a header is written."""
    first = list(islice(rows, 1))
    return (dict(zip(COLUMNS, astuple(row), strict=True)) for row in chain(first, rows))


def _statuses(written: str | None) -> frozenset[RecipientStatus] | None:
    if written is None:
        return None
    known = [status.value for status in RecipientStatus]
    chosen = [part.strip() for part in written.split(",") if part.strip()]
    for part in chosen:
        if part not in known:
            raise ConfigurationError(f'--status "{part}": there is {", ".join(known)}')
    return frozenset(RecipientStatus(part) for part in chosen)
