"""P3: whoever waits for an answer: a minute between equal documents, and an end in the middle."""

from time import time

import pytest

from models.ledger.control import cancel_campaign, set_account
from models.session import transaction
from tests.acceptance.answering import Mailing, charged, mailing
from tests.support.driving import JumpingClock, create, quick_settings, work_once
from worker.runtime import open_runtime
from worker.simulator.running import running_simulator


def cancel(work: Mailing) -> None:
    with transaction(work.runtime.sessions) as session:
        cancel_campaign(session, work.campaign_id, actor="test", reason="changed our mind", clock=work.clock)


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ({"cut": "after"}, "unknown"),
        ({"cut": "before"}, "unknown"),
        ({"status": 502, "processed": True}, "unknown"),
        ({"body": "html", "processed": True}, "unknown"),
        ({"from_line": 1, "entries": "missing"}, "unknown"),
        ({"text": "Ретроградный Меркурий", "charged": True}, "unknown"),
        ({"status": 429}, "unknown"),
        ({"status": 429, "processed": True}, "unknown"),
        ({"error": "flood"}, "cancelled"),
        ({"error": "bad_credentials"}, "cancelled"),
        ({"text": "out_of_sms"}, "cancelled"),
    ],
)
def test_cancel_calls_nobody_cancelled_whom_an_attempt_may_have_carried(
    fault: dict[str, object], ends: str, database_url: str
) -> None:
    with mailing(database_url, [fault], count=10) as work:
        work_once(work.runtime, work.clock)
        cancel(work)
        assert work.work_until_ended() == {ends: 10}
        assert ends == "unknown" or charged(work) == 0
        work.check_truth()


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": "before"},
        {"cut": "after"},
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"body": "empty"},
        {"error": "no_body"},
    ],
)
def test_equal_document_is_never_posted_twice_within_a_minute(fault: dict[str, object], sqlite_url: str) -> None:
    """A provider that has seen the same bytes less than a minute ago refuses them. Source: protocol.md 16."""
    clock = JumpingClock()
    faults = [{"requests": [1, 2], **fault}, {"identical_within": 60, "error": "identical"}]
    with running_simulator(faults=faults, clock=lambda: time() + clock.ahead.total_seconds()) as provider:
        runtime = open_runtime(quick_settings(sqlite_url, retry_base_seconds=65))
        try:
            with transaction(runtime.sessions) as session:
                set_account(session, "default", {"gateway_url": provider.url}, actor="test")
            work = Mailing(runtime, provider, create(runtime, 10), clock)
            for _ in range(60):  # ten seconds at a time, so that a document may go out as early as it wants
                work_once(runtime, clock)
                clock.jump(10)
            assert work.work_until_ended() == {"accepted": 10}
            assert [visit["rules"] for visit in provider.requests()] == [[1], [1], []]
            work.check_truth()
        finally:
            runtime.close()
