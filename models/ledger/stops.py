"""The stop list: its numbers come and go, and recipients are held against it. No number is in an event.

Looked at when rows come in, and again after every claim (`models.ledger.owed`): a number that was stopped a second ago
is not posted. A campaign that is over keeps what became of its recipients, whoever is stopped later.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from ..base import Instant
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import RecipientStatus
from ..stop import Stop
from ..work import ON_STOP_LIST
from .locks import write_event
from .moves import changed_rows
from .ready import pending_in

PROVIDER = "provider"
_ROWS_READ = 5_000
_MANY = 1_000
_IS_MOSTLY_NEW = text("SELECT reltuples <= :added FROM pg_class WHERE oid = CAST('bulkpost_stops' AS regclass)")


def add_stops(
    session: Session, msisdns: Iterable[str], *, reason: str, actor: str, clock: Clock = database_clock
) -> int:
    """Put numbers (E.164 digits) on the list and return how many were not there; those that were stay as they are."""
    now = clock(session)
    given = _each(session, sorted(set(msisdns)))
    added = _insert(session, select(given, *_facts(reason, actor, now)).where(true()), given)
    if added:
        write_event(session, now, actor, "stops_added", reason=reason, facts={"numbers": added})
    if added >= _MANY:
        _plan_anew(session, added)
    return added


def _plan_anew(session: Session, added: int) -> None:
    """Have PostgreSQL make its plans anew: one for a short list reads all of it for each recipient."""
    if session.get_bind().dialect.name == "postgresql" and session.execute(_IS_MOSTLY_NEW, {"added": added}).scalar():
        session.execute(text("ANALYZE bulkpost_stops"))


def remove_stops(session: Session, msisdns: Sequence[str], *, actor: str, clock: Clock = database_clock) -> int:
    """Take numbers off the list and return how many were there. What was skipped meanwhile stays skipped."""
    removed = changed_rows(session.execute(delete(Stop).where(Stop.msisdn.in_(msisdns))))
    if removed:
        write_event(session, clock(session), actor, "stops_removed", facts={"numbers": removed})
    return removed


def read_stops(session: Session) -> Iterator[Stop]:
    """Yield the list in the order of its numbers, a few thousand in memory at a time."""
    statement = select(Stop).order_by(Stop.msisdn).execution_options(yield_per=_ROWS_READ)
    yield from session.execute(statement).scalars()


def find_stop(session: Session, msisdn: str) -> Stop | None:
    """Return the entry of one number, or None."""
    return session.execute(select(Stop).where(Stop.msisdn == msisdn)).scalar_one_or_none()


def skip_stopped(
    session: Session, campaign_id: int, first_position: int, last_position: int, now: datetime
) -> list[int]:
    """Skip whoever of these positions is stopped and has no outcome; return their positions. Changes no counter."""
    chosen = select(
        Recipient.campaign_id,
        Recipient.position,
        literal(RecipientStatus.SKIPPED.value),
        literal(ON_STOP_LIST),
        literal(False),
        literal(0),
        literal(now, Instant),
    ).where(pending_in(campaign_id, first_position, last_position), _stopped())
    names = ["campaign_id", "position", "status", "reason", "after_doubt", "attempt_number", "updated_at"]
    skipped = session.execute(insert(Outcome).from_select(names, chosen).returning(Outcome.position)).scalars()
    return sorted(skipped)


def _stopped() -> ColumnElement[bool]:
    return exists().where(Stop.msisdn == Recipient.msisdn)


def keep_refused(session: Session, campaign_id: int, positions: Sequence[int], now: datetime) -> int:
    """Put the numbers of recipients whom the provider has on its own stop list on ours; return how many are new.

    Part of the transaction that records the answer. Source: protocol.md 7.
    """
    if not positions:
        return 0
    reason = f"on the provider's stop list, by its answer in campaign {campaign_id}"
    refused = select(Recipient.msisdn, *_facts(reason, PROVIDER, now)).where(
        Recipient.campaign_id == campaign_id, Recipient.position.in_(positions), Recipient.msisdn.is_not(None)
    )
    added = _insert(session, refused.distinct(), Recipient.msisdn)
    if added:
        write_event(session, now, PROVIDER, "stops_added", campaign_id=campaign_id, facts={"numbers": added})
    return added


def _facts(reason: str, added_by: str, now: datetime) -> tuple[ColumnElement[Any], ...]:
    return literal(reason), literal(now, Instant), literal(added_by[:64])


def _each(session: Session, msisdns: Sequence[str]) -> ColumnElement[str]:
    """Return the numbers as a column to select from: one parameter, however many there are."""
    if session.get_bind().dialect.name == "sqlite":
        return func.json_each(json.dumps(msisdns)).table_valued(column("value", String)).c.value
    return func.unnest(literal(msisdns, ARRAY(String))).column_valued("msisdn")


def _insert(session: Session, chosen: Select[Any], number: SQLColumnExpression[Any]) -> int:
    """Insert those that are new and return how many; sorted, so that two at once cannot lock each other out."""
    insert_ = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = insert_(Stop).from_select(["msisdn", "reason", "added_at", "added_by"], chosen.order_by(number))
    return len(session.execute(statement.on_conflict_do_nothing().returning(Stop.msisdn)).all())
