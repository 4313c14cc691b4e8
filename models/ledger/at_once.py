"""Recording the usual answer: on PostgreSQL in one statement that commits itself, on SQLite in four of one transaction.

It does what `record_usual` does, or nothing where the lease was lost, or where there is more to do than this: an
account whose answers are counted, a webhook to tell, a campaign that may cost so much and no more.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from ..attempt import Attempt
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..direct import Direct
from ..outcome import Outcome
from ..session import sqlite_clock
from ..states import BatchStatus, RecipientStatus
from ..webhook import Webhook
from ..work import Accepted, Closing, Lease
from .brakes import is_kept
from .ending import CLOSE, COMPLETE, COUNT, end_values
from .id_spaces import id_space
from .inserting import are_alike, array_of
from .outcomes import Counts, bill_of
from .record import Recorded
from .usual import is_usual


def record_at_once(
    connection: Direct, lease: Lease, closing: Closing, *, now: datetime | None = None
) -> Recorded | None:
    """Record and commit an answer that accepts everybody in the same words; None, and nothing is done, where `record`
    must. `now`: the moment, where it is not the database's.

    Raises:
        IntegrityError: an id is held by another recipient, or somebody has an outcome already. Nothing is done.
    """
    outcomes = closing.outcomes
    if not (isinstance(outcomes, Accepted) and are_alike(outcomes) and is_usual(lease, closing)):
        return None
    if list(outcomes.positions) != list(range(lease.first_position, lease.last_position + 1)):
        return None
    recorded = recorded_at_once(closing)
    values = end_values(lease, closing, recorded.counts, bill_of(outcomes, closing.expected_segments), now)
    values |= {
        "its_number": lease.attempt_number,
        "its_account_id": lease.account_id,
        "its_id_space": id_space(lease.gateway_url),
        "its_first_position": lease.first_position,
        "its_last_position": lease.last_position,
        "its_segments": outcomes.segments[0],
        "its_text": outcomes.text,
    }
    if connection.dialect.name == "sqlite":
        return recorded if _record_in_sqlite(connection, outcomes, values) else None
    values["its_ids"] = array_of(outcomes.ids)
    return recorded if connection.execute(_AT_ONCE, values).rowcount else None


def _record_in_sqlite(connection: Direct, outcomes: Accepted, values: dict[str, object]) -> bool:
    """Do it statement by statement: SQLite does no three things in one. Nobody else writes meanwhile."""
    connection.begin()
    values["its_now"] = values["its_now"] or sqlite_clock()
    happened = connection.execute(_COMPLETED, values).rowcount == 1
    if happened:
        quoted = '","'.join(outcomes.ids)
        values["its_ids"] = f'["{quoted}"]'
        for statement in (_INSERTED, CLOSE, COUNT):
            connection.execute(statement, values)
    connection.commit()
    return happened


def recorded_at_once(closing: Closing) -> Recorded:
    """Return what `record_at_once` returns where it has recorded."""
    counts = Counts({RecipientStatus.ACCEPTED: len(closing.outcomes)})
    return Recorded(counts, BatchStatus.COMPLETED, late=False, alarm=None)


def _is_as_expected() -> ColumnElement[bool]:
    """Say of the batch that its lease holds, and that nothing else of the ledger hangs on this answer."""
    unlimited = exists().where(Campaign.id == bindparam("its_campaign_id"), Campaign.max_segments.is_(None))
    return and_(
        Batch.status == constant(BatchStatus.RUNNING),
        Batch.attempt_number == bindparam("its_number"),
        unlimited,
        ~exists().where(is_kept(bindparam("its_account_id"))),
        ~exists(select(Webhook.id)),
    )


def _given(name: str, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


def _inserting(
    position: ColumnElement[int], provider_id: ColumnElement[str], now: ColumnElement[Any], rows: FromClause
) -> Insert:
    """Make the statement that accepts each of `rows`."""
    columns = {
        Outcome.campaign_id: _given("its_campaign_id", Outcome.campaign_id),
        Outcome.position: position,
        Outcome.status: constant(RecipientStatus.ACCEPTED),
        Outcome.provider_message_id: provider_id,
        Outcome.id_space: _given("its_id_space", Outcome.id_space),
        Outcome.segments: _given("its_segments", Outcome.segments),
        Outcome.provider_text: _given("its_text", Outcome.provider_text),
        Outcome.after_doubt: literal_column("false"),
        Outcome.attempt_id: _given("its_attempt_id", Outcome.attempt_id),
        Outcome.attempt_number: _given("its_number", Outcome.attempt_number),
        Outcome.updated_at: now,
    }
    return insert(Outcome).from_select(list(columns), select(*columns.values()).select_from(rows))


def _at_once() -> Insert:
    """Make the statement for PostgreSQL: the batch is completed first, and only then is anybody's outcome inserted.

    What nothing refers to comes last: so the campaign, which others wait for, is held for a moment only. The commit
    does not wait for the disk: after a power cut the batch may be as if its answer had not come, and is asked for again
    under the same keys (decision 18).
    """
    # Only of this transaction. Whatever is committed durably afterwards, as the lane's next claim, takes it along.
    unhurried = func.set_config("synchronous_commit", "off", true()) == literal_column("'off'")
    now = func.coalesce(_NOW, func.statement_timestamp())
    completed = _COMPLETED.where(unhurried).returning(Batch.id).cte("completed")
    happened = exists(select(completed.c.id))
    closed = CLOSE.where(happened).values(closed_at=now).returning(Attempt.id).cte("closed")
    counted = COUNT.where(happened).returning(Campaign.id).cte("counted")
    places = func.generate_series(bindparam("its_first_position", type_=Integer), bindparam("its_last_position"))
    # A text for the driver: a list of a thousand takes it ten times as long.
    ids = func.unnest(cast(cast(bindparam("its_ids"), Text), ARRAY(Text)))
    each = select(places.label("position"), ids.label("id")).subquery("each")
    inserting = _inserting(each.c.position, each.c.id, now, completed.join(each, true()))
    return inserting.add_cte(closed, counted)


def _of_json() -> Insert:
    """Make the statement for SQLite, whose rows are a JSON array of ids."""
    each = func.json_each(bindparam("its_ids", type_=Text)).table_valued("key", "value", name="each")
    place = bindparam("its_first_position", type_=Integer) + cast(each.c.key, Integer)
    return _inserting(place, each.c.value, _NOW, each)


_NOW = bindparam("its_now", type_=Instant)
_COMPLETED = COMPLETE.where(_is_as_expected())
_AT_ONCE, _INSERTED = _at_once(), _of_json()
