"""Numbers that a list has twice: found by the database, and skipped. The first row wins."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Select, String, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from ..outcome import Outcome
from ..recipient import Recipient as RecipientRow
from ..session import Clock, database_clock
from ..states import RecipientStatus
from ..work import RecipientOutcome
from .outcomes import write_outcomes
from .rows import ROWS_AT_ONCE


class Duplicate(NamedTuple):
    """A further row of a number that the list has before."""

    position: int
    first: int
    msisdn: str


def find_duplicates(session: Session, campaign_id: int, among: Sequence[str] | None = None) -> Iterator[Duplicate]:
    """Yield every further row of a number in one campaign, with the position of the first; `among` these numbers alone.

    Decided by the database, so that a million rows cost the importing process no memory. Only reads.
    """
    first = func.min(RecipientRow.position).over(partition_by=RecipientRow.msisdn).label("first")
    chosen = RecipientRow.msisdn.is_not(None) if among is None else RecipientRow.msisdn.in_(_each(session, among))
    numbered = (
        select(RecipientRow.position, first, RecipientRow.msisdn)
        .where(
            RecipientRow.campaign_id == campaign_id,
            chosen,
            ~select(Outcome.position)
            .where(Outcome.campaign_id == campaign_id, Outcome.position == RecipientRow.position)
            .exists(),
        )
        .subquery()
    )
    statement = select(numbered).where(numbered.c.position > numbered.c.first).order_by(numbered.c.position)
    for row in session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)):
        yield Duplicate(row.position, row.first, row.msisdn)


def _each(session: Session, msisdns: Sequence[str]) -> Select[str]:
    """Return the numbers as a table to select from: one parameter, however many there are."""
    if session.get_bind().dialect.name == "sqlite":
        return select(func.json_each(json.dumps(msisdns)).table_valued(column("value", String)).c.value)
    return select(func.unnest(literal(msisdns, ARRAY(String))).column_valued("msisdn"))


def mark_duplicates(
    session: Session,
    campaign_id: int,
    duplicates: Iterable[tuple[int, int]],
    *,
    first_name: str = "row",
    clock: Clock = database_clock,
) -> None:
    """Skip further rows of a number; (position, what to call the first row's place) pairs. The first row wins."""
    now = clock(session)
    pairs: Iterator[tuple[int, int]] = iter(duplicates)
    while chunk := list(islice(pairs, ROWS_AT_ONCE)):
        outcomes = [
            RecipientOutcome(position, RecipientStatus.SKIPPED, reason=f"the same number as {first_name} {first}")
            for position, first in chunk
        ]
        write_outcomes(session, campaign_id, outcomes, now)


def skip_duplicates(session: Session, campaign_id: int, *, clock: Clock = database_clock) -> None:
    """Skip every further row of a number in one transaction: that of the list's end."""
    # All of them before the first is marked: one connection cannot read and write the same table at once.
    positions, firsts = array("I"), array("I")
    for found in find_duplicates(session, campaign_id):
        positions.append(found.position)
        firsts.append(found.first)
    mark_duplicates(session, campaign_id, zip(positions, firsts, strict=True), clock=clock)
