"""What a campaign may cost: refused before it starts where that is known, paused where it turns out on the way."""

from datetime import datetime

from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..content import Content, expected_segments, variable_names
from ..errors import LedgerError
from ..work import Lease
from .brakes import Alarm, stop_campaign
from .outcomes import Billing, Counts


class TooCostly(LedgerError):
    """Raised when a campaign would be billed for more segments than it may."""


def check_cost(segments: int, max_segments: int) -> None:
    """Refuse a campaign that would be billed for more than it may.

    Raises:
        TooCostly: it would.
    """
    if segments > max_segments:
        raise TooCostly(
            f"this would be billed for {segments:,} segments, and --max-segments is {max_segments:,}: shorten the text "
            "or the list, or give a larger number"
        )


def known_segments(content: Content, recipients: int) -> int | None:
    """Return how many segments a campaign will have; None where that depends on each recipient, or on the gateway."""
    each = None if variable_names(content) else expected_segments(content)
    return None if each is None else each * recipients


def stop_at_cost(
    session: Session, campaign: Campaign, lease: Lease, counts: Counts, bill: Billing, now: datetime
) -> Alarm | None:
    """Pause a locked campaign whose billed segments have reached the most that it may have, if somebody is left.

    It may be exceeded by what is in flight then, and by what this answer brought beyond it: at most the account's
    parallel POSTs times its batch size, in recipients.
    """
    most = campaign.max_segments
    billed = campaign.segment_count + bill.billed
    left = campaign.pending_count - counts.total()
    if most is None or billed < most or left == 0:
        return None
    reason = f"{billed:,} segments were billed, --max-segments is {most:,}; {left:,} recipients are not sent"
    if not stop_campaign(session, campaign, lease, reason, now):
        return None
    return Alarm("campaign", reason, f"bulkpost campaign resume {campaign.id} --max-segments N, or cancel it")
