"""Recording what nearly every attempt brings: everybody of the batch is answered, and nothing is odd about it.

One look, one lock, one insert and one statement that ends attempt and batch and counts. Nobody's id is looked up: the
database refuses an id that somebody holds, and somebody who was answered before, and then `record` looks closely.
"""

from datetime import datetime

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from ..attempt import Attempt, AttemptOutcome, fold_positions
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..errors import LedgerError
from ..session import Clock
from ..states import BatchStatus, RecipientStatus
from ..webhook import Webhook
from ..work import Accepted, Closing, Lease, Verdict
from .brakes import Alarm, is_kept
from .cost import stop_at_cost
from .id_spaces import id_space
from .inserting import Source
from .locks import lock_campaign
from .outcomes import NO_BILL, Billing, Counts, write_answers


class TrustMisplaced(LedgerError):
    """Raised when the lease was lost: nothing that `record` took for granted holds."""


def is_usual(lease: Lease, closing: Closing) -> bool:
    """Say whether an answer may be recorded here: it stops nothing, and leaves nobody pending."""
    return (
        closing.verdict is Verdict.COMPLETE
        and closing.brake is None
        and not (closing.transport_failed or closing.document_refused or closing.shrink or closing.timed_out)
        and len(closing.outcomes) == lease.last_position - lease.first_position + 1
        and (isinstance(closing.outcomes, Accepted) or not any(o.stop_listed for o in closing.outcomes))
    )


def record_usual(session: Session, lease: Lease, closing: Closing, clock: Clock) -> tuple[Counts, Alarm | None] | None:
    """Record an answer that is usual; None, and nothing is done, where the account must be looked at too.

    The batch is locked before the campaign, so that the campaign, which others wait for, is held for a moment only:
    nobody who holds it waits for a running batch (`rescue` passes over one that is locked).

    Raises:
        IntegrityError: an id is held by another recipient, or somebody has an outcome already.
        TrustMisplaced: the lease was lost.
    """
    connection = session.connection()
    asked = connection.execute(_ASKED, {"id": lease.account_id}).one()
    if asked.is_kept:
        return None
    fence = connection.execute(_FENCE, {"id": lease.batch_id}).one()
    if fence.status is not BatchStatus.RUNNING or fence.attempt_number != lease.attempt_number:
        raise TrustMisplaced("the lease was lost")
    now = clock(session)
    space = id_space(lease.gateway_url)
    source = Source(lease.campaign_id, lease.attempt_id, lease.attempt_number, space, all_new=True)
    counts, bill = write_answers(
        session, source, closing.outcomes, closing.expected_segments, now, tell=asked.has_webhooks
    )
    most = _end(session, lease, closing, counts, bill, now)
    if most is None:
        return counts, None
    return counts, stop_at_cost(session, lock_campaign(session, lease.campaign_id), lease, Counts(), NO_BILL, now)


# Made once: every batch asks for these.
_ASKED = select(
    exists().where(is_kept(bindparam("id"))).label("is_kept"),
    exists(select(Webhook.id)).label("has_webhooks"),
)
_FENCE = select(Batch.status, Batch.attempt_number).where(Batch.id == bindparam("id")).with_for_update(key_share=True)


def _end(session: Session, lease: Lease, closing: Closing, counts: Counts, bill: Billing, now: datetime) -> int | None:
    """Close the attempt, complete the batch, and count; return the campaign's limit of segments."""
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
    # A parameter that is called like a column would be written into it.
    values = {f"its_{name}": value for name, value in facts.items()}
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return connection.execute(_ALL_AT_ONCE, values).scalar_one()
    for statement in (_CLOSE, _COMPLETE):
        connection.execute(statement, values)
    return connection.execute(_COUNT.returning(Campaign.max_segments), values).scalar_one()


_COUNTED = tuple(status for status in RecipientStatus if status is not RecipientStatus.PENDING)
_COUNTERS = (*(f"{status}_count" for status in _COUNTED), "segment_count", "expected_segment_count")
_EVIDENCE = (
    "outcome", "explanation", "positions", "http_status", "request_size", "request_hash", "request_bytes",
    "reply_bytes",
)  # fmt: skip
_CLOSE = (
    update(Attempt)
    .where(Attempt.id == bindparam("its_attempt_id"))
    .values(
        closed_at=bindparam("its_now", type_=Instant),
        **{name: bindparam(f"its_{name}", type_=getattr(Attempt, name).type) for name in _EVIDENCE},
    )
)
_COMPLETE = (
    update(Batch)
    .where(Batch.id == bindparam("its_batch_id"))
    .values(status=constant(BatchStatus.COMPLETED), leased_until=None)
)
_COUNT = (
    update(Campaign)
    .where(Campaign.id == bindparam("its_campaign_id"))
    .values({name: getattr(Campaign, name) + bindparam(f"its_{name}") for name in _COUNTERS})
)
_ALL_AT_ONCE = _COUNT.returning(Campaign.max_segments).add_cte(
    _CLOSE.returning(Attempt.id).cte("closed"), _COMPLETE.returning(Batch.id).cte("completed")
)
