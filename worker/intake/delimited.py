"""Lists with a delimiter, and plain numbers, which are the same with one column."""

from collections import Counter
from collections.abc import Iterable, Sequence
from csv import reader
from io import StringIO
from itertools import chain, islice
from re import IGNORECASE
from re import compile as compile_pattern

from worker.intake.encoding import Text
from worker.intake.phones import resembles_phone
from worker.intake.row import Grid

DELIMITERS = (";", "\t", ",", "|")
SAMPLE_ROWS = 100
END = "\0end"
"""A last line that is no data: it comes back whole unless a quote was never closed. No text list holds a NUL."""

_NO_DELIMITER = "\x1f"
_SAID = compile_pattern(r'("?)sep=(.)\1\s*', flags=IGNORECASE)  # a first line that spreadsheets write and read


def find_delimiter(head: str) -> str | None:
    """Return the delimiter of the first lines, None where every row is one cell.

    The one that sets the most phone numbers apart wins, then the one that gives the most rows the same number of cells.
    """
    said = _said(head)
    if said is not None:
        return said
    best, best_score = None, (_phone_count(_cells(head, None)), 0)
    for delimiter in DELIMITERS:
        rows = _cells(head, delimiter)
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        score = (_phone_count(rows), count)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def sample_rows(head: str, delimiter: str | None) -> list[list[str]]:
    """Return the first rows that are not blank."""
    return _cells(head, delimiter)[_said(head) is not None :]


def open_grid(text: Text, delimiter: str | None) -> Grid:
    """Return all cells of the list, streamed, and after them a row of END alone."""
    grid = _reader(chain(text.lines(), (END,)), delimiter)
    if _said(text.head) is not None:
        next(grid)
    return grid


def _reader(lines: Iterable[str], delimiter: str | None) -> Grid:
    return reader(lines, delimiter=delimiter or _NO_DELIMITER, skipinitialspace=True)


def _cells(head: str, delimiter: str | None) -> list[list[str]]:
    rows = islice(_reader(StringIO(head, newline=""), delimiter), SAMPLE_ROWS)
    return [cells for cells in rows if not is_blank(cells)]


def is_blank(cells: Sequence[str]) -> bool:
    """Tell whether a row has nothing in it: spreadsheets write rows of delimiters below the last one."""
    return not any(cell.strip() for cell in cells)


def _phone_count(rows: Sequence[Sequence[str]]) -> int:
    """Count the phone numbers of the column that has most of them."""
    found = Counter(at for cells in rows for at, cell in enumerate(cells) if resembles_phone(cell))
    return max(found.values(), default=0)


def _said(head: str) -> str | None:
    said = _SAID.fullmatch(next(StringIO(head, newline=None), ""))
    return None if said is None else said.group(2)
