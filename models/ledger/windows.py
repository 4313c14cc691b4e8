"""Keeping windows: each row that has one knows its current or next opening, and the tick moves it on."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..errors import BadTimes
from ..session import Clock, database_clock
from ..states import AccountStatus, CampaignStatus
from ..window import Stretch, next_opening, read_window, read_zone
from .active import by_id, is_active
from .brakes import Alarm, pause_account
from .locks import SYSTEM, write_event
from .moves import move_campaign

MOST_MOVED = 100

WINDOW_COLUMNS = frozenset({"send_window", "holidays", "time_zone"})
"""Whoever changes one of these must call `set_opening`."""


def opening_of(row: Account | Campaign, now: datetime) -> Stretch | None:
    """Return a row's current or next opening, or None where it has no window.

    Raises:
        BadTimes: the stored window, zone or dates cannot be read.
    """
    if row.send_window is None:
        return None
    try:
        holidays = [date.fromisoformat(day) for day in row.holidays or ()]
    except (TypeError, ValueError):
        raise BadTimes(f"its holidays are no dates like 2027-01-01: {row.holidays}") from None
    return next_opening(read_window(row.send_window), read_zone(row.time_zone or "UTC"), holidays, now)


def set_opening(row: Account | Campaign, now: datetime) -> None:
    """Write a row's current or next opening; it is locked, or new.

    Raises:
        BadTimes: as `opening_of`.
    """
    row.opens_at, row.closes_at = opening_of(row, now) or (None, None)


def move_account_windows(session: Session, *, clock: Clock = database_clock) -> list[Alarm]:
    """Move on the windows of accounts that have closed; an account whose window cannot be read is paused."""
    now = clock(session)
    due = select(Account).where(_is_over(Account, now), Account.status == AccountStatus.ACTIVE)
    due = due.order_by(Account.id).limit(MOST_MOVED).with_for_update(key_share=True, skip_locked=True)
    alarms = []
    for account in session.execute(due, execution_options={"populate_existing": True}).scalars().all():
        try:
            set_opening(account, now)
        except BadTimes as error:
            pause_account(session, account, str(error), now, SYSTEM)
            mend = f"bulkpost account set {account.name} --window ..., then bulkpost account resume {account.name}"
            alarms.append(Alarm("account", str(error), mend))
    return alarms


def move_campaign_windows(session: Session, *, clock: Clock = database_clock) -> list[Alarm]:
    """Move on the windows of running campaigns that have closed; one whose window cannot be read is paused."""
    now = clock(session)
    due = select(Campaign).where(is_active(), _is_over(Campaign, now), Campaign.status == CampaignStatus.RUNNING)
    due = due.order_by(by_id()).limit(MOST_MOVED).with_for_update(key_share=True, skip_locked=True)
    alarms = []
    for campaign in session.execute(due, execution_options={"populate_existing": True}).scalars().all():
        try:
            set_opening(campaign, now)
        except BadTimes as error:
            move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=str(error))
            write_event(
                session, now, SYSTEM, "campaign_paused", account_id=campaign.account_id, campaign_id=campaign.id,
                reason=str(error),
            )  # fmt: skip
            alarms.append(Alarm("campaign", str(error), f"bulkpost campaign cancel {campaign.id}"))
    return alarms


def _is_over(table: type[Account] | type[Campaign], now: datetime) -> ColumnElement[bool]:
    """Say which rows have a window whose opening has passed, or that nobody has ever worked out."""
    return and_(
        table.send_window.is_not(None),
        or_(table.opens_at.is_(None), table.closes_at.is_(None), table.closes_at <= now),
    )
