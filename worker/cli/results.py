"""`bulkpost campaign results`: one row per recipient, streamed."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import astuple, fields
from enum import StrEnum
from itertools import chain, islice
from typing import Annotated

import typer

from models.ledger.report import ResultRow
from models.ledger.report import results as read_results
from models.session import reading
from models.states import RecipientStatus
from worker.cli.console import Id, opened
from worker.errors import ConfigurationError

COLUMNS = tuple(field.name for field in fields(ResultRow))


class Format(StrEnum):
    """How results are written."""

    CSV = "csv"
    JSONL = "jsonl"


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
        if as_json:
            _write_array(rows)
        elif format_ is Format.JSONL:
            for row in rows:
                sys.stdout.write(_as_json(row) + "\n")
        else:
            _write_csv(rows)


def _begun(rows: Iterator[ResultRow]) -> Iterator[ResultRow]:
    """Read the first row, so that an unknown campaign is refused before a header is written."""
    first = list(islice(rows, 1))
    return chain(first, rows)


def _write_array(rows: Iterator[ResultRow]) -> None:
    between = "["
    for row in rows:
        sys.stdout.write(f"{between}{_as_json(row)}")
        between = ",\n"
    sys.stdout.write("]\n" if between != "[" else "[]\n")


def _as_json(row: ResultRow) -> str:
    return json.dumps(_plain(row), ensure_ascii=False)


def _write_csv(rows: Iterator[ResultRow]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_harmless(value) for value in _plain(row).values()])


def _plain(row: ResultRow) -> dict[str, object]:
    values = dict(zip(COLUMNS, astuple(row), strict=True))
    values["status"] = row.status.value
    values["updated_at"] = row.updated_at.isoformat().replace("+00:00", "Z") if row.updated_at else None
    return values


def _harmless(value: object) -> object:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _statuses(written: str | None) -> frozenset[RecipientStatus] | None:
    if written is None:
        return None
    known = [status.value for status in RecipientStatus]
    chosen = [part.strip() for part in written.split(",") if part.strip()]
    for part in chosen:
        if part not in known:
            raise ConfigurationError(f'--status "{part}": there is {", ".join(known)}')
    return frozenset(RecipientStatus(part) for part in chosen)
