"""What one row of a list becomes, and what every format gives to make it from."""

from collections.abc import Iterator, Sequence
from itertools import count, repeat
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """One data row. Either `msisdn` (E.164 digits without plus) is given, or `problem` says why there is none.

    `line` is where the row starts, from 1. `values` are in the order of the list's `columns`, trimmed, empty where the
    row has none. `raw_phone` is the cell as written, for the file of refused rows. `send_key` is the caller's own key.
    """

    line: int
    msisdn: str | None
    raw_phone: str
    ref: str | None
    values: tuple[str, ...]
    problem: str | None
    send_key: str | None = None


class Block(NamedTuple):
    """Rows below each other, by column: each whole, on a line of its own, with a number that is plain as written.

    None has a problem or a key of its own. `values` has one column for each of the list's `columns`.
    """

    first_line: int
    msisdns: Sequence[str]
    refs: Sequence[str | None]
    values: tuple[Sequence[str], ...]

    def rows(self) -> Iterator[Row]:
        """Yield them one by one."""
        values = zip(*self.values, strict=True) if self.values else repeat(())
        for line, msisdn, ref, one in zip(count(self.first_line), self.msisdns, self.refs, values, strict=False):
            yield Row(line, msisdn, msisdn, ref, one, None)


class Rows(Protocol):
    """Recipients that can be read once, whatever they come from."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the values that each row brings."""

    def __iter__(self) -> Iterator[Row]: ...


class Refusals(Protocol):
    """What is told of rows that are not taken."""

    def add(self, line: int, value: str, reason: str) -> None:
        """Take down one refused row."""


class Grid(Protocol):
    """The cells of a list, one list of them per row; blank rows are empty lists. `csv.reader` is one."""

    @property
    def line_num(self) -> int:
        """The line on which the latest row ended."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class Unreadable(list[str]):
    """A row that its format could not make cells of."""

    def __init__(self, written: str, problem: str) -> None:
        super().__init__((written,))
        self.problem = problem
