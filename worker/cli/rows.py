"""Rows on stdout, streamed: as CSV that no spreadsheet runs as a formula, or as JSON."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

Row = Mapping[str, object]


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


def write_csv(columns: Sequence[str], rows: Iterator[Row]) -> None:
    """Write a header and the rows."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(_plain(value)) for value in row.values()])


def write_lines(rows: Iterator[Row]) -> None:
    """Write one JSON object per line."""
    for row in rows:
        sys.stdout.write(_as_json(row) + "\n")


def write_array(rows: Iterator[Row]) -> None:
    """Write one JSON array, an object per line of it."""
    between = "["
    for row in rows:
        sys.stdout.write(f"{between}{_as_json(row)}")
        between = ",\n"
    sys.stdout.write("]\n" if between != "[" else "[]\n")


def _as_json(row: Row) -> str:
    return json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.value if isinstance(value, StrEnum) else value


def _harmless(value: object) -> object:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
