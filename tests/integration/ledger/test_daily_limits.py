"""The day's limit: recipients that were never posted before, counted once, and given back where nothing was sent."""

from datetime import timedelta

import pytest

from models.content import Sms
from models.ledger.claim import claim
from models.ledger.control import cancel_campaign
from models.ledger.enqueue import Recipient
from models.ledger.hints import take_hints
from models.ledger.record import record
from models.session import transaction
from models.work import ClaimRefusal, Lease
from tests.support.ledger import (
    CLAIMING,
    DOUBT_LIMIT_SECONDS,
    RECORDING,
    Ledger,
    accepted,
    in_doubt,
    no_credit,
    not_sent,
    positions,
    refused,
    rejected,
    together,
)

HOURS_TO_MIDNIGHT = 12


def sizes(ledger: Ledger) -> list[int]:
    """Claim and accept all that may go; return how many recipients each document had."""
    found = []
    while isinstance(lease := ledger.claim(), Lease):
        found.append(len(positions(lease)))
        ledger.record(lease, accepted(lease))
    return found


def test_a_day_takes_so_many_and_the_next_as_many_again(ledger: Ledger) -> None:
    ledger.an_account(batch_size=4, per_day=10, time_zone="UTC")
    campaign_id = ledger.a_campaign(25)
    assert sizes(ledger) == [4, 4, 2]
    spent = ledger.no_lease()
    assert spent.why is ClaimRefusal.DAY
    assert spent.wait_seconds == pytest.approx(HOURS_TO_MIDNIGHT * 3600, abs=1)
    ledger.clock.jump(HOURS_TO_MIDNIGHT * 3600)
    # What was cut off stays a batch of its own.
    assert sizes(ledger) == [2, 4, 4]
    ledger.clock.jump(24 * 3600)
    assert sum(sizes(ledger)) == 5
    assert ledger.campaign(campaign_id).accepted_count == 25


def test_the_day_is_the_account_s_own(ledger: Ledger) -> None:
    ledger.an_account(per_day=1, time_zone="Asia/Kamchatka")  # it is midnight there
    ledger.a_campaign(3)
    assert sizes(ledger) == [1]
    assert ledger.account().day == "2026-03-02"
    ledger.clock.jump(HOURS_TO_MIDNIGHT * 3600)
    assert ledger.no_lease().why is ClaimRefusal.DAY
    ledger.clock.jump(HOURS_TO_MIDNIGHT * 3600)
    assert sizes(ledger) == [1]


def test_a_change_of_zone_gives_nobody_a_second_day(ledger: Ledger) -> None:
    ledger.an_account(per_day=1, time_zone="Asia/Kamchatka")
    ledger.a_campaign(3)
    assert sizes(ledger) == [1]
    ledger.an_account(time_zone="America/New_York")
    assert ledger.no_lease().why is ClaimRefusal.DAY


def test_a_spent_day_hints_no_lane(ledger: Ledger) -> None:
    ledger.an_account(per_day=1)
    ledger.a_campaign(2)
    sizes(ledger)
    assert ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) == {}
    ledger.clock.jump(24 * 3600)
    assert ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) == {1: 2}


def test_what_is_asked_again_needs_nothing_of_the_day(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, per_day=2)
    ledger.a_campaign(4)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    assert ledger.no_lease().why is ClaimRefusal.DAY
    ledger.clock.jump(60)
    assert ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS) == {1: 2}
    again = ledger.a_lease()
    assert list(positions(again)) == [1, 2]
    ledger.record(again, accepted(again))
    assert ledger.account().day_message_count == 2
    assert ledger.no_lease().why is ClaimRefusal.DAY


def test_what_a_lost_lease_may_have_sent_stays_counted(ledger: Ledger) -> None:
    ledger.an_account(per_day=2)
    ledger.a_campaign(2)
    ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    assert ledger.account().day_message_count == 2
    again = ledger.a_lease()
    ledger.record(again, accepted(again))
    assert ledger.account().day_message_count == 2


def test_refusals_are_given_back(ledger: Ledger) -> None:
    ledger.an_account(batch_size=5, per_day=10)
    ledger.a_campaign(30)
    lease = ledger.a_lease()
    ledger.record(
        lease, accepted(lease, [1, 2], outcomes=accepted(lease, [1, 2]).outcomes + rejected(lease, [3, 4, 5]).outcomes)
    )
    assert ledger.account().day_message_count == 2
    assert sum(sizes(ledger)) == 8


@pytest.mark.parametrize("closing", [not_sent, no_credit, refused])
def test_what_was_certainly_not_sent_is_given_back_and_counted_when_it_goes(ledger: Ledger, closing: object) -> None:
    ledger.an_account(per_day=4)
    campaign_id = ledger.a_campaign(4)
    lease = ledger.a_lease()
    assert ledger.account().day_message_count == 4
    ledger.record(lease, closing(lease))  # type: ignore[operator]
    assert ledger.account().day_message_count == 0
    assert {batch.counted_on for batch in ledger.batches(campaign_id) if batch.status != "discarded"} == {None}


