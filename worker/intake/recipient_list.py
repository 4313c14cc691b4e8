"""A list of recipients as a stream of rows, whatever its format."""

from collections.abc import Callable, Iterator, Sequence
from csv import Error as CsvError
from itertools import chain, islice
from operator import itemgetter
from types import TracebackType
from typing import Self

from worker.intake.delimited import END, is_blank
from worker.intake.errors import IntakeError
from worker.intake.layout import Layout
from worker.intake.phones import PhoneReader, resembles_phone
from worker.intake.row import Block, Grid, Row, Unreadable

LONGEST_REF = 200
"""Characters of a caller's reference: what the ledger has room for."""

TOO_MANY_CELLS = "more cells than the list has columns: put quotes around a cell with the delimiter in it"
_ROWS_OF_BLOCK = 200
"""Few enough that a row which needs a careful look does not cost many others theirs."""
LONG_REF = f"the reference is longer than {LONGEST_REF} characters"


class RecipientList:
    """A list that is open: its columns are known, its rows are read once, in bounded memory. A context manager.

    `columns` are the names of the values that each row brings: every named column but the phone's and the reference's.
    Where the list has no header they are called column1, column2, ... by place. `delimiter` is None for plain numbers
    and for formats without one; `encoding` is None where the format has no choice. `unread_sheets` are those of a
    spreadsheet that have something in them too, and whose people are not in this list. `is_at_hand` where it is a file:
    reading it waits for nobody.
    """

    def __init__(
        self,
        grid: Grid,
        layout: Layout,
        phones: PhoneReader,
        *,
        called: str,
        close: Callable[[], object],
        has_header: bool,
        encoding: str | None = None,
        delimiter: str | None = None,
    ) -> None:
        self.columns = tuple(layout.names[at] for at in layout.values)
        self.phone_column = layout.names[layout.phone]
        self.encoding = encoding
        self.delimiter = delimiter
        self.unread_sheets: tuple[str, ...] = ()
        self.is_at_hand = False
        self._grid = grid
        self._layout = layout
        self._has_header = has_header
        self._phones = phones
        self._called = called
        self._close = close
        self._values = _getter(layout.values)
        self._parts = self._read()
        self._rows = chain.from_iterable(part.rows() if isinstance(part, Block) else (part,) for part in self._parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called again."""
        self._close()

    def __iter__(self) -> Iterator[Row]:
        """Yield one row for every data row, a bad one with its problem. Whoever goes on after a break gets the next.

        Raises: as `parts`.
        """
        return self._rows

    def parts(self) -> Iterator[Block | Row]:
        """Yield the same, in blocks where they are plain. What was read in one way does not come again in the other.

        Raises: IntakeError where the file stops being a list: bytes that are no text, a quote that is never closed.
        """
        return self._parts

    def _read(self) -> Iterator[Block | Row]:
        grid = self._grid
        if self._has_header:
            next((cells for cells in grid if not is_blank(cells)), None)
        end, failure = grid.line_num, None
        while failure is None:
            run, ends, failure = _take(grid)
            if not run and failure is None:
                return
            block = self._block(end + 1, run) if len(run) == grid.line_num - end and failure is None else None
            if block is not None:
                yield block
            else:
                yield from self._each(end, run, ends)
            end = ends[-1] if ends else end
        if isinstance(failure, CsvError):
            raise self._never_closed(end + 1) from failure
        raise failure

    def _block(self, first_line: int, run: Sequence[Sequence[str]]) -> Block | None:
        """Return rows on a line each as a block, None where one of them needs a careful look."""
        if set(map(len, run)) != {len(self._layout.names)}:
            return None
        columns = tuple(zip(*run, strict=True))
        phones, ref_at = columns[self._layout.phone], self._layout.ref
        if not self._phones.are_plain(phones):
            return None
        refs: Sequence[str | None] = (None,) * len(run)
        if ref_at is not None:
            trimmed = list(map(str.strip, columns[ref_at]))
            if max(map(len, trimmed)) > LONGEST_REF:
                return None
            refs = trimmed if all(trimmed) else [ref or None for ref in trimmed]
        return Block(first_line, phones, refs, tuple([list(map(str.strip, columns[at])) for at in self._layout.values]))

    def _each(self, end: int, run: Sequence[Sequence[str]], ends: Sequence[int]) -> Iterator[Row]:
        for cells, last in zip(run, ends, strict=True):
            line, end = end + 1, last
            if cells != [END] and not is_blank(cells):
                if end > line:
                    self._check_quotes(line, end, cells)
                yield self._careful(line, cells)

    def _careful(self, line: int, cells: Sequence[str]) -> Row:
        width, ref_at = len(self._layout.names), self._layout.ref
        if isinstance(cells, Unreadable):
            return Row(line, None, cells[0], None, ("",) * len(self.columns), cells.problem)
        padded = [*cells, *[""] * (width - len(cells))]
        raw = padded[self._layout.phone]
        ref = (padded[ref_at].strip() or None) if ref_at is not None else None
        msisdn, problem = self._phones.read(raw)
        if not is_blank(cells[width:]):
            problem = TOO_MANY_CELLS
        elif ref is not None and len(ref) > LONGEST_REF:
            ref, problem = None, LONG_REF
        return Row(line, None if problem else msisdn, raw, ref, self._values(padded), problem)

    def _check_quotes(self, line: int, end: int, cells: Sequence[str]) -> None:
        """Refuse a row that swallowed the rows below it: they would be missing without a word."""
        if any(END in cell for cell in cells):
            raise self._never_closed(line)
        phone_at, delimiter = self._layout.phone, self.delimiter
        for swallowed in (part for cell in cells for part in cell.splitlines()[1:]):
            parts = swallowed.split(delimiter) if delimiter else []
            if len(parts) > max(1, phone_at) and resembles_phone(parts[phone_at]):
                raise IntakeError(
                    f"{self._called} line {line}: a quote that opens here swallows the rows up to line {end}: "
                    "remove it, or write it twice"
                )

    def _never_closed(self, line: int) -> IntakeError:
        return IntakeError(
            f"{self._called} line {line}: a quote that opens here is never closed: remove it, or close it"
        )


def _getter(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if not places:
        return lambda cells: ()
    if len(places) == 1:
        only = places[0]
        return lambda cells: (cells[only].strip(),)
    pick = itemgetter(*places)
    return lambda cells: tuple(map(str.strip, pick(cells)))


def _take(grid: Grid) -> tuple[list[list[str]], list[int], Exception | None]:
    """Return the next rows, the line on which each ends, and what went wrong after the last of them."""
    run: list[list[str]] = []
    ends: list[int] = []
    try:
        for cells in islice(grid, _ROWS_OF_BLOCK):
            run.append(cells)
            ends.append(grid.line_num)
    except Exception as failure:  # noqa: BLE001 - what was read before it comes first
        return run, ends, failure
    return run, ends, None
