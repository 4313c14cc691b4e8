"""Control by people: accounts, start, pause, resume, cancel, and the emergency stop. Each writes who and why.

Every stopping verb takes the locks of the accounts concerned first: when it has committed, no claim is under way.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..errors import IllegalMove
from ..installation import Installation
from ..session import Clock, database_clock
from ..states import READY_BATCH, AccountStatus, BatchStatus, CampaignStatus, RecipientStatus
from ..timing import from_json as timing_from_json
from .brakes import let_account_go_on, pause_account
from .limits import change_rate
from .locks import find_account, lock_account, lock_accounts, lock_with_account, write_event
from .moves import cancel_ready_batches, move_campaign
from .outcomes import count_outcomes, end_pending
from .record import end_cancelled
from .resumption import AS_IT_IS, Resumption, make_resumable
from .sight import running_count
from .windows import WINDOW_COLUMNS, set_opening


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stopping verb found: documents that were already in flight and will still be answered.

    `scheduled_count`: recipients whom the provider has accepted for a later time; it delivers to them all the same, and
    we cannot take them back. At the most so many, where each recipient has a time of its own.
    """

    in_flight_count: int
    scheduled_count: int = 0


def set_account(
    session: Session, name: str, changes: dict[str, Any], *, actor: str, clock: Clock = database_clock
) -> Account:
    """Create the account `name` or change the given columns of it. A new one needs `gateway_url` among the changes.

    Raises:
        BadTimes: its window or its zone cannot be.
    """
    account = session.execute(
        select(Account).where(Account.name == name).with_for_update(key_share=True)
    ).scalar_one_or_none()
    now = clock(session)
    kind = "account_changed"
    if account is None:
        account = Account(name=name, created_at=now, status_since=now, status_by=actor[:64], **changes)
        session.add(account)
        kind = "account_created"
    else:
        if "per_second" in changes:
            change_rate(account, changes["per_second"], now)
        for column, value in changes.items():
            setattr(account, column, value)
    if WINDOW_COLUMNS & changes.keys():
        set_opening(account, now)
    session.flush()
    if changes or kind == "account_created":
        write_event(session, now, actor, kind, account_id=account.id, facts=dict(changes))
    return account


def pause_account_by_hand(
    session: Session, name: str, *, actor: str, reason: str, clock: Clock = database_clock
) -> Stopped:
    """Pause an account: once this has committed, none of its batches is claimed."""
    account = lock_account(session, find_account(session, name).id)
    now = clock(session)
    if account.try_again_at is not None:
        _take_over_pause(session, account, now, actor, reason)
    elif not pause_account(session, account, reason, now, actor):
        raise IllegalMove(f'account "{name}" is paused already: {account.status_reason}')
    return Stopped(running_count(session, account.id))


def _take_over_pause(session: Session, account: Account, now: datetime, actor: str, reason: str) -> None:
    """Make the system's pause a person's: it does not end by itself any more."""
    account.status_reason = f"{reason}; before that: {account.status_reason}"
    account.status_since, account.status_by, account.try_again_at = now, actor[:64], None
    write_event(session, now, actor, "account_paused", account_id=account.id, reason=reason)


def resume_account(session: Session, name: str, *, actor: str, clock: Clock = database_clock) -> Account:
    """Let an account go on; what was put back is claimable at once, and its streaks begin anew.

    Raises:
        IllegalMove: it is not paused.
    """
    account = lock_account(session, find_account(session, name).id)
    if account.status is not AccountStatus.PAUSED:
        raise IllegalMove(f'account "{name}" is not paused')
    let_account_go_on(session, account, clock(session), actor, account.status_reason)
    return account


def start_campaign(session: Session, campaign_id: int, *, actor: str, clock: Clock = database_clock) -> Campaign:
    """Schedule a draft; it starts at its time, which may be now.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
        IllegalMove: it is no draft.
    """
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    if campaign.status is not CampaignStatus.DRAFT:
        raise IllegalMove(f"campaign {campaign_id} is {campaign.status}: only a draft can be started")
    move_campaign(session, campaign, CampaignStatus.SCHEDULED, now, actor)
    _note(session, now, actor, "campaign_scheduled", campaign)
    return campaign


def pause_campaign(
    session: Session, campaign_id: int, *, actor: str, reason: str, clock: Clock = database_clock
) -> Stopped:
    """Pause a scheduled or running campaign: once this has committed, none of its batches is claimed."""
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    move_campaign(session, campaign, CampaignStatus.PAUSED, now, actor, reason=reason)
    _note(session, now, actor, "campaign_paused", campaign, reason)
    return Stopped(_in_flight(session, campaign_id))


