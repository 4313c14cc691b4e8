"""P1, P3, P5: what failed is posted again against a provider that remembers its keys, and nobody is charged twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from models.ledger.control import cancel_campaign
from models.ledger.failed import Choice
from models.ledger.retry import Retried, retry
from models.session import transaction
from tests.acceptance.answering import Faults, Mailing, charged, mailing
from tests.support.driving import work_once
from worker.gateway.phrases import why_no_repeat_helps

DAY = 86_400


def do_retry(work: Mailing, **choice: Any) -> Retried:
    settings = work.runtime.settings
    with transaction(work.runtime.sessions) as session:
        return retry(
            session,
            work.campaign_id,
            Choice(**choice),
            explain=why_no_repeat_helps,
            doubt_limit_seconds=settings.doubt_limit_seconds,
            quiet_seconds=settings.quiet_seconds,
            actor="anna",
            clock=work.clock,
        )


@contextmanager
def given_up(database_url: str, faults: Faults, count: int = 25) -> Iterator[Mailing]:
    """A campaign that was asked twice without an answer, and given up."""
    with mailing(database_url, faults, count=count, settings={"max_attempts": 2}) as work:
        assert work.work_until_ended() == {"unknown": count}
        work.provider.set_faults([])
        yield work


def test_ten_of_a_hundred_are_refused_and_retried_under_the_same_keys(database_url: str) -> None:
    failing = [f"{79030000000 + number}" for number in range(3, 101, 10)]
    with mailing(database_url, [{"phones": failing, "text": "moderator"}], count=100, batch_size=100) as work:
        assert work.work_until_ended() == {"accepted": 90, "rejected": 10}
        keys = {row.phone: row.client_id_sms for row in work.rows()}
        work.provider.set_faults([])
        assert do_retry(work).failed.chosen_count == 10
        assert work.work_until_ended() == {"accepted": 100}
        (again,) = work.provider.requests()[1:]
        assert again["lines"] == 10
        ledger = work.provider.ledger()
        assert {message["phone"]: message["client_id_sms"] for message in ledger["messages"]} == keys
        assert (ledger["charged"], ledger["repeats"]) == (100, 0)
        work.check_truth()


@pytest.mark.parametrize("lost", ["before", "after"])
def test_unknown_recipients_are_asked_for_again_and_charged_once(database_url: str, lost: str) -> None:
    with given_up(database_url, [{"cut": lost}]) as work:
        assert charged(work) == (25 if lost == "after" else 0)
        assert do_retry(work).failed.doubtful_count == 25
        assert work.work_until_ended() == {"accepted": 25}
        assert charged(work) == 25
        work.check_truth()


def test_a_refusal_after_a_retried_doubt_is_marked_as_one(database_url: str) -> None:
    with given_up(database_url, [{"cut": "before"}], count=5) as work:
        work.provider.set_faults([{"text": "moderator"}])
        do_retry(work)
        assert work.work_until_ended() == {"rejected": 5}
        again = do_retry(work)
        assert (again.failed.chosen_count, again.failed.doubtful_count) == (5, 5)


def test_a_retry_cancelled_before_it_was_posted_says_that_it_does_not_know(database_url: str) -> None:
    with given_up(database_url, [{"cut": "after"}]) as work:
        do_retry(work)
        with transaction(work.runtime.sessions) as session:
            cancel_campaign(session, work.campaign_id, actor="anna", reason="no", clock=work.clock)
        assert work.work_until_ended() == {"unknown": 25}
        work.check_truth()


def test_a_retry_after_the_limit_needs_force(database_url: str) -> None:
    with given_up(database_url, [{"cut": "after"}]) as work:
        work.clock.jump(DAY + 1)
        assert do_retry(work).failed.left_out == {"forgotten": 25}
        assert work.shown()["status"] == "finished"
        assert do_retry(work, forced=True).failed.chosen_count == 25
        assert work.work_until_ended() == {"accepted": 25}
        work.check_truth()


def test_a_retry_that_fails_again_can_be_retried_again(database_url: str) -> None:
    with given_up(database_url, [{"cut": "after"}]) as work:
        work.provider.set_faults([{"cut": "after"}])
        do_retry(work)
        assert work.work_until_ended() == {"unknown": 25}
        work.provider.set_faults([])
        do_retry(work)
        assert work.work_until_ended() == {"accepted": 25}
        work.check_truth()


def test_a_retry_while_the_campaign_is_sending_joins_in(database_url: str) -> None:
    with mailing(database_url, [{"phones": ["79030000001"], "text": "moderator"}], count=40, max_parallel=1) as work:
        work_once(work.runtime, work.clock)
        work.provider.set_faults([])
        do_retry(work)
        assert work.work_until_ended() == {"accepted": 40}
        assert charged(work) == 40
        work.check_truth()
