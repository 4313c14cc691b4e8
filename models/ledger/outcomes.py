"""Writing outcomes in bulk. Accepted replaces anything, nothing replaces accepted, otherwise the first stays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter

from sqlalchemy import Text, Update, bindparam, insert, literal, select, update
from sqlalchemy.orm import Session

from ..base import Instant
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import ErrorClass, RecipientStatus
from ..work import Accepted, RecipientOutcome
from .inserting import Source, ended_in, insert_accepted, insert_new
from .moves import changed_rows
from .outbox import tell_range, tell_results
from .ready import pending_in

Counts = Counter[RecipientStatus]
"""How many outcomes of each status came to be, less those that were replaced."""


@dataclass(frozen=True, slots=True)
class Billing:
    """Segments of accepted recipients: those that the provider billed, and those that we had counted."""

    billed: int = 0
    expected: int = 0


NO_BILL = Billing()


def write_outcomes(session: Session, campaign_id: int, outcomes: Sequence[RecipientOutcome], now: datetime) -> Counts:
    """Write one campaign's outcomes, and say by how much each count changed. Changes no counter, tells no webhook.

    Rows are written in position order, so that two writers of one range cannot lock each other out.
    """
    return _write(session, outcomes, Source(campaign_id), now)[0]


def write_answers(
    session: Session,
    source: Source,
    outcomes: Sequence[RecipientOutcome],
    expected_segments: Mapping[int, int],
    now: datetime,
    *,
    tell: bool = True,
) -> tuple[Counts, Billing]:
    """Write as `write_outcomes`, and also return the segments of those that came to be accepted; `tell` webhooks.

    An acceptance that another attempt has brought before is not billed again. `expected_segments` are by position.

    Raises:
        IntegrityError: another recipient holds one of the ids; or, if the source says that all are new, one is not.
    """
    counts, new = _write(session, outcomes, source, now)
    if new and tell:
        tell_results(session, source.campaign_id, (outcome.position for outcome in new), now)
    return counts, bill_of(new, expected_segments)


def _write(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> tuple[Counts, Sequence[RecipientOutcome]]:
    """Return the change of each count, and the outcomes that were not there before."""
    if not outcomes:
        return Counter(), ()
    if isinstance(outcomes, Accepted) and source.all_new and insert_accepted(session, outcomes, source, now):
        return Counter({RecipientStatus.ACCEPTED: len(outcomes)}), outcomes
    outcomes = sorted(outcomes, key=attrgetter("position"))
    fresh = insert_new(session, outcomes, source, now)
    if fresh is None or len(fresh) == len(outcomes):
        return Counter(outcome.status for outcome in outcomes), outcomes
    new = [outcome for outcome in outcomes if outcome.position in fresh]
    counts = Counter(outcome.status for outcome in new)
    late = [o for o in outcomes if o.position not in fresh and o.status is RecipientStatus.ACCEPTED]
    for outcome in late:
        if changed := _accept_late(session, outcome, source, now):
            counts.update(changed)
            new.append(outcome)
    return counts, new


def bill_of(outcomes: Sequence[RecipientOutcome], expected_segments: Mapping[int, int]) -> Billing:
    """Add up what was billed for those accepted, and what we had counted; `expected_segments` are by position."""
    if isinstance(outcomes, Accepted):
        positions, billed = outcomes.positions, sum(outcomes.segments)
    else:
        accepted = [outcome for outcome in outcomes if outcome.status is RecipientStatus.ACCEPTED]
        positions, billed = [o.position for o in accepted], sum([o.segments or 0 for o in accepted])
    return Billing(billed, sum([expected_segments.get(position, 0) for position in positions]))


def _accept_late(session: Session, outcome: RecipientOutcome, source: Source, now: datetime) -> Counts:
    where = (Outcome.campaign_id == source.campaign_id, Outcome.position == outcome.position)
    before = session.execute(
        select(Outcome.status, Outcome.provider_message_id, Outcome.error_class).where(*where).with_for_update()
    ).one()
    collided = before.error_class is ErrorClass.COLLISION
    if before.status is RecipientStatus.ACCEPTED or collided:
        return Counter()
    session.execute(
        update(Outcome)
        .where(*where)
        .values(
            status=RecipientStatus.ACCEPTED,
            provider_message_id=outcome.provider_message_id,
            id_space=source.id_space if outcome.provider_message_id else None,
            segments=outcome.segments,
            provider_text=outcome.provider_text,
            error_class=None,
            reason=outcome.reason or f"was {before.status} until the gateway said that it had accepted it",
            after_doubt=outcome.after_doubt,
            attempt_id=source.attempt_id,
            attempt_number=source.attempt_number,
            updated_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    return Counter({RecipientStatus.ACCEPTED: 1, before.status: -1})


def end_pending(
    session: Session,
    campaign_id: int,
    first_position: int,
    last_position: int,
    status: RecipientStatus,
    now: datetime,
    *,
    reason: str,
    error_class: ErrorClass | None = None,
    attempt_number: int = 0,
) -> Counts:
    """Give everybody of the range who has no outcome this one, tell webhooks, and say how many. Changes no counter."""
    where = pending_in(campaign_id, first_position, last_position)
    chosen = select(
        Recipient.campaign_id,
        Recipient.position,
        literal(status.value),
        literal(error_class.value if error_class else None, Text),
        literal(reason),
        literal(False),
        literal(attempt_number),
        literal(now, Instant),
    ).where(where)
    names = [
        "campaign_id", "position", "status", "error_class", "reason", "after_doubt", "attempt_number", "updated_at",
    ]  # fmt: skip
    # A million may end at once: they are counted, not fetched.
    statement = insert(Outcome).from_select(names, chosen).execution_options(preserve_rowcount=True)
    written = session.connection().execute(statement)
    tell_range(session, campaign_id, first_position, last_position, now)
    return Counter({status: changed_rows(written)})


def pending_count(session: Session, campaign_id: int, first_position: int, last_position: int) -> int:
    """Count the recipients of a range that have no outcome: positions have no gaps, so outcomes are all to count."""
    ended = session.execute(ended_in(campaign_id, first_position, last_position)).scalars().all()
    return last_position - first_position + 1 - len(ended)


def count_outcomes(campaign: Campaign, session: Session, counts: Counts, bill: Billing = NO_BILL) -> None:
    """Add what `write_outcomes` and `end_pending` returned to the campaign's counters, in the same transaction."""
    changes = {f"{status}_count": change for status, change in counts.items() if change}
    if bill != NO_BILL:
        changes |= {"segment_count": bill.billed, "expected_segment_count": bill.expected}
    if changes:
        given = {"campaign_id": campaign.id, **{f"more_{name}": change for name, change in changes.items()}}
        session.connection().execute(_counting(tuple(changes)), given)


@cache
def _counting(names: tuple[str, ...]) -> Update:
    """Make the statement that adds to these counters, once."""
    values = {name: getattr(Campaign, name) + bindparam(f"more_{name}") for name in names}
    return update(Campaign).where(Campaign.id == bindparam("campaign_id")).values(values)
