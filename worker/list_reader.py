"""Rows of a list into rows of the ledger: what each is called, what it lacks, and how many are refused for what."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import chain, repeat
from json.encoder import encode_basestring
from zoneinfo import ZoneInfo

from models.content import Content, variable_names
from models.errors import EmptyList
from models.ledger.rows import NewRow, NewRows
from models.rules import NO_RULES, Rules
from models.timing import NO_TIMING, Timing, read_moment
from worker.errors import DispatchError
from worker.intake.recipient_list import RecipientList
from worker.intake.row import Block, Refusals, Row, Rows


@dataclass(frozen=True, slots=True)
class Mailing:
    """What a campaign is, apart from its list."""

    content: Content
    account: str
    actor: str
    name: str | None = None
    key: str | None = None
    at: datetime | None = None
    priority: int = 5
    timing: Timing = NO_TIMING
    rules: Rules = NO_RULES
    time_zone: str = "UTC"  # of moments in a column that say no offset
    start: bool = True
    strict: bool = False  # a refused row refuses the list


class UnknownColumn(DispatchError):
    """Raised when a text names a variable that no column of the list has."""


class Reader:
    """Makes rows of the ledger from rows of the list; keeps the line of each, and counts what is refused by reason."""

    def __init__(self, rows: Rows, names: tuple[str, ...], mailing: Mailing, rejected: Refusals) -> None:
        self.lines = array("I")
        self.refused: Counter[str] = Counter()
        self.is_at_hand = isinstance(rows, RecipientList) and rows.is_at_hand
        self._columns = rows.columns
        self._parts = rows.parts() if isinstance(rows, RecipientList) else iter(rows)
        self._rejected = rejected
        self._wanted = [(name, rows.columns.index(name)) for name in names]
        self._moments = [(name, rows.columns.index(name)) for name in mailing.timing.column_names]
        self._zone = ZoneInfo(mailing.time_zone)

    def pieces(self, rows_at_once: int) -> Iterator[NewRows]:
        """Yield all rows, at least so many at a time, and at most a block more."""
        while piece := self.fill(NewRows(), rows_at_once):
            yield piece

    def fill(self, piece: NewRows, row_count: int) -> NewRows:
        """Read on until the piece has so many rows, or a block more, or the list ends; return it."""
        if len(piece) >= row_count:
            return piece
        for part in self._parts:
            if isinstance(part, Block):
                self._add_block(piece, part)
            else:
                piece.append(self._one(part))
            if len(piece.msisdns) >= row_count:
                break
        return piece

    def _add_block(self, piece: NewRows, block: Block) -> None:
        """Add what `_one` returns for each row, a column at a time where nobody lacks anything."""
        if self._moments or not all(all(block.values[at]) for _, at in self._wanted):
            for row in block.rows():
                piece.append(self._one(row))
            return
        self.lines.extend(range(block.first_line, block.first_line + len(block.msisdns)))
        piece.extend(block.msisdns, block.refs, _written(block))

    def _one(self, row: Row) -> NewRow:
        line, msisdn, raw_phone, ref, values, problem, send_key = row
        self.lines.append(line)
        if problem is None:
            for name, at in self._wanted:
                if not values[at]:
                    problem = f"no value for {{{name}}}"
            if self._moments and problem is None:
                values, problem = self._in_utc(values)
        if problem is not None:
            # What stands in brackets is the value, which differs from row to row.
            self.refused[problem.partition(" (")[0]] += 1
            self._rejected.add(line, raw_phone, problem)
            send_key = None
        written = _as_json(values) if self._columns else None
        return NewRow(msisdn, ref, written, problem, send_key)

    def _in_utc(self, values: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
        """Write the moments of a row in UTC, so that whoever reads them later needs no zone."""
        changed = list(values)
        for name, at in self._moments:
            try:
                changed[at] = read_moment(values[at], self._zone).isoformat()
            except ValueError:
                return values, f"no moment in {{{name}}}: write it like 2026-12-01 10:00 ({values[at]})"
        return tuple(changed), None


def _written(block: Block) -> Iterable[str | None]:
    """Return `_as_json` of the values of each row."""
    if not block.values:
        return repeat(None, len(block.msisdns))
    whole = "".join(chain.from_iterable(block.values))
    if whole.isprintable() and '"' not in whole and "\\" not in whole:  # nothing to escape: half the time
        return [f'["{texts}"]' for texts in map('","'.join, zip(*block.values, strict=True))]
    encoded = [map(encode_basestring, column) for column in block.values]
    return [f"[{texts}]" for texts in map(",".join, zip(*encoded, strict=True))]


def _as_json(values: Iterable[str]) -> str:
    return f"[{','.join(map(encode_basestring, values))}]"  # a whole encoder costs five times that


def check_somebody(read: Reader, total: int) -> Counter[str]:
    """Return the refused rows by reason.

    Raises:
        EmptyList: these are all rows.
    """
    refused = +read.refused
    if refused.total() == total:
        raise EmptyList(_why_nobody(refused, total))
    return refused


def _why_nobody(refused: Counter[str], total: int) -> str:
    if not total:
        return "nobody can be sent to: the list has a header and no rows"
    return f"nobody can be sent to: every one of {total:,} rows was refused ({reasons(refused)})"


def reasons(refused: Counter[str]) -> str:
    return "; ".join(f"{count:,} × {reason}" for reason, count in refused.most_common(3))


def needed_names(mailing: Mailing, rows: Rows) -> tuple[str, ...]:
    """Return the columns that a recipient must have a value in."""
    names = tuple(dict.fromkeys(variable_names(mailing.content) + mailing.timing.column_names))
    _check_names(names, rows.columns)
    return names


def _check_names(names: tuple[str, ...], columns: tuple[str, ...]) -> None:
    for name in names:
        if name in columns:
            continue
        near = get_close_matches(name, columns, 1)
        hint = f"; did you mean {{{near[0]}}}?" if near else ""
        known = f"the list has {', '.join(columns)}" if columns else "the list has no columns beside the number"
        raise UnknownColumn(f"the text names {{{name}}}, which no column has: {known}{hint}")
