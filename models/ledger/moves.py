"""The guarded updates: a status changes only from where `models.states` allows it, and the row count is checked."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

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
    statement = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.attempt_number == fence, Batch.status.in_(sources(BATCH_MOVES, target)))
        .values(status=target, **values)
        .execution_options(synchronize_session=False)
    )
    if target is not BatchStatus.RUNNING:
        statement = statement.values(leased_until=None)
    return changed_rows(session.execute(statement)) == 1


def cancel_ready_batches(session: Session, campaign_id: int) -> None:
    """Cancel every batch of a locked campaign that is not in flight, in one statement."""
    ready = sources(BATCH_MOVES, BatchStatus.CANCELLED) & READY_BATCH
    session.execute(
        update(Batch)
        .where(Batch.campaign_id == campaign_id, Batch.status.in_(ready))
        .values(status=BatchStatus.CANCELLED)
        .execution_options(synchronize_session=False)
    )
