"""Writing outcomes in bulk. Accepted replaces anything, nothing replaces accepted, otherwise the first stays."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, bindparam, exists, insert, literal, select, text, update
from sqlalchemy.orm import Session

from ..account import Account
from ..base import Instant
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import ErrorClass, RecipientStatus
from ..work import RecipientOutcome
from .moves import changed_rows
from .outbox import tell_range, tell_results
from .ready import pending_in

Counts = Counter[RecipientStatus]
"""How many outcomes of each status came to be, less those that were replaced."""

_COLUMNS = (
    "campaign_id, position, status, provider_message_id, segments, provider_text, error_class, reason, "
    "after_doubt, attempt_id, attempt_number, updated_at"
)
_POSTGRESQL = text(
    f"""
    INSERT INTO bulkpost_outcomes ({_COLUMNS})
    SELECT :campaign_id, o.position, o.status, o.provider_message_id, o.segments, o.provider_text, o.error_class,
           o.reason, o.after_doubt, :attempt_id, :attempt_number, :now
    FROM unnest(CAST(:c0 AS integer[]), CAST(:c1 AS text[]), CAST(:c2 AS text[]), CAST(:c3 AS integer[]),
                CAST(:c4 AS text[]), CAST(:c5 AS text[]), CAST(:c6 AS text[]), CAST(:c7 AS boolean[]))
         AS o (position, status, provider_message_id, segments, provider_text, error_class, reason, after_doubt)
    ON CONFLICT (campaign_id, position) DO NOTHING
    RETURNING position
    """
).bindparams(bindparam("now", type_=Instant))
_SQLITE = text(
    f"""
    INSERT INTO bulkpost_outcomes ({_COLUMNS})
    SELECT :campaign_id, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
           value ->> 7, :attempt_id, :attempt_number, :now
    FROM json_each(:rows) WHERE true
    ON CONFLICT (campaign_id, position) DO NOTHING
    RETURNING position
    """
).bindparams(bindparam("now", type_=Instant))


@dataclass(frozen=True, slots=True)
class Billing:
    """Segments of accepted recipients: those that the provider billed, and those that we had counted."""

    billed: int = 0
    expected: int = 0


NO_BILL = Billing()


def write_outcomes(
    session: Session,
    campaign_id: int,
    outcomes: Sequence[RecipientOutcome],
    now: datetime,
    *,
    attempt_id: int | None = None,
    attempt_number: int = 0,
) -> Counts:
    """Write one campaign's outcomes, and say by how much each count changed. Changes no counter, tells no webhook.

    Rows are written in position order, so that two writers of one range cannot lock each other out.
    """
    counts, _ = _write(session, campaign_id, outcomes, now, attempt_id, attempt_number)
    return counts


def write_answers(
    session: Session,
    campaign_id: int,
    outcomes: Sequence[RecipientOutcome],
    expected_segments: Mapping[int, int],
    now: datetime,
    *,
    attempt_id: int | None = None,
    attempt_number: int = 0,
) -> tuple[Counts, Billing]:
    """Write as `write_outcomes`, tell webhooks, and also return the segments of those that came to be accepted.

    An acceptance that another attempt has brought before is not billed again. `expected_segments` are by position.
    """
    counts, new = _write(session, campaign_id, outcomes, now, attempt_id, attempt_number)
    if new:
        tell_results(session, campaign_id, (outcome.position for outcome in new), now)
    return counts, _bill(new, expected_segments)


def _write(
    session: Session,
    campaign_id: int,
    outcomes: Sequence[RecipientOutcome],
    now: datetime,
    attempt_id: int | None,
    attempt_number: int,
) -> tuple[Counts, Sequence[RecipientOutcome]]:
    """Return the change of each count, and the outcomes that were not there before."""
    if not outcomes:
        return Counter(), ()
    outcomes = sorted(outcomes, key=lambda outcome: outcome.position)
    common: dict[str, object] = {
        "campaign_id": campaign_id,
        "attempt_id": attempt_id,
        "attempt_number": attempt_number,
        "now": now,
    }
    columns = list(zip(*map(_row, outcomes), strict=True))
    if session.get_bind().dialect.name == "sqlite":
        rows = json.dumps(list(zip(*columns, strict=True)), ensure_ascii=False)
        written = session.execute(_SQLITE, {**common, "rows": rows}).scalars().all()
    else:
        arrays = {f"c{index}": list(column) for index, column in enumerate(columns)}
        written = session.execute(_POSTGRESQL, {**common, **arrays}).scalars().all()
    if len(written) == len(outcomes):
        return Counter(outcome.status for outcome in outcomes), outcomes
    fresh = set(written)
    new = [outcome for outcome in outcomes if outcome.position in fresh]
    counts = Counter(outcome.status for outcome in new)
    late = [o for o in outcomes if o.position not in fresh and o.status is RecipientStatus.ACCEPTED]
    for outcome in late:
        if changed := _accept_late(session, campaign_id, outcome, common):
            counts.update(changed)
            new.append(outcome)
    return counts, new


def _bill(outcomes: Iterable[RecipientOutcome], expected_segments: Mapping[int, int]) -> Billing:
    accepted = [outcome for outcome in outcomes if outcome.status is RecipientStatus.ACCEPTED]
    return Billing(
        sum(outcome.segments or 0 for outcome in accepted),
        sum(expected_segments.get(outcome.position, 0) for outcome in accepted) if expected_segments else 0,
    )


def _row(outcome: RecipientOutcome) -> tuple[int | str | bool | None, ...]:
    return (
        outcome.position,
        outcome.status.value,
        outcome.provider_message_id,
        outcome.segments,
        outcome.provider_text,
        outcome.error_class.value if outcome.error_class else None,
        outcome.reason,
        outcome.after_doubt,
    )


def _accept_late(session: Session, campaign_id: int, outcome: RecipientOutcome, common: dict[str, object]) -> Counts:
    where = (Outcome.campaign_id == campaign_id, Outcome.position == outcome.position)
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
            segments=outcome.segments,
            provider_text=outcome.provider_text,
            error_class=None,
            reason=outcome.reason or f"was {before.status} until the gateway said that it had accepted it",
            after_doubt=outcome.after_doubt,
            attempt_id=common["attempt_id"],
            attempt_number=common["attempt_number"],
            updated_at=common["now"],
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
    statement = select(Outcome.position).where(
        Outcome.campaign_id == campaign_id, Outcome.position.between(first_position, last_position)
    )
    closed = len(session.execute(statement).scalars().all())
    return last_position - first_position + 1 - closed


def count_outcomes(campaign: Campaign, session: Session, counts: Counts, bill: Billing = NO_BILL) -> None:
    """Add what `write_outcomes` and `end_pending` returned to the campaign's counters, in the same transaction."""
    values = {
        getattr(Campaign, f"{status}_count"): getattr(Campaign, f"{status}_count") + change
        for status, change in counts.items()
        if change
    }
    if bill != NO_BILL:
        values[Campaign.segment_count] = Campaign.segment_count + bill.billed
        values[Campaign.expected_segment_count] = Campaign.expected_segment_count + bill.expected
    if values:
        session.execute(
            update(Campaign)
            .where(Campaign.id == campaign.id)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def other_holders(session: Session, campaign_id: int, gateway_url: str, ids: dict[str, int]) -> set[str]:
    """Return which of these provider ids (id -> our position) another recipient on the same gateway holds already."""
    if not ids:
        return set()
    rows = session.execute(
        select(Outcome.provider_message_id, Outcome.campaign_id, Outcome.position).where(
            Outcome.provider_message_id.in_(ids),
            exists().where(
                Campaign.id == Outcome.campaign_id,
                Account.id == Campaign.account_id,
                Account.gateway_url == gateway_url,
            ),
        )
    )
    return {
        row.provider_message_id
        for row in rows
        if (row.campaign_id, row.position) != (campaign_id, ids[row.provider_message_id])
    }
