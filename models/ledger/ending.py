"""The end of an attempt whose batch is complete: three updates, and what they are told."""

from datetime import datetime

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from ..attempt import Attempt, AttemptOutcome, fold_positions
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..states import BatchStatus, RecipientStatus
from ..work import Closing, Lease
from .outcomes import Billing, Counts

_COUNTED = tuple(status for status in RecipientStatus if status is not RecipientStatus.PENDING)
_COUNTERS = (*(f"{status}_count" for status in _COUNTED), "segment_count", "expected_segment_count")
_EVIDENCE = (
    "outcome", "explanation", "positions", "http_status", "request_size", "request_hash", "request_bytes",
    "reply_bytes",
)  # fmt: skip

# Made once: every batch asks for these. A parameter that is called like a column would be written into it.
CLOSE = (
    update(Attempt)
    .where(Attempt.id == bindparam("its_attempt_id"))
    .values(
        closed_at=bindparam("its_now", type_=Instant),
        **{name: bindparam(f"its_{name}", type_=getattr(Attempt, name).type) for name in _EVIDENCE},
    )
)
COMPLETE = (
    update(Batch)
    .where(Batch.id == bindparam("its_batch_id"))
    .values(status=constant(BatchStatus.COMPLETED), leased_until=None)
)
COUNT = (
    update(Campaign)
    .where(Campaign.id == bindparam("its_campaign_id"))
    .values({name: getattr(Campaign, name) + bindparam(f"its_{name}") for name in _COUNTERS})
)
_ALL_AT_ONCE = COUNT.returning(Campaign.max_segments).add_cte(
    CLOSE.returning(Attempt.id).cte("closed"), COMPLETE.returning(Batch.id).cte("completed")
)


def end_values(
    lease: Lease, closing: Closing, counts: Counts, bill: Billing, now: datetime | None
) -> dict[str, object]:
    """Return what the statements of this module are told, by the names of their parameters."""
    facts = {
        "attempt_id": lease.attempt_id,
        "batch_id": lease.batch_id,
        "campaign_id": lease.campaign_id,
        "now": now,
        "outcome": AttemptOutcome(closing.attempt_outcome),
        "explanation": closing.explanation,
        "positions": fold_positions(closing.positions),
        "http_status": closing.http_status,
        "request_size": closing.request_size,
        "request_hash": closing.request_hash,
        "request_bytes": closing.request_bytes,
        "reply_bytes": closing.reply_bytes,
        **{f"{status}_count": counts[status] for status in _COUNTED},
        "segment_count": bill.billed,
        "expected_segment_count": bill.expected,
    }
    return {f"its_{name}": value for name, value in facts.items()}


def end_attempt(
    session: Session, lease: Lease, closing: Closing, counts: Counts, bill: Billing, now: datetime
) -> int | None:
    """Close the attempt, complete the batch, and count; return the campaign's limit of segments."""
    values = end_values(lease, closing, counts, bill, now)
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return connection.execute(_ALL_AT_ONCE, values).scalar_one()
    for statement in (CLOSE, COMPLETE):
        connection.execute(statement, values)
    return connection.execute(COUNT.returning(Campaign.max_segments), values).scalar_one()
