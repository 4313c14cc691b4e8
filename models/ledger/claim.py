"""Claim: lease one batch of an account and open its attempt, if every limit allows it (transaction 1).

Everything is decided under the account's row lock, so that limits hold across all workers on all hosts, and fails
closed. `ready` is the one predicate that says which batches may be claimed, for claim and tick alike.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt
from ..batch import Batch
from ..campaign import Campaign
from ..content import variable_names
from ..installation import Installation
from ..session import Clock, database_clock
from ..states import AccountStatus, BatchStatus
from ..timing import from_json as timing_from_json
from ..work import ClaimRefusal, History, Lease, Refused
from .choosing import Found, choose
from .limits import count_on_day, rate_wait_seconds, spend_rate, turn_day
from .locks import lock_account
from .moves import move_batch
from .ready import ready, was_counted

BREAKER_AFTER = 5
"""Transport failures in a row that leave an account one probe at a time."""

SOONEST_TRY_SECONDS = 300.0
LATEST_TRY_SECONDS = 3600.0
"""How soon, and how seldom at the most, one batch tries whether the cause of the system's pause has passed."""


def running_count(session: Session, account_id: int) -> int:
    """Count the account's batches in flight; never stored, so that it cannot be wrong."""
    statement = select(func.count()).where(Batch.account_id == account_id, Batch.status == BatchStatus.RUNNING)
    return session.execute(statement).scalar_one()


def claim(
    session: Session,
    account_id: int,
    *,
    environment: str,
    lease_seconds: float,
    doubt_limit_seconds: float,
    first_of_lane: bool = False,
    clock: Clock = database_clock,
) -> Lease | Refused:
    """Lease the next ready batch of the account, cut to its batch size and to one second of its rate.

    On `Refused` nothing was changed but the account's hint (`first_of_lane`: a hint has been taken up). The caller
    commits; until then nothing is leased, and nothing may be posted before.

    Raises:
        UnknownAccount: the account is not there.
    """
    account = lock_account(session, account_id)
    if first_of_lane and account.hinted_at is not None:
        account.hinted_at = None
    now = clock(session)
    refused = _refuse(session, account, environment, now)
    if refused is not None:
        return refused
    can_go = ready(now, doubt_limit_seconds)
    found = choose(session, account, can_go, now)
    if isinstance(found, Refused) and found.why is ClaimRefusal.DAY:
        # What was counted before, as what is asked again, needs nothing of the day.
        again = choose(session, account, and_(can_go, was_counted()), now)
        found = found if isinstance(again, Refused) else again
    return found if isinstance(found, Refused) else _lease(session, account, found, now, lease_seconds)


def _refuse(session: Session, account: Account, environment: str, now: datetime) -> Refused | None:
    installation = session.execute(
        select(Installation.stopped_at, Installation.restored_at, Installation.environment)
    ).one()
    if installation.stopped_at is not None:
        return Refused(ClaimRefusal.STOPPED)
    if installation.restored_at is not None:
        return Refused(ClaimRefusal.RESTORED)
    if installation.environment != environment:
        return Refused(ClaimRefusal.ENVIRONMENT)
    paused = account.status is not AccountStatus.ACTIVE
    if paused and (account.try_again_at is None or account.try_again_at > now):
        return Refused(ClaimRefusal.ACCOUNT_PAUSED)
    broken = account.transport_failures >= BREAKER_AFTER
    if broken and account.probe_due_at is not None and account.probe_due_at > now:
        return Refused(ClaimRefusal.BREAKER, (account.probe_due_at - now).total_seconds())
    if running_count(session, account.id) >= (1 if broken or paused else account.max_parallel):
        return Refused(ClaimRefusal.BREAKER if broken else ClaimRefusal.PARALLEL_LIMIT)
    if account.send_window is not None and not _is_open(account, now):
        opens = account.opens_at
        return Refused(ClaimRefusal.WINDOW, (opens - now).total_seconds() if opens and opens > now else None)
    wait = rate_wait_seconds(account, now)
    return Refused(ClaimRefusal.RATE, wait) if wait > 0 else None


