"""From a path to an open list: which format it has, and what its columns are."""

import sys
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from worker.intake import delimited, jsonl
from worker.intake.encoding import HEAD, Text
from worker.intake.errors import IntakeError
from worker.intake.layout import choose_columns, read_header
from worker.intake.phones import PhoneReader
from worker.intake.recipient_list import RecipientList
from worker.intake.row import Grid
from worker.intake.workbook import open_sheet

STDIN = "-"
_NOTHING = "".join(delimited.DELIMITERS) + '\r\n "'
FORMATS = ("csv", "jsonl", "xlsx")
_BY_SUFFIX = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "xlsx"),
}
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip archive, an old Office file


def open_list(
    path: str | Path,
    *,
    phone_column: str | None = None,
    ref_column: str | None = None,
    default_region: str = "RU",
    format: str | None = None,  # noqa: A002
    called: str | None = None,
) -> RecipientList:
    """Open a list of recipients; "-" is standard input. Close it, or use it as a context manager.

    `default_region` (ISO 3166 code) is where numbers without a country belong. `format` is csv (also plain numbers),
    jsonl or xlsx; by default the file's name and its first bytes tell. In JSONL a key "ref" is the reference unless
    another is named. `called` is what the list is called in refusals, by default its path.

    Raises: IntakeError for a file that is missing, empty, no list, or has no column of phone numbers.
    """
    called = called or ("standard input" if str(path) == STDIN else str(path))
    if format not in (None, *FORMATS):
        raise IntakeError(f'there is no list format "{format}"; the formats are {", ".join(FORMATS)}')
    stream = _open(path, called)
    close = _keep_open if str(path) == STDIN else stream.close
    try:
        first = stream.read(HEAD)
        if not first:
            raise _empty(called)
        found = _found_format(format, Path(path).suffix.lower(), first, called)
        asked = _Asked(called, PhoneReader(default_region), phone_column, ref_column, close)
        if found == "xlsx":
            return _open_sheet(BytesIO(first + stream.read()), asked)
        text = Text(stream, called, first)
        rows = _open_objects(text, asked) if found == "jsonl" else _open_delimited(text, asked)
        rows.is_at_hand = stream.seekable()
        return rows
    except OSError as error:
        close()
        raise _unreadable(called, error) from error
    except BaseException:
        close()
        raise


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller asked for, the same for every format."""

    called: str
    phones: PhoneReader
    phone_column: str | None
    ref_column: str | None
    close: Callable[[], object]


def _open_delimited(text: Text, asked: _Asked) -> RecipientList:
    if not text.head.strip(_NOTHING):
        raise _empty(asked.called)
    delimiter = delimited.find_delimiter(text.head)
    grid = delimited.open_grid(text, delimiter)
    sample = delimited.sample_rows(text.head, delimiter)
    return _laid_out(grid, sample, asked, encoding=text.encoding, delimiter=delimiter)


def _open_sheet(stream: BinaryIO, asked: _Asked) -> RecipientList:
    sheet = open_sheet(stream, asked.called)
    rows = _laid_out(sheet, sheet.sample, asked)
    rows.unread_sheets = sheet.unread
    return rows


def _laid_out(
    grid: Grid,
    sample: list[list[str]],
    asked: _Asked,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> RecipientList:
    if not sample:
        raise _empty(asked.called)
    names, has_header = read_header(sample, asked.phone_column)
    layout = choose_columns(
        names,
        sample[1:] if has_header else sample,
        asked.called,
        asked.phones,
        phone_column=asked.phone_column,
        ref_column=asked.ref_column,
    )
    return RecipientList(
        grid,
        layout,
        asked.phones,
        called=asked.called,
        close=asked.close,
        has_header=has_header,
        encoding=encoding,
        delimiter=delimiter,
    )


def _open_objects(text: Text, asked: _Asked) -> RecipientList:
    names, rows = jsonl.read_columns(text.head)
    if not names:
        raise IntakeError(f"{asked.called} has no JSON objects in its first lines: write one {{...}} per line")
    ref_column = asked.ref_column or ("ref" if "ref" in names else None)
    layout = choose_columns(
        names, rows, asked.called, asked.phones, phone_column=asked.phone_column, ref_column=ref_column
    )
    return RecipientList(
        jsonl.ObjectLines(text, names),
        layout,
        asked.phones,
        called=asked.called,
        close=asked.close,
        has_header=False,
        encoding=text.encoding,
    )


def _found_format(asked: str | None, suffix: str, first: bytes, called: str) -> str:
    by_name = asked or _BY_SUFFIX.get(suffix)
    if first.startswith(_SPREADSHEETS):
        if by_name in ("csv", "jsonl"):
            raise IntakeError(f"{called} is a spreadsheet or an archive, not text: name it .xlsx, or save it as CSV")
        return "xlsx"
    if asked is None and by_name != "xlsx" and first.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        return "jsonl"
    return by_name or "csv"


def _open(path: str | Path, called: str) -> BinaryIO:
    if str(path) == STDIN:
        return sys.stdin.buffer
    try:
        if Path(path).is_dir():
            raise IntakeError(f"{called} is a directory: name the list in it")
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise IntakeError(f"there is no file {called}: check the name") from error
    except (OSError, ValueError) as error:
        raise _unreadable(called, error) from error


def _empty(called: str) -> IntakeError:
    return IntakeError(f"{called} is empty: give one recipient per line")


def _unreadable(called: str, error: Exception) -> IntakeError:
    return IntakeError(f"{called} cannot be read: {getattr(error, 'strerror', None) or error}")


def _keep_open() -> None:
    """Leave standard input to the process."""
