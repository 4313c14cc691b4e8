"""All rows of a small ledger at one moment, and what must be true of them. Plain loops, so that SQL checks SQL not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.attempt import Attempt, AttemptOutcome, unfold_positions
from models.batch import Batch
from models.campaign import Campaign
from models.ledger.keys import send_key
from models.outcome import Outcome
from models.states import OPEN_BATCH, READY_BATCH, BatchStatus, CampaignStatus, RecipientStatus

_EVERYTHING: dict[str, Select[Any]] = {
    "campaigns": select(Campaign.__table__).order_by(Campaign.id),
    "batches": select(Batch.__table__).order_by(Batch.campaign_id, Batch.first_position, Batch.id),
    "attempts": select(Attempt.__table__).order_by(Attempt.id),
    "outcomes": select(Outcome.__table__).order_by(Outcome.campaign_id, Outcome.position),
}


@dataclass(frozen=True)
class Snapshot:
    """The rows, as the tables have them."""

    campaigns: list[Any]
    batches: list[Any]
    attempts: list[Any]
    outcomes: list[Any]

    def running(self) -> list[Any]:
        """Return the batches in flight."""
        return [one for one in self.batches if one.status is BatchStatus.RUNNING]

    def accepted(self) -> dict[tuple[int, int], str | None]:
        """Return the provider's id of every accepted recipient."""
        return {
            (one.campaign_id, one.position): one.provider_message_id
            for one in self.outcomes
            if one.status is RecipientStatus.ACCEPTED
        }

    def ended(self) -> dict[int, BatchStatus]:
        """Return the last status of every batch that is over."""
        return {one.id: one.status for one in self.batches if one.status not in OPEN_BATCH}

    def outcomes_by_key(self) -> dict[str, Any]:
        """Return the outcomes by the keys of their recipients."""
        prefixes = {one.id: one.key_prefix for one in self.campaigns}
        return {send_key(prefixes[one.campaign_id], one.position): one for one in self.outcomes}

    def breaches(self) -> Iterator[str]:
        """Yield everything that must never be."""
        for campaign in self.campaigns:
            outcomes = [one for one in self.outcomes if one.campaign_id == campaign.id]
            batches = [one for one in self.batches if one.campaign_id == campaign.id]
            yield from _miscounted(campaign, outcomes)
            yield from _overlapping(campaign, batches)
            yield from self._called_untouched(campaign.id, outcomes)
        leased = {(one.id, one.attempt_number) for one in self.running()}
        opened = {(one.batch_id, one.number) for one in self.attempts if one.closed_at is None}
        if leased != opened:
            yield f"P7: leased are {sorted(leased)}, and open are the attempts {sorted(opened)}"

    def _called_untouched(self, campaign_id: int, outcomes: list[Any]) -> Iterator[str]:
        carried: set[int] = set()
        for one in self.attempts:
            if one.campaign_id == campaign_id and one.outcome in (AttemptOutcome.IN_DOUBT, AttemptOutcome.LOST):
                carried |= set(unfold_positions(one.positions or f"{one.first_position}-{one.last_position}"))
        cancelled = {one.position for one in outcomes if one.status is RecipientStatus.CANCELLED}
        if wrong := sorted(carried & cancelled):
            yield f"P3: campaign {campaign_id}: {wrong} are cancelled, and may have been sent"


def look(session: Session) -> Snapshot:
    """Read everything."""
    return Snapshot(**{name: list(session.execute(statement)) for name, statement in _EVERYTHING.items()})


def _miscounted(campaign: Any, outcomes: list[Any]) -> Iterator[str]:
    counted = Counter(one.status for one in outcomes)
    for status in set(RecipientStatus) - {RecipientStatus.PENDING}:
        stored = getattr(campaign, f"{status}_count")
        if stored != counted[status]:
            yield f"P5: campaign {campaign.id}: {stored} stored as {status}, {counted[status]} counted"
    billed = sum(one.segments or 0 for one in outcomes if one.status is RecipientStatus.ACCEPTED)
    if billed != campaign.segment_count:
        yield f"P5: campaign {campaign.id}: {campaign.segment_count} segments stored, {billed} counted"
    if campaign.status is CampaignStatus.FINISHED and len(outcomes) != campaign.total_count:
        yield f"P2: campaign {campaign.id} is finished with {campaign.total_count - len(outcomes)} pending"


def _overlapping(campaign: Any, batches: list[Any]) -> Iterator[str]:
    opened = [one for one in batches if one.status in OPEN_BATCH]
    for before, after in pairwise(opened):
        if before.last_position >= after.first_position:
            yield f"P7: campaign {campaign.id}: open batches {before.id} and {after.id} share {after.first_position}"
    ended = campaign.status in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
    if ended and any(one.status in READY_BATCH for one in opened):
        yield f"P8: campaign {campaign.id} is {campaign.status} with claimable batches"
