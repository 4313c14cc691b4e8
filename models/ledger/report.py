"""Reading: counts, lists, results. Changes nothing and takes no lock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..content import from_json
from ..errors import UnknownCampaign
from ..installation import Installation
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, CampaignStatus, RecipientStatus
from .cost import known_segments
from .keys import send_key
from .waiting import find_wait, forecast

ROWS_READ = 5_000


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One recipient and what became of it, in the words of the public contract."""

    position: int
    phone: str
    ref: str | None
    client_id_sms: str
    status: RecipientStatus
    id_sms: str | None
    parts: int | None
    provider_text: str | None
    error_class: str | None
    reason: str | None
    attempts: int
    updated_at: datetime | None


def show(
    session: Session, campaign_id: int, *, without_list: bool = False, clock: Clock = database_clock
) -> dict[str, Any]:
    """Return the campaign as `campaign show --json` prints it; `without_list` also a draft that waits for an upload.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
    """
    known = or_(Campaign.imported_at.is_not(None), Campaign.upload_token.is_not(None) if without_list else false())
    row = session.execute(
        select(Campaign, Account)
        .join(Account, Account.id == Campaign.account_id)
        .where(Campaign.id == campaign_id, known)
    ).one_or_none()
    if row is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    now = clock(session)
    shown = _shown(session, row.Campaign, row.Account, now)
    return {**shown, "forecast_end": forecast(row.Campaign, row.Account, now)}