def resume_campaign(
    session: Session, campaign_id: int, *, actor: str, change: Resumption = AS_IT_IS, clock: Clock = database_clock
) -> Campaign:
    """Let a paused campaign go on exactly where it stopped; `change` lifts what would stop it again at once.

    Raises:
        IllegalMove: it is not paused; or it is late, or has cost what it may, and `change` does not mend that.
    """
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    if campaign.status is not CampaignStatus.PAUSED:
        raise IllegalMove(f"campaign {campaign_id} is {campaign.status}: only a paused one can be resumed")
    facts = make_resumable(campaign, change, now)
    target = CampaignStatus.RUNNING if campaign.started_at is not None else CampaignStatus.SCHEDULED
    session.flush()
    move_campaign(session, campaign, target, now, actor)
    _note(session, now, actor, "campaign_resumed", campaign, facts=facts)
    return campaign


def cancel_campaign(
    session: Session, campaign_id: int, *, actor: str, reason: str, clock: Clock = database_clock
) -> Stopped:
    """End a campaign: what no attempt can have carried becomes `cancelled`, what is in doubt `unknown` (P3).

    What is in flight is answered or rescued later, and ends then.
    """
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    move_campaign(session, campaign, CampaignStatus.CANCELLED, now, actor)
    tried = session.execute(
        select(Batch).where(
            Batch.campaign_id == campaign_id,
            Batch.status.in_(READY_BATCH),
            or_(Batch.attempt_number > 0, Batch.doubt_since.is_not(None)),
        )
    ).scalars()
    for batch in tried.all():
        count_outcomes(campaign, session, end_cancelled(session, batch, batch.doubt_since is not None, now))
    cancel_ready_batches(session, campaign_id)
    _cancel_untouched(session, campaign, now)
    _note(session, now, actor, "campaign_cancelled", campaign, reason)
    return Stopped(_in_flight(session, campaign_id), _scheduled_count(campaign, now))


def _scheduled_count(campaign: Campaign, now: datetime) -> int:
    time_send = timing_from_json(campaign.timing).time_send
    still_to_come = time_send is not None and (isinstance(time_send, str) or time_send > now)
    return campaign.accepted_count if still_to_come else 0


def _cancel_untouched(session: Session, campaign: Campaign, now: datetime) -> None:
    """Cancel everybody pending outside of what is in flight."""
    running = session.execute(
        select(Batch.first_position, Batch.last_position)
        .where(Batch.campaign_id == campaign.id, Batch.status == BatchStatus.RUNNING)
        .order_by(Batch.first_position)
    ).all()
    first = 1
    for row in [*running, None]:
        last = campaign.total_count if row is None else row.first_position - 1
        if first <= last:
            ended = end_pending(
                session,
                campaign.id,
                first,
                last,
                RecipientStatus.CANCELLED,
                now,
                reason="the campaign was cancelled before this was posted",
            )
            count_outcomes(campaign, session, ended)
        if row is not None:
            first = row.last_position + 1


def stop_everything(session: Session, *, actor: str, reason: str, clock: Clock = database_clock) -> Stopped:
    """Pull the emergency stop: once this has committed, no batch of any account is claimed."""
    accounts = lock_accounts(session)
    now = clock(session)
    installation = session.execute(select(Installation)).scalar_one()
    if installation.stopped_at is not None:
        raise IllegalMove(f"everything is stopped already, by {installation.stopped_by}: {installation.stop_reason}")
    installation.stopped_at, installation.stopped_by, installation.stop_reason = now, actor[:64], reason
    write_event(session, now, actor, "stopped", reason=reason)
    return Stopped(sum(running_count(session, account.id) for account in accounts))


def start_everything(session: Session, *, actor: str, clock: Clock = database_clock) -> None:
    """End the emergency stop.

    Raises:
        IllegalMove: nothing is stopped.
    """
    lock_accounts(session)
    installation = session.execute(select(Installation)).scalar_one()
    if installation.stopped_at is None:
        raise IllegalMove("nothing is stopped")
    write_event(session, clock(session), actor, "started", reason=installation.stop_reason)
    installation.stopped_at = installation.stopped_by = installation.stop_reason = None


def _in_flight(session: Session, campaign_id: int) -> int:
    statement = select(func.count()).where(Batch.campaign_id == campaign_id, Batch.status == BatchStatus.RUNNING)
    return session.execute(statement).scalar_one()


def _note(
    session: Session,
    now: datetime,
    actor: str,
    kind: str,
    campaign: Campaign,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    write_event(
        session, now, actor, kind, account_id=campaign.account_id, campaign_id=campaign.id, reason=reason, facts=facts
    )
