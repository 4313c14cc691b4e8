"""Claim: one batch at a time, and only what may go now."""

import pytest
from sqlalchemy import update

from models.account import Account
from models.batch import Batch
from models.errors import UnknownAccount
from models.ledger.claim import claim
from models.ledger.control import pause_account_by_hand, pause_campaign, stop_everything
from models.ledger.enqueue import Recipient
from models.ledger.owed import read_owed
from models.session import reading
from models.states import BatchStatus
from models.work import ClaimRefusal, Lease, Refused
from tests.support.ledger import (
    CLAIMING,
    DOUBT_LIMIT_SECONDS,
    LEASE_SECONDS,
    Ledger,
    accepted,
    in_doubt,
    not_sent,
    positions,
)


def owed(ledger: Ledger, lease: Lease) -> list[int]:
    with reading(ledger.sessions) as session:
        return [one.position for one in read_owed(session, lease)]


def test_a_lease_opens_an_attempt_and_ends_after_its_time(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    (batch,) = ledger.batches(campaign_id)
    assert (batch.status, batch.attempt_number, batch.leased_until) == (BatchStatus.RUNNING, 1, lease.leased_until)
    assert (lease.leased_until - lease.opened_at).total_seconds() == LEASE_SECONDS
    (attempt,) = ledger.attempts(campaign_id)
    assert (attempt.id, attempt.number, attempt.outcome) == (lease.attempt_id, 1, None)
    assert ledger.campaign(campaign_id).attempted_at == lease.opened_at


def test_a_claim_that_is_rolled_back_leases_nothing(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    with ledger.sessions() as session:
        assert isinstance(claim(session, 1, clock=ledger.clock, **CLAIMING), Lease)
        session.rollback()
    assert ledger.a_lease().attempt_number == 1


def test_a_leased_batch_is_not_leased_again(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    ledger.a_lease()
    assert ledger.no_lease() == Refused(ClaimRefusal.NOTHING_READY)


def test_no_more_leases_than_parallel_posts(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=2)
    ledger.a_campaign(3)
    first = ledger.a_lease()
    ledger.a_lease()
    assert ledger.no_lease().why is ClaimRefusal.PARALLEL_LIMIT
    ledger.record(first, accepted(first))
    ledger.a_lease()


def test_one_account_s_leases_do_not_use_up_another_s(ledger: Ledger) -> None:
    ledger.an_account(max_parallel=1)
    other = ledger.an_account("other")
    ledger.a_campaign(1)
    ledger.a_campaign(1, account="other")
    ledger.a_lease()
    assert ledger.a_lease(other).account_name == "other"


def test_a_batch_planned_too_large_is_cut_and_the_rest_keeps_its_past(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(10)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [2, 9]))
    ledger.an_account(batch_size=3)
    ledger.clock.jump(60)
    again = ledger.a_lease()
    # Position 2 costs nothing: it has its answer.
    assert owed(ledger, again) == [1, 3, 4]
    rest = ledger.batches(campaign_id)[1]
    assert (rest.first_position, rest.last_position, rest.attempt_number) == (5, 10, 1)
    assert (rest.doubt_since, rest.doubt_count, rest.retry_count) == (lease.opened_at, 1, 1)
    assert owed(ledger, ledger.a_lease()) == [5, 6, 7]


def test_a_cut_covers_every_recipient_exactly_once(ledger: Ledger) -> None:
    ledger.an_account(batch_size=10, max_parallel=64)
    ledger.a_campaign(25)
    ledger.an_account(batch_size=4)
    seen: list[int] = []
    while isinstance(lease := ledger.claim(), Lease):
        assert len(positions(lease)) <= 4
        seen += owed(ledger, lease)
    assert seen == list(range(1, 26))


def test_whoever_was_skipped_at_import_is_not_owed(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(
        recipients=[Recipient(phone) for phone in ("79030000001", "12", "79030000001", "79030000002")]
    )
    assert owed(ledger, ledger.a_lease()) == [1, 4]
    assert ledger.statuses(campaign_id) == {2: "skipped", 3: "skipped"}


def test_the_higher_priority_goes_first_whoever_came_first(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    ledger.a_campaign(2, priority=5)
    urgent = ledger.a_campaign(1, priority=9)
    assert [ledger.a_lease().campaign_id for _ in range(2)] == [urgent, 1]


def test_equal_priorities_take_turns(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=6)
    for _ in range(3):
        ledger.a_campaign(2)
    assert [ledger.a_lease().campaign_id for _ in range(6)] == [1, 2, 3, 1, 2, 3]


def test_an_urgent_campaign_with_nothing_ready_does_not_hold_up_the_others(ledger: Ledger) -> None:
    urgent = ledger.a_campaign(1, priority=9)
    other = ledger.a_campaign(1)
    lease = ledger.a_lease()
    assert lease.campaign_id == urgent
    ledger.record(lease, not_sent(lease))
    assert ledger.a_lease().campaign_id == other


def test_nothing_is_claimed_of_a_paused_campaign(ledger: Ledger) -> None:
    ledger.do(pause_campaign, ledger.a_campaign(1), actor="anna", reason="wait")
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY


def test_nothing_is_claimed_of_a_paused_account(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.do(pause_account_by_hand, "default", actor="anna", reason="wait")
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED


def test_nothing_is_claimed_in_an_emergency_stop(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    ledger.do(stop_everything, actor="anna", reason="fire")
    assert ledger.no_lease().why is ClaimRefusal.STOPPED


def test_another_environment_sends_nothing_from_this_database(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    refused = ledger.do(claim, 1, **{**CLAIMING, "environment": "production"})
    assert refused == Refused(ClaimRefusal.ENVIRONMENT)


def test_a_doubt_older_than_the_limit_is_not_asked_again_even_before_the_tick(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    assert ledger.no_lease().why is ClaimRefusal.NOTHING_READY


def test_an_unknown_account_is_an_error_and_not_an_idle_lane(ledger: Ledger) -> None:
    with pytest.raises(UnknownAccount, match="no account with id 7"):
        ledger.claim(7)


def test_a_batch_in_which_nobody_is_left_costs_nothing_of_the_rate(ledger: Ledger) -> None:
    ledger.an_account(per_second=5)
    ledger.a_campaign(2)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    ledger.record(late, accepted(late))
    due = ledger.account().rate_due_at
    assert owed(ledger, ledger.a_lease()) == []
    assert (ledger.account().rate_due_at or due) <= ledger.clock.now
    assert due is not None


@pytest.mark.parametrize(
    ("column", "value"), [("batch_size", 0), ("batch_size", 10_001), ("max_parallel", 65), ("per_second", 0.0)]
)
def test_an_account_cannot_have_limits_that_limit_nothing(ledger: Ledger, column: str, value: float) -> None:
    with pytest.raises(Exception, match=column), ledger.transaction() as session:
        session.execute(update(Account).values({column: value}))


def test_a_batch_cannot_run_without_a_lease(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    with pytest.raises(Exception, match="lease"), ledger.transaction() as session:
        session.execute(update(Batch).values(status=BatchStatus.RUNNING))
