"""Retry by hand: exactly the chosen are posted again, under the same keys, and no doubt is forgotten (P1, P3, P5)."""

from typing import Any

import pytest
from sqlalchemy import event, select

from models.batch import Batch
from models.errors import IllegalMove, LedgerError, UnknownCampaign
from models.event import Event
from models.ledger.claim import claim
from models.ledger.control import cancel_campaign, pause_campaign
from models.ledger.failed import Choice
from models.ledger.owed import read_owed
from models.ledger.record import record
from models.ledger.retry import Retried, find_failed, retry
from models.session import reading, transaction
from models.states import OPEN_BATCH, BatchStatus, CampaignStatus, ErrorClass, RecipientStatus
from models.work import Closing, Lease, RecipientOutcome, Verdict
from tests.support.ledger import (
    CLAIMING,
    DOUBT_LIMIT_SECONDS,
    QUIET_SECONDS,
    RECORDING,
    Ledger,
    accepted,
    in_doubt,
    positions,
    rejected,
    together,
)

EVERYBODY = Choice()
STOPPED = "Phone number is on the stop list"


def explain(text: str) -> str | None:
    return "on the provider's stop list" if text == STOPPED else None


JUDGING: dict[str, Any] = {"explain": explain, "doubt_limit_seconds": DOUBT_LIMIT_SECONDS}
RETRYING: dict[str, Any] = {**JUDGING, "quiet_seconds": QUIET_SECONDS, "actor": "anna"}


def do_retry(ledger: Ledger, campaign_id: int, choice: Choice = EVERYBODY) -> Retried:
    return ledger.do(retry, campaign_id, choice, **RETRYING)


def keys_owed(ledger: Ledger, lease: Lease) -> dict[int, str]:
    with reading(ledger.sessions) as session:
        return {one.position: one.send_key for one in read_owed(session, lease)}


def refused_by(text: str, lease: Lease, only: list[int], error_class: ErrorClass = ErrorClass.RECIPIENT) -> Closing:
    """An answer that refuses these positions with a text, and accepts the others."""
    closing = accepted(lease)
    outcomes = [
        RecipientOutcome(one.position, RecipientStatus.REJECTED, provider_text=text, error_class=error_class)
        if one.position in only
        else one
        for one in closing.outcomes
    ]
    return accepted(lease, outcomes=tuple(outcomes))


def a_finished(ledger: Ledger, total: int, failing: list[int], **columns: Any) -> int:
    """A finished campaign in which these positions were refused."""
    ledger.an_account(**columns)
    campaign_id = ledger.a_campaign(total)
    for _ in range(1000):
        lease = ledger.claim()
        if not isinstance(lease, Lease):
            break
        wrong = [position for position in failing if position in positions(lease)]
        ledger.record(lease, refused_by("No such sender", lease, wrong, ErrorClass.MESSAGE))
    ledger.settle()
    assert ledger.campaign(campaign_id).status is CampaignStatus.FINISHED
    return campaign_id


def an_unknown(ledger: Ledger, total: int = 3, **columns: Any) -> int:
    """A finished campaign in which nobody ever answered."""
    ledger.an_account(**columns)
    campaign_id = ledger.a_campaign(total)
    while isinstance(lease := ledger.claim(), Lease):
        ledger.record(lease, in_doubt(lease, 0), max_attempts=1)
        ledger.clock.jump(60)
    ledger.settle()
    assert set(ledger.statuses(campaign_id).values()) == {"unknown"}
    return campaign_id


def test_ten_of_a_hundred_rejected_are_posted_again_under_their_keys_and_nobody_else(ledger: Ledger) -> None:
    failing = [3, 14, 15, 16, 27, 50, 51, 88, 99, 100]
    campaign_id = a_finished(ledger, 100, failing, batch_size=100)
    first = ledger.campaign(campaign_id).key_prefix
    done = do_retry(ledger, campaign_id)
    assert (done.failed.chosen_count, done.failed.doubtful_count, done.status) == (10, 0, CampaignStatus.RUNNING)
    lease = ledger.a_lease()
    owed = keys_owed(ledger, lease)
    assert owed == {position: f"{first}{position:03}" for position in failing}
    assert not lease.history.doubtful
    ledger.record(lease, accepted(lease, failing, verdict=Verdict.COMPLETE, doubt=False))
    assert ledger.settle() == 1
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}
    assert {one.attempt_number for one in ledger.outcomes(campaign_id).values()} == {1, 2}


