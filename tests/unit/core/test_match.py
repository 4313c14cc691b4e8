"""Matching: which entry belongs to which recipient."""

import pytest

from models.states import RecipientStatus
from tests.support.decisions import by_position, decide, entry
from worker.core.messages import Meaning, Pace, ReplyEntry, Verdict

M, S, V = Meaning, RecipientStatus, Verdict


class TestMatching:
    def test_number_alone_matches_whatever_the_order(self) -> None:
        decision = decide(3, entry(3), entry(1), entry(2))
        assert {p: o.provider_message_id for p, o in by_position(decision).items()} == {
            101: "id1",
            102: "id2",
            103: "id3",
        }

    def test_silence_about_a_recipient_is_doubt(self) -> None:
        decision = decide(3, entry(3), entry(1))
        assert set(by_position(decision)) == {101, 103}
        assert (decision.verdict, decision.pace, decision.doubt) == (V.RETRY, Pace.BACKOFF, True)
        assert decision.explanation == "2 accepted, 1 without an answer"

    def test_empty_reply_leaves_everybody_in_doubt(self) -> None:
        decision = decide(3)
        assert (decision.verdict, decision.doubt, decision.attempt_outcome) == (V.RETRY, True, "in_doubt")

    @pytest.mark.parametrize("number", [None, 0, 7])
    def test_single_entry_for_a_single_recipient_is_ours_whatever_its_number(self, number: int | None) -> None:
        assert by_position(decide(1, entry(number, id_="7")))[101].provider_message_id == "7"

    @pytest.mark.parametrize("entries", [[entry(None), entry(None)], [entry(0), entry(2)]])
    def test_several_entries_without_our_number_are_nobodys(self, entries: list[ReplyEntry]) -> None:
        decision = decide(1, *entries)
        assert decision.outcomes == () and decision.doubt
        assert "2 entries of nobody ignored" in decision.explanation

    def test_foreign_entry_beside_ours_is_ignored(self) -> None:
        decision = decide(1, entry(9, id_="foreign"), entry(1), entry(None, id_="nobody"))
        assert [outcome.provider_message_id for outcome in decision.outcomes] == ["id1"]

    def test_foreign_entry_is_nobodys_among_several_lines(self) -> None:
        decision = decide(2, entry(None, id_="7"))
        assert decision.outcomes == () and decision.doubt

    def test_equal_entries_for_one_number_are_one(self) -> None:
        (outcome,) = decide(1, entry(1), entry(1)).outcomes
        assert (outcome.status, outcome.reason) == (S.ACCEPTED, None)

    @pytest.mark.parametrize("other", [M.RECIPIENT, M.ACCOUNT, M.TRANSIENT, M.UNSEEN, M.MESSAGE])
    @pytest.mark.parametrize("acceptance_first", [True, False])
    def test_acceptance_wins_over_any_other_entry_and_is_flagged(self, other: Meaning, acceptance_first: bool) -> None:
        both = [entry(1), entry(1, other)]
        (outcome,) = decide(1, *(both if acceptance_first else both[::-1])).outcomes
        assert (outcome.status, outcome.provider_message_id) == (S.ACCEPTED, "id1")
        assert outcome.reason is not None and "contradict" in outcome.reason

    def test_two_ids_for_one_recipient_are_flagged(self) -> None:
        (outcome,) = decide(1, entry(1, id_="a"), entry(1, id_="b")).outcomes
        assert outcome.reason is not None and "a, b" in outcome.reason

    @pytest.mark.parametrize("other", [M.ACCOUNT, M.TRANSIENT, M.UNSEEN])
    def test_refusal_that_is_contradicted_is_asked_again(self, other: Meaning) -> None:
        assert decide(1, entry(1, M.RECIPIENT), entry(1, other)).outcomes == ()
