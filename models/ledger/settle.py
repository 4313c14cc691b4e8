"""Settle: finish campaigns in which nobody is pending, and plan again whoever was left without an open batch."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, CampaignStatus
from .active import by_id, is_active
from .locks import SYSTEM, write_event
from .moves import move_campaign
from .ready import pending_in

MOST_SETTLED = 100


def settle(session: Session, *, clock: Clock = database_clock) -> int:
    """Finish running campaigns whose work is done; return how many finished.

    A campaign with pending recipients and no open batch should not be; where it is, they are planned again under the
    same keys, and an event says so.
    """
    without_work = (
        select(Campaign)
        .where(
            is_active(),
            Campaign.status == CampaignStatus.RUNNING,
            Campaign.planned_through == Campaign.total_count,
            ~exists().where(Batch.campaign_id == Campaign.id, Batch.status.in_(OPEN_BATCH)),
        )
        .order_by(by_id())
        .limit(MOST_SETTLED)
        .with_for_update(key_share=True, skip_locked=True)
    )
    campaigns = session.execute(without_work, execution_options={"populate_existing": True}).scalars().all()
    finished = 0
    for campaign in campaigns:
        if campaign.pending_count == 0:
            now = clock(session)
            move_campaign(session, campaign, CampaignStatus.FINISHED, now, SYSTEM)
            write_event(
                session, now, SYSTEM, "campaign_finished", account_id=campaign.account_id, campaign_id=campaign.id
            )
            finished += 1
        elif not _has_open_batch(session, campaign.id):
            _plan_again(session, campaign, clock)
    return finished


def _has_open_batch(session: Session, campaign_id: int) -> bool:
    """Look again now that the campaign is locked: another tick may have planned it again since the list was made."""
    statement = select(Batch.id).where(Batch.campaign_id == campaign_id, Batch.status.in_(OPEN_BATCH)).limit(1)
    return session.execute(statement).first() is not None


def _plan_again(session: Session, campaign: Campaign, clock: Clock) -> None:
    size = session.execute(select(Account.batch_size).where(Account.id == campaign.account_id)).scalar_one()
    now = clock(session)
    pending = pending_in(campaign.id, 1, campaign.total_count)
    positions = session.execute(select(Recipient.position).where(pending).order_by(Recipient.position)).scalars()
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and position - ranges[-1][0] < size:
            ranges[-1] = (ranges[-1][0], position)
        else:
            ranges.append((position, position))
    for first, last in ranges:
        session.add(_batch_again(session, campaign, first, last, now))
    write_event(
        session,
        now,
        SYSTEM,
        "planned_again",
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        reason="recipients were pending without an open batch",
        facts={"recipients": campaign.pending_count, "batches": len(ranges)},
    )


def _batch_again(session: Session, campaign: Campaign, first: int, last: int, now: datetime) -> Batch:
    """Return a new batch for a range that inherits the doubts of those that covered it before (P3)."""
    doubt_since = session.execute(
        select(Batch.doubt_since)
        .where(
            Batch.campaign_id == campaign.id,
            Batch.first_position <= last,
            Batch.last_position >= first,
            Batch.doubt_since.is_not(None),
        )
        .order_by(Batch.doubt_since)
        .limit(1)
    ).scalar_one_or_none()
    return Batch(
        campaign_id=campaign.id,
        account_id=campaign.account_id,
        first_position=first,
        last_position=last,
        available_at=now,
        doubt_since=doubt_since,
        created_at=now,
    )
