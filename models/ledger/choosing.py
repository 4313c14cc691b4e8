"""Choosing what a claim takes: what is next by priority and fair share, and how much of it the limits allow.

Part of the claim: called under the account's lock.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..content import Content, read_content
from ..errors import ContentError
from ..recipient import Recipient
from ..states import CampaignStatus
from ..work import ClaimRefusal, Refused
from .limits import day_ends_at, day_room, has_daily_limit, most_at_once, segments_each
from .locks import SYSTEM, lock_campaign, write_event
from .moves import move_campaign
from .ready import pending_in
from .sight import Next


@dataclass(frozen=True, slots=True)
class Found:
    """What the claim takes: how many pending recipients of which batch, and what is reserved of the day for each."""

    next: Next
    content: Content
    last_position: int
    pending_count: int
    segments_each: int


def choose(session: Session, account: Account, seen: Next | None, now: datetime) -> Found | Refused:
    """Choose how much of what is next may go now."""
    content = _read_content(session, seen, now) if seen is not None else None
    if seen is None or content is None:
        return Refused(ClaimRefusal.NOTHING_READY)
    most, each = most_at_once(account), 0
    if has_daily_limit(account):
        each = segments_each(content, seen.segment_count, seen.accepted_count)
        room = None if seen.was_counted else day_room(account, each, now)
        if room == 0:
            return Refused(ClaimRefusal.DAY, (day_ends_at(account, now) - now).total_seconds())
        most = most if room is None else min(most, room)
    last, pending_count = _cut(session, seen, most, exact=account.per_second is not None or each > 0)
    return Found(seen, content, last, pending_count, each)


def _cut(session: Session, seen: Next, most: int, *, exact: bool) -> tuple[int, int]:
    """Return up to which position a batch holds at most so many pending recipients, and how many those are.

    Unless it must be exact, whoever has an outcome may be counted as well.
    """
    width = seen.last_position - seen.first_position + 1
    if width <= most and not exact:
        return seen.last_position, width
    pending = (
        session.execute(
            select(Recipient.position)
            .where(pending_in(seen.campaign_id, seen.first_position, seen.last_position))
            .order_by(Recipient.position)
            .limit(most + 1)
        )
        .scalars()
        .all()
    )
    if len(pending) <= most:
        return seen.last_position, len(pending)
    return pending[most] - 1, most


def _read_content(session: Session, seen: Next, now: datetime) -> Content | None:
    """Return what the campaign says; pause it where that cannot be sent, as when plain SQL has put it there."""
    try:
        content = read_content(seen.kind, seen.content)
    except ContentError as error:
        campaign = lock_campaign(session, seen.campaign_id)
        if campaign.status is CampaignStatus.RUNNING:
            move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=str(error))
            write_event(session, now, SYSTEM, "campaign_paused", campaign_id=campaign.id, reason=str(error))
        return None
    return content
