"""Inserting outcomes in bulk, into PostgreSQL as arrays, into SQLite row by row or as one JSON object.

What nearly every recipient of a document has in common travels once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, bindparam, select, text
from sqlalchemy.orm import Session

from ..base import Instant
from ..outcome import Outcome
from ..states import RecipientStatus
from ..work import Accepted, RecipientOutcome

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


def are_alike(outcomes: Accepted) -> bool:
    """Say whether they differ in position and id alone, are in order, and their ids are digits."""
    ids, positions = "".join(outcomes.ids), list(outcomes.positions)
    alike = len(set(outcomes.segments)) == 1 and positions == sorted(positions)
    return alike and ids.isascii() and ids.isdigit()


def array_of(values: Sequence[int] | Sequence[str]) -> str:
    """Write numbers, or texts of digits, as PostgreSQL reads an array."""
    return f"{{{','.join(map(str, values))}}}"


def insert_accepted(session: Session, outcomes: Accepted, source: Source, now: datetime) -> bool:
    """Insert by column what differs in position and id alone; False, and nothing is done, where more does."""
    if not are_alike(outcomes):
        return False
    one = next(iter(outcomes))
    if session.get_bind().dialect.name == "sqlite":
        pairs = [f'"{position}":"{held}"' for position, held in zip(outcomes.positions, outcomes.ids, strict=True)]
        before, after = _sqlite_columns(one, source, now)
        session.connection().exec_driver_sql(_SQLITE_RUN, (before, *after, f"{{{','.join(pairs)}}}"))
        return True
    values = _values([one], source, now) | {
        "positions": array_of(outcomes.positions),
        "ids": array_of(outcomes.ids),
        "kinds": array_of([1] * len(outcomes)),
    }
    session.execute(_ALL, values)
    return True


def insert_new(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> set[int] | None:
    """Insert outcomes, which are in position order; return the positions of those that were new, None where all are
    known to be."""
    insert_ = _insert_into_sqlite if session.get_bind().dialect.name == "sqlite" else _insert_into_postgresql
    return insert_(session, outcomes, source, now)


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
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _insert_into_sqlite(
    session: Session, outcomes: Sequence[RecipientOutcome], source: Source, now: datetime
) -> set[int] | None:
    """Insert as into PostgreSQL; no other writer is at work here, so what is there can be asked before."""
    known: set[int] = set()
    if not source.all_new:
        first, last = outcomes[0].position, outcomes[-1].position
        known = set(session.execute(ended_in(source.campaign_id, first, last)).scalars())
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


def ended_in(campaign_id: int, first_position: int, last_position: int) -> Select[int]:
    """Return the statement for the positions of a range that have an outcome."""
    return select(Outcome.position).where(
        Outcome.campaign_id == campaign_id, Outcome.position.between(first_position, last_position)
    )