def list_campaigns(
    session: Session,
    *,
    limit: int = 50,
    status: CampaignStatus | None = None,
    account: str | None = None,
    before: int | None = None,
    clock: Clock = database_clock,
) -> list[dict[str, Any]]:
    """Return the newest campaigns, as `campaign list --json` prints them; `before` an id, the next page."""
    statement = (
        select(Campaign, Account)
        .join(Account, Account.id == Campaign.account_id)
        .where(Campaign.imported_at.is_not(None))
        .order_by(Campaign.id.desc())
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(Campaign.status == status)
    if account is not None:
        statement = statement.where(Account.name == account)
    if before is not None:
        statement = statement.where(Campaign.id < before)
    now = clock(session)
    return [_shown(session, row.Campaign, row.Account, now) for row in session.execute(statement).all()]


def _shown(session: Session, campaign: Campaign, account: Account, now: datetime) -> dict[str, Any]:
    in_doubt, since = _in_doubt(session, campaign.id)
    wait = find_wait(session, campaign, account, now)
    content = from_json(campaign.kind, campaign.content)
    purged = campaign.purged_at is not None
    segments = None if purged else known_segments(content, campaign.total_count - campaign.skipped_count)
    return {
        "id": campaign.id,
        "name": campaign.name,
        "account": account.name,
        "kind": campaign.kind,
        "content": campaign.content,
        "status": campaign.status.value,
        "reason": campaign.status_reason,
        "counts": {
            "total": campaign.total_count,
            "pending": campaign.pending_count,
            **{
                status.value: getattr(campaign, f"{status}_count")
                for status in RecipientStatus
                if status is not RecipientStatus.PENDING
            },
        },
        "in_doubt": in_doubt,
        "in_doubt_since": since,
        "waiting_for": wait.reason,
        "waiting_until": wait.until,
        "segments": {
            "billed": campaign.segment_count,
            "expected": campaign.expected_segment_count,
            "forecast": segments,
        },
        "priority": campaign.priority,
        "key": campaign.external_key,
        "created_at": campaign.created_at,
        "start_at": campaign.start_at,
        "latest_at": campaign.latest_at,
        "window": campaign.send_window,
        "time_zone": campaign.time_zone,
        "max_segments": campaign.max_segments,
        "canary": campaign.canary_count,
        "started_at": campaign.started_at,
        "finished_at": campaign.finished_at,
        "purged_at": campaign.purged_at,
    }


def _in_doubt(session: Session, campaign_id: int) -> tuple[int, datetime | None]:
    """Count the pending recipients that an attempt may have carried, and say since when."""
    pending = (
        select(func.count())
        .select_from(Recipient)
        .outerjoin(Outcome, (Outcome.campaign_id == Recipient.campaign_id) & (Outcome.position == Recipient.position))
        .where(
            Recipient.campaign_id == Batch.campaign_id,
            Recipient.position.between(Batch.first_position, Batch.last_position),
            Outcome.position.is_(None),
        )
        .correlate(Batch)
        .scalar_subquery()
    )
    row = session.execute(
        select(func.sum(pending), func.min(Batch.doubt_since)).where(
            Batch.campaign_id == campaign_id, Batch.status.in_(OPEN_BATCH), Batch.doubt_since.is_not(None)
        )
    ).one()
    return int(row[0] or 0), row[1]


def results(
    session: Session, campaign_id: int, *, statuses: frozenset[RecipientStatus] | None = None
) -> Iterator[ResultRow]:
    """Yield one row per recipient in position order, a few thousand in memory at a time.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
    """
    prefix, total = find_keys(session, campaign_id)
    for first in range(1, total + 1, ROWS_READ):
        yield from result_rows(session, campaign_id, prefix, first, first + ROWS_READ - 1, statuses)


def find_keys(session: Session, campaign_id: int) -> tuple[str, int]:
    """Return the prefix of a campaign's keys, and how many recipients it has.

    Raises:
        UnknownCampaign: as `results`.
    """
    campaign = session.execute(
        select(Campaign.key_prefix, Campaign.total_count).where(
            Campaign.id == campaign_id, Campaign.imported_at.is_not(None)
        )
    ).one_or_none()
    if campaign is None:
        raise UnknownCampaign(f"no campaign {campaign_id}: bulkpost campaign list shows those that there are")
    return campaign.key_prefix or "", campaign.total_count


def result_rows(
    session: Session,
    campaign_id: int,
    prefix: str,
    first: int,
    last: int,
    statuses: frozenset[RecipientStatus] | None,
) -> Iterator[ResultRow]:
    """Yield the rows of a range of positions."""
    tried = _tries(session, campaign_id, first, last)
    rows = session.execute(
        select(
            Recipient.position,
            Recipient.msisdn,
            Recipient.ref,
            Recipient.send_key,
            Outcome.status,
            Outcome.provider_message_id,
            Outcome.segments,
            Outcome.provider_text,
            Outcome.error_class,
            Outcome.reason,
            Outcome.attempt_number,
            Outcome.updated_at,
        )
        .outerjoin(Outcome, (Outcome.campaign_id == Recipient.campaign_id) & (Outcome.position == Recipient.position))
        .where(Recipient.campaign_id == campaign_id, Recipient.position.between(first, last))
        .order_by(Recipient.position)
    )
    for position, msisdn, ref, key, status, message_id, segments, text, error_class, reason, number, at in rows:
        found = status or RecipientStatus.PENDING
        if statuses is not None and found not in statuses:
            continue
        yield ResultRow(
            position=position,
            phone=msisdn or "",
            ref=ref,
            client_id_sms=key or send_key(prefix, position),
            status=found,
            id_sms=message_id,
            parts=segments,
            provider_text=text,
            error_class=error_class.value if error_class else None,
            reason=reason,
            attempts=number if status is not None else tried.get(position, 0),
            updated_at=at,
        )


def _tries(session: Session, campaign_id: int, first: int, last: int) -> dict[int, int]:
    """Return how many attempts the open batches of these positions have had."""
    batches = session.execute(
        select(Batch.first_position, Batch.last_position, Batch.attempt_number).where(
            Batch.campaign_id == campaign_id,
            Batch.status.in_(OPEN_BATCH),
            Batch.first_position <= last,
            Batch.last_position >= first,
            Batch.attempt_number > 0,
        )
    )
    return {
        position: row.attempt_number
        for row in batches
        for position in range(max(first, row.first_position), min(last, row.last_position) + 1)
    }


def gateway_urls(session: Session) -> dict[str, str]:
    """Return every account's gateway by the account's name."""
    return dict(session.execute(select(Account.name, Account.gateway_url)).all())


def remembered_environment(session: Session) -> str:
    """Return the environment that this database belongs to."""
    return session.execute(select(Installation.environment)).scalar_one()


def size(session: Session, campaign_id: int | None = None) -> tuple[int, int]:
    """Return how many campaigns there are, and how many recipients they have."""
    statement = select(func.count(), func.coalesce(func.sum(Campaign.total_count), 0)).where(
        Campaign.imported_at.is_not(None)
    )
    if campaign_id is not None:
        statement = statement.where(Campaign.id == campaign_id)
    campaigns, recipients = session.execute(statement).one()
    return campaigns, recipients
