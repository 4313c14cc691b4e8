"""Rescue: leases that ran out, doubts that grew too old, imports that fell silent."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..attempt import Attempt, AttemptOutcome
from ..batch import Batch
from ..campaign import Campaign
from ..outcome import Outcome
from ..outgoing import Gathering
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import READY_BATCH, BatchStatus, CampaignStatus
from .active import is_active, waits_in_doubt
from .locks import lock_campaign
from .moves import changed_rows, move_batch
from .outcomes import count_outcomes, pending_count
from .record import end_cancelled, give_up

MOST_RESCUED = 100
SILENT_IMPORT_SECONDS = 3600.0
ROWS_SWEPT = 20_000


def find_lost(session: Session, *, clock: Clock = database_clock) -> list[int]:
    """Return the ids of running batches whose lease has run out, oldest first, a bounded number."""
    statement = (
        select(Batch.id)
        .where(Batch.status == BatchStatus.RUNNING, Batch.leased_until < clock(session))
        .order_by(Batch.leased_until)
        .limit(MOST_RESCUED)
    )
    return list(session.execute(statement).scalars())


def rescue(
    session: Session,
    batch_id: int,
    *,
    quiet_seconds: float,
    max_attempts: int,
    doubt_limit_seconds: float,
    clock: Clock = database_clock,
) -> bool:
    """Close the attempt of one lost lease and make its batch claimable again; say whether there was one.

    Its process died, or is late: the document may have been processed. Nothing is asked again before `quiet_seconds`
    after the attempt began: nobody promised that two simultaneous documents with one key are safe.
    Source: design.md section 5, Retry.
    """
    campaign_id = session.execute(select(Batch.campaign_id).where(Batch.id == batch_id)).scalar_one_or_none()
    if campaign_id is None:
        return False
    campaign = lock_campaign(session, campaign_id)
    batch = _lock(session, batch_id)
    now = clock(session)
    if (
        batch is None
        or batch.status is not BatchStatus.RUNNING
        or batch.leased_until is None
        or batch.leased_until >= now
    ):
        return False
    opened_at = _close_lost_attempt(session, batch, now)
    doubt_since = batch.doubt_since or opened_at
    doubt_count = batch.doubt_count + 1
    if pending_count(session, campaign_id, batch.first_position, batch.last_position) == 0:
        return move_batch(session, batch_id, batch.attempt_number, BatchStatus.COMPLETED)
    if campaign.status is CampaignStatus.CANCELLED:
        count_outcomes(campaign, session, end_cancelled(session, batch, True, now))
        return move_batch(session, batch_id, batch.attempt_number, BatchStatus.CANCELLED)
    if doubt_count >= max_attempts or now - doubt_since > timedelta(seconds=doubt_limit_seconds):
        count_outcomes(campaign, session, give_up(session, batch, doubt_count, now))
        return move_batch(session, batch_id, batch.attempt_number, BatchStatus.DISCARDED)
    return move_batch(
        session,
        batch_id,
        batch.attempt_number,
        BatchStatus.RETRYABLE,
        available_at=max(now, opened_at + timedelta(seconds=quiet_seconds)),
        retry_count=batch.retry_count + 1,
        doubt_since=doubt_since,
        doubt_count=doubt_count,
    )


def find_old_doubts(session: Session, *, doubt_limit_seconds: float, clock: Clock = database_clock) -> list[int]:
    """Return the ids of waiting batches in doubt for longer than the limit, a bounded number."""
    too_old = clock(session) - timedelta(seconds=doubt_limit_seconds)
    statement = (
        select(Batch.id)
        .where(waits_in_doubt(), Batch.doubt_since < too_old)
        .order_by(Batch.doubt_since)
        .limit(MOST_RESCUED)
    )
    return list(session.execute(statement).scalars())


def give_up_old_doubt(
    session: Session, batch_id: int, *, doubt_limit_seconds: float, clock: Clock = database_clock
) -> bool:
    """End the pending recipients of one waiting batch whose doubt is older than the limit as `unknown`.

    A provider may forget keys: asking again after so long could send twice. Source: protocol.md 9, Lifetime.
    """
    campaign_id = session.execute(select(Batch.campaign_id).where(Batch.id == batch_id)).scalar_one_or_none()
    if campaign_id is None:
        return False
    campaign = lock_campaign(session, campaign_id)
    batch = _lock(session, batch_id)
    now = clock(session)
    if (
        batch is None
        or batch.status not in READY_BATCH
        or batch.doubt_since is None
        or now - batch.doubt_since <= timedelta(seconds=doubt_limit_seconds)
    ):
        return False
    count_outcomes(campaign, session, give_up(session, batch, batch.doubt_count, now))
    return move_batch(session, batch_id, batch.attempt_number, BatchStatus.DISCARDED)


def sweep_silent_import(session: Session, *, clock: Clock = database_clock) -> bool:
    """Take away a bounded part of one import that was killed long ago; say whether there was one.

    What rows of the inbox are gathered for is no such import: the next tick goes on with it, however late.
    """
    silent_since = clock(session) - timedelta(seconds=SILENT_IMPORT_SECONDS)
    statement = (
        select(Campaign.id)
        .where(
            is_active(),
            Campaign.status == CampaignStatus.DRAFT,
            Campaign.imported_at.is_(None),
            Campaign.importing_at < silent_since,
            Campaign.id.not_in(select(Gathering.campaign_id)),
        )
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    campaign_id = session.execute(statement).scalar_one_or_none()
    if campaign_id is None:
        return False
    if not remove_rows(session, campaign_id):
        remove_campaign(session, campaign_id)
    return True


def remove_campaign(session: Session, campaign_id: int) -> None:
    """Delete a draft whose import never ended and whose rows are gone; anything else stays."""
    session.execute(
        delete(Campaign).where(
            Campaign.id == campaign_id, Campaign.status == CampaignStatus.DRAFT, Campaign.imported_at.is_(None)
        )
    )


def remove_rows(session: Session, campaign_id: int) -> int:
    """Delete a bounded number of rows of a draft whose import never ended; return how many."""
    # Locked: whoever is about to announce it, though its client has gone, comes first.
    unannounced = select(Campaign.id).where(Campaign.id == campaign_id, Campaign.imported_at.is_(None))
    if session.execute(unannounced.with_for_update(key_share=True)).first() is None:
        return 0
    last = session.execute(
        select(Recipient.position)
        .where(Recipient.campaign_id == campaign_id)
        .order_by(Recipient.position)
        .offset(ROWS_SWEPT - 1)
        .limit(1)
    ).scalar_one_or_none()
    removed = 0
    for table in (Outcome, Recipient):
        statement = delete(table).where(table.campaign_id == campaign_id)
        if last is not None:
            statement = statement.where(table.position <= last)
        removed = changed_rows(session.execute(statement.execution_options(synchronize_session=False)))
    return removed


def _lock(session: Session, batch_id: int) -> Batch | None:
    """Lock a batch; None where somebody is recording it, who may be waiting for the campaign that we hold."""
    statement = select(Batch).where(Batch.id == batch_id).with_for_update(key_share=True, skip_locked=True)
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def _close_lost_attempt(session: Session, batch: Batch, now: datetime) -> datetime:
    """Close the open attempt as lost, and return when it began."""
    attempt = session.execute(
        select(Attempt).where(Attempt.batch_id == batch.id, Attempt.number == batch.attempt_number)
    ).scalar_one()
    attempt.outcome = AttemptOutcome.LOST
    attempt.closed_at = now
    attempt.explanation = "the lease ran out: its process died or was too slow; the document may have been processed"
    return attempt.opened_at
