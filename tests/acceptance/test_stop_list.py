"""P3 and the stop list: whoever is stopped is not posted, and whoever may have got the message is not called unsent."""

from collections.abc import Iterator
from threading import Thread

import pytest

from models.ledger.stops import add_stops, read_stops
from models.session import reading, transaction
from tests.acceptance.answering import Faults, Mailing, mailing
from tests.support.driving import Step, create, work_once

FIRST, SECOND, THIRD = (str(79030000000 + number) for number in (1, 2, 3))
PATIENT = {"read_timeout_seconds": 30, "lease_seconds": 60}


def stop(work: Mailing, *msisdns: str) -> None:
    with transaction(work.runtime.sessions) as session:
        add_stops(session, msisdns, reason="asked by letter", actor="anna")


def stopped_at(work: Mailing, step: str, msisdn: str) -> Step:
    def at(reached: str) -> None:
        if reached == step:
            stop(work, msisdn)

    return at


def test_who_is_stopped_between_claim_and_rendering_is_not_posted(database_url: str) -> None:
    with mailing(database_url, [], count=3) as work:
        work_once(work.runtime, work.clock, stopped_at(work, "claimed", SECOND))
        assert work.work_until_ended() == {"accepted": 2, "skipped": 1}
        assert work.row(2).reason == "on the stop list"
        work.check_truth()


def test_a_stop_of_everybody_posts_nothing_and_finishes_the_campaign(database_url: str) -> None:
    with mailing(database_url, [], count=3) as work:
        stop(work, FIRST, SECOND, THIRD)
        assert work.work_until_ended() == {"skipped": 3}
        assert work.provider.requests() == []


@pytest.fixture
def in_flight(postgres_url: str) -> Iterator[Mailing]:
    """A document that the provider has charged and does not answer until it is let go."""
    held: Faults = [{"requests": [1], "hold": "after"}]
    with mailing(postgres_url, held, count=3, settings=PATIENT) as work:
        yield work


def test_a_number_stopped_while_its_document_is_in_flight_keeps_the_answer(in_flight: Mailing) -> None:
    work = in_flight
    lane = Thread(target=work_once, args=(work.runtime, work.clock))
    lane.start()
    work.provider.wait_for_documents(1)
    stop(work, SECOND)
    work.provider.set_faults([])
    lane.join()
    assert work.work_until_ended() == {"accepted": 3}
    work.check_truth()


@pytest.mark.parametrize("charged", [True, False])
def test_a_number_stopped_between_the_doubt_and_the_next_question_ends_unknown(
    database_url: str, charged: bool
) -> None:
    faults: Faults = [{"requests": [1], "cut": "after" if charged else "before"}]
    with mailing(database_url, faults, count=3) as work:
        work_once(work.runtime, work.clock)
        stop(work, SECOND)
        assert work.work_until_ended() == {"accepted": 2, "unknown": 1}
        assert work.row(2).reason == "on the stop list since; it was in doubt whether the gateway had accepted this"
        keys = [message["client_id_sms"] for message in work.provider.ledger()["messages"]]
        assert keys.count(work.row(2).client_id_sms) == charged
        work.check_truth()


def test_a_number_stopped_after_what_was_certainly_not_sent_ends_skipped(database_url: str) -> None:
    with mailing(database_url, [], count=3) as work:
        work.provider.stop()
        work_once(work.runtime, work.clock)
        stop(work, FIRST, SECOND, THIRD)
        assert work.work_until_ended() == {"skipped": 3}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_providers_stop_list_keeps_the_number_out_of_the_next_campaign(database_url: str, language: str) -> None:
    listed: Faults = [{"phones": [SECOND], "text": "stop_list"}]
    with mailing(database_url, listed, count=3, language=language) as work:
        assert work.work_until_ended() == {"accepted": 2, "rejected": 1}
        with reading(work.runtime.sessions) as session:
            assert [(one.msisdn, one.added_by) for one in read_stops(session)] == [(SECOND, "provider")]
        again = Mailing(work.runtime, work.provider, create(work.runtime, 3), work.clock)
        assert again.work_until_ended() == {"accepted": 2, "skipped": 1}
