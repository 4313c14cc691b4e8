"""What is left to do now: `bulkpost up --until-idle` ends when it is nothing. Only reads."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..installation import Installation
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, AccountStatus, CampaignStatus
from .limits import day_room
from .ready import was_counted, window_is_open


def unfinished(session: Session, *, clock: Clock = database_clock) -> list[dict[str, Any]]:
    """Return the campaigns in which something is to be done now or soon: running ones, and those whose time has come.

    Left out: drafts, what is paused (or its account is), what starts later or waits for a window to open or for
    tomorrow's limit, and everything during the emergency stop.
    """
    if session.execute(select(Installation.stopped_at)).scalar_one() is not None:
        return []
    now = clock(session)
    statement = (
        select(Campaign, Account)
        .join(Account, Account.id == Campaign.account_id)
        .where(
            Campaign.status.in_((CampaignStatus.RUNNING, CampaignStatus.SCHEDULED)),
            Campaign.start_at <= now,
            Account.status == AccountStatus.ACTIVE,
            window_is_open(Campaign, now),
            window_is_open(Account, now),
        )
        .order_by(Campaign.id)
    )
    return [
        {"id": row.Campaign.id, "account": row.Account.name}
        for row in session.execute(statement).all()
        if day_room(row.Account, 1, now) != 0 or _has_counted(session, row.Campaign.id)
    ]


def _has_counted(session: Session, campaign_id: int) -> bool:
    """Say whether something is out, or will be asked again, that needs nothing of a day that is spent."""
    statement = select(Batch.id).where(Batch.campaign_id == campaign_id, Batch.status.in_(OPEN_BATCH), was_counted())
    return session.execute(statement.limit(1)).first() is not None
