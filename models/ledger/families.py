"""Campaigns that were resent, and their resends: who of them has, or may have, a message for a number already."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..states import RecipientStatus
from .scratch import IN_HAND, keep


def relatives(session: Session, campaign_id: int) -> set[int]:
    """Return the campaigns that this one resends, and all resends of them and of it, however far, without itself."""
    root = campaign_id
    while (earlier := _resent_by(session, root)) is not None:
        root = earlier
    found, newest = {root}, {root}
    while newest:
        newest = set(session.execute(select(Campaign.id).where(Campaign.resend_of.in_(newest))).scalars()) - found
        found |= newest
    return found - {campaign_id}


def _resent_by(session: Session, campaign_id: int) -> int | None:
    return session.execute(select(Campaign.resend_of).where(Campaign.id == campaign_id)).scalar_one_or_none()


def keep_numbers_in_hand(session: Session, campaign_ids: Collection[int], accepted_in: Collection[int]) -> None:
    """Fill `IN_HAND` with the numbers that one of the campaigns owes a message, or may have sent one.

    Whoever was accepted counts only where that was in one of `accepted_in`.
    """
    same = and_(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position)
    accepted = and_(Outcome.status == RecipientStatus.ACCEPTED, Outcome.campaign_id.in_(accepted_in))
    numbers = (
        select(Recipient.msisdn)
        .outerjoin(Outcome, same)
        .where(
            Recipient.campaign_id.in_(campaign_ids),
            Recipient.msisdn.is_not(None),
            or_(Outcome.position.is_(None), is_doubtful(), accepted),
        )
        .distinct()
    )
    keep(session, IN_HAND, numbers)


def is_doubtful() -> ColumnElement[bool]:
    """Say which outcomes do not exclude that the provider has taken the message."""
    return or_(Outcome.status == RecipientStatus.UNKNOWN, Outcome.after_doubt)