def test_a_second_retry_finds_nobody_and_changes_nothing(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 4, [2])
    do_retry(ledger, campaign_id)
    before = (ledger.batches(campaign_id), ledger.events())
    again = do_retry(ledger, campaign_id)
    assert (again.failed.chosen_count, again.batch_count) == (0, 0)
    assert ([one.id for one in ledger.batches(campaign_id)], ledger.events()) == (
        [one.id for one in before[0]],
        before[1],
    )


def test_a_campaign_without_failures_stays_finished(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 2, [])
    assert do_retry(ledger, campaign_id).status is CampaignStatus.FINISHED


def test_whoever_may_have_been_carried_is_in_doubt_from_the_retry_on(ledger: Ledger) -> None:
    campaign_id = an_unknown(ledger)
    done = do_retry(ledger, campaign_id)
    assert done.failed.doubtful_count == 3
    (opened,) = [one for one in ledger.batches(campaign_id) if one.status in OPEN_BATCH]
    assert opened.doubt_since is not None
    ledger.clock.jump(QUIET_SECONDS)
    lease = ledger.a_lease()
    assert lease.history.doubtful
    ledger.record(lease, in_doubt(lease))
    ledger.cancel(campaign_id)
    assert set(ledger.statuses(campaign_id).values()) == {"unknown"}


def test_a_retry_that_is_cancelled_before_it_was_posted_keeps_the_doubt(ledger: Ledger) -> None:
    campaign_id = an_unknown(ledger)
    do_retry(ledger, campaign_id)
    ledger.cancel(campaign_id)
    assert set(ledger.statuses(campaign_id).values()) == {"unknown"}


def test_a_retried_refusal_that_is_cancelled_is_cancelled(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 3, [2])
    do_retry(ledger, campaign_id)
    ledger.cancel(campaign_id)
    assert ledger.statuses(campaign_id)[2] == "cancelled"


def test_a_doubtful_key_is_not_posted_while_the_provider_may_be_at_work_on_it(ledger: Ledger) -> None:
    ledger.an_account()
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease), max_attempts=1)
    do_retry(ledger, campaign_id)
    ledger.clock.jump(QUIET_SECONDS - 5)
    ledger.no_lease()
    ledger.clock.jump(5)
    ledger.a_lease()


def test_whose_doubt_is_older_than_the_limit_is_left_out_unless_forced(ledger: Ledger) -> None:
    campaign_id = an_unknown(ledger)
    ledger.clock.jump(DOUBT_LIMIT_SECONDS + 1)
    found = ledger.read(find_failed, campaign_id, EVERYBODY, **JUDGING)
    assert (found.chosen_count, found.left_out) == (0, {"forgotten": 3})
    assert do_retry(ledger, campaign_id).failed.left_out == {"forgotten": 3}
    assert do_retry(ledger, campaign_id, Choice(forced=True)).failed.chosen_count == 3
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}


def test_a_doubt_that_began_long_before_it_was_given_up_counts_from_its_beginning(ledger: Ledger) -> None:
    ledger.an_account()
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease, DOUBT_LIMIT_SECONDS - 60))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS - 30)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease), max_attempts=2)
    ledger.clock.jump(60)
    assert do_retry(ledger, campaign_id).failed.left_out == {"forgotten": 2}


def test_refusals_however_old_are_posted_again(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 3, [2])
    ledger.clock.jump(30 * DOUBT_LIMIT_SECONDS)
    assert do_retry(ledger, campaign_id).failed.chosen_count == 1


def test_what_no_repeat_can_mend_is_left_out_unless_forced(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, refused_by(STOPPED, lease, [2]))
    ledger.settle()
    assert do_retry(ledger, campaign_id).failed.left_out == {"on the provider's stop list": 1}
    assert ledger.campaign(campaign_id).status is CampaignStatus.FINISHED
    assert do_retry(ledger, campaign_id, Choice(forced=True)).failed.chosen_count == 1


