"""What stops an account or a campaign by itself: its errors, its breaker, its streaks. Applied by record."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..states import AccountStatus, CampaignStatus, RecipientStatus
from ..work import Closing, Lease
from .claim import BREAKER_AFTER, SOONEST_TRY_SECONDS
from .locks import SYSTEM, write_event
from .moves import move_campaign

REFUSED_IN_A_ROW = 20
"""Refused documents with nothing accepted between that pause the account: then it is us, not a recipient."""

FIRST_PROBE_SECONDS = 5.0
LONGEST_PROBE_SECONDS = 60.0

TIMED_OUT_IN_A_ROW = 3
"""Documents without an answer in time that halve the batch size, once: they may be too much for the provider."""
SMALLEST_SHRUNK = 10
"""Timeouts shrink no further: a provider that is silent for an hour is not mended by documents of one."""


def needs_account(session: Session, lease: Lease, closing: Closing) -> bool:
    """Say whether record must lock the account: where all is well it does not queue behind the claims."""
    return bool(
        closing.transport_failed
        or closing.document_refused
        or closing.shrink
        or closing.timed_out
        or (closing.brake is not None and closing.brake.scope == "account")
        or _is_kept(session, lease.account_id)
    )


def _is_kept(session: Session, account_id: int) -> bool:
    """Say whether an answer may end a streak or a pause, or is counted against a day. Asked now: many a lease is
    older than what it ends."""
    return session.execute(select(Account.id).where(is_kept(account_id))).first() is not None


def is_kept(account_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Say of an account whether an answer may end a streak or a pause of its, or is counted against its day."""
    return and_(
        Account.id == account_id,
        or_(
            Account.transport_failures > literal_column("0"),
            Account.refused_documents > literal_column("0"),
            Account.timed_out_documents > literal_column("0"),
            Account.try_again_at.is_not(None),
            Account.per_day.is_not(None),
            Account.segments_per_day.is_not(None),
        ),
    )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A pause that a person must hear of; `scope` is "account" or "campaign"."""

    scope: str
    reason: str
    mend: str


def settle_account(session: Session, account: Account, lease: Lease, closing: Closing, now: datetime) -> Alarm | None:
    """Keep the account's streaks and apply a brake; return the alarm where this paused the account."""
    _keep_breaker(session, account, closing, now)
    _keep_size(session, account, closing, now)
    reason = None
    may_pass = closing.brake is not None and closing.brake.may_pass
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
        return None
    try_again_at = now + timedelta(seconds=SOONEST_TRY_SECONDS) if may_pass else None
    if not pause_account(session, account, reason, now, SYSTEM, try_again_at=try_again_at):
        return None
    by_itself = ", or wait: one batch tries again every few minutes" if may_pass else ""
    return Alarm("account", reason, f"bulkpost account resume {account.name}{by_itself}")


def find_recovery(account: Account, lease: Lease, closing: Closing) -> bool:
    """Say whether this answer shows that the cause of the system's pause has passed: the provider took or judged
    somebody of a document that was posted since, and has nothing against the account."""
    return (
        account.status is AccountStatus.PAUSED
        and account.try_again_at is not None
        and lease.opened_at > account.status_since
        and closing.brake is None
        and any(outcome.provider_text is not None for outcome in closing.outcomes)
    )


def _keep_size(session: Session, account: Account, closing: Closing, now: datetime) -> None:
    """Halve the batch size where documents are too large, by the provider's word or by its silence."""
    count = len(closing.positions)
    reason = None
    if closing.shrink and count > 1:
        size = max(1, count // 2)
        reason = f"a document of {count} was refused as too large"
    if closing.timed_out:
        account.timed_out_documents += 1
        if account.timed_out_documents == TIMED_OUT_IN_A_ROW:
            size = max(SMALLEST_SHRUNK, count // 2)
            reason = f"{TIMED_OUT_IN_A_ROW} documents in a row, the last of {count}, were not answered in time"
    elif closing.attempt_outcome in ("answered", "refused"):
        account.timed_out_documents = 0
    if reason is None or size >= account.batch_size:
        return
    account.batch_size = size
    write_event(
        session,
        now,
        SYSTEM,
        "batch_size_reduced",
        account_id=account.id,
        reason=reason,
        facts={"batch_size": size},
    )


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


def pause_account(
    session: Session,
    account: Account,
    reason: str,
    now: datetime,
    actor: str,
    *,
    try_again_at: datetime | None = None,
) -> bool:
    """Pause a locked account; say whether it was active before. One event, the reason kept.

    `try_again_at`: when one batch may try whether the cause has passed; None leaves that to a person.
    """
    if account.status is AccountStatus.PAUSED:
        return False
    account.status = AccountStatus.PAUSED
    account.try_again_at = try_again_at
    account.status_reason = reason
    account.status_since = now
    account.status_by = actor[:64]
    write_event(session, now, actor, "account_paused", account_id=account.id, reason=reason)
    return True


def let_account_go_on(session: Session, account: Account, now: datetime, actor: str, reason: str | None) -> None:
    """End the pause of a locked account; its streaks begin anew."""
    write_event(session, now, actor, "account_resumed", account_id=account.id, reason=reason)
    account.status = AccountStatus.ACTIVE
    account.status_reason = None
    account.status_since = account.resumed_at = now
    account.status_by = actor[:64]
    account.refused_documents = account.transport_failures = account.timed_out_documents = 0
    account.probe_due_at = account.try_again_at = account.hinted_at = None


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