def test_halves_of_a_document_in_doubt_stay_counted(ledger: Ledger) -> None:
    ledger.an_account(per_day=4)
    campaign_id = ledger.a_campaign(4)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(60)
    lease = ledger.a_lease()
    ledger.record(lease, refused(lease))
    assert [batch.counted_on for batch in ledger.batches(campaign_id) if batch.status == "available"] == [
        "2026-03-01"
    ] * 2
    assert ledger.account().day_message_count == 4
    sizes(ledger)
    assert ledger.account().day_message_count == 4


def test_what_is_put_back_after_midnight_is_counted_against_the_new_day(ledger: Ledger) -> None:
    ledger.an_account(per_day=4, batch_size=2, time_zone="UTC")
    ledger.a_campaign(6)
    ledger.clock.jump((HOURS_TO_MIDNIGHT - 0.01) * 3600)
    lease = ledger.a_lease()
    ledger.clock.jump(60)
    other = ledger.a_lease()
    assert ledger.account().day_message_count == 2
    ledger.record(lease, not_sent(lease, 0))
    assert ledger.account().day_message_count == 2
    ledger.record(other, accepted(other))
    assert sum(sizes(ledger)) == 2


def test_cancelling_in_flight_gives_back_what_was_not_sent(ledger: Ledger) -> None:
    ledger.an_account(per_day=4)
    campaign_id = ledger.a_campaign(4)
    lease = ledger.a_lease()
    ledger.do(cancel_campaign, campaign_id, actor="anna", reason="wrong")
    ledger.record(lease, not_sent(lease))
    assert ledger.account().day_message_count == 0


def test_a_limit_can_be_raised_and_lifted_while_it_runs(ledger: Ledger) -> None:
    ledger.an_account(per_day=2)
    ledger.a_campaign(10)
    assert sizes(ledger) == [2]
    ledger.an_account(per_day=5)
    assert sizes(ledger) == [3]
    ledger.an_account(per_day=3)
    assert ledger.no_lease().why is ClaimRefusal.DAY
    ledger.an_account(per_day=None)
    assert sizes(ledger) == [5]


def test_segments_are_reserved_by_the_text_and_corrected_by_the_bill(ledger: Ledger) -> None:
    ledger.an_account(batch_size=3, segments_per_day=9)
    ledger.a_campaign(20, content=Sms(sender="Shop", text="a" * 161))  # two segments each
    lease = ledger.a_lease()
    assert ledger.account().day_segment_count == 6
    ledger.record(lease, accepted(lease))  # billed two each
    assert ledger.account().day_segment_count == 6
    lease = ledger.a_lease()
    assert len(positions(lease)) == 1
    assert ledger.account().day_segment_count == 8
    assert ledger.no_lease().why is ClaimRefusal.DAY
    ledger.record(lease, rejected(lease))
    assert ledger.account().day_segment_count == 6


def test_a_bill_above_what_was_expected_is_counted(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, segments_per_day=4)
    ledger.a_campaign(10)  # one segment each, billed two
    lease = ledger.a_lease()
    assert ledger.account().day_segment_count == 2
    ledger.record(lease, accepted(lease))
    assert ledger.account().day_segment_count == 4
    assert ledger.no_lease().why is ClaimRefusal.DAY


def test_a_personal_text_reserves_the_average_so_far(ledger: Ledger) -> None:
    people = [Recipient(str(79030000000 + n), {"name": "Anna"}) for n in range(1, 5)]
    ledger.an_account(batch_size=2, segments_per_day=100)
    ledger.a_campaign(recipients=people, content=Sms(sender="Shop", text="Hello {name}"))
    lease = ledger.a_lease()
    assert ledger.account().day_segment_count == 2
    ledger.record(lease, accepted(lease))
    assert ledger.account().day_segment_count == 4
    lease = ledger.a_lease()
    assert ledger.account().day_segment_count == 8
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(60)
    again = ledger.a_lease()
    ledger.record(again, accepted(again))
    # What the first claim had reserved is not known any more: it is rather counted too high.
    assert ledger.account().day_segment_count == 10


def test_workers_together_keep_the_day(postgres_ledger: Ledger) -> None:
    postgres_ledger.an_account(batch_size=3, per_day=50, max_parallel=64)
    postgres_ledger.a_campaign(200)

    def lane() -> int:
        # Not `ledger.claim`, which proves: a proof beside other writers sees half of what they do.
        sent = 0
        while True:
            with transaction(postgres_ledger.sessions) as session:
                lease = claim(session, 1, clock=postgres_ledger.clock, **CLAIMING)
            if not isinstance(lease, Lease):
                return sent
            sent += len(positions(lease))
            with transaction(postgres_ledger.sessions) as session:
                record(session, lease, accepted(lease), clock=postgres_ledger.clock, **RECORDING)

    assert sum(together([lane] * 6)) == 50


def test_an_account_without_daily_limits_counts_nothing(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(4)
    sizes(ledger)
    assert (ledger.account().day, ledger.account().day_message_count) == (None, 0)
    assert [batch.counted_on for batch in ledger.batches(campaign_id)] == [None]


def test_a_day_of_the_past_is_not_spent(ledger: Ledger) -> None:
    ledger.an_account(per_day=1)
    ledger.a_campaign(2)
    sizes(ledger)
    ledger.clock.jump(timedelta(days=30).total_seconds())
    assert sizes(ledger) == [1]
