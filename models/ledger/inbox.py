"""The inbox: rows that other applications have INSERTed, read as they are and marked with what became of them.

Whatever stands in a row, reading it does not fail: on SQLite every value comes as its bytes, on PostgreSQL what Python
cannot hold (infinite moments) comes as a number. What a row means is judged elsewhere.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    LargeBinary,
    Text,
    bindparam,
    cast,
    delete,
    extract,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from ..base import Instant
from ..outgoing import Gathering, Outgoing
from ..session import Clock, database_clock
from ..timing import is_usual

ROWS_AT_ONCE = 2_000
"""Rows of one short transaction."""
KEPT_DAYS = 30
"""How long a row stays after it was taken or refused: it holds a number, and a text."""
FORGOTTEN_AT_ONCE = 500

LONGEST = {
    "campaign_key": 200,
    "account": 64,
    "kind": 16,
    "sender": 200,
    "text": 10_000,
    "content": 20_000,
    "phone": 100,
    "ref": 200,
    "client_key": 100,
    "variables": 20_000,
}
"""Characters of each column that are looked at; what has more is refused, so that a piece fits into memory."""

_WAITING = (Outgoing.taken_at.is_(None), Outgoing.refused_at.is_(None))
_BYTES_OF_A_CHARACTER = 4
_LOCK = 0x62756C6B696E

_TAKE = {
    "postgresql": text(
        """
        UPDATE bulkpost_outgoing SET taken_at = :now, campaign_id = :campaign_id, position = t.position
        FROM unnest(CAST(:ids AS bigint[]), CAST(:positions AS integer[])) AS t (id, position)
        WHERE bulkpost_outgoing.id = t.id
        """
    ).bindparams(bindparam("now", type_=Instant)),
    "sqlite": text(
        """
        UPDATE bulkpost_outgoing SET taken_at = :now, campaign_id = :campaign_id, position = t.value ->> 1
        FROM json_each(:rows) AS t WHERE bulkpost_outgoing.id = t.value ->> 0
        """
    ).bindparams(bindparam("now", type_=Instant)),
}
_REFUSE = {
    "postgresql": text(
        """
        UPDATE bulkpost_outgoing SET refused_at = :now, refusal = t.refusal
        FROM unnest(CAST(:ids AS bigint[]), CAST(:refusals AS text[])) AS t (id, refusal)
        WHERE bulkpost_outgoing.id = t.id
        """
    ).bindparams(bindparam("now", type_=Instant)),
    "sqlite": text(
        """
        UPDATE bulkpost_outgoing SET refused_at = :now, refusal = t.value ->> 1
        FROM json_each(:rows) AS t WHERE bulkpost_outgoing.id = t.value ->> 0
        """
    ).bindparams(bindparam("now", type_=Instant)),
}


class WaitingRow(NamedTuple):
    """One row as it was read. `problem` says which column cannot be read at all, and why."""

    id: int
    columns: Mapping[str, str | None]  # those of `LONGEST`, by name
    send_at: datetime | None
    problem: str | None = None


class Group(NamedTuple):
    """The rows of one campaign: what stands in their columns `account` and `campaign_key`."""

    account: str
    key: str


def is_anything_waiting(session: Session) -> bool:
    """Say whether the tick has to look into the inbox."""
    return (
        session.execute(select(Outgoing.id).where(*_WAITING).limit(1)).first() is not None
        or session.execute(select(Gathering.campaign_id).limit(1)).first() is not None
    )


def is_alone(session: Session) -> bool:
    """Take the inbox for this transaction; say whether nobody else has it. On SQLite whoever writes is alone."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    return bool(session.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())


