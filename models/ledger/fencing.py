"""Fencing, looked up afterwards: that no two attempts of a batch were at work at once, and none wrote for another.

Tells times of several transactions apart, so it is for a drill on one host with a steady clock, not for `prove`.
"""

from collections.abc import Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from ..attempt import Attempt
from ..outcome import Outcome
from ..states import RecipientStatus
from .prove import Breach


def count_attempts(session: Session, campaign_id: int) -> int:
    """Count the attempts ever opened for a campaign: no gateway can have seen more documents of it."""
    return session.execute(select(func.count()).where(Attempt.campaign_id == campaign_id)).scalar_one()


def find_overwritten(session: Session, campaign_id: int) -> Iterator[Breach]:
    """Yield where a late worker came through the fence: one finding of each kind at the most."""
    newer = aliased(Attempt)
    later = (newer.batch_id == Attempt.batch_id) & (newer.number > Attempt.number)
    at_once = (
        select(Attempt.batch_id, Attempt.number, newer.number)
        .join(newer, later)
        .where(
            Attempt.campaign_id == campaign_id,
            or_(Attempt.closed_at.is_(None), Attempt.closed_at > newer.opened_at),
        )
        .limit(1)
    )
    if row := session.execute(at_once).first():
        yield Breach("P7", f"batch {row[0]}: attempt {row[2]} began while attempt {row[1]} was at work")
    # Of a late answer only acceptances count.
    written_late = (
        select(Outcome.position, Attempt.number, newer.number)
        .join(Attempt, Attempt.id == Outcome.attempt_id)
        .join(newer, later)
        .where(
            Outcome.campaign_id == campaign_id,
            Outcome.status != RecipientStatus.ACCEPTED,
            newer.opened_at < Outcome.updated_at,
        )
        .limit(1)
    )
    if row := session.execute(written_late).first():
        yield Breach("P7", f"position {row[0]}: attempt {row[1]} closed it after attempt {row[2]} had begun")
