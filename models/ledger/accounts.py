"""Reading accounts: their limits, and how much of the day is used."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..session import Clock, database_clock
from .limits import day_ends_at


def list_accounts(session: Session, *, clock: Clock = database_clock) -> list[dict[str, Any]]:
    """Return the accounts, as `account list --json` prints them."""
    now = clock(session)
    return [
        {
            "name": account.name,
            "status": account.status.value,
            "reason": account.status_reason,
            "since": account.status_since,
            "by": account.status_by,
            "gateway_url": account.gateway_url,
            "batch_size": account.batch_size,
            "max_parallel": account.max_parallel,
            "per_second": account.per_second,
            "per_day": account.per_day,
            "segments_per_day": account.segments_per_day,
            "sent_today": account.day_message_count if is_today else 0,
            "segments_today": account.day_segment_count if is_today else 0,
            "window": account.send_window,
            "time_zone": account.time_zone,
        }
        for account in session.execute(select(Account).order_by(Account.name)).scalars()
        for is_today in (day_ends_at(account, now) > now,)
    ]


def has_zone(session: Session, name: str) -> bool:
    """Say whether an account has a zone of its own."""
    return session.execute(select(Account.time_zone).where(Account.name == name)).scalar_one_or_none() is not None
