"""Canaries: the first recipients of a campaign are sent alone, and what becomes of them decides about the rest."""

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from ..batch import Batch
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..rules import CANARY_SHARE
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, CampaignStatus, RecipientStatus
from .active import by_id, is_active
from .brakes import Alarm
from .locks import SYSTEM, write_event
from .moves import move_campaign
from .outcomes import Counts
from .ready import pending_in

MOST_JUDGED = 20
FAILED = "the canary failed"
"""Begins the reason of such a pause; who resumes it lets the rest go."""


def may_plan_further() -> ColumnElement[bool]:
    """Say of which campaigns positions are left that need not wait for a canary."""
    return and_(
        Campaign.planned_through < Campaign.total_count,
        or_(
            Campaign.canary_count.is_(None),
            Campaign.canary_passed_at.is_not(None),
            Campaign.planned_through < Campaign.canary_count,
        ),
    )


def last_plannable(campaign: Campaign) -> int:
    """Return the last position that need not wait for a canary."""
    if campaign.canary_count is None or campaign.canary_passed_at is not None:
        return campaign.total_count
    return min(campaign.total_count, campaign.canary_count)


def awaits_canary(campaign: Campaign) -> bool:
    """Say whether all that may be planned is planned, and the rest waits for what becomes of the first."""
    return (
        campaign.canary_count is not None
        and campaign.canary_passed_at is None
        and campaign.canary_count <= campaign.planned_through < campaign.total_count
    )


def nth_sendable(session: Session, campaign: Campaign, count: int) -> int:
    """Return the position up to which `count` recipients can be sent to; the last one where there are fewer."""
    sendable = pending_in(campaign.id, 1, campaign.total_count)
    statement = select(Recipient.position).where(sendable).order_by(Recipient.position).offset(count - 1).limit(1)
    return session.execute(statement).scalar_one_or_none() or campaign.total_count


def judge_canaries(session: Session, *, clock: Clock = database_clock) -> list[Alarm]:
    """Let campaigns go on whose canary passed, and pause those whose canary failed, once all of it has an outcome."""
    now = clock(session)
    done = (
        select(Campaign)
        .where(
            is_active(),
            Campaign.status == CampaignStatus.RUNNING,
            Campaign.canary_passed_at.is_(None),
            Campaign.canary_count <= Campaign.planned_through,
            Campaign.planned_through < Campaign.total_count,
            ~exists().where(Batch.campaign_id == Campaign.id, Batch.status.in_(OPEN_BATCH)),
        )
        .order_by(by_id())
        .limit(MOST_JUDGED)
        .with_for_update(key_share=True, skip_locked=True)
    )
    alarms = []
    for campaign in session.execute(done, execution_options={"populate_existing": True}).scalars().all():
        if alarm := _judge(session, campaign, now):
            alarms.append(alarm)
    return alarms


def _judge(session: Session, campaign: Campaign, now: datetime) -> Alarm | None:
    counts = _outcomes(session, campaign)
    failed = counts[RecipientStatus.REJECTED] + counts[RecipientStatus.UNKNOWN]
    tried = counts[RecipientStatus.ACCEPTED] + failed
    allowed = CANARY_SHARE if campaign.canary_share is None else campaign.canary_share
    facts = {"tried": tried, "failed": failed}
    if tried and failed <= allowed * tried:
        campaign.canary_passed_at = now
        write_event(
            session, now, SYSTEM, "canary_passed", account_id=campaign.account_id, campaign_id=campaign.id, facts=facts
        )
        return None
    said = f"{failed:,} of the first {tried:,} were not accepted, {allowed:.1%} of them may"
    if not tried:
        said = f"none of the first {campaign.canary_count:,} could be sent to"
    reason = f"{FAILED}: {said}{_most_frequent(session, campaign)}"
    move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=reason)
    write_event(
        session, now, SYSTEM, "canary_failed", account_id=campaign.account_id, campaign_id=campaign.id, reason=reason,
        facts=facts,
    )  # fmt: skip
    mend = f"bulkpost campaign resume {campaign.id} sends the rest all the same, bulkpost campaign cancel ends it"
    return Alarm("campaign", reason, mend)


def _outcomes(session: Session, campaign: Campaign) -> Counts:
    statement = (
        select(Outcome.status, func.count())
        .where(Outcome.campaign_id == campaign.id, Outcome.position <= campaign.planned_through)
        .group_by(Outcome.status)
    )
    return Counter(dict(session.execute(statement).all()))


def _most_frequent(session: Session, campaign: Campaign) -> str:
    """Return the gateway's most frequent word on those that were refused, or nothing."""
    statement = (
        select(Outcome.provider_text, func.count().label("count"))
        .where(
            Outcome.campaign_id == campaign.id,
            Outcome.position <= campaign.planned_through,
            Outcome.status == RecipientStatus.REJECTED,
            Outcome.provider_text.is_not(None),
        )
        .group_by(Outcome.provider_text)
        .order_by(func.count().desc())
        .limit(1)
    )
    found = session.execute(statement).first()
    return f'; {found.count} times "{found.provider_text}"' if found else ""
