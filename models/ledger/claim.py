"""Claim: lease one batch of an account and open its attempt, if every limit allows it (transaction 1).

Everything is decided under the account's row lock, so that limits hold across all workers on all hosts, and fails
closed. `ready` is the one predicate that says which batches may be claimed, for claim and tick alike.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt
from ..batch import Batch
from ..campaign import Campaign
from ..content import Content, check, from_json
from ..errors import ContentError
from ..installation import Installation
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import READY_BATCH, AccountStatus, BatchStatus, CampaignStatus
from ..timing import from_json as timing_from_json
from ..work import ClaimRefusal, History, Lease, Refused
from .locks import SYSTEM, lock_account, write_event
from .moves import move_batch, move_campaign

BREAKER_AFTER = 5
"""Transport failures in a row that leave an account one probe at a time."""

SOONEST_TRY_SECONDS = 300.0
LATEST_TRY_SECONDS = 3600.0
"""How soon, and how seldom at the most, one batch tries whether the cause of the system's pause has passed."""


@dataclass(frozen=True, slots=True)
class Ranged:
    """A batch as the claim found it, and how many pending recipients the claim takes of it."""

    batch: Batch
    last_position: int
    pending_count: int


def ready(now: datetime, doubt_limit_seconds: float) -> ColumnElement[bool]:
    """Say which rows of batches joined with campaigns may be claimed at `now`, as far as the two tables can tell.

    A doubt older than the limit is not asked again, even before the tick has closed it.
    """
    return and_(
        Batch.campaign_id == Campaign.id,
        Batch.status.in_(READY_BATCH),
        Batch.available_at <= now,
        or_(Batch.doubt_since.is_(None), Batch.doubt_since >= now - timedelta(seconds=doubt_limit_seconds)),
        Campaign.status == CampaignStatus.RUNNING,
    )


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
    campaign = _next_campaign(session, account, can_go)
    if campaign is None:
        return Refused(ClaimRefusal.NOTHING_READY)
    ranged = _next_range(session, account, campaign, can_go)
    if ranged is None:
        return Refused(ClaimRefusal.NOTHING_READY)
    content = _read_content(session, campaign, now)
    if content is None:
        return Refused(ClaimRefusal.NOTHING_READY)
    return _lease(session, account, campaign, content, ranged, now, lease_seconds)


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
    wait = _rate_wait_seconds(account, now)
    return Refused(ClaimRefusal.RATE, wait) if wait > 0 else None


def _rate_wait_seconds(account: Account, now: datetime) -> float:
    """Return how long the rate forbids a claim.

    Any t seconds see at most rate x (t + 1) recipients: small batches may run ahead by what they leave of one second,
    so that lanes that wake up a little late lose nothing of the rate.
    """
    if account.per_second is None or account.rate_due_at is None:
        return 0.0
    ahead = max(0.0, 1.0 - _most(account) / account.per_second)
    return (account.rate_due_at - now).total_seconds() - ahead


def _most(account: Account) -> int:
    """Return how many recipients one claim may take: a batch, but no more than one second of the rate."""
    if account.per_second is None:
        return account.batch_size
    return max(1, min(account.batch_size, int(account.per_second)))


def _next_campaign(session: Session, account: Account, can_go: ColumnElement[bool]) -> Campaign | None:
    statement = (
        select(Campaign)
        .where(
            Campaign.account_id == account.id,
            Campaign.status == CampaignStatus.RUNNING,
            exists().where(can_go).correlate(Campaign),
        )
        .order_by(Campaign.priority.desc(), Campaign.last_claimed_at.asc().nulls_first(), Campaign.id)
        .limit(1)
        .with_for_update(key_share=True)
    )
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def _next_range(session: Session, account: Account, campaign: Campaign, can_go: ColumnElement[bool]) -> Ranged | None:
    statement = (
        select(Batch)
        .where(Campaign.id == campaign.id, can_go)
        .order_by(Batch.available_at, Batch.first_position)
        .limit(1)
        .with_for_update(key_share=True, of=Batch)
    )
    batch = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if batch is None:
        return None
    most = _most(account)
    width = batch.last_position - batch.first_position + 1
    if width <= most and account.per_second is None:
        return Ranged(batch, batch.last_position, width)
    pending = (
        session.execute(
            select(Recipient.position)
            .where(pending_in(batch.campaign_id, batch.first_position, batch.last_position))
            .order_by(Recipient.position)
            .limit(most + 1)
        )
        .scalars()
        .all()
    )
    if len(pending) <= most:
        return Ranged(batch, batch.last_position, len(pending))
    return Ranged(batch, pending[most] - 1, most)


def pending_in(campaign_id: int, first_position: int, last_position: int) -> ColumnElement[bool]:
    """Say which recipients of a range have no outcome."""
    return and_(
        Recipient.campaign_id == campaign_id,
        Recipient.position.between(first_position, last_position),
        ~exists().where(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position),
    )


def _read_content(session: Session, campaign: Campaign, now: datetime) -> Content | None:
    """Return what the campaign says; pause it where that cannot be sent, as when plain SQL has put it there."""
    try:
        content = from_json(campaign.kind, campaign.content)
        check(content)
    except ContentError as error:
        move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=str(error))
        write_event(session, now, SYSTEM, "campaign_paused", campaign_id=campaign.id, reason=str(error))
        return None
    return content


def _lease(
    session: Session,
    account: Account,
    campaign: Campaign,
    content: Content,
    ranged: Ranged,
    now: datetime,
    lease_seconds: float,
) -> Lease:
    batch = ranged.batch
    if ranged.last_position < batch.last_position:
        _leave_rest(session, batch, ranged.last_position, now)
    number = batch.attempt_number + 1
    leased_until = now + timedelta(seconds=lease_seconds)
    moved = move_batch(
        session,
        batch.id,
        batch.attempt_number,
        BatchStatus.RUNNING,
        last_position=ranged.last_position,
        attempt_number=number,
        leased_until=leased_until,
    )
    assert moved, "the batch is locked and was ready"
    attempt = Attempt(
        batch_id=batch.id,
        number=number,
        campaign_id=campaign.id,
        account_id=account.id,
        first_position=batch.first_position,
        last_position=ranged.last_position,
        opened_at=now,
    )
    session.add(attempt)
    if account.status is AccountStatus.PAUSED:
        waited = (now - account.status_since).total_seconds() / 2
        account.try_again_at = now + timedelta(seconds=min(max(waited, SOONEST_TRY_SECONDS), LATEST_TRY_SECONDS))
    if account.per_second is not None:
        due = max(account.rate_due_at or now, now)
        account.rate_due_at = due + timedelta(seconds=ranged.pending_count / account.per_second)
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
        last_position=ranged.last_position,
        content=content,
        key_prefix=campaign.key_prefix or "",
        column_names=tuple(campaign.column_names),
        timing=timing_from_json(campaign.timing),
        time_offset_minutes=account.time_offset_minutes,
        opened_at=now,
        leased_until=leased_until,
        history=History(doubtful=batch.doubt_since is not None, unseen_count=batch.unseen_count),
    )


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
            created_at=now,
        )
    )
