"""New batches for positions that are to be posted again, in one statement however many they are."""

from datetime import datetime

from sqlalchemy import FromClause, case, func, insert, literal, select
from sqlalchemy.orm import Session

from ..account import LARGEST_BATCH
from ..base import Instant
from ..batch import Batch
from ..campaign import Campaign
from ..states import BatchStatus
from .moves import changed_rows


def add_batches(
    session: Session, campaign: Campaign, chosen: FromClause, size: int, now: datetime, *, doubtful_from: datetime
) -> int:
    """Give the chosen positions of a locked campaign to batches, and return how many were made.

    `chosen` has `position`, `fence` (how far the open batches reach that begin up to the position), `doubtful` (1 or 0)
    and `attempt_number`. Whoever an open batch covers, or is not planned yet, needs none. A batch gets up to `size`
    of the chosen, crosses no open batch, and is no wider than a plan makes them. Where one of `size` neighbours is
    doubtful its batch is in doubt from now on, and posted from `doubtful_from` on.
    """
    block = (chosen.c.position - 1) // size
    uncovered = (
        select(
            chosen.c.position,
            chosen.c.fence,
            chosen.c.attempt_number,
            func.max(chosen.c.doubtful).over(partition_by=block).label("doubtful"),
        )
        .where(chosen.c.fence < chosen.c.position, chosen.c.position <= campaign.planned_through)
        .subquery("uncovered")
    )
    before = func.lag(uncovered.c.doubtful).over(order_by=uncovered.c.position)
    turns = select(uncovered, case((before == uncovered.c.doubtful, 0), else_=1).label("turn")).subquery("turns")
    run = func.sum(turns.c.turn).over(order_by=turns.c.position, rows=(None, 0))
    stretch = (turns.c.position - 1) // LARGEST_BATCH
    runs = select(turns, run.label("run"), stretch.label("stretch")).subquery("runs")
    bounds = (runs.c.fence, runs.c.stretch, runs.c.run)
    rank = func.row_number().over(partition_by=bounds, order_by=runs.c.position) - 1
    parts = select(runs, (rank // size).label("part")).subquery("parts")
    doubtful = func.max(parts.c.doubtful) == 1
    batches = select(
        literal(campaign.id),
        literal(campaign.account_id),
        func.min(parts.c.position),
        func.max(parts.c.position),
        literal(BatchStatus.AVAILABLE.value),
        case((doubtful, literal(doubtful_from, Instant)), else_=literal(now, Instant)),
        # They were posted before; whoever cancels must not call them untouched.
        func.max(parts.c.attempt_number),
        *[literal(0)] * 3,
        case((doubtful, literal(now, Instant))),
        literal(now, Instant),
    ).group_by(parts.c.fence, parts.c.stretch, parts.c.run, parts.c.part)
    columns = [
        "campaign_id", "account_id", "first_position", "last_position", "status", "available_at", "attempt_number",
        "retry_count", "doubt_count", "unseen_count", "doubt_since", "created_at",
    ]  # fmt: skip
    statement = insert(Batch).from_select(columns, batches)
    return changed_rows(session.execute(statement.execution_options(preserve_rowcount=True)))
