"""Claim: lease one batch of an account and open its attempt, if every limit allows it (transaction 1).

Everything is decided under the account's row lock, so that limits hold across all workers on all hosts, and fails
closed. `ready` is the one predicate that says which batches may be claimed, for claim and tick alike.
"""

from datetime import datetime, timedelta

from sqlalchemy import Insert, bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..content import variable_names
from ..session import Clock, database_clock
from ..states import READY_BATCH, AccountStatus, BatchStatus, CampaignStatus
from ..timing import from_json as timing_from_json
from ..work import ClaimRefusal, History, Lease, Refused
from .choosing import Found, choose
from .limits import count_on_day, rate_wait_seconds, spend_rate, turn_day
from .locks import lock_account
from .sight import Next, Sight, see

BREAKER_AFTER = 5
"""Transport failures in a row that leave an account one probe at a time."""

SOONEST_TRY_SECONDS = 300.0
LATEST_TRY_SECONDS = 3600.0
"""How soon, and how seldom at the most, one batch tries whether the cause of the system's pause has passed."""


# Made once: every batch asks for these.
_NOW = bindparam("its_now", type_=Instant)
_LEASED = (
    update(Batch)
    .where(
        Batch.id == bindparam("its_batch_id"),
        Batch.attempt_number == bindparam("its_fence"),
        Batch.status.in_([constant(status) for status in sorted(READY_BATCH)]),
    )
    .values(
        status=constant(BatchStatus.RUNNING),
        last_position=bindparam("its_last_position"),
        attempt_number=bindparam("its_number"),
        leased_until=bindparam("its_leased_until", type_=Instant),
        counted_on=bindparam("its_counted_on"),
    )
)
_TAKEN = (
    update(Campaign)
    .where(Campaign.id == bindparam("its_campaign_id"), Campaign.status == constant(CampaignStatus.RUNNING))
    .values(last_claimed_at=_NOW, attempted_at=func.coalesce(Campaign.attempted_at, _NOW))
)
_OPENED = insert(Attempt).returning(Attempt.id)
_COLUMNS = ("batch_id", "number", "campaign_id", "account_id", "first_position", "last_position", "opened_at")


def _all_at_once() -> Insert:
    """Make the statement that does the three in one, and opens nothing where a row is not as it was found."""
    taken = _TAKEN.returning(Campaign.id).cte("taken")
    leased = _LEASED.where(exists(select(taken.c.id))).returning(Batch.id).cte("leased")
    given = [bindparam(f"its_{name}", type_=getattr(Attempt, name).type) for name in _COLUMNS[1:-1]]
    attempt = select(leased.c.id, *given, _NOW)
    return insert(Attempt).from_select(_COLUMNS, attempt).returning(Attempt.id)


_ALL_AT_ONCE = _all_at_once()


def _take(session: Session, facts: dict[str, object]) -> int | None:
    """Lease the batch, open its attempt, and remember when its campaign was served; return the attempt's id.

    None where the batch was ended or the campaign paused since they were seen.
    """
    connection = session.connection()
    # A parameter that is called like a column would be written into it.
    values = {f"its_{name}": value for name, value in facts.items()}
    if connection.dialect.name != "sqlite":
        attempt_id: int | None = connection.execute(_ALL_AT_ONCE, values).scalar_one_or_none()
        return attempt_id
    # Nobody else writes, since this transaction has begun to.
    connection.execute(_TAKEN, values)
    connection.execute(_LEASED, values)
    opened = {name: facts["now" if name == "opened_at" else name] for name in _COLUMNS}
    opened_id: int = connection.execute(_OPENED, opened).scalar_one()
    return opened_id


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
    number = seen.attempt_number + 1
    leased_until = now + timedelta(seconds=lease_seconds)
    attempt_id = _take(
        session,
        {
            "now": now,
            "leased_until": leased_until,
            "counted_on": _day_counted(account, found, now),
            "batch_id": seen.batch_id,
            "fence": seen.attempt_number,
            "number": number,
            "campaign_id": seen.campaign_id,
            "account_id": account.id,
            "first_position": seen.first_position,
            "last_position": found.last_position,
        },
    )
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
    return Lease(
        batch_id=seen.batch_id,
        attempt_number=number,
        attempt_id=attempt_id,
        retry_count=seen.retry_count,
        campaign_id=seen.campaign_id,
        account_id=account.id,
        account_name=account.name,
        gateway_url=account.gateway_url,
        first_position=seen.first_position,
        last_position=found.last_position,
        content=found.content,
        key_prefix=seen.key_prefix or "",
        column_names=tuple(seen.column_names),
        timing=timing_from_json(seen.timing),
        time_offset_minutes=account.time_offset_minutes,
        opened_at=now,
        leased_until=leased_until,
        history=History(doubtful=seen.doubt_since is not None, unseen_count=seen.unseen_count),
        segments_each=_reserved_each(found),
    )


def _day_counted(account: Account, found: Found, now: datetime) -> str | None:
    """Return the day that the batch remembers: it is counted once."""
    if not _is_counted_now(found):
        return found.next.counted_on
    turn_day(account, now)
    return account.day


def _is_counted_now(found: Found) -> bool:
    return found.segments_each > 0 and not found.next.was_counted


def _reserved_each(found: Found) -> int:
    """Return what was reserved for each recipient, at the least: of an earlier claim it is known for one text only."""
    personal = bool(variable_names(found.content))
    return min(found.segments_each, 1) if found.next.was_counted and personal else found.segments_each


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
