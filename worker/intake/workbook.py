"""Lists in a spreadsheet file: the first visible sheet that is not empty."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import BinaryIO

from worker.intake.delimited import SAMPLE_ROWS, is_blank
from worker.intake.errors import IntakeError

Cell = str | int | float | bool | date | datetime | time | timedelta

LARGEST_WHOLE = 2**53
"""Beyond this a spreadsheet's number has lost digits without a sign."""


class Sheet:
    """A grid of one row per spreadsheet row, and a `sample` of its first ones that are not blank.

    `unread` are the names of other visible sheets with anything in them.
    """

    def __init__(self, rows: Callable[[], Iterator[list[Cell]]], unread: tuple[str, ...]) -> None:
        self.line_num = 0
        self.unread = unread
        self._rows = rows()
        texts = (list(map(_text, cells)) for cells in islice(rows(), SAMPLE_ROWS))
        self.sample = [cells for cells in texts if not is_blank(cells)]

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        cells = list(map(_text, next(self._rows)))
        self.line_num += 1
        return cells


def open_sheet(stream: BinaryIO, called: str) -> Sheet:
    """Open the first visible sheet with anything in it. The file is held in memory, unlike every other format.

    Raises: IntakeError for a file that is no spreadsheet or is locked, or where the extra `xlsx` is not installed.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum
    except ImportError as error:
        raise IntakeError(
            f"{called}: spreadsheets need one more package: pip install python-calamine (or save the list as CSV)"
        ) from error
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
        # Whoever wrote to the people of a sheet that nobody sees meant others.
        seen = [at for at, about in enumerate(workbook.sheets_metadata) if about.visible == SheetVisibleEnum.Visible]
        filled = [sheet for sheet in map(workbook.get_sheet_by_index, seen) if sheet.height]
        if filled:
            return Sheet(filled[0].iter_rows, tuple(sheet.name for sheet in filled[1:]))
    except PasswordError as error:
        raise IntakeError(f"{called} is locked with a password: save it without one, or as CSV") from error
    except CalamineError as error:
        raise IntakeError(f"{called} is not a spreadsheet that can be read ({error}): save it as CSV") from error
    raise IntakeError(f"{called} is empty: no visible sheet of it has a cell with anything in it")


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST_WHOLE:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    return str(cell)