def test_a_collision_is_never_posted_again(ledger: Ledger) -> None:
    ledger.an_account()
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    twins = tuple(
        RecipientOutcome(position, RecipientStatus.ACCEPTED, provider_message_id="77", provider_text="send")
        for position in (1, 2)
    )
    ledger.record(lease, accepted(lease, outcomes=twins))
    for forced in (False, True):
        done = do_retry(ledger, campaign_id, Choice(forced=forced))
        assert (done.failed.chosen_count, done.failed.left_out) == (0, {"collision": 2})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(statuses=frozenset({RecipientStatus.UNKNOWN})), {5, 6}),
        (Choice(statuses=frozenset({RecipientStatus.REJECTED})), {1, 2}),
        (Choice(error_classes=frozenset({ErrorClass.MESSAGE})), {1}),
        (Choice(provider_text="Number phone is incorrect"), {2}),
        (Choice(provider_text="Number phone"), set()),
        (Choice(batch_id=1), {1, 2}),
        (Choice(batch_id=3), {5, 6}),
    ],
)
def test_a_choice_is_by_status_class_text_and_batch(ledger: Ledger, choice: Choice, expected: set[int]) -> None:
    ledger.an_account(batch_size=2, max_parallel=8)
    campaign_id = ledger.a_campaign(6)
    first, second, third = (ledger.a_lease() for _ in range(3))
    outcomes = (
        RecipientOutcome(1, RecipientStatus.REJECTED, provider_text="No text", error_class=ErrorClass.MESSAGE),
        *rejected(first, [2]).outcomes,
    )
    ledger.record(first, rejected(first, outcomes=outcomes, verdict=Verdict.COMPLETE))
    ledger.record(second, accepted(second))
    ledger.record(third, in_doubt(third), max_attempts=1)
    ledger.settle()
    before = set(ledger.outcomes(campaign_id))
    assert do_retry(ledger, campaign_id, choice).failed.chosen_count == len(expected)
    assert before - set(ledger.outcomes(campaign_id)) == expected


def test_a_batch_of_another_campaign_is_refused(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 2, [1])
    ledger.a_campaign(2)
    with pytest.raises(LedgerError, match=f"campaign {campaign_id} has no batch 2"):
        do_retry(ledger, campaign_id, Choice(batch_id=2))


def test_a_preview_tells_texts_and_counts_and_changes_nothing(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 5, [1, 2, 4])
    found = ledger.read(find_failed, campaign_id, EVERYBODY, **JUDGING)
    assert [(one.status, one.error_class, one.text, one.count) for one in found.groups] == [
        ("rejected", "message", "No such sender", 3)
    ]
    assert list(ledger.statuses(campaign_id).values()).count("rejected") == 3


def test_who_retried_what_is_remembered(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 5, [1, 2, 4])
    do_retry(ledger, campaign_id)
    (deed,) = ledger.all(select(Event).where(Event.kind == "campaign_retried"))
    assert (deed.actor, deed.campaign_id, deed.facts["recipients"]) == ("anna", campaign_id, 3)
    assert deed.facts["replaced"] == [
        {"status": "rejected", "error_class": "message", "text": "No such sender", "count": 3}
    ]
    assert deed.facts["statuses"] == ["rejected", "unknown"]


def test_the_answer_that_was_replaced_stays_in_its_attempt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease, reply_bytes=b"<no/>"))
    do_retry(ledger, campaign_id)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    assert [(one.number, one.reply_bytes) for one in ledger.attempts(campaign_id)] == [(1, b"<no/>"), (2, None)]


def test_a_cancelled_campaign_is_not_retried(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    ledger.cancel(campaign_id)
    for verb, named in ((retry, RETRYING), (find_failed, JUDGING)):
        with pytest.raises(IllegalMove, match=f"campaign {campaign_id} is cancelled: .* resend {campaign_id}"):
            ledger.do(verb, campaign_id, EVERYBODY, **named)
    with pytest.raises(UnknownCampaign, match="no campaign 99"):
        do_retry(ledger, 99)


def test_a_paused_campaign_stays_paused(ledger: Ledger) -> None:
    ledger.an_account(batch_size=1)
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease))
    ledger.do(pause_campaign, campaign_id, actor="anna", reason="wait")
    assert do_retry(ledger, campaign_id).status is CampaignStatus.PAUSED
    ledger.no_lease()


