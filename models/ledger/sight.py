"""What a claim sees behind the account's lock, in one statement: what forbids it, and what is next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Interval, Select, Text, and_, bindparam, cast, func, select, true
from sqlalchemy.orm import Session

from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..installation import Installation
from ..session import Clock, database_clock
from ..states import BatchStatus, CampaignStatus
from .ready import ready, was_counted


class Next(NamedTuple):
    """The campaign that is served next, and the next batch of it."""

    campaign_id: int
    kind: str
    content: str  # as it is stored
    key_prefix: str | None
    column_names: list[str]
    timing: dict[str, str] | None
    segment_count: int
    accepted_count: int
    batch_id: int
    first_position: int
    last_position: int
    status: BatchStatus
    available_at: datetime
    attempt_number: int
    retry_count: int
    doubt_count: int
    unseen_count: int
    doubt_since: datetime | None
    counted_on: str | None

    @property
    def was_counted(self) -> bool:
        """Whether its recipients were counted against a day, or may have been posted before (P9)."""
        return self.counted_on is not None or self.doubt_since is not None


class Sight(NamedTuple):
    """The moment, what the installation says, how many batches of the account are in flight, and what is next."""

    now: datetime
    stopped_at: datetime | None
    restored_at: datetime | None
    environment: str
    running: int
    next: Next | None


def running_count(session: Session, account_id: int) -> int:
    """Count the account's batches in flight; never stored, so that it cannot be wrong."""
    return session.execute(_RUNNING, {"account_id": account_id}).scalar_one()


def see(
    session: Session, account_id: int, doubt_limit_seconds: float, *, counted_only: bool = False, clock: Clock
) -> Sight:
    """Look at everything that a claim decides on; the account is locked.

    `counted_only`: of what was counted against a day before, as what is asked again, which needs nothing of the day.
    """
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    # PostgreSQL asks its clock by itself.
    now = clock(session) if on_sqlite or clock is not database_clock else None
    statement, values = looking(on_sqlite, account_id, doubt_limit_seconds, now, counted_only=counted_only)
    return seen(session.connection().execute(statement, values).one())


def looking(
    on_sqlite: bool, account_id: int, doubt_limit_seconds: float, now: datetime | None, *, counted_only: bool = False
) -> tuple[Select[Any], dict[str, object]]:
    """Return the statement that looks, and its values; `now`: None for the clock of PostgreSQL."""
    limit = timedelta(seconds=doubt_limit_seconds)
    values: dict[str, object] = {"account_id": account_id, "now": now}
    if on_sqlite and now is not None:
        values["doubts_since"] = now - limit
    else:
        values["doubt_limit"] = limit
    return _SIGHTS[on_sqlite, counted_only], values


def seen(row: Sequence[Any]) -> Sight:
    """Return what the statement that looks has brought."""
    told, stopped_at, restored_at, environment, running, *columns = row
    found = None if columns[len(_OF_CAMPAIGN)] is None else Next(*columns)
    return Sight(told, stopped_at, restored_at, environment, running, found)


_OF_CAMPAIGN = (
    Campaign.id, Campaign.kind, cast(Campaign.content, Text), Campaign.key_prefix, Campaign.column_names,
    Campaign.timing, Campaign.segment_count, Campaign.accepted_count,
)  # fmt: skip
_OF_BATCH = (
    Batch.id, Batch.first_position, Batch.last_position, Batch.status, Batch.available_at, Batch.attempt_number,
    Batch.retry_count, Batch.doubt_count, Batch.unseen_count, Batch.doubt_since, Batch.counted_on,
)  # fmt: skip
_NEXT = (*_OF_CAMPAIGN, *_OF_BATCH)
_RUNNING = select(func.count()).where(
    Batch.account_id == bindparam("account_id"), Batch.status == constant(BatchStatus.RUNNING)
)


def _sight(now: ColumnElement[Any], doubts_since: ColumnElement[Any], counted_only: bool) -> Select[Any]:
    can_go = ready(now, doubts_since)
    if counted_only:
        can_go = and_(can_go, was_counted())
    first = select(Batch.id).where(can_go).order_by(Batch.available_at, Batch.first_position).limit(1)
    campaigns = (
        select(Campaign.id, Campaign.priority, Campaign.last_claimed_at, first.scalar_subquery().label("batch_id"))
        .where(Campaign.account_id == bindparam("account_id"), Campaign.status == constant(CampaignStatus.RUNNING))
        .cte("campaigns")
        .prefix_with("MATERIALIZED")  # or PostgreSQL would look the first batch up in two places
    )
    chosen = (
        select(campaigns.c.id, campaigns.c.batch_id)
        .where(campaigns.c.batch_id.is_not(None))
        .order_by(campaigns.c.priority.desc(), campaigns.c.last_claimed_at.asc().nulls_first(), campaigns.c.id)
        .limit(1)
        .subquery("chosen")
    )
    facts = (now.label("now"), Installation.stopped_at, Installation.restored_at, Installation.environment)
    return (
        select(*facts, _RUNNING.correlate(None).scalar_subquery(), *_NEXT)
        .select_from(Installation)
        .outerjoin(chosen, true())
        .outerjoin(Campaign, Campaign.id == chosen.c.id)
        .outerjoin(Batch, Batch.id == chosen.c.batch_id)
    )


def _moments(on_sqlite: bool) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    given = bindparam("now", type_=Instant)
    if on_sqlite:
        return given, bindparam("doubts_since", type_=Instant)
    # When the statement came: it is sent after the lock was had, and it is the same moment wherever it is asked for.
    now = func.coalesce(given, func.statement_timestamp(), type_=Instant)
    return now, now - cast(bindparam("doubt_limit", type_=Interval), Interval)


# Made once: every batch asks for one of these.
_SIGHTS = {
    (on_sqlite, counted_only): _sight(*_moments(on_sqlite), counted_only)
    for on_sqlite in (False, True)
    for counted_only in (False, True)
}
