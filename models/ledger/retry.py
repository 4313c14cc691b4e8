"""Retry by hand: what failed is pending again, and posted under the same keys."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt, AttemptOutcome
from ..batch import Batch
from ..campaign import Campaign
from ..errors import IllegalMove, UnknownCampaign
from ..outcome import Outcome
from ..session import Clock, database_clock
from ..states import READY_BATCH, CampaignStatus
from .failed import Choice, Explain, Failed, judge
from .locks import lock_with_account, write_event
from .moves import changed_rows, move_campaign
from .outcomes import count_outcomes
from .ranges import add_batches
from .scratch import JUDGED, chosen, drop

_LONGEST_LIST = 20
"""Groups that the event keeps."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry did: who was posted again and who was left out, and the campaign's status after it."""

    failed: Failed
    batch_count: int
    status: CampaignStatus


def find_failed(
    session: Session,
    campaign_id: int,
    choice: Choice,
    *,
    explain: Explain,
    doubt_limit_seconds: float,
    clock: Clock = database_clock,
) -> Failed:
    """Return what a retry would post again. Only reads.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
        IllegalMove: nothing of it can be retried; the message says why.
        LedgerError: it has no batch of that number.
    """
    campaign = session.execute(
        select(Campaign).where(Campaign.id == campaign_id, Campaign.imported_at.is_not(None))
    ).scalar_one_or_none()
    if campaign is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    _refuse(campaign)
    before = clock(session) - timedelta(seconds=doubt_limit_seconds)
    return judge(session, campaign, choice, explain=explain, doubts_before=before)


def retry(
    session: Session,
    campaign_id: int,
    choice: Choice,
    *,
    explain: Explain,
    doubt_limit_seconds: float,
    quiet_seconds: float,
    actor: str,
    clock: Clock = database_clock,
) -> Retried:
    """Make the chosen recipients pending again, with batches for them; a finished campaign goes on.

    Whoever may have been carried is in doubt from now on, and not posted within `quiet_seconds` after the last POST
    that was not answered. Where nobody is left to choose nothing changes: to retry twice is to retry once.

    Raises:
        UnknownCampaign, IllegalMove, LedgerError: as `find_failed`.
    """
    campaign = lock_with_account(session, campaign_id)
    _refuse(campaign)
    now = clock(session)
    before = now - timedelta(seconds=doubt_limit_seconds)
    failed = judge(session, campaign, choice, explain=explain, doubts_before=before)
    if not failed.chosen_count:
        return Retried(failed, 0, campaign.status)
    quiet_until = _quiet_until(session, campaign_id, quiet_seconds, now)
    _pass_doubts_on(session, campaign_id, now, quiet_until)
    size = session.execute(select(Account.batch_size).where(Account.id == campaign.account_id)).scalar_one()
    made = add_batches(session, campaign, chosen(), size, now, doubtful_from=quiet_until)
    _make_pending(session, campaign, failed)
    drop(session, JUDGED)
    if campaign.status is CampaignStatus.FINISHED:
        move_campaign(session, campaign, CampaignStatus.RUNNING, now, actor, by_hand=True)
    facts = {**_facts(choice, failed), "batches": made}
    write_event(
        session, now, actor, "campaign_retried", account_id=campaign.account_id, campaign_id=campaign_id, facts=facts
    )
    return Retried(failed, made, campaign.status)


def _refuse(campaign: Campaign) -> None:
    if campaign.status is CampaignStatus.CANCELLED:
        raise IllegalMove(
            f"campaign {campaign.id} is cancelled: what failed in it is not posted any more; "
            f"bulkpost campaign resend {campaign.id} makes a new one, for whoever certainly got nothing"
        )
    if campaign.purged_at is not None:
        raise IllegalMove(
            f"campaign {campaign.id} was purged on {campaign.purged_at:%Y-%m-%d}: its numbers and texts are gone"
        )


def _quiet_until(session: Session, campaign_id: int, quiet_seconds: float, now: datetime) -> datetime:
    """Return from when on a doubtful key may be posted: two documents with one key at once may not be safe.

    Source: design.md section 5, Retry.
    """
    quiet = timedelta(seconds=quiet_seconds)
    last = session.execute(
        select(func.max(Attempt.opened_at)).where(
            Attempt.campaign_id == campaign_id,
            Attempt.outcome.in_((AttemptOutcome.IN_DOUBT, AttemptOutcome.LOST)),
            Attempt.opened_at > now - quiet,
        )
    ).scalar_one_or_none()
    return now if last is None else max(now, last + quiet)


def _pass_doubts_on(session: Session, campaign_id: int, now: datetime, quiet_until: datetime) -> None:
    """Put waiting batches in doubt that get a doubtful recipient back (P3). Running ones get none, see `judge`."""
    # The open batch that covers a position ends where the fence is.
    again = chosen()
    ends = select(again.c.fence).where(again.c.fence >= again.c.position, again.c.doubtful == 1)
    later = case((Batch.available_at < quiet_until, quiet_until), else_=Batch.available_at)
    session.execute(
        update(Batch)
        .where(
            Batch.campaign_id == campaign_id,
            Batch.status.in_(READY_BATCH),
            Batch.last_position.in_(ends),
        )
        .values(
            doubt_since=func.coalesce(Batch.doubt_since, now),
            available_at=later,
            # Never posted itself, it holds somebody who was: a cancel must not call them untouched.
            attempt_number=case((Batch.attempt_number == 0, 1), else_=Batch.attempt_number),
        )
        .execution_options(synchronize_session=False)
    )


def _make_pending(session: Session, campaign: Campaign, failed: Failed) -> None:
    """Delete the chosen outcomes and count them out (P5). The attempts keep what was answered."""
    statement = delete(Outcome).where(
        Outcome.campaign_id == campaign.id, Outcome.position.in_(select(chosen().c.position))
    )
    removed = changed_rows(session.execute(statement.execution_options(synchronize_session=False)))
    assert removed == failed.chosen_count, "the campaign is locked: nobody else writes its outcomes"
    count_outcomes(campaign, session, Counter({status: -count for status, count in failed.counts.items()}))


def _facts(choice: Choice, failed: Failed) -> dict[str, Any]:
    """Return what the event remembers: who was asked for, and what was replaced."""

    def names(values: Collection[str] | None) -> list[str] | None:
        return None if values is None else sorted(str(value) for value in values)

    return {
        "recipients": failed.chosen_count,
        "in_doubt": failed.doubtful_count,
        "statuses": names(choice.statuses),
        "error_classes": names(choice.error_classes),
        "provider_text": choice.provider_text,
        "batch": choice.batch_id,
        "forced": choice.forced,
        "left_out": failed.left_out,
        "replaced": [
            {"status": one.status, "error_class": one.error_class, "text": one.text, "count": one.count}
            for one in failed.groups[:_LONGEST_LIST]
        ],
    }
