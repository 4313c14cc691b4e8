"""Asking whether a transaction took place whose commit lost its connection. Each waits for one that is at it still."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..attempt import Attempt, AttemptOutcome
from ..campaign import Campaign
from ..work import Lease


def is_recorded(session: Session, lease: Lease) -> bool:
    """Say whether record has closed the lease's attempt; closing it as lost is rescue's doing."""
    statement = select(Attempt.outcome).where(Attempt.id == lease.attempt_id).with_for_update(key_share=True)
    outcome = session.execute(statement).scalar_one_or_none()
    return outcome is not None and outcome is not AttemptOutcome.LOST


def are_added(session: Session, campaign_id: int, last_position: int) -> bool:
    """Say whether an import has its rows up to a position."""
    statement = select(Campaign.total_count).where(Campaign.id == campaign_id).with_for_update(key_share=True)
    return (session.execute(statement).scalar_one_or_none() or 0) >= last_position


def is_imported(session: Session, campaign_id: int) -> bool:
    """Say whether an import has ended."""
    statement = select(Campaign.imported_at).where(Campaign.id == campaign_id).with_for_update(key_share=True)
    return session.execute(statement).scalar_one_or_none() is not None
