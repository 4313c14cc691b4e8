"""Who goes first: what is urgent at the next claim, equals in turns, whatever limits the account has."""

from typing import Any

import pytest

from models.work import Lease
from tests.support.ledger import Ledger, accepted, in_doubt, positions


def next_claims(ledger: Ledger, count: int) -> list[tuple[int, int]]:
    """Claim and accept so many documents; return the campaign and the size of each."""
    found = []
    for _ in range(count):
        lease = ledger.claim()
        if not isinstance(lease, Lease):
            ledger.clock.jump(1)
            lease = ledger.a_lease()
        found.append((lease.campaign_id, len(positions(lease))))
        ledger.record(lease, accepted(lease))
    return found


def test_200_urgent_messages_are_out_after_the_next_two_claims_of_a_long_run(ledger: Ledger) -> None:
    long = ledger.a_campaign(3000)
    next_claims(ledger, 3)
    in_flight = ledger.a_lease()
    urgent = ledger.a_campaign(200, priority=9)
    assert next_claims(ledger, 3) == [(urgent, 100), (urgent, 100), (long, 100)]
    ledger.record(in_flight, accepted(in_flight))
    assert ledger.settle() == 1


@pytest.mark.parametrize("limits", [{"per_second": 50}, {"per_day": 600}, {"send_window": "00:00-24:00"}])
def test_no_limit_changes_who_goes_first(ledger: Ledger, limits: dict[str, Any]) -> None:
    ledger.an_account(batch_size=50, **limits)
    long = ledger.a_campaign(1000)
    next_claims(ledger, 2)
    urgent = ledger.a_campaign(100, priority=9)
    assert next_claims(ledger, 3) == [(urgent, 50), (urgent, 50), (long, 50)]


def test_two_equal_campaigns_take_turns_under_a_rate(ledger: Ledger) -> None:
    ledger.an_account(per_second=10)
    one, other = ledger.a_campaign(100), ledger.a_campaign(100)
    assert next_claims(ledger, 6) == [(one, 10), (other, 10)] * 3


def test_an_urgent_doubt_that_backs_off_holds_up_nobody(ledger: Ledger) -> None:
    long = ledger.a_campaign(300)
    urgent = ledger.a_campaign(100, priority=9)
    lease = ledger.a_lease()
    assert lease.campaign_id == urgent
    ledger.record(lease, in_doubt(lease, 3600))
    assert next_claims(ledger, 1) == [(long, 100)]
    ledger.clock.jump(3600)
    assert [campaign for campaign, _ in next_claims(ledger, 2)] == [urgent, long]
