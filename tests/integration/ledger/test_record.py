"""Record: what an attempt brought is written, all or nothing, by whoever still holds the lease."""

import pytest

from models.ledger.control import pause_campaign, resume_campaign
from models.states import BatchStatus, CampaignStatus, ErrorClass, RecipientStatus
from models.work import RecipientOutcome, Verdict
from tests.support.ledger import (
    DOUBT_LIMIT_SECONDS,
    Ledger,
    accepted,
    bad_text,
    in_doubt,
    not_sent,
    refused,
    rejected,
    throttled,
)


def open_ranges(ledger: Ledger, campaign_id: int) -> list[tuple[int, int]]:
    open_ones = (BatchStatus.AVAILABLE, BatchStatus.RETRYABLE, BatchStatus.RUNNING)
    return [(one.first_position, one.last_position) for one in ledger.batches(campaign_id) if one.status in open_ones]


def test_an_answer_for_everybody_completes_the_batch_and_counts(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    recorded = ledger.record(lease, accepted(lease))
    assert recorded.batch_status is BatchStatus.COMPLETED
    assert ledger.campaign(campaign_id).accepted_count == 3
    assert ledger.campaign(campaign_id).segment_count == 6
    (attempt,) = ledger.attempts(campaign_id)
    assert (attempt.outcome, attempt.positions) == ("answered", "1-3")


def test_silence_about_one_recipient_leaves_it_pending_and_the_batch_in_doubt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [1, 3], delay_seconds=30))
    (batch,) = ledger.batches(campaign_id)
    assert ledger.statuses(campaign_id) == {1: "accepted", 3: "accepted"}
    assert (batch.status, batch.doubt_since) == (BatchStatus.RETRYABLE, lease.opened_at)
    ledger.no_lease()
    ledger.clock.jump(30)
    assert ledger.a_lease().history.doubtful


def test_a_retry_waits_as_long_as_the_closing_says(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, not_sent(lease, 60))
    ledger.clock.jump(59)
    ledger.no_lease()
    ledger.clock.jump(1)
    again = ledger.a_lease()
    assert (again.attempt_number, again.retry_count) == (2, 1)
    assert not again.history.doubtful
    assert ledger.batches(campaign_id)[0].doubt_count == 0


def test_what_is_put_back_is_claimable_at_once_and_has_burned_no_attempt(ledger: Ledger) -> None:
    ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease, [1]))
    again = ledger.a_lease()
    assert again.retry_count == 0
    assert not again.history.doubtful


