"""The guarded updates: a status changes only from where `models.states` allows it, and the row count is checked."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from ..base import constant
from ..batch import Batch
from ..campaign import Campaign
from ..errors import IllegalMove
from ..states import (
    BATCH_MOVES,
    CAMPAIGN_MOVES,
    CAMPAIGN_MOVES_BY_HAND,
    READY_BATCH,
    BatchStatus,
    CampaignStatus,
    sources,
)


def changed_rows(result: Any) -> int:
    """Return how many rows a statement changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount


def move_campaign(
    session: Session,
    campaign: Campaign,
    target: CampaignStatus,
    now: datetime,
    actor: str,
    *,
    reason: str | None = None,
    by_hand: bool = False,
    **values: Any,
) -> None:
    """Change a locked campaign's status to `target`.

    Raises:
        IllegalMove: its status has no such move; nothing was changed.
    """
    allowed = set(sources(CAMPAIGN_MOVES, target))
    if by_hand:
        allowed |= sources(CAMPAIGN_MOVES_BY_HAND, target)
    ended = target in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
    statement = (
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.status.in_(allowed))
        .values(
            status=target,
            status_reason=reason if target is CampaignStatus.PAUSED else None,
            status_since=now,
            status_by=actor[:64],
            finished_at=now if ended else None,
            **values,
        )
        .execution_options(synchronize_session=False)
    )
    if changed_rows(session.execute(statement)) != 1:
        raise IllegalMove(f"campaign {campaign.id} is {campaign.status}: it cannot become {target}")
    session.refresh(campaign)


def move_batch(session: Session, batch_id: int, fence: int, target: BatchStatus, **values: Any) -> bool:
    """Change a batch's status to `target`, if its attempt number still is `fence`; say whether it did."""
    if target is not BatchStatus.RUNNING:
        values["leased_until"] = None
    session.flush()
    given = {"batch_id": batch_id, "fence": fence, **{f"new_{name}": value for name, value in values.items()}}
    return changed_rows(session.connection().execute(_batch_move(target, tuple(values)), given)) == 1


@cache
def _batch_move(target: BatchStatus, names: tuple[str, ...]) -> Update:
    """Make the statement that moves batches to `target` and changes these columns, once."""
    return (
        update(Batch)
        .where(
            Batch.id == bindparam("batch_id"),
            Batch.attempt_number == bindparam("fence"),
            Batch.status.in_([constant(status) for status in sorted(sources(BATCH_MOVES, target))]),
        )
        .values(status=constant(target), **{name: bindparam(f"new_{name}") for name in names})
    )


def cancel_ready_batches(session: Session, campaign_id: int) -> None:
    """Cancel every batch of a locked campaign that is not in flight, in one statement."""
    ready = sources(BATCH_MOVES, BatchStatus.CANCELLED) & READY_BATCH
    session.execute(
        update(Batch)
        .where(Batch.campaign_id == campaign_id, Batch.status.in_(ready))
        .values(status=BatchStatus.CANCELLED)
        .execution_options(synchronize_session=False)
    )
