"""Hints: as many lanes as the account has free POSTs, and no flood of them."""

from models.ledger.control import pause_account_by_hand, pause_campaign
from models.ledger.hints import take_hints
from models.session import transaction
from tests.support.ledger import DOUBT_LIMIT_SECONDS, Ledger, accepted, in_doubt, not_sent, together


def hints(ledger: Ledger) -> dict[int, int]:
    return ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)


def test_an_account_with_work_gets_as_many_lanes_as_free_posts(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=3)
    ledger.a_campaign(9)
    ledger.a_lease()
    assert hints(ledger) == {1: 2}


def test_an_account_without_work_gets_none(ledger: Ledger) -> None:
    ledger.an_account("idle")
    assert hints(ledger) == {}


def test_an_account_is_not_hinted_again_within_five_seconds(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    assert hints(ledger) == {1: 2}
    ledger.clock.jump(4.9)
    assert hints(ledger) == {}
    ledger.clock.jump(0.2)
    assert hints(ledger) == {1: 2}


def test_an_account_whose_hint_was_taken_up_is_hinted_at_once(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    ledger.a_campaign(3)
    assert hints(ledger) == {1: 2}
    ledger.claim(first_of_lane=True)
    assert hints(ledger) == {1: 1}


def test_a_later_claim_of_a_lane_does_not_count_as_taking_a_hint_up(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    ledger.a_campaign(3)
    hints(ledger)
    ledger.claim()
    assert hints(ledger) == {}


def test_two_ticks_at_once_hint_an_account_once(postgres_ledger: Ledger) -> None:
    postgres_ledger.a_campaign(1)
    for _ in range(5):
        postgres_ledger.clock.jump(10)
        found = together([lambda: hints(postgres_ledger)] * 4)
        assert sorted(found, key=len) == [{}, {}, {}, {1: 2}]


def test_one_tick_takes_the_hints_of_several_accounts(postgres_ledger: Ledger) -> None:
    for name in ("c", "b", "a"):
        postgres_ledger.an_account(name)
        postgres_ledger.a_campaign(1, account=name)
    postgres_ledger.an_account("c", batch_size=50)  # rewritten rows lie elsewhere than new ones
    with transaction(postgres_ledger.sessions) as session:
        assert take_hints(session, doubt_limit_seconds=DOUBT_LIMIT_SECONDS, clock=postgres_ledger.clock) == {
            2: 2,
            3: 2,
            4: 2,
        }


def test_what_may_not_be_claimed_is_not_hinted(ledger: Ledger) -> None:
    for name in ("paused", "paused-campaign", "later", "busy"):
        ledger.an_account(name, max_parallel=1)
    ledger.a_campaign(1, account="paused")
    ledger.do(pause_account_by_hand, "paused", actor="anna", reason="wait")
    paused = ledger.a_campaign(1, account="paused-campaign")
    ledger.do(pause_campaign, paused, actor="anna", reason="wait")
    ledger.a_campaign(1, account="later")
    lease = ledger.a_lease(4)
    ledger.record(lease, not_sent(lease))
    ledger.a_campaign(200, account="busy")
    ledger.a_lease(5)
    assert hints(ledger) == {}


def test_an_account_that_must_wait_for_its_rate_is_hinted_a_second_before(ledger: Ledger) -> None:
    ledger.an_account(per_second=0.1)
    ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    assert hints(ledger) == {}
    ledger.clock.jump(9.1)
    assert hints(ledger) == {1: 2}


def test_an_open_breaker_gets_one_lane_when_its_probe_is_due(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    ledger.a_campaign(9)
    for _ in range(5):
        lease = ledger.a_lease()
        ledger.record(lease, in_doubt(lease))
    assert hints(ledger) == {}
    ledger.clock.jump(5.1)
    assert hints(ledger) == {1: 1}


def test_an_old_doubt_that_waits_for_the_tick_is_not_hinted(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    assert hints(ledger) == {}