def test_whoever_an_open_batch_covers_gets_no_second_one(ledger: Ledger) -> None:
    ledger.an_account(batch_size=10)
    campaign_id = ledger.a_campaign(20)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease, [2, 3], verdict=Verdict.RETRY))
    done = do_retry(ledger, campaign_id)
    assert (done.failed.chosen_count, done.batch_count) == (2, 0)
    again = [ledger.a_lease(), ledger.a_lease()]
    assert sorted(position for one in again for position in keys_owed(ledger, one)) == [*range(1, 21)]


def test_new_batches_cross_no_open_one(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, max_parallel=8)
    campaign_id = ledger.a_campaign(10)
    for _ in range(5):
        lease = ledger.a_lease()
        if lease.first_position != 5:
            ledger.record(lease, rejected(lease))
    ledger.an_account(batch_size=100)
    assert do_retry(ledger, campaign_id).batch_count == 2
    opened = [
        (one.first_position, one.last_position) for one in ledger.batches(campaign_id) if one.status in OPEN_BATCH
    ]
    assert opened == [(1, 4), (5, 6), (7, 10)]


def test_doubtful_neighbours_do_not_make_everybody_doubtful(ledger: Ledger) -> None:
    ledger.an_account(batch_size=2, max_parallel=8)
    campaign_id = ledger.a_campaign(8)
    for _ in range(4):
        lease = ledger.a_lease()
        doubtful = lease.first_position == 5
        ledger.record(lease, in_doubt(lease) if doubtful else rejected(lease), max_attempts=1)
    assert do_retry(ledger, campaign_id).batch_count == 4
    doubts = [one.first_position for one in ledger.batches(campaign_id) if one.status in OPEN_BATCH and one.doubt_since]
    assert doubts == [5]


def test_a_doubtful_recipient_puts_the_waiting_batch_that_covers_it_in_doubt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    unseen = RecipientOutcome(2, RecipientStatus.UNKNOWN, provider_text="Perhaps", error_class=ErrorClass.UNSEEN)
    ledger.record(lease, rejected(lease, outcomes=(unseen,), verdict=Verdict.PUT_BACK))
    assert not ledger.batches(campaign_id)[0].doubt_since
    do_retry(ledger, campaign_id)
    again = ledger.a_lease()
    assert again.history.doubtful
    assert list(keys_owed(ledger, again)) == [1, 2, 3]


def test_a_doubtful_recipient_waits_until_a_document_in_flight_is_answered(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    unseen = RecipientOutcome(2, RecipientStatus.UNKNOWN, provider_text="Perhaps", error_class=ErrorClass.UNSEEN)
    ledger.record(lease, rejected(lease, outcomes=(unseen,), verdict=Verdict.PUT_BACK))
    flying = ledger.a_lease()
    assert do_retry(ledger, campaign_id).failed.left_out == {"in_flight": 1}
    ledger.record(flying, accepted(flying, [1, 3], verdict=Verdict.COMPLETE, doubt=False))
    assert do_retry(ledger, campaign_id).failed.chosen_count == 1


def test_a_refused_recipient_inside_a_document_in_flight_is_posted_after_it(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease, [2], verdict=Verdict.PUT_BACK))
    flying = ledger.a_lease()
    assert list(keys_owed(ledger, flying)) == [1, 3]
    assert do_retry(ledger, campaign_id).batch_count == 0
    done = ledger.record(flying, accepted(flying, [1, 3], verdict=Verdict.COMPLETE, doubt=False))
    assert done.batch_status is BatchStatus.RETRYABLE
    last = ledger.a_lease()
    assert list(keys_owed(ledger, last)) == [2]
    ledger.record(last, accepted(last, [2], verdict=Verdict.COMPLETE, doubt=False))
    assert ledger.settle() == 1


