"""Which accounts want a lane, and how many. A hint is only a wake-up call: losing it costs a few seconds."""

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..session import Clock, database_clock
from ..states import AccountStatus, BatchStatus
from .claim import BREAKER_AFTER
from .limits import day_room
from .moves import changed_rows
from .ready import ready, was_counted, window_is_open

HINT_AGAIN_SECONDS = 5.0
"""How long a published hint may lie unanswered before it counts as lost."""


def take_hints(session: Session, *, doubt_limit_seconds: float, clock: Clock = database_clock) -> dict[int, int]:
    """Return how many lanes to start for each account that has batches ready, and remember that they were hinted.

    As many as the account has free parallel POSTs; none for an account whose last hints no lane has taken up yet,
    unless they are `HINT_AGAIN_SECONDS` old.
    """
    now = clock(session)
    unhinted = or_(Account.hinted_at.is_(None), Account.hinted_at <= now - timedelta(seconds=HINT_AGAIN_SECONDS))
    running = (
        select(func.count())
        .where(Batch.account_id == Account.id, Batch.status == BatchStatus.RUNNING)
        .scalar_subquery()
    )
    can_go = ready(now, now - timedelta(seconds=doubt_limit_seconds))
    wanting = select(Account, running.label("running")).where(
        or_(Account.status == AccountStatus.ACTIVE, Account.try_again_at <= now),
        unhinted,
        or_(Account.rate_due_at.is_(None), Account.rate_due_at <= now + timedelta(seconds=1)),
        or_(
            Account.transport_failures < BREAKER_AFTER,
            Account.probe_due_at.is_(None),
            Account.probe_due_at <= now,
        ),
        window_is_open(Account, now),
        exists().where(Campaign.account_id == Account.id, can_go).correlate(Account),
    )
    lanes = {}
    # One by one in the order of ids, as the emergency stop locks them; guarded, as another tick may be hinting too.
    for row in session.execute(wanting.order_by(Account.id)).all():
        account = row.Account
        alone = account.transport_failures >= BREAKER_AFTER or account.status is AccountStatus.PAUSED
        most = 1 if alone else account.max_parallel
        if row.running >= most:
            continue
        if day_room(account, 1, now) == 0 and not _has_counted(session, account.id, can_go):
            continue
        hinted = (
            update(Account)
            .where(Account.id == account.id, unhinted)
            .values(hinted_at=now)
            .execution_options(synchronize_session=False)
        )
        if changed_rows(session.execute(hinted)):
            lanes[account.id] = most - row.running
    return lanes


def _has_counted(session: Session, account_id: int, can_go: ColumnElement[bool]) -> bool:
    """Say whether something is ready that needs nothing of a day that is spent."""
    statement = select(Batch.id).where(Campaign.account_id == account_id, can_go, was_counted()).limit(1)
    return session.execute(statement).first() is not None
