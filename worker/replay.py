"""Reading stored replies with the parser and the texts of today, and comparing with what was recorded then."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.ledger.replaying import RecordedOutcome, StoredReply, recorded_outcomes, stored_replies
from models.session import Sessions, reading
from models.states import RecipientStatus
from models.work import History, RecipientOutcome
from worker.core.decide import decide_reply
from worker.core.messages import Line
from worker.errors import Unreadable
from worker.gateway.reply import parse

PENDING = RecipientStatus.PENDING.value


@dataclass(frozen=True, slots=True)
class Change:
    """One recipient of whom a stored reply says something else today."""

    attempt_id: int
    campaign_id: int
    position: int
    recorded: str
    today: str
    provider_text: str | None


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """One stored reply, and what it says today. `unreadable` says why it says nothing."""

    stored: StoredReply
    outcomes: tuple[RecipientOutcome, ...]
    changes: tuple[Change, ...]
    unreadable: str | None = None


def read_again(
    sessions: Sessions, *, first_id: int = 1, last_id: int | None = None, campaign_id: int | None = None
) -> Iterator[ReadAgain]:
    """Yield every stored reply of the attempts asked for, read as it would be today. Changes nothing."""
    with reading(sessions) as session:
        for stored in stored_replies(session, first_id=first_id, last_id=last_id, campaign_id=campaign_id):
            lines = [Line(number, position, "", "") for number, position in enumerate(stored.positions, 1)]
            try:
                reply = parse(stored.reply_bytes)
            except Unreadable as error:
                yield ReadAgain(stored, (), (), error.explanation)
                continue
            outcomes = tuple(decide_reply(lines, reply, History()).outcomes)
            recorded = recorded_outcomes(session, stored.campaign_id, stored.positions)
            yield ReadAgain(stored, outcomes, tuple(_changes(stored, outcomes, recorded)))


def _changes(
    stored: StoredReply, outcomes: tuple[RecipientOutcome, ...], recorded: dict[int, RecordedOutcome]
) -> Iterator[Change]:
    """Yield where today's reading differs: from what this very reply led to, from nothing, or by an acceptance."""
    for outcome in outcomes:
        now = recorded.get(outcome.position)
        if now is not None:
            same = (now.status, now.provider_message_id) == (outcome.status, outcome.provider_message_id)
            accepted = outcome.status is RecipientStatus.ACCEPTED and now.status is not RecipientStatus.ACCEPTED
            if same or not (accepted or now.attempt_id == stored.attempt_id):
                continue
        yield Change(
            stored.attempt_id,
            stored.campaign_id,
            outcome.position,
            PENDING if now is None else now.status.value,
            outcome.status.value,
            outcome.provider_text,
        )
