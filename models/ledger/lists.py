"""Saved lists: recipients that were read once, and are sent to by many campaigns.

A list is filled under a name of its own and takes its real name in one short transaction, together with the schedules
of the list that it replaces. Whoever reads the old one meanwhile reads it to its end, or learns that it is gone.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from ..campaign import LARGEST_CAMPAIGN
from ..errors import LedgerError
from ..installation import Installation
from ..schedule import SavedList, SavedRow, Schedule
from ..session import Clock, database_clock
from .locks import write_event
from .rescue import ROWS_SWEPT, SILENT_IMPORT_SECONDS
from .rows import NewRow

LONGEST_NAME = 150
_ROWS_READ = 5_000
_LONG_AGO = timedelta(days=365)


class UnknownList(LedgerError):
    """Raised when a list is not in the database."""


class ListChanged(LedgerError):
    """Raised when a list was replaced or removed while it was read; read it again."""


class ListInUse(LedgerError):
    """Raised when a list is to be removed that a schedule needs."""


class ListedRow(NamedTuple):
    """One row of a saved list, as it was read."""

    position: int
    msisdn: str | None
    ref: str | None
    values_json: str | None
    problem: str | None


def begin_list(session: Session, columns: Sequence[str], *, actor: str, clock: Clock = database_clock) -> int:
    """Make a list that nobody finds until it is finished, and return its id."""
    saved = SavedList(
        name=_no_name(), column_names=list(columns), total_count=0, saving_at=clock(session), saved_by=actor[:64]
    )
    session.add(saved)
    session.flush()
    return saved.id


def add_list_rows(
    session: Session, list_id: int, first_position: int, rows: Sequence[NewRow], *, clock: Clock = database_clock
) -> None:
    """Put the next rows into a list that is being saved.

    Raises:
        LedgerError: it is longer than a campaign can be; or it was silent for so long that it was swept away.
    """
    last = first_position + len(rows) - 1
    if last > LARGEST_CAMPAIGN:
        raise LedgerError(f"a list has at most {LARGEST_CAMPAIGN:,} rows, as a campaign has: split it")
    saved = _lock_unsaved(session, list_id)
    saved.total_count, saved.saving_at = last, clock(session)
    session.execute(
        insert(SavedRow),
        [
            {"list_id": list_id, "position": position, "msisdn": row.msisdn, "ref": row.ref,
             "values_json": row.values_json, "problem": row.problem}
            for position, row in enumerate(rows, first_position)
        ],
    )  # fmt: skip


def finish_list(session: Session, list_id: int, name: str, *, actor: str, clock: Clock = database_clock) -> int | None:
    """Give a list its name; return the id of the one that it replaces, whose rows are to be removed, or None."""
    # Of two that take one name at the same moment, the second must see what the first has done.
    session.execute(select(Installation.id).with_for_update(key_share=True))
    saved, now = _lock_unsaved(session, list_id), clock(session)
    old = session.execute(select(SavedList).where(SavedList.name == name)).scalar_one_or_none()
    if old is not None:
        _take_away(session, old, now)
        session.execute(
            update(Schedule)
            .where(Schedule.list_id == old.id)
            .values(list_id=list_id)
            .execution_options(synchronize_session=False)
        )
    saved.name, saved.saved_at = name, now
    write_event(session, now, actor, "list_saved", facts={"list": name, "rows": saved.total_count})
    return None if old is None else old.id


def remove_list(session: Session, name: str, *, actor: str, clock: Clock = database_clock) -> int:
    """Take a list's name away; return its id, whose rows are to be removed.

    Raises:
        ListInUse: a schedule that goes on, or may, needs it.
        UnknownList: there is none.
    """
    session.execute(select(Installation.id).with_for_update(key_share=True))
    saved, now = find_list(session, name), clock(session)
    users = session.execute(select(Schedule.name).where(Schedule.list_id == saved.id).order_by(Schedule.name)).scalars()
    if names := ", ".join(f'"{one}"' for one in users):
        raise ListInUse(f'list "{name}" is what schedule {names} sends to: end that first, bulkpost schedule end')
    _take_away(session, saved, now)
    write_event(session, now, actor, "list_removed", facts={"list": name, "rows": saved.total_count})
    return saved.id


def remove_list_rows(session: Session, list_id: int) -> bool:
    """Delete a bounded part of a list that nobody finds, at last the list; return whether something may be left."""
    unsaved = select(SavedList.id).where(SavedList.id == list_id, SavedList.saved_at.is_(None))
    if session.execute(unsaved).first() is None:
        return False
    last = session.execute(
        select(SavedRow.position)
        .where(SavedRow.list_id == list_id)
        .order_by(SavedRow.position)
        .offset(ROWS_SWEPT - 1)
        .limit(1)
    ).scalar_one_or_none()
    rows = delete(SavedRow).where(SavedRow.list_id == list_id)
    if last is not None:
        session.execute(rows.where(SavedRow.position <= last).execution_options(synchronize_session=False))
        return True
    session.execute(rows.execution_options(synchronize_session=False))
    session.execute(delete(SavedList).where(SavedList.id == list_id).execution_options(synchronize_session=False))
    return False


def sweep_silent_list(session: Session, *, clock: Clock = database_clock) -> bool:
    """Take away a bounded part of one list that was never finished, or was replaced; say whether there was one."""
    silent_since = clock(session) - timedelta(seconds=SILENT_IMPORT_SECONDS)
    statement = (
        select(SavedList.id)
        .where(SavedList.saved_at.is_(None), SavedList.saving_at < silent_since)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    list_id = session.execute(statement).scalar_one_or_none()
    if list_id is None:
        return False
    remove_list_rows(session, list_id)
    return True


def find_list(session: Session, name: str) -> SavedList:
    """Return the list of a name.

    Raises:
        UnknownList: there is none; the message names those that there are.
    """
    saved = session.execute(
        select(SavedList).where(SavedList.name == name, SavedList.saved_at.is_not(None))
    ).scalar_one_or_none()
    if saved is None:
        known = ", ".join(f'"{one["name"]}"' for one in list_lists(session)[:10]) or "none"
        raise UnknownList(f'no list "{name}": there is {known}; make one with bulkpost list save NAME FILE')
    return saved


def list_lists(session: Session) -> list[dict[str, Any]]:
    """Return the lists by name, as `list list --json` prints them."""
    statement = select(SavedList).where(SavedList.saved_at.is_not(None)).order_by(SavedList.name)
    return [plain_list(saved) for saved in session.execute(statement).scalars()]


def plain_list(saved: SavedList) -> dict[str, Any]:
    """Return what is shown of a list."""
    return {
        "id": saved.id,
        "name": saved.name,
        "rows": saved.total_count,
        "columns": saved.column_names,
        "saved_at": saved.saved_at,
        "saved_by": saved.saved_by,
    }


def read_list(session: Session, saved: SavedList) -> Iterator[ListedRow]:
    """Yield the rows of a list, a few thousand in memory at a time.

    Raises:
        ListChanged: it was replaced or removed before it was read.
    """
    # One statement: rows are deleted only after the list has lost its name, so it sees all of them or none.
    statement = (
        select(SavedRow.position, SavedRow.msisdn, SavedRow.ref, SavedRow.values_json, SavedRow.problem)
        .join(SavedList, SavedList.id == SavedRow.list_id)
        .where(SavedRow.list_id == saved.id, SavedList.saved_at.is_not(None))
        .order_by(SavedRow.position)
        .execution_options(yield_per=_ROWS_READ)
    )
    count = 0
    for row in session.execute(statement):
        count += 1
        yield ListedRow(*row)
    if count != saved.total_count:
        raise ListChanged(f'list "{saved.name}" was replaced while it was read: read it again')


def _lock_unsaved(session: Session, list_id: int) -> SavedList:
    saved = session.execute(
        select(SavedList).where(SavedList.id == list_id, SavedList.saved_at.is_(None)).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if saved is None:
        raise LedgerError(f"list {list_id} was swept away after an hour of silence: save it again")
    return saved


def _take_away(session: Session, saved: SavedList, now: datetime) -> None:
    """Let nobody find a list any more. The sweep removes it where its remover dies."""
    saved.name, saved.saved_at, saved.saving_at = _no_name(), None, now - _LONG_AGO
    session.flush()


def _no_name() -> str:
    return f"unsaved {token_hex(16)}"
