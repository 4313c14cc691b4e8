"""Brakes: what stops an account by itself, and what must not."""

from collections.abc import Callable

import pytest

from models.ledger.control import pause_account_by_hand, resume_account
from models.states import AccountStatus
from models.work import Brake, ClaimRefusal, Closing, Lease
from tests.support.ledger import (
    Ledger,
    accepted,
    an_acceptance,
    no_credit,
    not_sent,
    refused,
    rejected,
    throttled,
)


def resume(ledger: Ledger) -> None:
    ledger.do(resume_account, "default", actor="anna")


def leases(ledger: Ledger, count: int) -> list[Lease]:
    ledger.an_account(batch_size=1, max_parallel=64)
    ledger.a_campaign(count)
    return [ledger.a_lease() for _ in range(count)]


def test_no_credit_pauses_the_account_once_and_burns_no_attempts(ledger: Ledger) -> None:
    one, other = leases(ledger, 2)
    assert ledger.record(one, no_credit(one)).braked
    assert not ledger.record(other, no_credit(other)).braked
    assert ledger.pause_reason() == "no credit: top up"
    assert ledger.events().count("account_paused") == 1
    assert {(batch.retry_count, batch.doubt_count) for batch in ledger.batches(1)} == {(0, 0)}
    assert ledger.no_lease().why is ClaimRefusal.ACCOUNT_PAUSED


def test_what_was_put_back_is_claimable_at_once_after_the_resume(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, no_credit(lease))
    resume(ledger)
    assert ledger.a_lease().first_position == 1


def test_a_post_that_began_before_the_resume_does_not_pause_the_account_again(ledger: Ledger) -> None:
    one, other = leases(ledger, 2)
    ledger.record(one, no_credit(one))
    resume(ledger)
    assert not ledger.record(other, no_credit(other)).braked
    assert ledger.account().status is AccountStatus.ACTIVE
    lease = ledger.a_lease()
    assert ledger.record(lease, no_credit(lease)).braked


def test_a_pause_by_hand_keeps_its_reason_when_the_provider_complains_too(ledger: Ledger) -> None:
    (lease,) = leases(ledger, 1)
    ledger.do(pause_account_by_hand, "default", actor="anna", reason="holidays")
    assert not ledger.record(lease, no_credit(lease)).braked
    assert (ledger.pause_reason(), ledger.account().status_by) == ("holidays", "anna")


def test_five_transport_failures_in_a_row_leave_one_probe_at_a_time(ledger: Ledger) -> None:
    failing = leases(ledger, 5)
    ledger.a_campaign(5)
    for lease in failing:
        ledger.record(lease, not_sent(lease, 0))
    refused_claim = ledger.no_lease()
    assert refused_claim.why is ClaimRefusal.BREAKER
    assert refused_claim.wait_seconds == pytest.approx(5, abs=0.01)
    ledger.clock.jump(5.1)
    probe = ledger.a_lease()
    assert ledger.no_lease().why is ClaimRefusal.BREAKER
    ledger.record(probe, not_sent(probe, 0))
    ledger.clock.jump(5.1)
    assert ledger.no_lease().why is ClaimRefusal.BREAKER  # the second wait is longer
    ledger.clock.jump(5)
    probe = ledger.a_lease()
    ledger.record(probe, accepted(probe))
    ledger.a_lease()
    ledger.a_lease()
    assert [kind for kind in ledger.events() if kind.startswith("breaker")] == ["breaker_opened", "breaker_closed"]


