"""Claim: lease one batch of an account and open its attempt, if every limit allows it (transaction 1).

Everything is decided under the account's row lock, so that limits hold across all workers on all hosts, and fails
closed. `ready` is the one predicate that says which batches may be claimed, for claim and tick alike.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..session import Clock, database_clock
from ..states import AccountStatus
from ..work import ClaimRefusal, Lease, Refused
from .choosing import Found, choose
from .limits import count_on_day, rate_wait_seconds, spend_rate, turn_day
from .locks import lock_account
from .sight import Next, Sight, see
from .taking import make_lease, take

BREAKER_AFTER = 5
"""Transport failures in a row that leave an account one probe at a time."""

SOONEST_TRY_SECONDS = 300.0
LATEST_TRY_SECONDS = 3600.0
"""How soon, and how seldom at the most, one batch tries whether the cause of the system's pause has passed."""


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
    sight = see(session, account_id, doubt_limit_seconds, clock=clock)
    now = sight.now
    refused = _refuse(account, sight, environment)
    if refused is not None:
        return refused
    found = choose(session, account, sight.next, now)
    if isinstance(found, Refused) and found.why is ClaimRefusal.DAY:
        counted = see(session, account_id, doubt_limit_seconds, counted_only=True, clock=clock)
        again = choose(session, account, counted.next, now)
        found = found if isinstance(again, Refused) else again
    return found if isinstance(found, Refused) else _lease(session, account, found, now, lease_seconds)


def _refuse(account: Account, sight: Sight, environment: str) -> Refused | None:
    now = sight.now
    if sight.stopped_at is not None:
        return Refused(ClaimRefusal.STOPPED)
    if sight.restored_at is not None:
        return Refused(ClaimRefusal.RESTORED)
    if sight.environment != environment:
        return Refused(ClaimRefusal.ENVIRONMENT)
    paused = account.status is not AccountStatus.ACTIVE
    if paused and (account.try_again_at is None or account.try_again_at > now):
        return Refused(ClaimRefusal.ACCOUNT_PAUSED)
    broken = account.transport_failures >= BREAKER_AFTER
    if broken and account.probe_due_at is not None and account.probe_due_at > now:
        return Refused(ClaimRefusal.BREAKER, (account.probe_due_at - now).total_seconds())
    if sight.running >= (1 if broken or paused else account.max_parallel):
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


def _lease(session: Session, account: Account, found: Found, now: datetime, lease_seconds: float) -> Lease | Refused:
    seen = found.next
    leased_until = now + timedelta(seconds=lease_seconds)
    taken = take(session.connection(), account.id, found, _day_counted(account, found, now), now, leased_until)
    attempt_id = taken.scalar_one_or_none()
    if attempt_id is None:
        return Refused(ClaimRefusal.NOTHING_READY)  # ended meanwhile: whoever asks next sees what there is
    if found.last_position < seen.last_position:
        _leave_rest(session, account.id, seen, found.last_position, now)
    if _is_counted_now(found):
        count_on_day(account, found.pending_count, found.segments_each)
    if account.status is AccountStatus.PAUSED:
        waited = (now - account.status_since).total_seconds() / 2
        account.try_again_at = now + timedelta(seconds=min(max(waited, SOONEST_TRY_SECONDS), LATEST_TRY_SECONDS))
    spend_rate(account, found.pending_count, now)
    return make_lease(account, found, attempt_id, now, leased_until)


def _day_counted(account: Account, found: Found, now: datetime) -> str | None:
    """Return the day that the batch remembers: it is counted once."""
    if not _is_counted_now(found):
        return found.next.counted_on
    turn_day(account, now)
    return account.day


def _is_counted_now(found: Found) -> bool:
    return found.segments_each > 0 and not found.next.was_counted


def _leave_rest(session: Session, account_id: int, seen: Next, last_position: int, now: datetime) -> None:
    """Put what the claim does not take into a batch of its own, with the same past."""
    session.add(
        Batch(
            campaign_id=seen.campaign_id,
            account_id=account_id,
            first_position=last_position + 1,
            last_position=seen.last_position,
            status=seen.status,
            available_at=seen.available_at,
            attempt_number=seen.attempt_number,
            retry_count=seen.retry_count,
            doubt_count=seen.doubt_count,
            unseen_count=seen.unseen_count,
            doubt_since=seen.doubt_since,
            counted_on=seen.counted_on,
            created_at=now,
        )
    )
