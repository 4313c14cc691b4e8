"""Brakes: when one answer stops the account or the campaign."""

import pytest

from models.states import ErrorClass, RecipientStatus
from tests.support.decisions import ASKED_TWICE, NEW, by_position, decide, entry
from worker.core.messages import History, Meaning, Verdict

M, S, C, V = Meaning, RecipientStatus, ErrorClass, Verdict


class TestCollision:
    def test_two_acceptances_with_one_id_are_unknown_and_stop_the_account(self) -> None:
        decision = decide(3, entry(1, id_="7"), entry(2), entry(3, id_="7"))
        found = by_position(decision)
        assert {position: outcome.status for position, outcome in found.items()} == {
            101: S.UNKNOWN,
            102: S.ACCEPTED,
            103: S.UNKNOWN,
        }
        for position in (101, 103):
            assert (found[position].provider_message_id, found[position].error_class) == ("7", C.COLLISION)
        assert decision.verdict is V.COMPLETE
        assert decision.brake is not None
        assert (decision.brake.scope, decision.brake.error_class) == ("account", C.COLLISION)

    def test_acceptances_without_an_id_do_not_collide(self) -> None:
        decision = decide(2, entry(1, id_=""), entry(2, M.ALREADY_SENT))
        assert decision.brake is None
        assert {outcome.status for outcome in decision.outcomes} == {S.ACCEPTED}

    def test_collision_outranks_the_other_brakes(self) -> None:
        decision = decide(3, entry(1, id_="7"), entry(2, id_="7"), entry(3, M.ACCOUNT))
        assert decision.brake is not None and decision.brake.error_class is C.COLLISION


class TestWholeDocument:
    @pytest.mark.parametrize("meaning", [M.MESSAGE, M.DOCUMENT])
    def test_text_or_sender_refused_for_all_of_twenty_stops_the_campaign(self, meaning: Meaning) -> None:
        decision = decide(20, *[entry(n, meaning, text="No sender") for n in range(1, 21)])
        assert decision.brake is not None
        assert (decision.brake.scope, decision.brake.error_class) == ("campaign", C.MESSAGE)
        assert '"No sender"' in decision.brake.reason
        assert decision.verdict is V.COMPLETE

    def test_one_who_is_not_refused_or_a_smaller_document_stops_nothing(self) -> None:
        refused = [entry(n, M.MESSAGE) for n in range(2, 21)]
        assert decide(20, entry(1), *refused).brake is None
        assert decide(20, *refused).brake is None
        assert decide(19, *[entry(n, M.MESSAGE) for n in range(1, 20)]).brake is None

    def test_numbers_refused_for_all_of_twenty_stop_nothing(self) -> None:
        assert decide(20, *[entry(n, M.RECIPIENT) for n in range(1, 21)]).brake is None

    @pytest.mark.parametrize("history", [NEW, ASKED_TWICE])
    def test_unseen_text_on_more_than_half_of_twenty_stops_the_account(self, history: History) -> None:
        unseen = [entry(n, M.UNSEEN, text="Новое\nслово 79000000001") for n in range(1, 12)]
        decision = decide(20, *unseen, *[entry(n) for n in range(12, 21)], history=history)
        assert decision.brake is not None
        assert (decision.brake.scope, decision.brake.error_class) == ("account", C.UNSEEN)
        assert "11 of 20" in decision.brake.reason and '"Новое слово ***"' in decision.brake.reason

    def test_unseen_text_on_half_or_in_a_smaller_document_stops_nothing(self) -> None:
        half = [entry(n, M.UNSEEN) for n in range(1, 11)]
        assert decide(20, *half, *[entry(n) for n in range(11, 21)]).brake is None
        assert decide(19, *[entry(n, M.UNSEEN) for n in range(1, 20)]).brake is None

    def test_unseen_error_over_twenty_stops_the_account(self) -> None:
        decision = decide(20, error=M.UNSEEN)
        assert decision.brake is not None and decision.brake.error_class is C.UNSEEN
        assert "error: unseen" in decision.brake.reason