def test_doubt_is_not_cleared_by_a_later_refusal(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(60)
    again = ledger.a_lease()
    ledger.record(again, throttled(again))
    assert ledger.batches(campaign_id)[0].doubt_since == lease.opened_at


def test_doubts_up_to_the_limit_end_in_unknown_and_not_in_failure(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    for attempt in (1, 2, 3):
        lease = ledger.a_lease()
        assert lease.attempt_number == attempt
        recorded = ledger.record(lease, in_doubt(lease), max_attempts=3)
        ledger.clock.jump(60)
    assert recorded.batch_status is BatchStatus.DISCARDED
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "unknown"}
    assert "3 attempts" in (ledger.outcomes(campaign_id)[1].reason or "")


def test_what_was_certainly_not_sent_never_uses_the_attempts_up(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    closings = (not_sent, throttled)
    for turn in range(12):
        lease = ledger.a_lease()
        ledger.record(lease, closings[turn % 2](lease), max_attempts=2)
        ledger.clock.jump(60)
    assert ledger.statuses(campaign_id) == {}


def test_a_refusal_does_not_hide_a_doubt_that_is_older_than_the_limit(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(DOUBT_LIMIT_SECONDS - 10)
    again = ledger.a_lease()
    ledger.clock.jump(20)
    assert ledger.record(again, throttled(again)).batch_status is BatchStatus.DISCARDED
    assert ledger.statuses(campaign_id) == {1: "unknown"}


def test_a_refused_document_becomes_two_halves_that_share_its_past(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(5)
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease, [2]))
    ledger.clock.jump(60)
    again = ledger.a_lease()
    assert ledger.record(again, refused(again)).batch_status is BatchStatus.DISCARDED
    # Of 1, 3, 4, 5 two go here and two go there.
    assert open_ranges(ledger, campaign_id) == [(1, 3), (4, 5)]
    halves = [one for one in ledger.batches(campaign_id) if one.status is BatchStatus.AVAILABLE]
    assert {(one.doubt_since, one.attempt_number) for one in halves} == {(lease.opened_at, 2)}


def test_halving_isolates_the_bad_recipient_and_sends_to_everybody_else(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(100)
    for _ in range(40):
        lease = ledger.claim()
        if not hasattr(lease, "attempt_id"):
            break
        bad = lease.first_position <= 37 <= lease.last_position
        alone = lease.first_position == lease.last_position
        closing = (rejected(lease) if alone else refused(lease)) if bad else accepted(lease)
        ledger.record(lease, closing)
    campaign = ledger.campaign(campaign_id)
    assert (campaign.accepted_count, campaign.rejected_count) == (99, 1)
    assert ledger.outcomes(campaign_id)[37].status is RecipientStatus.REJECTED
    assert ledger.account().refused_documents < 20


def test_a_document_of_one_is_not_halved_but_asked_again(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    assert ledger.record(lease, refused(lease)).batch_status is BatchStatus.RETRYABLE
    assert open_ranges(ledger, campaign_id) == [(1, 1)]


def test_a_late_reply_stores_its_acceptances_and_leaves_its_refusals_in_the_attempt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(3)
    lease = ledger.a_lease()
    ledger.clock.jump(181)
    assert ledger.rescue() == 1
    both = accepted(lease, [1])
    outcomes = (*both.outcomes, *rejected(lease, [2]).outcomes)
    recorded = ledger.record(lease, accepted(lease, [1], outcomes=outcomes, reply_bytes=b"late"))
    assert recorded.late
    assert ledger.statuses(campaign_id) == {1: "accepted"}
    (attempt,) = ledger.attempts(campaign_id)
    assert (attempt.outcome, attempt.reply_bytes) == ("lost", b"late")
    assert (attempt.explanation or "").startswith("answered after the lease was lost")
    assert ledger.batches(campaign_id)[0].status is BatchStatus.RETRYABLE


def test_a_late_reply_does_not_reopen_a_completed_batch(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    ledger.record(lease, rejected(lease))
    ledger.record(late, in_doubt(late))
    assert ledger.batches(campaign_id)[0].status is BatchStatus.COMPLETED
    assert ledger.statuses(campaign_id) == {1: "rejected", 2: "rejected"}


def test_a_late_reply_does_not_end_the_lease_of_the_attempt_that_follows(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    ledger.record(late, accepted(late, [1]))
    assert ledger.batches(campaign_id)[0].status is BatchStatus.RUNNING
    # The newer attempt heard otherwise; what is accepted stays accepted.
    assert ledger.record(lease, rejected(lease)).batch_status is BatchStatus.COMPLETED
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "rejected"}


def test_one_acceptance_that_arrives_twice_is_billed_once(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    ledger.record(late, accepted(late))
    assert ledger.campaign(campaign_id).segment_count == 4


def test_an_accepted_outcome_never_changes(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    ledger.record(lease, accepted(lease))
    before = ledger.outcomes(campaign_id)[1]
    ledger.record(late, accepted(late, prefix="other"))
    after = ledger.outcomes(campaign_id)[1]
    assert (after.provider_message_id, after.attempt_id) == (before.provider_message_id, before.attempt_id)


@pytest.mark.parametrize("status", ["unknown", "rejected"])
def test_a_late_acceptance_replaces_what_was_concluded_without_it(ledger: Ledger, status: str) -> None:
    campaign_id = ledger.a_campaign(1)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    if status == "unknown":
        ledger.record(lease, in_doubt(lease), max_attempts=2)
    else:
        ledger.record(lease, rejected(lease))
    assert ledger.statuses(campaign_id) == {1: status}
    ledger.settle()
    ledger.record(late, accepted(late))
    outcome = ledger.outcomes(campaign_id)[1]
    assert (outcome.status, outcome.error_class) == (RecipientStatus.ACCEPTED, None)
    assert f"was {status}" in (outcome.reason or "")
    assert ledger.campaign(campaign_id).accepted_count == 1
    assert ledger.campaign(campaign_id).status is CampaignStatus.FINISHED


def test_a_late_acceptance_replaces_a_cancellation(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.cancel(campaign_id)
    ledger.clock.jump(181)
    ledger.rescue()
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "unknown"}
    ledger.record(lease, accepted(lease))
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "accepted"}


def test_a_late_acceptance_replaces_a_skip(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    late = ledger.a_lease()
    ledger.clock.jump(600)
    ledger.rescue()
    lease = ledger.a_lease()
    skip = RecipientOutcome(1, RecipientStatus.SKIPPED, reason="not allowed in development")
    ledger.record(lease, accepted(lease, [], outcomes=(skip,), verdict=Verdict.COMPLETE, doubt=False))
    ledger.record(late, accepted(late))
    assert ledger.statuses(campaign_id) == {1: "accepted"}


def test_the_answer_to_a_cancelled_campaign_ends_the_rest_by_its_doubt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(4)
    lease = ledger.a_lease()
    assert ledger.cancel(campaign_id) == 1
    assert ledger.statuses(campaign_id) == {}
    assert ledger.record(lease, accepted(lease, [1, 2])).batch_status is BatchStatus.CANCELLED
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "accepted", 3: "unknown", 4: "unknown"}


def test_what_a_cancelled_campaign_certainly_did_not_send_is_cancelled(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.cancel(campaign_id)
    ledger.record(lease, not_sent(lease))
    assert ledger.statuses(campaign_id) == {1: "cancelled", 2: "cancelled"}


def test_what_a_cancelled_campaign_did_not_send_this_time_is_unknown_after_an_earlier_doubt(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    ledger.record(lease, in_doubt(lease))
    ledger.clock.jump(60)
    again = ledger.a_lease()
    ledger.cancel(campaign_id)
    ledger.record(again, refused(again))
    assert ledger.statuses(campaign_id) == {1: "unknown", 2: "unknown"}


def test_the_answer_to_a_paused_campaign_is_recorded_and_nothing_follows(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    assert ledger.do(pause_campaign, campaign_id, actor="anna", reason="wait").in_flight_count == 1
    ledger.record(lease, accepted(lease, [1], delay_seconds=0))
    assert ledger.statuses(campaign_id) == {1: "accepted"}
    ledger.no_lease()
    ledger.do(resume_campaign, campaign_id, actor="anna")
    again = ledger.a_lease()
    ledger.record(again, accepted(again, [2], verdict=Verdict.COMPLETE, doubt=False))
    assert ledger.statuses(campaign_id) == {1: "accepted", 2: "accepted"}


def test_nothing_of_an_answer_is_written_when_its_transaction_fails(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(2)
    lease = ledger.a_lease()
    wrong = RecipientOutcome(1, RecipientStatus.SKIPPED)  # says not why: the table refuses it
    with pytest.raises(Exception, match="says_why"):
        ledger.record(lease, accepted(lease, outcomes=(wrong,)))
    ledger.prove()
    assert ledger.attempts(campaign_id)[0].outcome is None
    ledger.record(lease, accepted(lease))


def test_a_campaign_whose_text_is_refused_is_paused_with_the_reason(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(200)
    lease = ledger.a_lease()
    assert ledger.record(lease, bad_text(lease)).braked
    campaign = ledger.campaign(campaign_id)
    assert (campaign.status, campaign.status_reason) == (CampaignStatus.PAUSED, "the text is refused")
    ledger.no_lease()


def test_a_post_that_began_before_the_campaign_was_resumed_does_not_pause_it_again(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(200)
    early, other = ledger.a_lease(), ledger.a_lease()
    ledger.record(early, bad_text(early))
    ledger.do(resume_campaign, campaign_id, actor="anna")
    assert not ledger.record(other, bad_text(other)).braked
    assert ledger.campaign(campaign_id).status is CampaignStatus.RUNNING


def test_the_provider_s_words_are_kept_to_the_letter(ledger: Ledger) -> None:
    campaign_id = ledger.a_campaign(1)
    lease = ledger.a_lease()
    words = "Неверный \"номер\"\t'a'\\n\n{1,2} \\N 😀 "
    outcome = RecipientOutcome(
        1,
        RecipientStatus.REJECTED,
        provider_message_id="0012345678901234567890",
        segments=3,
        provider_text=words,
        error_class=ErrorClass.RECIPIENT,
        after_doubt=True,
    )
    ledger.record(lease, rejected(lease, outcomes=(outcome,)))
    kept = ledger.outcomes(campaign_id)[1]
    assert (kept.provider_text, kept.provider_message_id, kept.segments) == (words, "0012345678901234567890", 3)
    assert (kept.after_doubt, kept.attempt_id, kept.attempt_number) == (True, lease.attempt_id, 1)
