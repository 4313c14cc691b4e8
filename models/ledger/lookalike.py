"""Noticing that the same mailing was created a moment ago: a command run twice is the commonest way to send twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import CampaignStatus

WITHIN_SECONDS = 86_400.0
MOSTLY = 0.5
SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Lookalike:
    """An earlier campaign of the same account that says the same to mostly the same numbers."""

    campaign_id: int
    created_at: datetime
    share: float


def find_lookalike(session: Session, campaign_id: int, *, clock: Clock = database_clock) -> Lookalike | None:
    """Return the newest lookalike of the last day, judged by a sample of the numbers, or None. Only reads."""
    columns = (Campaign.account_id, Campaign.content_hash, Campaign.total_count)
    campaign = session.execute(select(*columns).where(Campaign.id == campaign_id)).one()
    earlier = session.execute(
        select(Campaign.id, Campaign.created_at)
        .where(
            Campaign.id != campaign_id,
            Campaign.account_id == campaign.account_id,
            Campaign.content_hash == campaign.content_hash,
            Campaign.created_at >= clock(session) - timedelta(seconds=WITHIN_SECONDS),
            Campaign.imported_at.is_not(None),
            Campaign.status != CampaignStatus.CANCELLED,
        )
        .order_by(Campaign.id.desc())
        .limit(10)
    ).all()
    if not earlier:
        return None
    step = max(1, campaign.total_count // SAMPLE)
    numbers = select(Recipient.msisdn).where(
        Recipient.campaign_id == campaign_id, Recipient.position % step == 0, Recipient.msisdn.is_not(None)
    )
    sample = set(session.execute(numbers).scalars())
    for row in earlier:
        known = session.execute(
            select(func.count(Recipient.msisdn.distinct())).where(
                Recipient.campaign_id == row.id, Recipient.msisdn.in_(sample)
            )
        ).scalar_one()
        if sample and known / len(sample) >= MOSTLY:
            return Lookalike(row.id, row.created_at, known / len(sample))
    return None
