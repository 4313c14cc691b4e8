"""Writing outcomes in bulk. Accepted replaces anything, nothing replaces accepted, otherwise the first stays."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter

from sqlalchemy import Select, Text, Update, bindparam, insert, literal, select, text, update
from sqlalchemy.orm import Session

from ..base import Instant
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import ErrorClass, RecipientStatus
from ..work import Accepted, RecipientOutcome
from .moves import changed_rows
from .outbox import tell_range, tell_results
from .ready import pending_in

Counts = Counter[RecipientStatus]
"""How many outcomes of each status came to be, less those that were replaced."""

_COLUMNS = (
    "campaign_id, position, provider_message_id, id_space, status, segments, provider_text, error_class, reason, "
    "after_doubt, attempt_id, attempt_number, updated_at"
)
# Most outcomes of a reply differ in position and id alone: what they share travels once, `kind` says which.
_POSTGRESQL = f"""
    INSERT INTO bulkpost_outcomes ({_COLUMNS})
    SELECT :campaign_id, o.position, o.id, (CAST(:spaces AS integer[]))[o.kind], (CAST(:statuses AS text[]))[o.kind],
           (CAST(:segments AS integer[]))[o.kind], (CAST(:texts AS text[]))[o.kind],
           (CAST(:classes AS text[]))[o.kind], (CAST(:reasons AS text[]))[o.kind],
           (CAST(:doubts AS boolean[]))[o.kind], :attempt_id, :attempt_number, :now
    FROM unnest(CAST(CAST(:positions AS text) AS integer[]), CAST(CAST(:ids AS text) AS text[]),
                CAST(CAST(:kinds AS text) AS smallint[]))
         AS o (position, id, kind)
    """
_ALL = text(_POSTGRESQL).bindparams(bindparam("now", type_=Instant))
_NEW = text(_POSTGRESQL + "ON CONFLICT (campaign_id, position) DO NOTHING RETURNING position").bindparams(
    bindparam("now", type_=Instant)
)
_SQLITE_RUN = f"""
    INSERT INTO bulkpost_outcomes ({_COLUMNS})
    SELECT ?, CAST(key AS INTEGER), value, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM json_each(?)
    """
_SQLITE = f"INSERT INTO bulkpost_outcomes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Source:
    """Where outcomes come from.

    `id_space`: whose ids theirs are (`id_spaces`); None where there are none. `all_new`: nobody of them has an outcome,
    as far as the caller knows; where somebody has, the transaction fails. `first_of_collision`: positions of recipients
    that are not accepted, because others got the same id, and hold it for the alarm.
    """

    campaign_id: int
    attempt_id: int | None = None
    attempt_number: int = 0
    id_space: int | None = None
    all_new: bool = False
    first_of_collision: frozenset[int] = frozenset()


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
    return counts, _bill(new, expected_segments)


def _write(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> tuple[Counts, Sequence[RecipientOutcome]]:
    """Return the change of each count, and the outcomes that were not there before."""
    if not outcomes:
        return Counter(), ()
    if isinstance(outcomes, Accepted) and source.all_new and _insert_accepted(session, outcomes, source, now):
        return Counter({RecipientStatus.ACCEPTED: len(outcomes)}), outcomes
    outcomes = sorted(outcomes, key=attrgetter("position"))
    insert_ = _insert_into_sqlite if session.get_bind().dialect.name == "sqlite" else _insert_into_postgresql
    fresh = insert_(session, outcomes, source, now)
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


def _insert_accepted(session: Session, outcomes: Accepted, source: Source, now: datetime) -> bool:
    """Insert by column what differs in position and id alone; False, and nothing is done, where more does."""
    ids, positions = "".join(outcomes.ids), list(outcomes.positions)
    if not (ids.isascii() and ids.isdigit()) or len(set(outcomes.segments)) > 1 or positions != sorted(positions):
        return False
    one = next(iter(outcomes))
    if session.get_bind().dialect.name == "sqlite":
        pairs = [f'"{position}":"{held}"' for position, held in zip(positions, outcomes.ids, strict=True)]
        before, after = _sqlite_columns(one, source, now)
        session.connection().exec_driver_sql(_SQLITE_RUN, (before, *after, f"{{{','.join(pairs)}}}"))
        return True
    values = _values([one], source, now) | {
        "positions": f"{{{','.join(map(str, positions))}}}",
        "ids": f"{{{','.join(outcomes.ids)}}}",
        "kinds": f"{{{','.join(['1'] * len(outcomes))}}}",
    }
    session.execute(_ALL, values)
    return True


def _insert_into_postgresql(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> set[int] | None:
    """Insert those that are new and return their positions, None where all are known to be."""
    values = _values(outcomes, source, now)
    if source.all_new:
        session.execute(_ALL, values)
        return None
    return set(session.execute(_NEW, values).scalars())


def _values(outcomes: Sequence[RecipientOutcome], source: Source, now: datetime) -> dict[str, object]:
    kinds: dict[tuple[object, ...], int] = {}
    numbers = [kinds.setdefault(_shared(outcome, source), len(kinds) + 1) for outcome in outcomes]
    shared = (list(column) for column in zip(*kinds, strict=True))
    names = ("spaces", "statuses", "segments", "texts", "classes", "reasons", "doubts")
    return {
        **dict(zip(names, shared, strict=True)),
        # Texts of arrays: lists of a thousand take the driver ten times as long.
        "positions": f"{{{','.join([str(outcome.position) for outcome in outcomes])}}}",
        "ids": f"{{{','.join([_array_element(outcome.provider_message_id) for outcome in outcomes])}}}",
        "kinds": f"{{{','.join(map(str, numbers))}}}",
        "campaign_id": source.campaign_id,
        "attempt_id": source.attempt_id,
        "attempt_number": source.attempt_number,
        "now": now,
    }


def _array_element(value: str | None) -> str:
    if value is None:
        return "NULL"
    return f'"{value}"' if value.isalnum() else json.dumps(value, ensure_ascii=False)


def _insert_into_sqlite(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> set[int] | None:
    """Insert as into PostgreSQL; no other writer is at work here, so what is there can be asked before."""
    known: set[int] = set()
    if not source.all_new:
        first, last = outcomes[0].position, outcomes[-1].position
        known = set(session.execute(_ended(source.campaign_id, first, last)).scalars())
        outcomes = [outcome for outcome in outcomes if outcome.position not in known]
    rows = []
    for outcome in outcomes:
        before, after = _sqlite_columns(outcome, source, now)
        rows.append((before, outcome.position, outcome.provider_message_id, *after))
    if rows:
        session.connection().exec_driver_sql(_SQLITE, rows)
    return {outcome.position for outcome in outcomes}


def _sqlite_columns(
    outcome: RecipientOutcome, source: Source, now: datetime
) -> tuple[int, tuple[int | str | bool | None, ...]]:
    """Return the values of the columns before position and id, and after them."""
    moment = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return source.campaign_id, (*_shared(outcome, source), source.attempt_id, source.attempt_number, moment)


def _shared(outcome: RecipientOutcome, source: Source) -> tuple[int | str | bool | None, ...]:
    """Return what an outcome has in common with others: every column but its position and its id."""
    held = outcome.provider_message_id is not None and (
        outcome.status is RecipientStatus.ACCEPTED or outcome.position in source.first_of_collision
    )
    return (
        source.id_space if held else None,
        outcome.status.value,
        outcome.segments,
        outcome.provider_text,
        outcome.error_class.value if outcome.error_class else None,
        outcome.reason,
        outcome.after_doubt,
    )


def _bill(outcomes: Sequence[RecipientOutcome], expected_segments: Mapping[int, int]) -> Billing:
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
    ended = session.execute(_ended(campaign_id, first_position, last_position)).scalars().all()
    return last_position - first_position + 1 - len(ended)


def _ended(campaign_id: int, first_position: int, last_position: int) -> Select[int]:
    return select(Outcome.position).where(
        Outcome.campaign_id == campaign_id, Outcome.position.between(first_position, last_position)
    )


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


def other_holders(session: Session, campaign_id: int, space: int, ids: Mapping[str, int]) -> set[str]:
    """Return which of these provider ids (id -> our position) another recipient of the same gateway holds already."""
    if not ids:
        return set()
    rows = session.execute(
        select(Outcome.provider_message_id, Outcome.campaign_id, Outcome.position).where(
            Outcome.provider_message_id.in_(ids), Outcome.id_space == space
        )
    )
    return {
        row.provider_message_id
        for row in rows
        if (row.campaign_id, row.position) != (campaign_id, ids[row.provider_message_id])
    }
