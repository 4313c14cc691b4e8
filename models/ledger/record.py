"""Record: close one attempt (transaction 2): attempt, outcomes, verdict, counters, brakes, all or nothing.

Fenced by the attempt number: whoever lost the lease stores acceptances only, because an acceptance is a fact and a
refusal may be about a document that another attempt has replaced.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ..attempt import Attempt, AttemptOutcome, fold_positions
from ..batch import Batch
from ..campaign import Campaign
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import BatchStatus, CampaignStatus, ErrorClass, RecipientStatus
from ..work import Closing, Lease, Verdict
from .brakes import Alarm, find_recovery, let_account_go_on, needs_account, settle_account, stop_campaign
from .collisions import first_of_collision, raise_collisions
from .cost import stop_at_cost
from .id_spaces import id_space
from .inserting import Source
from .limits import correct_day
from .locks import SYSTEM, lock_account, lock_campaign
from .moves import move_batch
from .outcomes import Counts, count_outcomes, end_pending, pending_count, write_answers
from .ready import pending_in
from .stops import keep_refused
from .usual import is_usual, record_usual


@dataclass(frozen=True, slots=True)
class Recorded:
    """What record did: the change of each count, the batch's status, and whether the lease was lost before.

    `alarm`: why this paused the account or the campaign; `resumed`: the system's pause of the account was ended by it.
    """

    counts: Counts
    batch_status: BatchStatus | None
    late: bool
    alarm: Alarm | None
    resumed: bool = False

    @property
    def braked(self) -> bool:
        """Whether this paused the account or the campaign."""
        return self.alarm is not None


def record(
    session: Session,
    lease: Lease,
    closing: Closing,
    *,
    max_attempts: int,
    doubt_limit_seconds: float,
    trusting: bool = False,
    clock: Clock = database_clock,
) -> Recorded:
    """Write everything that one attempt brought. The caller commits; on any exception nothing of it is written.

    `trusting`: where the answer is usual, look neither for other holders of its ids nor for outcomes that are there
    already: nearly always there are none.

    Raises:
        IntegrityError: another recipient holds one of the ids, or, when trusting, somebody has an outcome already: to
            be repeated without trust.
        TrustMisplaced: the lease was lost: likewise.
    """
    if trusting and is_usual(lease, closing) and (usual := record_usual(session, lease, closing, clock)) is not None:
        counts, alarm = usual
        return Recorded(counts, BatchStatus.COMPLETED, late=False, alarm=alarm)
    space = id_space(lease.gateway_url)
    closing = raise_collisions(session, lease, closing, space)
    account = lock_account(session, lease.account_id) if needs_account(session, lease, closing) else None
    campaign = lock_campaign(session, lease.campaign_id)
    batch = _lock_batch(session, lease)
    now = clock(session)
    late = batch.status is not BatchStatus.RUNNING or batch.attempt_number != lease.attempt_number
    # Said of the number, not of the document: true also of a late answer.
    keep_refused(session, lease.campaign_id, [o.position for o in closing.outcomes if o.stop_listed], now)
    if late:
        closing = _facts_of(closing)
    held = first_of_collision(session, closing, space)
    source = Source(lease.campaign_id, lease.attempt_id, lease.attempt_number, space, first_of_collision=held)
    counts, bill = write_answers(session, source, closing.outcomes, closing.expected_segments, now)
    status = None
    if not late:
        status, ended = _conclude(session, lease, closing, campaign, batch, now, max_attempts, doubt_limit_seconds)
        counts.update(ended)
    _close_attempt(session, lease, closing, now, late)
    count_outcomes(campaign, session, counts, bill)
    alarm, resumed = stop_at_cost(session, campaign, lease, counts, bill, now), False
    if account is not None:
        correct_day(account, batch, lease, closing, counts, bill, _put_back(session, lease, closing, batch, late))
        alarm = settle_account(session, account, lease, closing, now) or alarm
        resumed = find_recovery(account, lease, closing)
    if account is not None and resumed:
        let_account_go_on(session, account, now, SYSTEM, f"the gateway takes messages again: {closing.explanation}")
    brake = closing.brake
    if brake is not None and brake.scope == "campaign" and stop_campaign(session, campaign, lease, brake.reason, now):
        alarm = Alarm("campaign", brake.reason, f"bulkpost campaign resume {campaign.id}")
    return Recorded(counts, status, late, alarm, resumed)


def _put_back(session: Session, lease: Lease, closing: Closing, batch: Batch, late: bool) -> int:
    """Count who is still owed, and certainly was not sent."""
    if late or closing.doubt or batch.doubt_since is not None:
        return 0
    return pending_count(session, lease.campaign_id, lease.first_position, lease.last_position)


def _facts_of(closing: Closing) -> Closing:
    """Leave of a late reply what stays true: who was accepted, and that an id was told twice."""
    collided = closing.brake is not None and closing.brake.error_class is ErrorClass.COLLISION
    return replace(
        closing,
        outcomes=tuple(o for o in closing.outcomes if o.status is RecipientStatus.ACCEPTED),
        brake=closing.brake if collided else None,
        transport_failed=False,
        document_refused=False,
        shrink=False,
        timed_out=False,
    )


def _lock_batch(session: Session, lease: Lease) -> Batch:
    statement = select(Batch).where(Batch.id == lease.batch_id).with_for_update(key_share=True)
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one()


def _conclude(
    session: Session,
    lease: Lease,
    closing: Closing,
    campaign: Campaign,
    batch: Batch,
    now: datetime,
    max_attempts: int,
    doubt_limit_seconds: float,
) -> tuple[BatchStatus, Counts]:
    """Give the batch its next status, and whoever of it can get no further its outcome."""
    nobody: Counts = Counter()
    everybody = len(closing.outcomes) == lease.last_position - lease.first_position + 1
    left = 0 if everybody else pending_count(session, lease.campaign_id, lease.first_position, lease.last_position)
    if left == 0:
        return _end(session, lease, BatchStatus.COMPLETED), nobody
    doubt_since = batch.doubt_since or (lease.opened_at if closing.doubt else None)
    # Being told to wait burns no attempt, whatever it may have left in doubt.
    counts = closing.doubt and closing.attempt_outcome != AttemptOutcome.THROTTLED
    doubt_count = batch.doubt_count + counts
    if campaign.status is CampaignStatus.CANCELLED:
        status = _end(session, lease, BatchStatus.CANCELLED)
        return status, end_cancelled(session, batch, doubt_since is not None, now)
    too_old = doubt_since is not None and now - doubt_since > timedelta(seconds=doubt_limit_seconds)
    if too_old or (counts and doubt_count >= max_attempts):
        status = _end(session, lease, BatchStatus.DISCARDED)
        return status, give_up(session, batch, doubt_count, now)
    past: dict[str, object] = {
        "doubt_since": doubt_since,
        "doubt_count": doubt_count,
        "unseen_count": batch.unseen_count + closing.unseen,
        # Whoever certainly was not sent is counted again, against the day of the claim that sends it.
        "counted_on": None if doubt_since is None else batch.counted_on,
    }
    if closing.verdict is Verdict.SPLIT and left > 1:
        status = _end(session, lease, BatchStatus.DISCARDED)
        _halve(session, batch, left, now, past)
        return status, nobody
    put_back = closing.verdict is Verdict.PUT_BACK
    moved = move_batch(
        session,
        lease.batch_id,
        lease.attempt_number,
        BatchStatus.RETRYABLE,
        available_at=now if put_back else now + timedelta(seconds=closing.delay_seconds),
        retry_count=batch.retry_count + (not put_back),
        **past,
    )
    assert moved, "the batch is locked and was running under this attempt"
    return BatchStatus.RETRYABLE, nobody


def _end(session: Session, lease: Lease, status: BatchStatus) -> BatchStatus:
    moved = move_batch(session, lease.batch_id, lease.attempt_number, status)
    assert moved, "the batch is locked and was running under this attempt"
    return status


def _halve(session: Session, batch: Batch, left: int, now: datetime, past: dict[str, object]) -> None:
    """Replace a refused document by two: the bad recipient ends alone, its neighbours are sent."""
    pending = pending_in(batch.campaign_id, batch.first_position, batch.last_position)
    lower_half = select(Recipient.position).where(pending).order_by(Recipient.position)
    middle = session.execute(lower_half.offset(left // 2 - 1).limit(1)).scalar_one()
    for first, last in ((batch.first_position, middle), (middle + 1, batch.last_position)):
        session.add(
            Batch(
                campaign_id=batch.campaign_id,
                account_id=batch.account_id,
                first_position=first,
                last_position=last,
                status=BatchStatus.AVAILABLE,
                available_at=now,
                attempt_number=batch.attempt_number,
                retry_count=batch.retry_count,
                created_at=now,
                **past,
            )
        )


def end_cancelled(session: Session, batch: Batch, doubtful: bool, now: datetime) -> Counts:
    """End a cancelled campaign's batch: `unknown` where an attempt may have carried its recipients (P3)."""
    status = RecipientStatus.UNKNOWN if doubtful else RecipientStatus.CANCELLED
    reason = (
        "the campaign was cancelled while it was in doubt whether the gateway had accepted this"
        if doubtful
        else "the campaign was cancelled before this was posted"
    )
    return end_pending(
        session,
        batch.campaign_id,
        batch.first_position,
        batch.last_position,
        status,
        now,
        reason=reason,
        attempt_number=batch.attempt_number,
    )


