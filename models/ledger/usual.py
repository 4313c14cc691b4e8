"""Recording what nearly every attempt brings: everybody of the batch is answered, and nothing is odd about it.

One look, one lock, one insert and one statement that ends attempt and batch and counts. Nobody's id is looked up: the
database refuses an id that somebody holds, and somebody who was answered before, and then `record` looks closely.
"""

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from ..batch import Batch
from ..errors import LedgerError
from ..session import Clock
from ..states import BatchStatus
from ..webhook import Webhook
from ..work import Accepted, Closing, Lease, Verdict
from .brakes import Alarm, is_kept
from .cost import stop_at_cost
from .ending import end_attempt
from .id_spaces import id_space
from .inserting import Source
from .locks import lock_campaign
from .outcomes import NO_BILL, Counts, write_answers


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
    most = end_attempt(session, lease, closing, counts, bill, now)
    if most is None:
        return counts, None
    return counts, stop_at_cost(session, lock_campaign(session, lease.campaign_id), lease, Counts(), NO_BILL, now)


# Made once: every batch asks for these.
_ASKED = select(
    exists().where(is_kept(bindparam("id"))).label("is_kept"),
    exists(select(Webhook.id)).label("has_webhooks"),
)
_FENCE = select(Batch.status, Batch.attempt_number).where(Batch.id == bindparam("id")).with_for_update(key_share=True)
