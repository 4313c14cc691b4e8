"""Reading stored replies again: the attempts with their line order, what is recorded now, and new acceptances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt, unfold_positions
from ..outcome import Outcome
from ..session import Clock, database_clock
from ..states import RecipientStatus
from ..work import RecipientOutcome
from .collisions import other_holders
from .id_spaces import id_space
from .inserting import Source
from .locks import lock_campaign, write_event
from .outcomes import count_outcomes, write_answers


@dataclass(frozen=True, slots=True)
class StoredReply:
    """One attempt whose reply was kept. `positions` are in line order: the first is line 1."""

    attempt_id: int
    number: int
    campaign_id: int
    positions: tuple[int, ...]
    http_status: int | None
    reply_bytes: bytes


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """What is recorded of one recipient now."""

    status: RecipientStatus
    provider_message_id: str | None
    provider_text: str | None
    attempt_id: int | None


def stored_replies(
    session: Session, *, first_id: int = 1, last_id: int | None = None, campaign_id: int | None = None
) -> Iterator[StoredReply]:
    """Yield the attempts of a range of ids, or of one campaign, whose reply was kept, oldest first."""
    statement = select(Attempt).where(
        Attempt.id >= first_id, Attempt.reply_bytes.is_not(None), Attempt.positions.is_not(None)
    )
    if last_id is not None:
        statement = statement.where(Attempt.id <= last_id)
    if campaign_id is not None:
        statement = statement.where(Attempt.campaign_id == campaign_id)
    for attempt in session.execute(statement.order_by(Attempt.id).execution_options(yield_per=50)).scalars():
        yield StoredReply(
            attempt.id,
            attempt.number,
            attempt.campaign_id,
            tuple(unfold_positions(attempt.positions or "")),
            attempt.http_status,
            attempt.reply_bytes or b"",
        )


def recorded_outcomes(session: Session, campaign_id: int, positions: Sequence[int]) -> dict[int, RecordedOutcome]:
    """Return what is recorded of these positions; who is pending is not in it."""
    if not positions:
        return {}
    rows = session.execute(
        select(
            Outcome.position,
            Outcome.status,
            Outcome.provider_message_id,
            Outcome.provider_text,
            Outcome.attempt_id,
        ).where(Outcome.campaign_id == campaign_id, Outcome.position.between(min(positions), max(positions)))
    )
    return {row[0]: RecordedOutcome(*row[1:]) for row in rows}


def record_acceptances(
    session: Session,
    stored: StoredReply,
    outcomes: Sequence[RecipientOutcome],
    *,
    actor: str,
    clock: Clock = database_clock,
) -> int:
    """Record the acceptances that a stored reply holds, and return how many were new. An acceptance is a fact.

    One whose id another recipient holds is left alone: it is none (P10).
    """
    campaign = lock_campaign(session, stored.campaign_id)
    now = clock(session)
    url = session.execute(select(Account.gateway_url).where(Account.id == campaign.account_id)).scalar_one()
    space = id_space(url)
    accepted = [outcome for outcome in outcomes if outcome.status is RecipientStatus.ACCEPTED]
    ids = {outcome.provider_message_id: outcome.position for outcome in accepted if outcome.provider_message_id}
    taken = other_holders(session, campaign.id, space, ids)
    accepted = [outcome for outcome in accepted if outcome.provider_message_id not in taken]
    source = Source(campaign.id, stored.attempt_id, stored.number, space)
    counts, bill = write_answers(session, source, accepted, {}, now)
    count_outcomes(campaign, session, counts, bill)
    new = counts[RecipientStatus.ACCEPTED]
    if new:
        write_event(
            session,
            now,
            actor,
            "reply_read_again",
            account_id=campaign.account_id,
            campaign_id=campaign.id,
            facts={"attempt": stored.attempt_id, "accepted": new},
        )
    return new
