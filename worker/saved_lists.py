"""Saved lists at the border: from a file into the ledger, and from the ledger as rows of an import."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from models.ledger.lists import add_list_rows, begin_list, finish_list, read_list, remove_list_rows
from models.ledger.rows import ROWS_AT_ONCE, NewRow
from models.schedule import SavedList
from models.session import Clock, Sessions, database_clock, transaction
from worker.errors import DispatchError
from worker.intake.row import Refusals, Row, Rows


class NobodyListed(DispatchError):
    """Raised when not one row of a list has a number that can be sent to; nothing was saved."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved: rows in all, and those that will be skipped by every campaign."""

    total_count: int
    refused_count: int
    replaced: bool


def save_list(
    sessions: Sessions,
    name: str,
    rows: Rows,
    rejected: Refusals,
    *,
    actor: str,
    clock: Clock = database_clock,
) -> Saved:
    """Save a list under a name; the list that has the name is replaced at the end, all at once.

    On any failure that one stays as it is.

    Raises:
        IntakeError: the list cannot be read.
        NobodyListed: not one row has a number.
    """
    with transaction(sessions) as session:
        list_id = begin_list(session, rows.columns, actor=actor, clock=clock)
    try:
        total, refused = _fill(sessions, list_id, rows, rejected, clock)
        if total == refused:
            raise NobodyListed(f"nobody can be sent to: not one of {total:,} rows has a number that can be read")
        with transaction(sessions) as session:
            old_id = finish_list(session, list_id, name, actor=actor, clock=clock)
    except BaseException:
        remove_rows(sessions, list_id)
        raise
    if old_id is not None:
        remove_rows(sessions, old_id)
    return Saved(total, refused, old_id is not None)


def remove_rows(sessions: Sessions, list_id: int) -> None:
    """Take away a list that nobody finds any more, in short transactions."""
    left = True
    while left:
        with transaction(sessions) as session:
            left = remove_list_rows(session, list_id)


def _fill(sessions: Sessions, list_id: int, rows: Rows, rejected: Refusals, clock: Clock) -> tuple[int, int]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    total = refused = 0
    every = iter(rows)
    while chunk := list(islice(every, ROWS_AT_ONCE)):
        for row in chunk:
            if row.problem is not None:
                refused += 1
                rejected.add(row.line, row.raw_phone, row.problem)
        new = [NewRow(row.msisdn, row.ref, encode(row.values) if rows.columns else None, row.problem) for row in chunk]
        with transaction(sessions) as session:
            add_list_rows(session, list_id, total + 1, new, clock=clock)
        total += len(chunk)
    return total, refused


class SavedRecipients:
    """A saved list as the rows of an import. Its session stays open while it is read."""

    def __init__(self, session: Session, saved: SavedList) -> None:
        self._session = session
        self._saved = saved

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the values that each row brings."""
        return tuple(self._saved.column_names)

    def __iter__(self) -> Iterator[Row]:
        """Yield every row; its line is its place in the list.

        Raises:
            ListChanged: the list was replaced meanwhile.
        """
        for position, msisdn, ref, values, problem in read_list(self._session, self._saved):
            yield Row(position, msisdn, "", ref, tuple(json.loads(values)) if values else (), problem)
