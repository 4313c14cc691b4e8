"""Why: everything that the ledger knows of one number, in every campaign. Only reads.

Nothing is indexed by number (decision record 12): a hundred milliseconds per million recipients, when somebody asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt, AttemptOutcome, unfold_positions
from ..batch import Batch
from ..campaign import Campaign
from ..event import Event
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import OPEN_BATCH, BatchStatus, CampaignStatus, RecipientStatus
from ..stop import Stop
from .keys import send_key
from .report import show
from .stops import find_stop

# Of an account, and of everything, only what keeps a message from going out. Of the campaign itself every event counts.
_OF_THE_ACCOUNT = ("account_paused", "account_resumed", "breaker_opened", "breaker_closed")
_OF_EVERYTHING = ("stopped", "started", "restore_noticed", "adopted")


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt that carried the number, may have, or was given back. `line` is its place in the document, from 1."""

    attempt: Attempt
    line: int | None


@dataclass(frozen=True, slots=True)
class Appearance:
    """The number in one campaign. `waiting_for` says what its campaign waits for while nobody has answered."""

    campaign: Campaign
    account: str
    recipient: Recipient
    send_key: str
    outcome: Outcome | None
    batches: tuple[Batch, ...]
    tries: tuple[Tried, ...]
    events: tuple[Event, ...]
    waiting_for: str | None
    waiting_until: datetime | None

    @property
    def status(self) -> RecipientStatus:
        """What became of it so far."""
        return RecipientStatus.PENDING if self.outcome is None else self.outcome.status

    @property
    def open_batch(self) -> Batch | None:
        """The batch that owes it a message."""
        if self.outcome is not None:
            return None
        return next((batch for batch in self.batches if batch.status in OPEN_BATCH), None)


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one number. `purged_count`: campaigns whose numbers are not known any more."""

    msisdn: str
    stop: Stop | None
    appearances: tuple[Appearance, ...]
    purged_count: int


def read_story(session: Session, msisdn: str, *, clock: Clock = database_clock) -> Story:
    """Return the story of one number (E.164 digits), its campaigns in the order of their making."""
    statement = (
        select(Recipient, Campaign, Account.name)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .join(Account, Account.id == Campaign.account_id)
        .where(Recipient.msisdn == msisdn, Campaign.imported_at.is_not(None))
        .order_by(Campaign.id, Recipient.position)
    )
    appearances = [
        _appearance(session, row.Recipient, row.Campaign, row.name, clock) for row in session.execute(statement).all()
    ]
    purged = session.execute(select(func.count()).where(Campaign.purged_at.is_not(None))).scalar_one()
    return Story(msisdn, find_stop(session, msisdn), tuple(appearances), purged)


def _appearance(session: Session, recipient: Recipient, campaign: Campaign, account: str, clock: Clock) -> Appearance:
    place = (recipient.campaign_id, recipient.position)
    outcome = session.get(Outcome, place)
    covers = (Batch.campaign_id == place[0], Batch.first_position <= place[1], Batch.last_position >= place[1])
    batches = session.execute(select(Batch).where(*covers).order_by(Batch.id)).scalars().all()
    shown: dict[str, Any] = show(session, campaign.id, clock=clock) if outcome is None else {}
    return Appearance(
        campaign=campaign,
        account=account,
        recipient=recipient,
        send_key=recipient.send_key or send_key(campaign.key_prefix or "", recipient.position),
        outcome=outcome,
        batches=tuple(batches),
        tries=tuple(_tries(session, recipient, outcome)),
        events=tuple(_events(session, campaign, outcome)),
        waiting_for=shown.get("waiting_for"),
        waiting_until=shown.get("waiting_until"),
    )


def _tries(session: Session, recipient: Recipient, outcome: Outcome | None) -> Iterator[Tried]:
    """Yield the attempts whose range covers the recipient while nobody had answered."""
    position = recipient.position
    attempts = session.execute(
        select(Attempt)
        .where(
            Attempt.campaign_id == recipient.campaign_id,
            Attempt.first_position <= position,
            Attempt.last_position >= position,
        )
        .order_by(Attempt.id)
    )
    for attempt in attempts.scalars():
        if attempt.positions:
            carried = unfold_positions(attempt.positions)
            if position in carried:
                yield Tried(attempt, carried.index(position) + 1)
        elif outcome is None or outcome.updated_at >= attempt.opened_at:
            yield Tried(attempt, None)


def _events(session: Session, campaign: Campaign, outcome: Outcome | None) -> list[Event]:
    """Return what was done to the campaign, and to its account while the recipient was waiting."""
    waited = [Event.campaign_id.is_(None), Event.happened_at >= campaign.created_at]
    if outcome is not None:
        waited.append(Event.happened_at <= outcome.updated_at)
    statement = select(Event).where(
        or_(
            Event.campaign_id == campaign.id,
            and_(*waited, Event.account_id == campaign.account_id, Event.kind.in_(_OF_THE_ACCOUNT)),
            and_(*waited, Event.kind.in_(_OF_EVERYTHING)),
        )
    )
    return list(session.execute(statement.order_by(Event.id)).scalars())


def what_next(story: Story, one: Appearance, now: datetime) -> tuple[str, datetime | None]:
    """Say what happens to the number in this campaign next, and when at the earliest, where that is known."""
    if one.status is RecipientStatus.ACCEPTED:
        return "nothing: the gateway has taken it", None
    if one.campaign.purged_at is not None or one.status in (RecipientStatus.SKIPPED, RecipientStatus.CANCELLED):
        return "nothing: it is not sent", None
    if one.outcome is not None:
        if one.campaign.status is CampaignStatus.CANCELLED:
            return "nothing: the campaign was cancelled", None
        return f"nothing by itself: bulkpost campaign retry {one.campaign.id} asks again under the same key", None
    return _next_of_pending(story, one, now)


def _next_of_pending(story: Story, one: Appearance, now: datetime) -> tuple[str, datetime | None]:
    batch = one.open_batch
    if batch is not None and batch.status is BatchStatus.RUNNING:
        return f"an answer to attempt {batch.attempt_number}, which is under way", batch.leased_until
    if story.stop is not None:
        end = "unknown" if batch is not None and batch.doubt_since is not None else "skipped"
        return f"the next claim ends it as {end}: the number is on the stop list", None
    due = one.waiting_until
    if batch is not None and batch.available_at > now:
        due = max(due or batch.available_at, batch.available_at)
    again = batch is not None and any(tried.attempt.outcome is not AttemptOutcome.NOT_POSTED for tried in one.tries)
    waits = f"; waits for {one.waiting_for}" if one.waiting_for else ""
    return ("it is asked again under the same key" if again else "it is posted") + waits, due