def read_waiting(session: Session, after_id: int, most: int, but: Sequence[Group] = ()) -> list[WaitingRow]:
    """Lock and return the next rows that wait, in the order of their ids, but those that somebody else holds.

    Rows of the groups in `but` are passed over, which takes the time of reading all that wait.
    """
    sqlite = session.get_bind().dialect.name == "sqlite"
    columns = [_raw(name, longest, sqlite) for name, longest in LONGEST.items()]
    statement = (
        select(Outgoing.id, _moment("send_at", sqlite), *columns)
        .where(*_WAITING, Outgoing.id > after_id, *_of_none(but))
        .order_by(Outgoing.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [_read(row) for row in session.execute(statement).all()]


def front_created_at(session: Session, now: datetime, but: Sequence[Group] = ()) -> datetime | None:
    """Return when the row was written that has waited longest, at the latest `now`; None where none waits.

    Rows of the groups in `but` do not count.
    """
    sqlite = session.get_bind().dialect.name == "sqlite"
    statement = select(_moment("created_at", sqlite)).where(*_WAITING, *_of_none(but)).order_by(Outgoing.id)
    row = session.execute(statement.limit(1)).one_or_none()
    if row is None:
        return None
    written, _ = _read_moment(row[0])
    return now if written is None else min(written, now)


def mark_taken(session: Session, taken: Mapping[int, int], campaign_id: int, now: datetime) -> None:
    """Note of rows (id -> position) that their campaign has them."""
    _mark(session, _TAKE, "positions", taken, {"campaign_id": campaign_id, "now": now})


def mark_refused(session: Session, refusals: Mapping[int, str], now: datetime) -> None:
    """Note of rows (id -> one sentence) why they will not be sent."""
    _mark(session, _REFUSE, "refusals", refusals, {"now": now})


def forget_rows(session: Session, *, older_than_days: int = KEPT_DAYS, clock: Clock = database_clock) -> int:
    """Delete a bounded number of rows, the oldest, that were taken or refused so long ago; return how many."""
    before = clock(session) - timedelta(days=older_than_days)
    oldest = select(Outgoing.id).order_by(Outgoing.id).limit(FORGOTTEN_AT_ONCE)
    ids = session.execute(oldest.with_for_update(skip_locked=True)).scalars().all()
    gone = session.execute(
        delete(Outgoing)
        .where(Outgoing.id.in_(ids), or_(Outgoing.taken_at < before, Outgoing.refused_at < before))
        .returning(Outgoing.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _of_none(groups: Sequence[Group]) -> list[ColumnElement[bool]]:
    return [or_(Outgoing.campaign_key != group.key, Outgoing.account != group.account) for group in groups]


def _mark(
    session: Session,
    statements: Mapping[str, Any],
    name: str,
    marks: Mapping[int, int] | Mapping[int, str],
    values: Mapping[str, object],
) -> None:
    if not marks:
        return
    dialect = session.get_bind().dialect.name
    if dialect == "sqlite":
        session.execute(statements[dialect], {**values, "rows": json.dumps(list(marks.items()))})
    else:
        session.execute(statements[dialect], {**values, "ids": list(marks), name: list(marks.values())})


def _raw(name: str, longest: int, sqlite: bool) -> Any:
    column = getattr(Outgoing, name)
    if sqlite:
        # As bytes: the driver fails on what is no UTF-8, and SQLite keeps anything in any column.
        return func.substr(cast(column, LargeBinary), 1, _BYTES_OF_A_CHARACTER * longest + 1).label(name)
    return func.substr(cast(column, Text), 1, longest + 1).label(name)


def _moment(name: str, sqlite: bool) -> Any:
    column = getattr(Outgoing, name)
    if sqlite:
        return func.substr(cast(column, LargeBinary), 1, 100).label(name)
    return cast(extract("epoch", column), Float).label(name)


def _read(row: Any) -> WaitingRow:
    columns: dict[str, str | None] = {}
    problem = None
    for (name, longest), value in zip(LONGEST.items(), row[2:], strict=True):
        try:
            columns[name] = value.decode() if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            columns[name] = None
            problem = problem or f"its {name} is no text in UTF-8, or has more than {longest:,} characters"
        else:
            if value is not None and len(columns[name] or "") > longest:
                problem = problem or f"its {name} has more than {longest:,} characters"
    send_at, wrong = _read_moment(row[1])
    return WaitingRow(row[0], columns, send_at, problem or wrong)


def _read_moment(value: float | bytes | str | None) -> tuple[datetime | None, str | None]:
    """Return a moment, or why there is none. SQLite: text in ISO 8601, in UTC where it has no offset."""
    if value is None:
        return None, None
    try:
        if isinstance(value, float):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            moment = datetime.fromisoformat((value.decode() if isinstance(value, bytes) else value).strip())
        if is_usual(moment):
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC), None
    except (ValueError, OverflowError, OSError):
        pass
    return None, "its send_at is no moment like 2026-12-01 10:00:00+03:00"
