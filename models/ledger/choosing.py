"""Choosing what a claim takes: the campaign by priority and fair share, its next batch, and how much of it.

Part of the claim: called under the account's lock, and locks the campaign and the batch.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, select
from sqlalchemy.orm import Session

from ..account import Account
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..content import Content, check, from_json
from ..errors import ContentError
from ..recipient import Recipient
from ..states import CampaignStatus
from ..work import ClaimRefusal, Refused
from .limits import day_ends_at, day_room, has_daily_limit, most_at_once, segments_each
from .locks import SYSTEM, write_event
from .moves import move_campaign
from .ready import pending_in, ready, was_counted


@dataclass(frozen=True, slots=True)
class Found:
    """What the claim takes: how many pending recipients of which batch, and what is reserved of the day for each."""

    campaign: Campaign
    content: Content
    batch: Batch
    last_position: int
    pending_count: int
    segments_each: int


_AS_IT_IS = {"populate_existing": True}
_NOW, _DOUBTS_SINCE = bindparam("now", type_=Instant), bindparam("doubts_since", type_=Instant)


def _campaigns(can_go: ColumnElement[bool]) -> Select[Campaign]:
    return (
        select(Campaign)
        .where(
            Campaign.account_id == bindparam("account_id"),
            Campaign.status == constant(CampaignStatus.RUNNING),
            exists().where(can_go).correlate(Campaign),
        )
        .order_by(Campaign.priority.desc(), Campaign.last_claimed_at.asc().nulls_first(), Campaign.id)
        .limit(1)
        .with_for_update(key_share=True)
    )


def _batches(can_go: ColumnElement[bool]) -> Select[Batch]:
    return (
        select(Batch)
        .where(Campaign.id == bindparam("campaign_id"), can_go)
        .order_by(Batch.available_at, Batch.first_position)
        .limit(1)
        .with_for_update(key_share=True, of=Batch)
    )


# Made once, by whether only what was counted before may go: every batch asks for these.
_GO = {False: ready(_NOW, _DOUBTS_SINCE), True: and_(ready(_NOW, _DOUBTS_SINCE), was_counted())}
_CAMPAIGNS = {counted: _campaigns(can_go) for counted, can_go in _GO.items()}
_BATCHES = {counted: _batches(can_go) for counted, can_go in _GO.items()}


def choose(
    session: Session, account: Account, now: datetime, doubts_since: datetime, *, counted_only: bool = False
) -> Found | Refused:
    """Choose the campaign, its batch and how much of it may go now.

    `counted_only`: of what was counted against a day before, as what is asked again, which needs nothing of the day.
    """
    moments = {"account_id": account.id, "now": now, "doubts_since": doubts_since}
    campaign = _take_campaign(session, moments, counted_only)
    content = _read_content(session, campaign, now) if campaign is not None else None
    batch = _next_batch(session, campaign.id, moments, counted_only) if campaign is not None else None
    if campaign is None or content is None or batch is None:
        return Refused(ClaimRefusal.NOTHING_READY)
    most, each = most_at_once(account), 0
    if has_daily_limit(account):
        counted = batch.counted_on is not None or batch.doubt_since is not None
        each = segments_each(campaign, content)
        room = None if counted else day_room(account, each, now)
        if room == 0:
            return Refused(ClaimRefusal.DAY, (day_ends_at(account, now) - now).total_seconds())
        most = most if room is None else min(most, room)
    last, pending_count = _cut(session, batch, most, exact=account.per_second is not None or each > 0)
    return Found(campaign, content, batch, last, pending_count, each)


def _take_campaign(session: Session, moments: dict[str, object], counted_only: bool) -> Campaign | None:
    statement = _CAMPAIGNS[counted_only]
    return session.execute(statement, moments, execution_options=_AS_IT_IS).scalar_one_or_none()


def _next_batch(session: Session, campaign_id: int, moments: dict[str, object], counted_only: bool) -> Batch | None:
    statement = _BATCHES[counted_only]
    values = {**moments, "campaign_id": campaign_id}
    return session.execute(statement, values, execution_options=_AS_IT_IS).scalar_one_or_none()


def _cut(session: Session, batch: Batch, most: int, *, exact: bool) -> tuple[int, int]:
    """Return up to which position a batch holds at most so many pending recipients, and how many those are.

    Unless it must be exact, whoever has an outcome may be counted as well.
    """
    width = batch.last_position - batch.first_position + 1
    if width <= most and not exact:
        return batch.last_position, width
    pending = (
        session.execute(
            select(Recipient.position)
            .where(pending_in(batch.campaign_id, batch.first_position, batch.last_position))
            .order_by(Recipient.position)
            .limit(most + 1)
        )
        .scalars()
        .all()
    )
    if len(pending) <= most:
        return batch.last_position, len(pending)
    return pending[most] - 1, most


def _read_content(session: Session, campaign: Campaign, now: datetime) -> Content | None:
    """Return what the campaign says; pause it where that cannot be sent, as when plain SQL has put it there."""
    try:
        content = from_json(campaign.kind, campaign.content)
        check(content)
    except ContentError as error:
        move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=str(error))
        write_event(session, now, SYSTEM, "campaign_paused", campaign_id=campaign.id, reason=str(error))
        return None
    return content
