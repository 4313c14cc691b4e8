"""Decisions: every situation of protocol.md 5 to 8."""

import pytest

from models.states import ErrorClass, RecipientStatus
from tests.support.decisions import ASKED_TWICE, DOUBTFUL, NEW, by_position, decide, entry, lines
from worker.core.decide import decide_error, decide_reply
from worker.core.messages import Decision, History, Meaning, Pace, RecipientOutcome, Reply, Verdict
from worker.errors import GatewayError, Misdirected, NotSent, Throttled, TooLarge, Unanswered, Unreadable

M, S, C, V = Meaning, RecipientStatus, ErrorClass, Verdict


class TestOneEntry:
    @pytest.mark.parametrize(
        ("meaning", "id_", "status", "error_class", "reason"),
        [
            (M.ACCEPTED, "7", S.ACCEPTED, None, None),
            (M.ACCEPTED, "", S.ACCEPTED, None, "accepted without an id"),
            (M.HELD, "7", S.ACCEPTED, None, "held until top-up"),
            (M.HELD, "", S.ACCEPTED, None, "held until top-up"),
            (M.ALREADY_SENT, "", S.ACCEPTED, None, "already sent earlier, id not told"),
            (M.ALREADY_SENT, "7", S.ACCEPTED, None, "already sent earlier"),
            (M.UNSEEN, "7", S.ACCEPTED, None, "an undocumented text with an id: counted as accepted"),
            (M.RECIPIENT, "", S.REJECTED, C.RECIPIENT, None),
            (M.RECIPIENT, "7", S.REJECTED, C.RECIPIENT, None),
            (M.STOP_LISTED, "", S.REJECTED, C.RECIPIENT, "on the provider's stop list"),
            (M.MESSAGE, "", S.REJECTED, C.MESSAGE, None),
            (M.DOCUMENT, "", S.REJECTED, C.REQUEST, None),
        ],
    )
    def test_text_decides_and_everything_is_kept(
        self, meaning: Meaning, id_: str, status: RecipientStatus, error_class: ErrorClass | None, reason: str | None
    ) -> None:
        decision = decide(1, entry(1, meaning, id_, "As it Was."))
        (outcome,) = decision.outcomes
        stop_listed = meaning is M.STOP_LISTED
        assert outcome == RecipientOutcome(
            101, status, id_ or None, 1, "As it Was.", error_class, reason, stop_listed=stop_listed
        )
        assert decision.verdict is V.COMPLETE
        assert decision.attempt_outcome == "answered"
        assert not decision.doubt and not decision.transport_failed and not decision.document_refused

    @pytest.mark.parametrize(
        ("meaning", "verdict", "pace", "doubt", "unseen", "brake"),
        [
            (M.ACCOUNT, V.PUT_BACK, Pace.NOW, False, False, C.ACCOUNT),
            (M.CREDENTIALS, V.PUT_BACK, Pace.NOW, False, False, C.REQUEST),
            (M.TRANSIENT, V.RETRY, Pace.BACKOFF, False, False, None),
            (M.LOST_BODY, V.RETRY, Pace.BACKOFF, False, False, None),
            (M.UNSEEN, V.RETRY, Pace.BACKOFF, True, True, None),
        ],
    )
    def test_recipient_stays_pending(
        self, meaning: Meaning, verdict: Verdict, pace: Pace, doubt: bool, unseen: bool, brake: ErrorClass | None
    ) -> None:
        decision = decide(1, entry(1, meaning, text="Some text"))
        assert decision.outcomes == ()
        assert (decision.verdict, decision.pace) == (verdict, pace)
        assert (decision.doubt, decision.unseen) == (doubt, unseen)
        assert (decision.brake and decision.brake.error_class) == brake
        assert decision.brake is None or decision.brake.scope == "account"

    def test_refusal_after_a_doubt_is_marked(self) -> None:
        (outcome,) = decide(1, entry(1, M.RECIPIENT), history=DOUBTFUL).outcomes
        assert (outcome.status, outcome.after_doubt) == (S.REJECTED, True)

    def test_acceptance_after_a_doubt_is_no_doubt(self) -> None:
        (outcome,) = decide(1, entry(1), history=DOUBTFUL).outcomes
        assert not outcome.after_doubt

    @pytest.mark.parametrize("unseen_count", [0, 1])
    def test_unseen_text_is_asked_again(self, unseen_count: int) -> None:
        decision = decide(1, entry(1, M.UNSEEN), history=History(unseen_count=unseen_count))
        assert decision.outcomes == () and decision.unseen

    def test_unseen_text_asked_again_twice_ends_unknown_with_the_text(self) -> None:
        history = History(doubtful=True, unseen_count=2)
        (outcome,) = decide(1, entry(1, M.UNSEEN, text="Новое."), history=history).outcomes
        assert (outcome.status, outcome.error_class) == (S.UNKNOWN, C.UNSEEN)
        assert (outcome.provider_text, outcome.after_doubt) == ("Новое.", True)

    def test_held_stops_the_account_for_the_others(self) -> None:
        decision = decide(2, entry(1, M.HELD), entry(2))
        assert decision.verdict is V.COMPLETE
        assert decision.brake is not None and decision.brake.scope == "account"


