"""Late: what was not sent by its latest moment waits for a person to decide: send, shift, cancel."""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from ..batch import Batch
from ..campaign import Campaign
from ..errors import BadTimes
from ..session import Clock, database_clock
from ..states import READY_BATCH, BatchStatus, CampaignStatus
from ..window import read_zone
from .active import by_id, is_active
from .brakes import Alarm
from .locks import SYSTEM, write_event
from .moves import move_campaign
from .outcomes import pending_count

MOST_HELD = 20


def hold_late(session: Session, *, clock: Clock = database_clock) -> list[Alarm]:
    """Pause campaigns whose latest moment has passed with somebody neither sent nor in flight; one event each."""
    now = clock(session)
    waiting = exists().where(Batch.campaign_id == Campaign.id, Batch.status.in_(READY_BATCH))
    late = (
        select(Campaign)
        .where(
            is_active(),
            Campaign.status.in_((CampaignStatus.SCHEDULED, CampaignStatus.RUNNING)),
            Campaign.imported_at.is_not(None),
            Campaign.latest_at <= now,
            or_(Campaign.planned_through < Campaign.total_count, waiting.correlate(Campaign)),
        )
        .order_by(by_id())
        .limit(MOST_HELD)
        .with_for_update(key_share=True, skip_locked=True)
    )
    alarms = []
    for campaign in session.execute(late, execution_options={"populate_existing": True}).scalars().all():
        doubtful = _pending(session, campaign.id, Batch.status.in_(READY_BATCH) & Batch.doubt_since.is_not(None))
        in_flight = _pending(session, campaign.id, Batch.status == BatchStatus.RUNNING)
        left = campaign.pending_count - in_flight - doubtful
        reason = f"late: {left:,} of {campaign.total_count:,} were not sent by {shown_latest(campaign)}"
        if doubtful:
            reason += f", and {doubtful:,} are in doubt: they may have been"
        move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=reason)
        write_event(
            session, now, SYSTEM, "campaign_late", account_id=campaign.account_id, campaign_id=campaign.id,
            reason=reason, facts={"unsent": left, "in_doubt": doubtful},
        )  # fmt: skip
        alarms.append(Alarm("campaign", reason, late_mend(campaign.id)))
    return alarms


def late_mend(campaign_id: int) -> str:
    """Return what a person can do about a campaign that is late."""
    return (
        f'bulkpost campaign resume {campaign_id} --latest "..." gives it more time, --late-anyway sends the rest '
        f"whenever it may go, bulkpost campaign cancel {campaign_id} ends it"
    )


def shown_latest(campaign: Campaign) -> str:
    """Write the latest moment in the campaign's own zone."""
    assert campaign.latest_at is not None, "asked of campaigns that have one"
    try:
        zone = read_zone(campaign.time_zone or "UTC")
    except BadTimes:
        zone = read_zone("UTC")
    return f"{campaign.latest_at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def _pending(session: Session, campaign_id: int, which: ColumnElement[bool]) -> int:
    """Count the pending recipients of some of the campaign's batches."""
    ranges = session.execute(
        select(Batch.first_position, Batch.last_position).where(Batch.campaign_id == campaign_id, which)
    )
    return sum(pending_count(session, campaign_id, first, last) for first, last in ranges.all())


def is_late(campaign: Campaign, now: datetime) -> bool:
    """Say whether nothing of the campaign is claimed any more."""
    return campaign.latest_at is not None and campaign.latest_at <= now