def test_waits_between_probes_have_an_end(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    for _ in range(15):
        lease = ledger.a_lease()
        ledger.record(lease, not_sent(lease, 0))
        ledger.clock.jump(60.1)
    ledger.a_lease()


@pytest.mark.parametrize("answer", [accepted, rejected, refused, throttled])
def test_any_answer_closes_the_breaker(ledger: Ledger, answer: Callable[[Lease], Closing]) -> None:
    for lease in leases(ledger, 5):
        ledger.record(lease, not_sent(lease, 0))
    ledger.clock.jump(6)
    probe = ledger.a_lease()
    ledger.record(probe, answer(probe))
    assert ledger.account().transport_failures == 0


def test_what_was_never_posted_is_no_answer(ledger: Ledger) -> None:
    for lease in leases(ledger, 5):
        ledger.record(lease, not_sent(lease, 0))
    ledger.clock.jump(6)
    probe = ledger.a_lease()
    ledger.record(probe, throttled(probe, attempt_outcome="not_posted", positions=()))
    assert ledger.account().transport_failures == 5


def test_failures_with_answers_between_do_not_open_the_breaker(ledger: Ledger) -> None:
    """All were claimed before the first failure."""
    for number, lease in enumerate(leases(ledger, 12)):
        ledger.record(lease, not_sent(lease) if number % 2 else accepted(lease))
    assert ledger.account().transport_failures <= 1


def test_twenty_refused_documents_in_a_row_pause_the_account(ledger: Ledger) -> None:
    all_of_them = leases(ledger, 20)
    for lease in all_of_them[:19]:
        assert not ledger.record(lease, refused(lease)).braked
    assert ledger.record(all_of_them[19], refused(all_of_them[19])).braked
    assert "20 documents in a row" in (ledger.pause_reason() or "")


def test_refused_documents_with_an_acceptance_between_do_not_pause_the_account(ledger: Ledger) -> None:
    """All were claimed before the first refusal."""
    for number, lease in enumerate(leases(ledger, 30)):
        ledger.record(lease, refused(lease) if number != 15 else accepted(lease))
    assert ledger.account().status is AccountStatus.ACTIVE


def test_a_rejected_recipient_is_no_acceptance_between_refused_documents(ledger: Ledger) -> None:
    for number, lease in enumerate(leases(ledger, 21)):
        ledger.record(lease, refused(lease) if number != 15 else rejected(lease))
    assert ledger.account().status is AccountStatus.PAUSED


def test_a_resume_begins_the_streaks_anew(ledger: Ledger) -> None:
    for lease in leases(ledger, 20):
        ledger.record(lease, refused(lease))
    resume(ledger)
    account = ledger.account()
    assert (account.refused_documents, account.transport_failures, account.probe_due_at) == (0, 0, None)


def test_a_document_that_is_too_large_halves_the_batch_size(ledger: Ledger) -> None:
    ledger.a_campaign(40)
    lease = ledger.a_lease()
    ledger.record(lease, refused(lease, shrink=True, document_refused=False))
    assert ledger.account().batch_size == 20
    assert "batch_size_reduced" in ledger.events()


def test_an_id_of_an_earlier_message_is_an_alarm_and_no_acceptance(ledger: Ledger) -> None:
    one, other = leases(ledger, 2)
    ledger.record(one, accepted(one))
    stolen = an_acceptance(one, other.first_position)
    theirs = type(stolen)(
        other.first_position, stolen.status, provider_message_id=f"id-{one.campaign_id}-{one.first_position}"
    )
    assert ledger.record(other, accepted(other, outcomes=(theirs,))).braked
    assert ledger.statuses(1) == {1: "accepted", 2: "unknown"}
    outcome = ledger.outcomes(1)[2]
    assert (outcome.error_class, outcome.provider_message_id) == ("collision", "id-1-1")
    assert "another program uses the same client_id_sms" in (ledger.pause_reason() or "")


def test_one_id_for_two_recipients_of_one_document_is_an_alarm_for_both(ledger: Ledger) -> None:
    ledger.a_campaign(3)
    lease = ledger.a_lease()
    first, _, third = accepted(lease).outcomes
    twin = type(first)(2, first.status, provider_message_id=first.provider_message_id)
    assert ledger.record(lease, accepted(lease, outcomes=(first, twin, third))).braked
    assert ledger.statuses(1) == {1: "unknown", 2: "unknown", 3: "accepted"}


def test_the_same_id_on_another_gateway_is_a_coincidence(ledger: Ledger) -> None:
    elsewhere = ledger.an_account("elsewhere", gateway_url="http://127.0.0.2:9/xml")
    ledger.a_campaign(1)
    other = ledger.a_campaign(1, account="elsewhere")
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    lease = ledger.a_lease(elsewhere)
    (outcome,) = accepted(lease).outcomes
    same = type(outcome)(1, outcome.status, provider_message_id="id-1-1")
    assert not ledger.record(lease, accepted(lease, outcomes=(same,))).braked
    assert ledger.statuses(other) == {1: "accepted"}


def test_a_recipient_s_own_id_told_again_is_no_collision(ledger: Ledger) -> None:
    ledger.a_campaign(1)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    assert not ledger.record(late, accepted(late)).braked


def test_a_collision_brake_counts_even_where_all_else_was_well(ledger: Ledger) -> None:
    """Without a streak the record does not lock the account; for the alarm it must."""
    (lease,) = leases(ledger, 1)
    brake = Brake("account", "alarm", no_credit(lease).brake.error_class)  # type: ignore[union-attr]
    assert ledger.record(lease, accepted(lease, brake=brake)).braked
