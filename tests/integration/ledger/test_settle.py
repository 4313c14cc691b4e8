"""Settle: campaigns end when nobody is pending, and nobody stays pending without a batch."""

from sqlalchemy import delete, update

from models.batch import Batch
from models.campaign import Campaign
from models.ledger.claim import claim
from models.outcome import Outcome
from models.session import transaction
from models.states import BatchStatus, CampaignStatus
from models.work import Refused
from tests.support.ledger import (
    CLAIMING,
    Ledger,
    accepted,
    in_doubt,
    live_positions,
    not_sent,
    positions,
    rejected,
    together,
)


def lose_batches(ledger: Ledger, campaign_id: int) -> None:
    """Do what no verb does: close a campaign's batches, with recipients pending."""
    with ledger.transaction() as session:
        session.execute(
            update(Batch)
            .where(Batch.campaign_id == campaign_id, Batch.status != BatchStatus.COMPLETED)
            .values(status=BatchStatus.DISCARDED, leased_until=None)
        )


def test_a_campaign_in_which_nobody_is_pending_is_finished(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    assert ledger.settle() == 1
    campaign = ledger.campaign(campaign_id)
    assert campaign.status is CampaignStatus.FINISHED
    assert campaign.finished_at is not None
    assert ledger.settle() == 0
    assert ledger.events().count("campaign_finished") == 1


def test_a_campaign_with_an_open_batch_is_not_finished(ledger: Ledger) -> None:
    ledger.a_campaign(2)
    assert ledger.settle() == 0
    lease = ledger.a_lease()
    assert ledger.settle() == 0
    ledger.record(lease, not_sent(lease))
    assert ledger.settle() == 0


def test_a_campaign_that_is_not_planned_to_its_end_is_not_finished(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    with ledger.transaction() as session:
        session.execute(update(Campaign).values(planned_through=1))
    ledger.settle()
    assert ledger.campaign(campaign_id).status is CampaignStatus.RUNNING


def test_whoever_is_pending_without_a_batch_is_planned_again_with_an_event(ledger: Ledger) -> None:
    ledger.an_account(batch_size=3)
    campaign_id = ledger.a_campaign(10)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    lose_batches(ledger, campaign_id)
    assert ledger.settle() == 0
    assert "planned_again" in ledger.events()
    opened = [one for one in ledger.batches(campaign_id) if one.status is BatchStatus.AVAILABLE]
    assert [(one.first_position, one.last_position) for one in opened] == [(4, 6), (7, 9), (10, 10)]
    ledger.settle()
    assert ledger.events().count("planned_again") == 1


def test_whoever_is_planned_again_keeps_the_doubt_about_earlier_attempts(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    lose_batches(ledger, campaign_id)
    ledger.settle()
    again = ledger.a_lease()
    assert again.history.doubtful
    ledger.cancel(campaign_id)
    ledger.record(again, not_sent(again))
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "unknown"}


def test_whoever_is_planned_again_after_certain_failures_is_not_in_doubt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, not_sent(lease))
    lose_batches(ledger, campaign_id)
    ledger.settle()
    assert not ledger.a_lease().history.doubtful


def test_whoever_lost_an_outcome_by_hand_is_sent_again_under_the_same_key(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease))
    with ledger.transaction() as session:
        session.execute(delete(Outcome).where(Outcome.position == 2))
        session.execute(update(Campaign).values(rejected_count=2))
    ledger.settle()
    again = ledger.a_lease()
    assert (list(positions(again)), again.key_prefix) == ([2], lease.key_prefix)
    ledger.record(again, accepted(again))
    assert ledger.settle() == 1
    assert ledger.statuses(campaign_id) == {1: "rejected", 2: "accepted", 3: "rejected"}


def test_two_ticks_at_once_do_not_plan_the_same_recipients_twice(postgres_ledger: Ledger) -> None:
    postgres_ledger.an_account(batch_size=1, max_parallel=64)
    campaigns = [postgres_ledger.a_campaign(3) for _ in range(5)]
    for campaign_id in campaigns:
        lose_batches(postgres_ledger, campaign_id)
    together([postgres_ledger.settle] * 8)
    postgres_ledger.prove()
    with transaction(postgres_ledger.sessions) as session:
        while not isinstance(claim(session, 1, clock=postgres_ledger.clock, **CLAIMING), Refused):
            pass
        leased = live_positions(session)
    assert len(leased) == len(set(leased)) == 15
