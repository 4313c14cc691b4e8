"""What a paused campaign needs before it can go on: not to be stopped again by the next tick for the same reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..campaign import Campaign
from ..errors import IllegalMove
from .canary import FAILED
from .late import is_late, late_mend, shown_latest


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a person changes by resuming; None leaves it as it is.

    `late_anyway` lifts the latest moment, `latest_at` moves it. `max_segments` 0 means no limit.
    """

    latest_at: datetime | None = None
    late_anyway: bool = False
    max_segments: int | None = None


AS_IT_IS = Resumption()


def make_resumable(campaign: Campaign, change: Resumption, now: datetime) -> dict[str, Any] | None:
    """Change a locked, paused campaign so that it can go on; return the facts for the event.

    Whoever resumes a campaign whose canary failed has looked at it: the rest goes.

    Raises:
        IllegalMove: it would be paused again at once; the message says what to give.
    """
    facts: dict[str, Any] = {}
    if change.late_anyway:
        campaign.latest_at, facts["latest_at"] = None, None
    elif change.latest_at is not None:
        campaign.latest_at, facts["latest_at"] = change.latest_at, change.latest_at.isoformat()
    if is_late(campaign, now):
        raise IllegalMove(
            f"campaign {campaign.id} is past its latest, {shown_latest(campaign)}: {late_mend(campaign.id)}"
        )
    if change.max_segments is not None:
        campaign.max_segments = change.max_segments or None
        facts["max_segments"] = campaign.max_segments
    if campaign.max_segments is not None and campaign.segment_count >= campaign.max_segments:
        raise IllegalMove(
            f"campaign {campaign.id} has cost {campaign.segment_count:,} segments of {campaign.max_segments:,}: "
            f"bulkpost campaign resume {campaign.id} --max-segments N allows more, 0 any number"
        )
    if (campaign.status_reason or "").startswith(FAILED):
        campaign.canary_passed_at = now
        facts["canary"] = "passed by hand"
    return facts or None
