"""Purge: campaigns that ended long ago lose their numbers, texts and replies, and keep their keys and counts.

So nothing of them can be sent twice afterwards: keys, key prefixes, the callers' keys and what became of every
recipient stay, as do the attempts without their bytes. The stop list stays too: it must outlive the campaigns.

Done in short transactions, one range of positions each; `campaigns.purged_through` tells where a killed one goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, null, or_, select, update
from sqlalchemy.orm import Session

from ..attempt import Attempt
from ..batch import Batch
from ..campaign import Campaign
from ..event import Event
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, CampaignStatus
from .families import relatives
from .locks import lock_campaign, write_event

POSITIONS_AT_ONCE = 5_000
SHORTEST_DAYS = 1
"""A late answer may still come to what ended a moment ago."""

_ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
_SENDERS = frozenset({"sender", "sender_viber"})
_TEXTS = frozenset({"text", "provider_text"})
_HELD_A_VALUE = "the reason held a value of the list; it was purged"


@dataclass(frozen=True, slots=True)
class Purgeable:
    """A campaign that may be purged, or whose purge was broken off (`begun`)."""

    campaign_id: int
    name: str
    finished_at: datetime
    total_count: int
    begun: bool


def find_purgeable(session: Session, *, older_than_days: int, clock: Clock = database_clock) -> Iterator[Purgeable]:
    """Yield the campaigns that ended so long ago, oldest first. Only reads."""
    before = clock(session) - timedelta(days=older_than_days)
    resent = set(session.execute(select(Campaign.resend_of).where(Campaign.resend_of.is_not(None))).scalars())
    statement = select(Campaign).where(_may_be_purged(before)).order_by(Campaign.id)
    for campaign in session.execute(statement).scalars():
        has_kin = campaign.resend_of is not None or campaign.id in resent
        if campaign.finished_at is None or (has_kin and _is_needed(session, relatives(session, campaign.id), before)):
            continue
        begun = campaign.purged_at is not None
        yield Purgeable(campaign.id, campaign.name, campaign.finished_at, campaign.total_count, begun)


def purge_piece(
    session: Session, campaign_id: int, *, older_than_days: int, actor: str, clock: Clock = database_clock
) -> bool:
    """Purge the next range of one campaign's positions; say whether more of it is left.

    With the first piece the campaign counts as purged: retry and resend refuse it from then on. A campaign that was
    retried since it was found is left alone.
    """
    kin = relatives(session, campaign_id)
    for one in sorted({campaign_id, *kin}):
        lock_campaign(session, one)
    now = clock(session)
    before = now - timedelta(days=older_than_days)
    campaign = session.execute(
        select(Campaign).where(Campaign.id == campaign_id, _may_be_purged(before))
    ).scalar_one_or_none()
    if campaign is None or _is_needed(session, kin, before):
        return False
    if campaign.purged_at is None:
        _purge_campaign(session, campaign, now, actor)
    first = campaign.purged_through + 1
    last = min(campaign.purged_through + POSITIONS_AT_ONCE, campaign.total_count)
    if first <= last:
        _purge_range(session, campaign_id, first, last)
    campaign.purged_through = last
    return last < campaign.total_count


def _may_be_purged(before: datetime) -> ColumnElement[bool]:
    in_work = exists().where(Batch.campaign_id == Campaign.id, Batch.status.in_(OPEN_BATCH)).correlate(Campaign)
    begun = Campaign.purged_at.is_not(None)
    return or_(
        and_(~begun, _is_over(before), ~in_work),
        and_(begun, Campaign.purged_through < Campaign.total_count),
    )


def _is_over(before: datetime) -> ColumnElement[bool]:
    return and_(Campaign.status.in_(_ENDED), Campaign.finished_at < before)


def _is_needed(session: Session, kin: set[int], before: datetime) -> bool:
    """Say whether a resend of this campaign, or what it resends, may still ask who has got the message here."""
    if not kin:
        return False
    alive = select(Campaign.id).where(Campaign.id.in_(kin), Campaign.purged_at.is_(None), ~_is_over(before))
    return session.execute(alive.limit(1)).first() is not None


def _purge_campaign(session: Session, campaign: Campaign, now: datetime, actor: str) -> None:
    # Every field stays, so that what is left can still be read as a content; a sender is no secret and no person.
    campaign.content = {name: value if name in _SENDERS else "" for name, value in campaign.content.items()}
    campaign.purged_at = now
    events = session.execute(select(Event).where(Event.campaign_id == campaign.id, Event.facts.is_not(None)))
    for event in events.scalars():
        event.facts = _without_texts(event.facts)
    write_event(
        session,
        now,
        actor,
        "campaign_purged",
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        facts={"recipients": campaign.total_count},
    )


def _without_texts(facts: Any) -> Any:
    """Take out what the provider said, which may hold what we had said; the counts stay."""
    if isinstance(facts, dict):
        return {name: None if name in _TEXTS else _without_texts(value) for name, value in facts.items()}
    return [_without_texts(value) for value in facts] if isinstance(facts, list) else facts


def _purge_range(session: Session, campaign_id: int, first: int, last: int) -> None:
    """Take out what these positions hold. Every attempt begins in one range, so all of them are met once."""
    said_a_value = Outcome.reason.like("% (%")
    for statement in (
        update(Recipient)
        .where(Recipient.campaign_id == campaign_id, Recipient.position.between(first, last))
        .values(msisdn=null(), ref=null(), values_json=null()),
        update(Outcome)
        .where(Outcome.campaign_id == campaign_id, Outcome.position.between(first, last))
        .values(provider_text=null(), reason=case((said_a_value, _HELD_A_VALUE), else_=Outcome.reason)),
        update(Attempt)
        .where(Attempt.campaign_id == campaign_id, Attempt.first_position.between(first, last))
        .values(request_bytes=null(), reply_bytes=null()),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
