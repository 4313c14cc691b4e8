"""Proof: what must be true of the data at every commit, looked up. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from ..account import Account
from ..attempt import Attempt
from ..batch import Batch
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, BatchStatus, ErrorClass, RecipientStatus


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that must never be: the promise that it breaks, and what was found where."""

    promise: str
    finding: str


def find_breaches(
    session: Session, campaign_id: int | None = None, *, clock: Clock = database_clock
) -> Iterator[Breach]:
    """Yield every breach of P1, P4, P5 and P7 that the data shows, of one campaign or of all."""
    chosen: list[ColumnElement[bool]] = [Campaign.imported_at.is_not(None)]
    if campaign_id is not None:
        chosen.append(Campaign.id == campaign_id)
    for campaign in session.execute(select(Campaign).where(*chosen).order_by(Campaign.id)).scalars():
        yield from _counts(session, campaign)
        yield from _keys(session, campaign)
        yield from _ids(session, campaign)
        yield from _batches(session, campaign, clock)


def _counts(session: Session, campaign: Campaign) -> Iterator[Breach]:
    rows = select(Outcome.status, func.count()).where(Outcome.campaign_id == campaign.id).group_by(Outcome.status)
    counted = dict(session.execute(rows).all())
    for status in RecipientStatus:
        if status is RecipientStatus.PENDING:
            continue
        stored = getattr(campaign, f"{status}_count")
        if stored != counted.get(status, 0):
            yield Breach("P5", f"campaign {campaign.id}: {stored} stored as {status}, {counted.get(status, 0)} counted")
    span = select(func.count(), func.min(Recipient.position), func.max(Recipient.position))
    total, first, last = session.execute(span.where(Recipient.campaign_id == campaign.id)).one()
    if (total, first, last) != (campaign.total_count, 1, campaign.total_count):
        yield Breach("P5", f"campaign {campaign.id}: {campaign.total_count} recipients stored, {total} counted")
    if campaign.pending_count < 0:
        yield Breach("P5", f"campaign {campaign.id}: {campaign.pending_count} pending")
    if campaign.finished_at is not None and campaign.pending_count and campaign.status.value == "finished":
        yield Breach("P5", f"campaign {campaign.id} is finished with {campaign.pending_count} pending")


def _keys(session: Session, campaign: Campaign) -> Iterator[Breach]:
    """A key of ours is the campaign's prefix and a position: two are equal only if two prefixes are."""
    same = select(Campaign.id).where(Campaign.key_prefix == campaign.key_prefix, Campaign.id != campaign.id).limit(1)
    if (other := session.execute(same).scalar_one_or_none()) is not None:
        yield Breach("P1", f"campaign {campaign.id}: its keys are those of campaign {other} too")
    twin = aliased(Recipient)
    shared = (
        select(Recipient.position, twin.campaign_id, twin.position)
        .join(twin, (twin.key_account_id == Recipient.key_account_id) & (twin.send_key == Recipient.send_key))
        .where(
            Recipient.campaign_id == campaign.id,
            Recipient.send_key.is_not(None),
            twin.send_key.is_not(None),
            or_(twin.campaign_id != Recipient.campaign_id, twin.position != Recipient.position),
        )
        .limit(1)
    )
    if row := session.execute(shared).first():
        yield Breach(
            "P1",
            f"campaign {campaign.id}, position {row[0]}: its key is that of campaign {row[1]}, position {row[2]} too",
        )


def _ids(session: Session, campaign: Campaign) -> Iterator[Breach]:
    silent = select(func.count()).where(
        Outcome.campaign_id == campaign.id,
        Outcome.status == RecipientStatus.ACCEPTED,
        Outcome.provider_message_id.is_(None),
        Outcome.reason.is_(None),
    )
    if count := session.execute(silent).scalar_one():
        yield Breach("P4", f"campaign {campaign.id}: {count} accepted without an id and without a reason why not")
    other, theirs, account = aliased(Outcome), aliased(Campaign), aliased(Account)
    shared = (
        select(Outcome.position, other.campaign_id, other.position)
        .join(Campaign, Campaign.id == Outcome.campaign_id)
        .join(Account, Account.id == Campaign.account_id)
        .join(other, other.provider_message_id == Outcome.provider_message_id)
        .join(theirs, theirs.id == other.campaign_id)
        .join(account, account.id == theirs.account_id)
        .where(
            Outcome.campaign_id == campaign.id,
            account.gateway_url == Account.gateway_url,
            or_(other.campaign_id != Outcome.campaign_id, other.position != Outcome.position),
            # A collision that was noticed is an alarm already raised, not a breach.
            func.coalesce(Outcome.error_class, "") != ErrorClass.COLLISION.value,
            func.coalesce(other.error_class, "") != ErrorClass.COLLISION.value,
        )
        .limit(1)
    )
    if row := session.execute(shared).first():
        yield Breach(
            "P1",
            f"campaign {campaign.id}, position {row[0]}: its id belongs to campaign {row[1]}, position {row[2]} too",
        )


def _batches(session: Session, campaign: Campaign, clock: Clock) -> Iterator[Breach]:
    now = clock(session)
    overdue = select(func.count()).where(
        Batch.campaign_id == campaign.id, Batch.status == BatchStatus.RUNNING, Batch.leased_until < now
    )
    if count := session.execute(overdue).scalar_one():
        yield Breach("P7", f"campaign {campaign.id}: {count} batches are running without a live lease")
    # Sorted by their beginnings, overlapping ranges overlap their neighbours too.
    before = func.lag(Batch.last_position).over(order_by=Batch.first_position).label("before")
    ranges = (
        select(Batch.id, Batch.first_position, before)
        .where(Batch.campaign_id == campaign.id, Batch.status.in_(OPEN_BATCH))
        .subquery()
    )
    overlapping = (
        select(ranges.c.id, ranges.c.first_position).where(ranges.c.before >= ranges.c.first_position).limit(1)
    )
    if row := session.execute(overlapping).first():
        yield Breach("P1", f"campaign {campaign.id}: open batch {row[0]} and another cover position {row[1]}")
    open_ended = (
        select(func.count())
        .select_from(Attempt)
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(
            Attempt.campaign_id == campaign.id,
            Attempt.closed_at.is_(None),
            case((Batch.status == BatchStatus.RUNNING, Batch.attempt_number != Attempt.number), else_=True),
        )
    )
    if count := session.execute(open_ended).scalar_one():
        yield Breach("P7", f"campaign {campaign.id}: {count} attempts are neither closed nor leased")
