"""An answer recorded at once: it leaves what the careful way leaves, or nothing at all."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from models.attempt import Attempt
from models.batch import Batch
from models.campaign import Campaign
from models.ledger.webhooks import add_webhook
from models.outcome import Outcome
from models.states import CampaignStatus, RecipientStatus
from models.work import Accepted, Closing, Lease
from tests.integration.ledger.test_usual import by_column, mixed, rows
from tests.support.ledger import Ledger, accepted, positions


def nothing_happened(ledger: Ledger, lease: Lease) -> bool:
    (attempt,) = [one for one in ledger.attempts(lease.campaign_id) if one.id == lease.attempt_id]
    campaign = ledger.campaign(lease.campaign_id)
    return (ledger.statuses(lease.campaign_id), attempt.closed_at, campaign.accepted_count) == ({}, None, 0)


def test_short_way_leaves_what_the_careful_way_leaves(ledger: Ledger) -> None:
    left = []
    for record in (ledger.record_at_once, ledger.record):
        campaign_id = ledger.a_campaign(5)
        lease = ledger.a_lease()
        recorded = record(lease, by_column(lease))
        held = [outcome.provider_message_id for outcome in ledger.outcomes(campaign_id).values()]
        assert held == list(by_column(lease).outcomes.ids)  # type: ignore[attr-defined]
        left.append((recorded, [rows(ledger, table, campaign_id) for table in (Outcome, Attempt, Batch, Campaign)]))
    assert left[0] == left[1]
    ledger.prove()


def test_several_words_ids_or_segments_are_left_to_record(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    places = list(positions(lease))
    for outcomes in (
        mixed(lease).outcomes,
        Accepted(places, ["1", "2", "3x"], [1, 1, 1], "send"),
        Accepted(places, ["1", "2", "3"], [1, 2, 1], "send"),
        Accepted(places[::-1], ["1", "2", "3"], [1, 1, 1], "send"),
        Accepted(places[:2], ["1", "2"], [1, 1], "send"),
    ):
        assert ledger.record_at_once(lease, accepted(lease, outcomes=outcomes)) is None
    assert nothing_happened(ledger, lease)


def an_account_with_days(ledger: Ledger) -> None:
    ledger.an_account(per_day=100)


def a_webhook(ledger: Ledger) -> None:
    ledger.do(add_webhook, "shop", "https://shop.example/hook", actor="anna")


@pytest.mark.parametrize("hangs_on_it", [an_account_with_days, a_webhook])
def test_what_more_hangs_on_is_left_to_record(ledger: Ledger, hangs_on_it: Callable[[Ledger], None]) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    hangs_on_it(ledger)
    assert ledger.record_at_once(lease, by_column(lease)) is None
    assert nothing_happened(ledger, lease)


def test_a_campaign_that_may_cost_so_much_is_left_to_record(ledger: Ledger) -> None:
    ledger.a_campaign(3, max_segments=100)
    lease = ledger.a_lease()
    assert ledger.record_at_once(lease, by_column(lease)) is None
    assert nothing_happened(ledger, lease)


@pytest.mark.parametrize("again", [False, True], ids=["rescued", "leased-again"])
def test_a_lost_lease_records_nothing(ledger: Ledger, again: bool) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    if again:
        ledger.clock.jump(600)
        ledger.a_lease()
    assert ledger.record_at_once(lease, by_column(lease)) is None
    assert ledger.statuses(lease.campaign_id) == {}
    assert ledger.campaign(lease.campaign_id).accepted_count == 0


@pytest.mark.parametrize("whose", ["another", "the same"])
def test_an_id_that_is_held_undoes_it_all(ledger: Ledger, whose: str) -> None:
    ledger.a_campaign(3)
    first = ledger.a_lease()
    if whose == "another":
        ledger.record_at_once(first, by_column(first))
        ledger.a_campaign(3)
        lease = ledger.a_lease()
        ids = by_column(first).outcomes.ids  # type: ignore[attr-defined]
    else:
        lease, ids = first, ["1", "2", "1"]
    with pytest.raises(IntegrityError):
        ledger.record_at_once(lease, accepted(lease, outcomes=Accepted(list(positions(lease)), ids, [1] * 3, "send")))
    assert nothing_happened(ledger, lease)


def test_an_answer_after_the_cancellation_is_recorded(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.cancel(campaign_id)
    recorded = ledger.record_at_once(lease, by_column(lease))
    assert recorded is not None
    assert recorded.counts == {RecipientStatus.ACCEPTED: 3}
    assert ledger.campaign(campaign_id).status is CampaignStatus.CANCELLED
    ledger.prove()


def test_what_is_not_usual_is_left_to_record(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    odd: list[dict[str, Any]] = [{"timed_out": True}, {"transport_failed": True}, {"document_refused": True}]
    for named in odd:
        closing: Closing = accepted(lease, outcomes=by_column(lease).outcomes, **named)
        assert ledger.record_at_once(lease, closing) is None
    assert nothing_happened(ledger, lease)
