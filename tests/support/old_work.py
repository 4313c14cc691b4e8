"""A database with much behind it: one finished campaign, copied a thousand times by the database."""

from sqlalchemy import Engine, Insert, String, cast, insert, literal, select, text

from models.attempt import Attempt
from models.base import Base
from models.batch import Batch
from models.campaign import Campaign
from models.event import Event
from models.outcome import Outcome
from models.recipient import Recipient
from models.states import BatchStatus
from tests.support.ledger import Ledger, accepted

FAR = 1_000_000
"""Copies get ids from here on."""
GROWN = tuple(table.__tablename__ for table in (Attempt, Batch, Campaign, Event, Outcome, Recipient))
"""The tables that grow with every campaign."""

_OWN: dict[type[Base], tuple[str, ...]] = {
    Campaign: ("id",),
    Recipient: ("campaign_id",),
    Batch: ("id", "campaign_id"),
    Attempt: ("id", "campaign_id", "batch_id"),
    Outcome: ("campaign_id", "attempt_id"),
    Event: ("id", "campaign_id"),
}


def finish_one(ledger: Ledger, recipients: int = 20) -> int:
    """Send one campaign to its end, and return its id."""
    campaign_id = ledger.a_campaign(recipients)
    while ledger.batches(campaign_id)[-1].status is not BatchStatus.COMPLETED:
        lease = ledger.a_lease()
        ledger.record(lease, accepted(lease))
    assert ledger.settle() == 1
    return campaign_id


def copy_many(engine: Engine, campaign_id: int, count: int) -> None:
    """Leave so many more such campaigns behind, with all that belongs to them, and let the database count them."""
    with engine.begin() as connection:
        for table, own in _OWN.items():
            connection.execute(_copies(table, own, campaign_id, count))
        if connection.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))  # as autovacuum does by itself


def _copies(table: type[Base], own: tuple[str, ...], campaign_id: int, count: int) -> Insert:
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count))
    columns = table.__table__.columns
    values = []
    for column in columns:
        if column.name in own:
            values.append(column + FAR + numbers.c.n * 100)
        elif column.name == "key_prefix":
            values.append(cast(numbers.c.n + FAR, String))
        elif column.name == "provider_message_id":
            values.append(column + "-" + cast(numbers.c.n, String))
        else:
            values.append(column)
    owner = columns["id" if table is Campaign else "campaign_id"]
    copied = select(*values).select_from(table.__table__).join(numbers, owner == campaign_id)
    return insert(table).from_select([column.name for column in columns], copied)
