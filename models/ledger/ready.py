"""Which batches may be claimed now: the one predicate of claim and tick, as far as tables can tell. Fails closed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_

from ..account import Account
from ..base import constant
from ..batch import Batch
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import READY_BATCH, CampaignStatus

Number = int | ColumnElement[Any]
Moment = datetime | ColumnElement[Any]
"""A value, or the parameter of a statement that is made once."""


def ready(now: Moment, doubts_since: Moment) -> ColumnElement[bool]:
    """Say which rows of batches joined with campaigns may be claimed at `now`.

    A doubt from before `doubts_since` is not asked again, even before the tick has closed it. A campaign's window and
    its latest moment hold for what is asked again too. What is claimed just before the window closes may still be
    posted.
    """
    return and_(
        Batch.campaign_id == Campaign.id,
        Batch.status.in_([constant(status) for status in sorted(READY_BATCH)]),
        Batch.available_at <= now,
        or_(Batch.doubt_since.is_(None), Batch.doubt_since >= doubts_since),
        Campaign.status == constant(CampaignStatus.RUNNING),
        or_(Campaign.latest_at.is_(None), Campaign.latest_at > now),
        window_is_open(Campaign, now),
    )


def window_is_open(table: type[Account] | type[Campaign], now: Moment) -> ColumnElement[bool]:
    """Say which rows have no window, or an open one. A window that nobody has moved on counts as closed."""
    return or_(table.send_window.is_(None), and_(table.opens_at <= now, table.closes_at > now))


def was_counted() -> ColumnElement[bool]:
    """Say of which batches the recipients were counted against a day, or may have been posted before (P9)."""
    return or_(Batch.counted_on.is_not(None), Batch.doubt_since.is_not(None))


def pending_in(campaign_id: Number, first_position: Number, last_position: Number) -> ColumnElement[bool]:
    """Say which recipients of a range have no outcome."""
    return and_(
        Recipient.campaign_id == campaign_id,
        Recipient.position.between(first_position, last_position),
        ~exists().where(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position),
    )