class TestDocumentError:
    @pytest.mark.parametrize(
        ("error", "error_class"),
        [
            (M.DOCUMENT, C.REQUEST),
            (M.RECIPIENT, C.RECIPIENT),
            (M.STOP_LISTED, C.RECIPIENT),
            (M.MESSAGE, C.MESSAGE),
        ],
    )
    def test_refused_document_is_halved_until_one_recipient_is_left(
        self, error: Meaning, error_class: ErrorClass
    ) -> None:
        many, single = decide(2, error=error), decide(1, error=error)
        for decision in (many, single):
            assert decision.attempt_outcome == "refused"
            assert decision.document_refused and decision.keep_request and not decision.doubt
        assert (many.verdict, many.outcomes) == (V.SPLIT, ())
        assert single.verdict is V.COMPLETE
        (outcome,) = single.outcomes
        assert (outcome.status, outcome.error_class, outcome.provider_text) == (
            S.REJECTED,
            error_class,
            f"error: {error}",
        )

    def test_refused_document_never_turns_a_doubt_into_a_refusal(self) -> None:
        (outcome,) = decide(1, error=M.DOCUMENT, history=DOUBTFUL).outcomes
        assert (outcome.status, outcome.error_class, outcome.after_doubt) == (S.UNKNOWN, C.REQUEST, True)

    @pytest.mark.parametrize("count", [1, 30])
    @pytest.mark.parametrize(("error", "error_class"), [(M.ACCOUNT, C.ACCOUNT), (M.CREDENTIALS, C.REQUEST)])
    def test_account_error_puts_everybody_back_and_stops_the_account(
        self, count: int, error: Meaning, error_class: ErrorClass
    ) -> None:
        decision = decide(count, error=error)
        assert (decision.outcomes, decision.verdict, decision.pace) == ((), V.PUT_BACK, Pace.NOW)
        assert not decision.doubt and not decision.document_refused
        assert decision.brake is not None
        assert (decision.brake.scope, decision.brake.error_class) == ("account", error_class)
        assert f"error: {error}" in decision.brake.reason

    @pytest.mark.parametrize(
        ("error", "refused", "attempt_outcome"), [(M.LOST_BODY, True, "refused"), (M.TRANSIENT, False, "throttled")]
    )
    def test_error_that_may_pass_waits_without_doubt(self, error: Meaning, refused: bool, attempt_outcome: str) -> None:
        decision = decide(3, error=error)
        assert (decision.verdict, decision.pace, decision.doubt) == (V.RETRY, Pace.BACKOFF, False)
        assert (decision.document_refused, decision.attempt_outcome) == (refused, attempt_outcome)
        assert decision.brake is None

    @pytest.mark.parametrize("error", [M.UNSEEN, M.ACCEPTED, M.HELD, M.ALREADY_SENT])
    def test_undocumented_error_is_an_unseen_text_for_everybody(self, error: Meaning) -> None:
        decision = decide(3, error=error)
        assert (decision.outcomes, decision.verdict, decision.unseen, decision.doubt) == ((), V.RETRY, True, True)
        assert decision.attempt_outcome == "in_doubt" and decision.document_refused and decision.brake is None
        ended = decide(3, error=error, history=ASKED_TWICE)
        assert {(o.status, o.error_class, o.provider_text) for o in ended.outcomes} == {
            (S.UNKNOWN, C.UNSEEN, f"error: {error}")
        }
        assert ended.verdict is V.COMPLETE

    def test_entries_count_first_and_the_error_is_for_the_rest(self) -> None:
        decision = decide(3, entry(2), error=M.ACCOUNT)
        assert set(by_position(decision)) == {102}
        assert (decision.verdict, decision.attempt_outcome) == (V.PUT_BACK, "answered")
        assert decision.brake is not None

    def test_rest_of_a_document_is_halved_although_only_one_is_left(self) -> None:
        decision = decide(2, entry(2), error=M.DOCUMENT)
        assert set(by_position(decision)) == {102}
        assert decision.verdict is V.SPLIT

    def test_error_changes_nothing_for_those_who_have_entries(self) -> None:
        decision = decide(1, entry(1), error=M.DOCUMENT)
        assert (decision.verdict, decision.document_refused) == (V.COMPLETE, False)


