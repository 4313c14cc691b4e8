"""The stop list: its numbers come and go, and recipients are held against it. No number is in an event.

Looked at when rows come in, and again after every claim (`models.ledger.owed`): a number that was stopped a second ago
is not posted. A campaign that is over keeps what became of its recipients, whoever is stopped later.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, insert, literal, select
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
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


def add_stops(
    session: Session, msisdns: Iterable[str], *, reason: str, actor: str, clock: Clock = database_clock
) -> int:
    """Put numbers (E.164 digits) on the list and return how many were not there; those that were stay as they are."""
    now = clock(session)
    # Sorted, so that two who add the same numbers at once cannot lock each other out.
    rows = [
        {"msisdn": msisdn, "reason": reason, "added_at": now, "added_by": actor[:64]} for msisdn in sorted(set(msisdns))
    ]
    if not rows:
        return 0
    added = len(session.execute(_insert(session).on_conflict_do_nothing().returning(Stop.msisdn), rows).all())
    if added:
        write_event(session, now, actor, "stops_added", reason=reason, facts={"numbers": added})
    return added


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
    if session.execute(select(Stop.msisdn).limit(1)).first() is None:
        return []
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
    refused = (
        select(Recipient.msisdn, literal(reason), literal(now, Instant), literal(PROVIDER))
        .where(Recipient.campaign_id == campaign_id, Recipient.position.in_(positions), Recipient.msisdn.is_not(None))
        .distinct()
        .order_by(Recipient.msisdn)
    )
    names = ["msisdn", "reason", "added_at", "added_by"]
    new = _insert(session).from_select(names, refused).on_conflict_do_nothing().returning(Stop.msisdn)
    added = len(session.execute(new).all())
    if added:
        write_event(session, now, PROVIDER, "stops_added", campaign_id=campaign_id, facts={"numbers": added})
    return added


def _insert(session: Session) -> SqliteInsert | PostgresqlInsert:
    return sqlite_insert(Stop) if session.get_bind().dialect.name == "sqlite" else postgresql_insert(Stop)
