"""Plan: start due campaigns and give their positions to batches. Writes batch rows only, however many recipients."""

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from ..account import Account
from ..base import Instant
from ..campaign import Campaign
from ..session import Clock, database_clock
from ..states import CampaignStatus
from .active import is_active
from .canary import last_plannable, may_plan_further
from .locks import SYSTEM, write_event
from .moves import changed_rows, move_campaign

MOST_STARTED = 100
"""Campaigns that one call starts."""
MOST_PLANNED = 20_000
"""Batches that one call plans: the tick stays short, the next one goes on where this one stopped."""

_RANGES = text(
    """
    INSERT INTO bulkpost_batches (campaign_id, account_id, first_position, last_position, status, available_at,
                                  attempt_number, retry_count, doubt_count, unseen_count, created_at)
    WITH RECURSIVE ranges (first) AS (
        SELECT CAST(:first AS integer) UNION ALL SELECT first + :size FROM ranges WHERE first + :size <= :last
    )
    SELECT :campaign_id, :account_id, first,
           CASE WHEN first + :size - 1 > :last THEN :last ELSE first + :size - 1 END,
           'available', :now, 0, 0, 0, 0, :now
    FROM ranges
    """
).bindparams(bindparam("now", type_=Instant))


def start_due(session: Session, *, clock: Clock = database_clock) -> int:
    """Move scheduled campaigns whose time has come to running; return how many."""
    now = clock(session)
    due = (
        select(Campaign)
        .where(
            is_active(),
            Campaign.status == CampaignStatus.SCHEDULED,
            Campaign.start_at <= now,
            Campaign.imported_at.is_not(None),
        )
        .order_by(Campaign.start_at)
        .limit(MOST_STARTED)
        .with_for_update(key_share=True, skip_locked=True)
    )
    campaigns = session.execute(due, execution_options={"populate_existing": True}).scalars().all()
    for campaign in campaigns:
        started_at = campaign.started_at or now
        move_campaign(session, campaign, CampaignStatus.RUNNING, now, SYSTEM, started_at=started_at)
        write_event(session, now, SYSTEM, "campaign_started", account_id=campaign.account_id, campaign_id=campaign.id)
    return len(campaigns)


def plan(session: Session, *, most: int = MOST_PLANNED, clock: Clock = database_clock) -> int:
    """Give the next positions of one running campaign to batches; return how many batches were made.

    Zero means that nothing is left to plan. Whoever is killed in the middle has planned nothing: the position up to
    which a campaign is planned moves in the same transaction.
    """
    unplanned = (
        select(Campaign)
        .where(is_active(), Campaign.status == CampaignStatus.RUNNING, may_plan_further())
        .order_by(Campaign.priority.desc(), Campaign.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    campaign = session.execute(unplanned, execution_options={"populate_existing": True}).scalar_one_or_none()
    if campaign is None:
        return 0
    size = session.execute(select(Account.batch_size).where(Account.id == campaign.account_id)).scalar_one()
    last = min(last_plannable(campaign), campaign.planned_through + size * most)
    made = add_ranges(session, campaign, campaign.planned_through + 1, last, size, clock=clock)
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.planned_through == campaign.planned_through)
        .values(planned_through=last)
        .execution_options(synchronize_session=False)
    )
    return made


def add_ranges(session: Session, campaign: Campaign, first: int, last: int, size: int, *, clock: Clock) -> int:
    """Make batches of `size` positions for first..last of a locked campaign; return how many."""
    values = {"first": first, "last": last, "size": size, "now": clock(session)}
    result = session.execute(_RANGES, {**values, "campaign_id": campaign.id, "account_id": campaign.account_id})
    return changed_rows(result)