def test_a_late_refusal_does_not_end_the_retry_and_a_late_acceptance_does(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lost = ledger.a_lease()
    ledger.clock.jump(181)
    ledger.rescue(max_attempts=1)
    do_retry(ledger, campaign_id)
    ledger.record(lost, rejected(lost))
    assert ledger.statuses(campaign_id) == {}
    ledger.record(lost, accepted(lost))
    assert set(ledger.statuses(campaign_id).values()) == {"accepted"}
    ledger.clock.jump(QUIET_SECONDS)
    lease = ledger.a_lease()
    assert keys_owed(ledger, lease) == {}
    ledger.record(lease, accepted(lease, [], verdict=Verdict.COMPLETE, doubt=False))
    assert ledger.settle() == 1


def test_a_long_retry_is_a_few_statements(ledger: Ledger) -> None:
    ledger.an_account(batch_size=10)
    campaign_id = an_unknown(ledger, 400, batch_size=10)
    statements: list[str] = []
    with transaction(ledger.sessions) as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        done = retry(session, campaign_id, EVERYBODY, clock=ledger.clock, **RETRYING)
    assert (done.failed.chosen_count, done.batch_count) == (400, 40)
    assert len(statements) < 30
    ledger.prove()


def test_far_apart_failures_share_documents(ledger: Ledger) -> None:
    campaign_id = a_finished(ledger, 300, [10, 110, 210], batch_size=50)
    assert do_retry(ledger, campaign_id).batch_count == 1


def pending_counts(ledger: Ledger, campaign_id: int) -> tuple[int, int]:
    """Return how many are pending, and how many of them an open batch covers."""
    campaign = ledger.campaign(campaign_id)
    opened = [one for one in ledger.batches(campaign_id) if one.status in OPEN_BATCH]
    covered = {position for one in opened for position in range(one.first_position, one.last_position + 1)}
    pending = {*range(1, campaign.total_count + 1)} - set(ledger.outcomes(campaign_id))
    return len(pending), len(pending & covered)


@pytest.mark.parametrize("round_", range(5))
def test_retries_claims_and_records_at_once_lose_nobody(postgres_ledger: Ledger, round_: int) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=5, max_parallel=8)
    campaign_id = ledger.a_campaign(40)
    leases = [ledger.a_lease() for _ in range(4)]

    def refuse(lease: Lease) -> None:
        with transaction(ledger.sessions) as session:
            record(session, lease, rejected(lease), clock=ledger.clock, **RECORDING)

    def again() -> None:
        with transaction(ledger.sessions) as session:
            retry(session, campaign_id, EVERYBODY, clock=ledger.clock, **RETRYING)

    def take() -> None:
        with transaction(ledger.sessions) as session:
            claim(session, 1, clock=ledger.clock, **CLAIMING)

    together([*[lambda lease=lease: refuse(lease) for lease in leases], again, again, take, take])
    ledger.prove()
    pending, covered = pending_counts(ledger, campaign_id)
    assert pending == covered


@pytest.mark.parametrize("round_", range(5))
def test_a_cancel_and_a_retry_at_once_leave_nobody_pending(postgres_ledger: Ledger, round_: int) -> None:
    ledger = postgres_ledger
    ledger.an_account(batch_size=5)
    campaign_id = ledger.a_campaign(20)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease))

    def again() -> bool:
        try:
            with transaction(ledger.sessions) as session:
                retry(session, campaign_id, EVERYBODY, clock=ledger.clock, **RETRYING)
        except IllegalMove:
            return False
        return True

    def cancel() -> bool:
        with transaction(ledger.sessions) as session:
            cancel_campaign(session, campaign_id, actor="boris", reason="no", clock=ledger.clock)
        return True

    retried, _ = together([again, cancel])
    ledger.prove()
    campaign = ledger.campaign(campaign_id)
    expected = (0, 20) if retried else (5, 15)
    assert (campaign.pending_count, campaign.rejected_count, campaign.cancelled_count) == (0, *expected)
    assert ledger.all(select(Batch.id).where(Batch.status.in_(OPEN_BATCH))) == []
