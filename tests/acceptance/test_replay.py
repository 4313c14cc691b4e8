"""Stored replies read again with the parser of today."""

import pytest
from sqlalchemy import select, update

from models.attempt import Attempt
from models.ledger.replaying import record_acceptances
from models.outcome import Outcome
from models.session import transaction
from models.states import RecipientStatus
from tests.acceptance.answering import Mailing, mailing
from worker.replay import Change, read_again

UNSEEN = "Ретроградный Меркурий"


def changes(work: Mailing) -> list[Change]:
    return [change for again in read_again(work.runtime.sessions) for change in again.changes]


def test_replies_that_say_what_is_recorded_change_nothing(database_url: str) -> None:
    faults = [{"every": 3, "cut": "after"}, {"keys_ending": "7", "text": "stop_list"}]
    with mailing(database_url, faults, count=45) as work:
        work.work_until_ended()
        assert changes(work) == []


def test_text_learnt_since_is_shown_and_its_acceptance_recorded(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailing(database_url, [{"phone": "79030000003", "text": UNSEEN}], count=10) as work:
        work.work_until_ended()
        with transaction(work.runtime.sessions) as session:
            # As if an earlier reader had not known the word of acceptance: the reply is what it is.
            session.execute(
                update(Attempt).values(
                    reply_bytes=b'<response><information number_sms="1" id_sms="77">send</information></response>',
                    positions="3",
                )
            )
        last, *_ = reversed(changes(work))
        assert (last.position, last.recorded, last.today, last.provider_text) == (3, "unknown", "accepted", "send")
        again = list(read_again(work.runtime.sessions))[-1]
        with transaction(work.runtime.sessions) as session:
            assert record_acceptances(session, again.stored, again.outcomes, actor="anna") == 1
        with transaction(work.runtime.sessions) as session:
            outcome = session.execute(select(Outcome).where(Outcome.position == 3)).scalar_one()
            assert (outcome.status, outcome.provider_message_id) == (RecipientStatus.ACCEPTED, "77")
        assert changes(work) == []


def test_reply_that_cannot_be_read_is_counted_and_changes_nothing(sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"requests": [1], "body": "html"}], count=5) as work:
        work.work_until_ended()
        read = list(read_again(work.runtime.sessions))
        assert [again.unreadable is None for again in read] == [False, True]
        assert changes(work) == []