def _is_open(account: Account, now: datetime) -> bool:
    """Say whether the account's window is open: as `ready` says of a campaign's."""
    if account.opens_at is None or account.closes_at is None:
        return False
    return account.opens_at <= now < account.closes_at


def _lease(session: Session, account: Account, found: Found, now: datetime, lease_seconds: float) -> Lease:
    batch, campaign = found.batch, found.campaign
    if found.last_position < batch.last_position:
        _leave_rest(session, batch, found.last_position, now)
    number = batch.attempt_number + 1
    leased_until = now + timedelta(seconds=lease_seconds)
    moved = move_batch(
        session,
        batch.id,
        batch.attempt_number,
        BatchStatus.RUNNING,
        last_position=found.last_position,
        attempt_number=number,
        leased_until=leased_until,
        counted_on=_count_on_day(account, found, now),
    )
    assert moved, "the batch is locked and was ready"
    attempt = Attempt(
        batch_id=batch.id,
        number=number,
        campaign_id=campaign.id,
        account_id=account.id,
        first_position=batch.first_position,
        last_position=found.last_position,
        opened_at=now,
    )
    session.add(attempt)
    if account.status is AccountStatus.PAUSED:
        waited = (now - account.status_since).total_seconds() / 2
        account.try_again_at = now + timedelta(seconds=min(max(waited, SOONEST_TRY_SECONDS), LATEST_TRY_SECONDS))
    spend_rate(account, found.pending_count, now)
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign.id)
        .values(last_claimed_at=now, attempted_at=func.coalesce(Campaign.attempted_at, now))
        .execution_options(synchronize_session=False)
    )
    session.flush()
    return Lease(
        batch_id=batch.id,
        attempt_number=number,
        attempt_id=attempt.id,
        retry_count=batch.retry_count,
        campaign_id=campaign.id,
        account_id=account.id,
        account_name=account.name,
        gateway_url=account.gateway_url,
        first_position=batch.first_position,
        last_position=found.last_position,
        content=found.content,
        key_prefix=campaign.key_prefix or "",
        column_names=tuple(campaign.column_names),
        timing=timing_from_json(campaign.timing),
        time_offset_minutes=account.time_offset_minutes,
        opened_at=now,
        leased_until=leased_until,
        history=History(doubtful=batch.doubt_since is not None, unseen_count=batch.unseen_count),
        segments_each=_reserved_each(found),
    )


def _count_on_day(account: Account, found: Found, now: datetime) -> str | None:
    """Count what is claimed against the account's day, but never twice; return the day that the batch remembers."""
    batch = found.batch
    if found.segments_each == 0 or batch.counted_on is not None or batch.doubt_since is not None:
        return batch.counted_on
    turn_day(account, now)
    count_on_day(account, found.pending_count, found.segments_each)
    return account.day


def _reserved_each(found: Found) -> int:
    """Return what was reserved for each recipient, at the least: of an earlier claim it is known for one text only."""
    counted_before = found.batch.counted_on is not None or found.batch.doubt_since is not None
    personal = bool(variable_names(found.content))
    return min(found.segments_each, 1) if counted_before and personal else found.segments_each


def _leave_rest(session: Session, batch: Batch, last_position: int, now: datetime) -> None:
    """Put what the claim does not take into a batch of its own, with the same past."""
    session.add(
        Batch(
            campaign_id=batch.campaign_id,
            account_id=batch.account_id,
            first_position=last_position + 1,
            last_position=batch.last_position,
            status=batch.status,
            available_at=batch.available_at,
            attempt_number=batch.attempt_number,
            retry_count=batch.retry_count,
            doubt_count=batch.doubt_count,
            unseen_count=batch.unseen_count,
            doubt_since=batch.doubt_since,
            counted_on=batch.counted_on,
            created_at=now,
        )
    )
