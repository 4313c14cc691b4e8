"""Taking a batch: the statements that lease it and open its attempt, and the lease that comes of it."""

from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    BindParameter,
    Connection,
    CursorResult,
    FromClause,
    Insert,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from ..attempt import Attempt
from ..base import Instant, constant
from ..batch import Batch
from ..campaign import Campaign
from ..content import variable_names
from ..direct import Answer, Direct
from ..states import READY_BATCH, BatchStatus, CampaignStatus
from ..timing import from_json as timing_from_json
from ..work import History, Lease
from .choosing import Found

# Made once: every batch asks for these.
_NOW = bindparam("its_now", type_=Instant)
_LEASED = (
    update(Batch)
    .where(
        Batch.id == bindparam("its_batch_id"),
        Batch.attempt_number == bindparam("its_fence"),
        Batch.status.in_([constant(status) for status in sorted(READY_BATCH)]),
    )
    .values(
        status=constant(BatchStatus.RUNNING),
        last_position=bindparam("its_last_position"),
        attempt_number=bindparam("its_number"),
        leased_until=bindparam("its_leased_until", type_=Instant),
        counted_on=bindparam("its_counted_on"),
    )
)
_TAKEN = (
    update(Campaign)
    .where(Campaign.id == bindparam("its_campaign_id"), Campaign.status == constant(CampaignStatus.RUNNING))
    .values(last_claimed_at=_NOW, attempted_at=func.coalesce(Campaign.attempted_at, _NOW))
)
_COLUMNS = ("batch_id", "number", "campaign_id", "account_id", "first_position", "last_position", "opened_at")


def _given(name: str) -> BindParameter[Any]:
    return bindparam(f"its_{name}", type_=getattr(Attempt, name).type)


def _opening(batch: FromClause | None = None) -> Insert:
    """Make the statement that opens an attempt: of the batch that was told, or of each that `batch` has."""
    batch_id = _given("batch_id") if batch is None else batch.c.id
    attempt = select(batch_id, *map(_given, _COLUMNS[1:-1]), _NOW)
    return insert(Attempt).from_select(_COLUMNS, attempt).returning(Attempt.id)


def _all_at_once() -> Insert:
    """Make the statement that does the three in one, and opens nothing where a row is not as it was found."""
    taken = _TAKEN.returning(Campaign.id).cte("taken")
    return _opening(_LEASED.where(exists(select(taken.c.id))).returning(Batch.id).cte("leased"))


_OPENED, _ALL_AT_ONCE = _opening(), _all_at_once()


class Holder(Protocol):
    """What a lease says of its account."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def gateway_url(self) -> str: ...
    @property
    def time_offset_minutes(self) -> int | None: ...


def take(
    connection: Connection | Direct,
    account_id: int,
    found: Found,
    counted_on: str | None,
    now: datetime,
    leased_until: datetime,
) -> CursorResult[Any] | Answer:
    """Lease the batch, open its attempt, and remember when its campaign was served; the answer has the attempt's id.

    It has none where the batch was ended or the campaign paused since they were seen.
    """
    seen = found.next
    facts: dict[str, object] = {
        "now": now,
        "leased_until": leased_until,
        "counted_on": counted_on,
        "batch_id": seen.batch_id,
        "fence": seen.attempt_number,
        "number": seen.attempt_number + 1,
        "campaign_id": seen.campaign_id,
        "account_id": account_id,
        "first_position": seen.first_position,
        "last_position": found.last_position,
    }
    # A parameter that is called like a column would be written into it.
    values = {f"its_{name}": value for name, value in facts.items()}
    if connection.dialect.name != "sqlite":
        return connection.execute(_ALL_AT_ONCE, values)
    # Nobody else writes, since this transaction has begun to.
    connection.execute(_TAKEN, values)
    connection.execute(_LEASED, values)
    return connection.execute(_OPENED, values)


def make_lease(account: Holder, found: Found, attempt_id: int, now: datetime, leased_until: datetime) -> Lease:
    """Say what was taken."""
    seen = found.next
    return Lease(
        batch_id=seen.batch_id,
        attempt_number=seen.attempt_number + 1,
        attempt_id=attempt_id,
        retry_count=seen.retry_count,
        campaign_id=seen.campaign_id,
        account_id=account.id,
        account_name=account.name,
        gateway_url=account.gateway_url,
        first_position=seen.first_position,
        last_position=found.last_position,
        content=found.content,
        key_prefix=seen.key_prefix or "",
        column_names=tuple(seen.column_names),
        timing=timing_from_json(seen.timing),
        time_offset_minutes=account.time_offset_minutes,
        opened_at=now,
        leased_until=leased_until,
        history=History(doubtful=seen.doubt_since is not None, unseen_count=seen.unseen_count),
        segments_each=_reserved_each(found),
    )


def _reserved_each(found: Found) -> int:
    """Return what was reserved for each recipient, at the least: of an earlier claim it is known for one text only."""
    personal = bool(variable_names(found.content))
    return min(found.segments_each, 1) if found.next.was_counted and personal else found.segments_each
