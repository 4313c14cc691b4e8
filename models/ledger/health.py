"""What would keep a campaign from going on: asked by whoever looks after the installation. Only reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..installation import Installation
from ..session import Clock, database_clock
from ..states import AccountStatus, BatchStatus, CampaignStatus
from .claim import BREAKER_AFTER
from .locks import SYSTEM
from .ready import ready

PATIENCE_SECONDS = 60.0
"""How long a ready batch, or a lease that ran out, may wait before somebody is missing."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """One thing that is wrong, and how to mend it."""

    finding: str
    mend: str


def find_stop(session: Session) -> str | None:
    """Return why everything is stopped, None where nothing is."""
    stop = session.execute(select(Installation.stopped_at, Installation.stop_reason)).one()
    return None if stop.stopped_at is None else stop.stop_reason or "stopped"


def find_ailments(session: Session, *, doubt_limit_seconds: float, clock: Clock = database_clock) -> Iterator[Ailment]:
    """Yield what is stopped, paused by the system, or waits for a process that does not come."""
    stopped = session.execute(select(Installation.stopped_at, Installation.stopped_by, Installation.stop_reason)).one()
    if stopped.stopped_at is not None:
        yield Ailment(f"everything is stopped by {stopped.stopped_by}: {stopped.stop_reason}", "bulkpost start")
    for account in session.execute(select(Account).order_by(Account.name)).scalars():
        if account.status is AccountStatus.PAUSED:
            said = f"account {account.name} is paused by {account.status_by}: {account.status_reason}"
            yield Ailment(said, f"bulkpost account resume {account.name}")
        elif account.transport_failures >= BREAKER_AFTER:
            said = f"account {account.name}: {account.transport_failures} POSTs in a row brought no answer"
            yield Ailment(said, f"look at its gateway, {account.gateway_url}; it is tried again one batch at a time")
    paused = select(Campaign).where(Campaign.status == CampaignStatus.PAUSED, Campaign.status_by == SYSTEM)
    for campaign in session.execute(paused.order_by(Campaign.id)).scalars():
        said = f"campaign {campaign.id} was paused: {campaign.status_reason}"
        yield Ailment(said, f"bulkpost campaign resume {campaign.id}")
    yield from _missing_processes(session, doubt_limit_seconds, clock)


def _missing_processes(session: Session, doubt_limit_seconds: float, clock: Clock) -> Iterator[Ailment]:
    now = clock(session)
    long_ago = now - timedelta(seconds=PATIENCE_SECONDS)
    overdue = select(func.count()).where(Batch.status == BatchStatus.RUNNING, Batch.leased_until < long_ago)
    if count := session.execute(overdue).scalar_one():
        said = f"{count} leases ran out over {PATIENCE_SECONDS:.0f} seconds ago and nobody rescues them"
        yield Ailment(said, "start a scheduler: celery -A worker beat with a worker, or bulkpost up")
    in_flight = select(func.count()).where(Batch.status == BatchStatus.RUNNING, Batch.leased_until >= now)
    waiting = (
        select(func.count())
        .select_from(Batch)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .join(Account, Account.id == Batch.account_id)
        .where(ready(long_ago, now - timedelta(seconds=doubt_limit_seconds)), Account.status == AccountStatus.ACTIVE)
    )
    if not session.execute(in_flight).scalar_one() and (count := session.execute(waiting).scalar_one()):
        said = f"{count} batches have been ready for over {PATIENCE_SECONDS:.0f} seconds and nobody takes them"
        yield Ailment(said, "start a worker: celery -A worker worker, or bulkpost up")
    unplanned = select(func.count()).where(
        Campaign.status == CampaignStatus.SCHEDULED, Campaign.start_at < long_ago, Campaign.imported_at.is_not(None)
    )
    if count := session.execute(unplanned).scalar_one():
        said = f"{count} campaigns should have started over {PATIENCE_SECONDS:.0f} seconds ago"
        yield Ailment(said, "start a scheduler: celery -A worker beat with a worker, or bulkpost up")
