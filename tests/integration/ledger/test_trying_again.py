"""An account that the system has paused: one batch tries now and then; documents that time out shrink."""

from datetime import timedelta

import pytest

from models.ledger.claim import LATEST_TRY_SECONDS, SOONEST_TRY_SECONDS
from models.ledger.control import pause_account_by_hand, resume_account
from models.ledger.hints import take_hints
from models.states import AccountStatus, BatchStatus, ErrorClass
from models.work import Brake, ClaimRefusal, Closing, Lease
from tests.support.ledger import DOUBT_LIMIT_SECONDS, Ledger, accepted, in_doubt, no_credit, not_sent, refused, rejected

MAY_PASS = Brake("account", "no credit: top up", ErrorClass.ACCOUNT, may_pass=True)


def no_credit_yet(lease: Lease) -> Closing:
    return no_credit(lease, brake=MAY_PASS)


def paused(ledger: Ledger, total: int = 3, closing: Closing | None = None) -> None:
    """Batches of one; the first met an empty account, and the first time to try again has come."""
    ledger.an_account(batch_size=1, max_parallel=8)
    ledger.a_campaign(total)
    lease = ledger.a_lease()
    ledger.record(lease, closing or no_credit_yet(lease))
    assert ledger.account().status is AccountStatus.PAUSED
    ledger.clock.jump(SOONEST_TRY_SECONDS)


def hints(ledger: Ledger) -> dict[int, int]:
    return ledger.do(take_hints, doubt_limit_seconds=DOUBT_LIMIT_SECONDS)


def test_nothing_is_tried_before_the_time(ledger: Ledger) -> None:
    paused(ledger)
    ledger.clock.jump(-10)
    assert hints(ledger) == {}
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED


def test_one_batch_tries_and_no_second_beside_it(ledger: Ledger) -> None:
    paused(ledger)
    assert hints(ledger) == {1: 1}
    ledger.a_lease()
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED
    assert ledger.account().status is AccountStatus.PAUSED


def test_a_try_that_is_accepted_lets_the_account_go_on(ledger: Ledger) -> None:
    paused(ledger)
    lease = ledger.a_lease()
    recorded = ledger.record(lease, accepted(lease))
    assert recorded.resumed
    account = ledger.account()
    assert (account.status, account.status_by, account.try_again_at) == (AccountStatus.ACTIVE, "system", None)
    assert ledger.events().count("account_resumed") == 1
    assert ledger.a_lease().first_position == 3


def test_a_try_that_judges_a_number_shows_that_the_account_is_well(ledger: Ledger) -> None:
    paused(ledger)
    lease = ledger.a_lease()
    assert ledger.record(lease, rejected(lease)).resumed


def test_a_try_that_fails_says_nothing_new_and_burns_no_attempt(ledger: Ledger) -> None:
    paused(ledger)
    lease = ledger.a_lease()
    assert not ledger.record(lease, no_credit_yet(lease)).braked
    assert ledger.events().count("account_paused") == 1
    assert [batch.doubt_count for batch in ledger.batches(1)] == [0, 0, 0]
    assert ledger.account().status is AccountStatus.PAUSED
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED
    ledger.clock.jump(SOONEST_TRY_SECONDS)
    assert ledger.a_lease().history.doubtful is False


@pytest.mark.parametrize("closing", [in_doubt, not_sent, refused])
def test_a_try_without_an_answer_resumes_nothing(ledger: Ledger, closing: type[Closing]) -> None:
    paused(ledger)
    lease = ledger.a_lease()
    assert not ledger.record(lease, closing(lease)).resumed  # type: ignore[arg-type]
    assert ledger.account().status is AccountStatus.PAUSED


def test_an_answer_to_what_was_posted_before_the_pause_resumes_nothing(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1, max_parallel=8)
    ledger.a_campaign(2)
    one, other = ledger.a_lease(), ledger.a_lease()
    ledger.record(one, no_credit_yet(one))
    assert not ledger.record(other, accepted(other)).resumed
    assert ledger.account().status is AccountStatus.PAUSED
    assert [batch.status for batch in ledger.batches(1)] == [BatchStatus.RETRYABLE, BatchStatus.COMPLETED]


def test_tries_grow_rarer_the_longer_it_lasts_up_to_an_hour(ledger: Ledger) -> None:
    paused(ledger)
    ledger.clock.jump(86_400)
    lease = ledger.a_lease()
    next_try = ledger.account().try_again_at
    assert next_try is not None
    assert next_try - lease.opened_at == timedelta(seconds=LATEST_TRY_SECONDS)


def test_a_collision_is_left_to_a_person(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, no_credit(lease, brake=Brake("account", "two keys, one id", ErrorClass.COLLISION)))
    ledger.clock.jump(86_400)
    assert hints(ledger) == {}
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED


def test_a_pause_by_hand_is_not_tried_and_takes_over_the_systems(ledger: Ledger) -> None:
    paused(ledger)
    ledger.do(pause_account_by_hand, "default", actor="anna", reason="I look into it")
    ledger.clock.jump(86_400)
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED
    assert ledger.account().status_by == "anna"
    assert ledger.pause_reason() == "I look into it; before that: no credit: top up"


def test_a_try_in_flight_does_not_end_a_pause_by_hand(ledger: Ledger) -> None:
    paused(ledger)
    lease = ledger.a_lease()
    ledger.do(pause_account_by_hand, "default", actor="anna", reason="I look into it")
    assert not ledger.record(lease, accepted(lease)).resumed
    assert ledger.account().status is AccountStatus.PAUSED


def test_a_resume_by_hand_ends_the_tries(ledger: Ledger) -> None:
    paused(ledger)
    ledger.do(resume_account, "default", actor="anna")
    assert ledger.account().try_again_at is None
    assert {ledger.a_lease().first_position for _ in range(3)} == {1, 2, 3}


def in_documents_of(ledger: Ledger, size: int, total: int = 400) -> None:
    ledger.an_account(batch_size=size, max_parallel=8)
    ledger.a_campaign(total)


def time_out(ledger: Ledger) -> None:
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease, timed_out=True))


def test_three_documents_in_a_row_without_an_answer_in_time_halve_the_batch_size_once(ledger: Ledger) -> None:
    in_documents_of(ledger, 40)
    time_out(ledger)
    time_out(ledger)
    assert ledger.account().batch_size == 40
    time_out(ledger)
    assert ledger.account().batch_size == 20
    time_out(ledger)
    assert (ledger.account().batch_size, ledger.events().count("batch_size_reduced")) == (20, 1)


def test_an_answer_between_ends_the_row_of_timeouts(ledger: Ledger) -> None:
    in_documents_of(ledger, 40)
    time_out(ledger)
    time_out(ledger)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    time_out(ledger)
    assert ledger.account().batch_size == 40


def test_timeouts_shrink_no_further_than_ten(ledger: Ledger) -> None:
    in_documents_of(ledger, 12)
    for _ in range(3):
        time_out(ledger)
    assert ledger.account().batch_size == 10


def test_what_timed_out_is_asked_again_in_smaller_documents_with_the_same_keys(ledger: Ledger) -> None:
    in_documents_of(ledger, 40, total=120)
    leases = [ledger.a_lease() for _ in range(3)]
    for lease in leases:
        ledger.record(lease, in_doubt(lease, timed_out=True))
    ledger.clock.jump(3600)
    again = ledger.a_lease()
    assert (again.first_position, again.last_position) == (1, 20)
    assert (again.key_prefix, again.history.doubtful) == (leases[0].key_prefix, True)