class TestMixed:
    def test_account_error_in_the_middle_puts_the_rest_back(self) -> None:
        decision = decide(3, entry(1), entry(2, M.ACCOUNT), entry(3, M.ACCOUNT))
        assert set(by_position(decision)) == {101}
        assert (decision.verdict, decision.doubt) == (V.PUT_BACK, False)
        assert decision.explanation == "1 accepted, 2 put back: the account cannot send"

    def test_doubt_beside_an_account_error_stays_a_doubt(self) -> None:
        decision = decide(2, entry(1, M.ACCOUNT))
        assert (decision.verdict, decision.pace, decision.doubt) == (V.RETRY, Pace.BACKOFF, True)
        assert decision.brake is not None and decision.brake.scope == "account"

    def test_wait_that_the_provider_asks_for_is_kept_for_a_retry_only(self) -> None:
        reply = Reply((), "later", M.TRANSIENT)
        assert decide_reply(lines(1), reply, NEW, retry_after_seconds=9).retry_after_seconds == 9
        done = Reply((entry(1),))
        assert decide_reply(lines(1), done, NEW, retry_after_seconds=9).retry_after_seconds is None


def unanswered(**facts: bool) -> Unanswered:
    return Unanswered("no answer", still_at_work=facts.get("still_at_work", False), retry_after_seconds=9)


class TestNoReadableReply:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (
                NotSent("refused"),
                Decision((), V.RETRY, "not_sent", "refused", Pace.BACKOFF, transport_failed=True),
            ),
            (
                unanswered(),
                Decision((), V.RETRY, "in_doubt", "no answer", Pace.BACKOFF, 9, doubt=True, transport_failed=True),
            ),
            (
                unanswered(still_at_work=True),
                Decision(
                    (),
                    V.RETRY,
                    "in_doubt",
                    "no answer",
                    Pace.PATIENT,
                    9,
                    doubt=True,
                    transport_failed=True,
                    timed_out=True,
                ),
            ),
            (
                Unreadable("noise", raw=b"x"),
                Decision(
                    (), V.RETRY, "in_doubt", "noise", Pace.BACKOFF, doubt=True, transport_failed=True, keep_request=True
                ),
            ),
            (
                Throttled("HTTP 429", retry_after_seconds=7),
                Decision((), V.RETRY, "throttled", "HTTP 429", Pace.BACKOFF, 7, doubt=True),
            ),
            (
                TooLarge("HTTP 413"),
                Decision((), V.SPLIT, "refused", "HTTP 413", Pace.NOW, shrink=True),
            ),
        ],
    )
    def test_facts_of_the_error_decide(self, error: GatewayError, expected: Decision) -> None:
        assert decide_error(lines(3), error, NEW) == expected

    def test_wrong_address_puts_everybody_back_and_names_the_mend(self) -> None:
        decision = decide_error(lines(3), Misdirected("HTTP 404: nothing there"), NEW)
        assert (decision.outcomes, decision.verdict, decision.doubt) == ((), V.PUT_BACK, False)
        assert decision.brake is not None
        assert (decision.brake.scope, decision.brake.error_class) == ("account", C.REQUEST)
        assert "HTTP 404" in decision.brake.reason and "check the account's gateway_url" in decision.brake.reason

    @pytest.mark.parametrize(("history", "status"), [(NEW, S.REJECTED), (DOUBTFUL, S.UNKNOWN)])
    def test_single_recipient_that_is_too_large_ends(self, history: History, status: RecipientStatus) -> None:
        decision = decide_error(lines(1), TooLarge("HTTP 413"), history)
        assert (decision.verdict, decision.shrink) == (V.COMPLETE, False)
        (outcome,) = decision.outcomes
        assert (outcome.status, outcome.error_class, outcome.after_doubt) == (status, C.REQUEST, history.doubtful)

    def test_wait_that_was_asked_for_holds_nobody_who_is_put_back(self) -> None:
        error = Misdirected("HTTP 403", retry_after_seconds=9)
        assert decide_error(lines(1), error, NEW).retry_after_seconds is None
