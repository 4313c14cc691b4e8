"""Lists with a JSON object per line: its keys are the columns."""

from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice
from json import loads
from typing import NoReturn

from worker.intake.delimited import SAMPLE_ROWS
from worker.intake.encoding import Text
from worker.intake.row import Unreadable

NOT_AN_OBJECT = "not a JSON object: write {...} in one line"


class ObjectLines:
    """A grid of one row per line. A key that is not among the columns is not looked at."""

    def __init__(self, text: Text, columns: Sequence[str]) -> None:
        self.line_num = 0
        self._lines = text.lines()
        self._columns = tuple(columns)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        written = next(self._lines).strip()
        self.line_num += 1
        if not written:
            return []
        found = _object(written)
        if found is None:
            return Unreadable(written, NOT_AN_OBJECT)
        for name in self._columns:
            if isinstance(found.get(name), (list, dict)):
                return Unreadable(written, f'the value of "{name}" is neither a text nor a number')
        return [_cell(found.get(name)) for name in self._columns]


def read_columns(head: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the keys of the first objects in the order of first use, and the cells of these objects."""
    written = islice(StringIO(head, newline=""), SAMPLE_ROWS)
    objects = [found for found in map(_object, written) if found is not None]
    names = tuple(dict.fromkeys(name for found in objects for name in found))
    return names, [[_cell(found.get(name)) for name in names] for found in objects]


def _object(written: str) -> dict[str, object] | None:
    try:
        # Fractions as they are written: 7.90333e10 has lost digits, and would come back as a number that looks whole.
        found = loads(written, parse_float=str, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
