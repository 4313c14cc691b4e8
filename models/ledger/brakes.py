"""What stops an account or a campaign by itself: its errors, its breaker, its streaks. Applied by record."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..states import AccountStatus, CampaignStatus, RecipientStatus
from ..work import Closing, Lease
from .claim import BREAKER_AFTER
from .locks import SYSTEM, write_event
from .moves import move_campaign

REFUSED_IN_A_ROW = 20
"""Refused documents with nothing accepted between that pause the account: then it is us, not a recipient."""

FIRST_PROBE_SECONDS = 5.0
LONGEST_PROBE_SECONDS = 60.0


def needs_account(session: Session, lease: Lease, closing: Closing) -> bool:
    """Say whether record must lock the account: where all is well it does not queue behind the claims."""
    return bool(
        closing.transport_failed
        or closing.document_refused
        or closing.shrink
        or (closing.brake is not None and closing.brake.scope == "account")
        or _has_streak(session, lease.account_id)
    )


def _has_streak(session: Session, account_id: int) -> bool:
    """Say whether an answer must end a streak. Asked now: many a lease is older than the streak that it ends."""
    streak = or_(Account.transport_failures > 0, Account.refused_documents > 0)
    return session.execute(select(Account.id).where(Account.id == account_id, streak)).first() is not None


def settle_account(session: Session, account: Account, lease: Lease, closing: Closing, now: datetime) -> bool:
    """Keep the account's streaks and apply a brake; say whether the account was paused by this."""
    _keep_breaker(session, account, closing, now)
    if closing.shrink and len(closing.positions) > 1:
        account.batch_size = max(1, min(account.batch_size, len(closing.positions) // 2))
        write_event(
            session,
            now,
            SYSTEM,
            "batch_size_reduced",
            account_id=account.id,
            reason=f"a document of {len(closing.positions)} was refused as too large",
            facts={"batch_size": account.batch_size},
        )
    reason = None
    if closing.brake is not None and closing.brake.scope == "account":
        reason = closing.brake.reason
    elif account.refused_documents >= REFUSED_IN_A_ROW:
        reason = (
            f"{account.refused_documents} documents in a row were refused with nothing accepted between: the fault is "
            f"in what we send, not in a recipient; the last answer: {closing.explanation}"
        )
    # What a POST brought that began before the last resume is news of the time before it.
    stale = account.resumed_at is not None and lease.opened_at <= account.resumed_at
    if reason is None or stale:
        return False
    return pause_account(session, account, reason, now, SYSTEM)


def _keep_breaker(session: Session, account: Account, closing: Closing, now: datetime) -> None:
    if closing.transport_failed:
        account.transport_failures += 1
        beyond = account.transport_failures - BREAKER_AFTER
        if beyond >= 0:
            wait = min(FIRST_PROBE_SECONDS * 2 ** min(beyond, 10), LONGEST_PROBE_SECONDS)
            account.probe_due_at = now + timedelta(seconds=wait)
        if beyond == 0:
            write_event(session, now, SYSTEM, "breaker_opened", account_id=account.id, reason=closing.explanation)
    elif closing.attempt_outcome != "not_posted":
        if account.transport_failures >= BREAKER_AFTER:
            write_event(session, now, SYSTEM, "breaker_closed", account_id=account.id)
        account.transport_failures = 0
        account.probe_due_at = None
    if any(o.status is RecipientStatus.ACCEPTED for o in closing.outcomes):
        account.refused_documents = 0
    if closing.document_refused:
        account.refused_documents += 1


def pause_account(session: Session, account: Account, reason: str, now: datetime, actor: str) -> bool:
    """Pause a locked account; say whether it was active before. One event, the reason kept."""
    if account.status is AccountStatus.PAUSED:
        return False
    account.status = AccountStatus.PAUSED
    account.status_reason = reason
    account.status_since = now
    account.status_by = actor[:64]
    write_event(session, now, actor, "account_paused", account_id=account.id, reason=reason)
    return True


def stop_campaign(session: Session, campaign: Campaign, lease: Lease, reason: str, now: datetime) -> bool:
    """Pause a locked campaign that has been running since before the POST began; say whether it was paused."""
    # What a POST brought that began before the last resume is news of the time before it.
    if campaign.status is not CampaignStatus.RUNNING or lease.opened_at < campaign.status_since:
        return False
    move_campaign(session, campaign, CampaignStatus.PAUSED, now, SYSTEM, reason=reason)
    write_event(
        session, now, SYSTEM, "campaign_paused", account_id=campaign.account_id, campaign_id=campaign.id, reason=reason
    )
    return True