def give_up(session: Session, batch: Batch, doubt_count: int, now: datetime) -> Counts:
    """End the pending recipients of a batch as `unknown`: asked often, or long, enough."""
    return end_pending(
        session,
        batch.campaign_id,
        batch.first_position,
        batch.last_position,
        RecipientStatus.UNKNOWN,
        now,
        reason=f"no readable answer to {doubt_count} attempts that may have carried it",
        error_class=ErrorClass.TRANSIENT,
        attempt_number=batch.attempt_number,
    )


def _close_attempt(session: Session, lease: Lease, closing: Closing, now: datetime, late: bool) -> None:
    """Close the attempt; after a lost lease rescue has closed it, and the reply is added as evidence."""
    values: dict[str, object] = {
        "explanation": f"answered after the lease was lost: {closing.explanation}" if late else closing.explanation,
        "positions": fold_positions(closing.positions),
        "http_status": closing.http_status,
        "request_size": closing.request_size,
        "request_hash": closing.request_hash,
        "request_bytes": closing.request_bytes,
        "reply_bytes": closing.reply_bytes,
        "closed_at": func.coalesce(Attempt.closed_at, now),
    }
    if late:
        values["outcome"] = func.coalesce(Attempt.outcome, AttemptOutcome.LOST.value)
    else:
        values["outcome"] = AttemptOutcome(closing.attempt_outcome)
    session.execute(
        update(Attempt)
        .where(Attempt.id == lease.attempt_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
