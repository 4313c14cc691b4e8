"""P1 to P4: whatever becomes of an answer on its way, everybody is charged once and the results say under which id.

Each fault meets the first document of a campaign, before or after the provider has charged it; then it passes.
"""

import pytest

from tests.acceptance.answering import Faults, charged, mailing

Fault = dict[str, object]

BEFORE_THE_CHARGE: dict[str, Fault] = {
    "cut while the body is read": {"cut": "upload"},
    "reset while the body is read": {"cut": "upload", "reset": True},
    "cut": {"cut": "before"},
    "reset": {"cut": "before", "reset": True},
    "500": {"status": 500},
    "502": {"status": 502},
    "503 with a wait": {"status": 503, "headers": {"Retry-After": "30"}},
    "504": {"status": 504},
    "408": {"status": 408},
    "HTML with 200": {"status": 200, "body": "html"},
    "nothing with 200": {"status": 200, "body": "empty"},
    "text with 202": {"status": 202, "body_text": "accepted"},
}
AFTER_THE_CHARGE: dict[str, Fault] = {
    "cut": {"cut": "after"},
    "reset": {"cut": "after", "reset": True},
    "cut in half": {"cut": "half"},
    "reset in half": {"cut": "half", "reset": True},
    "500": {"status": 500, "processed": True},
    "502": {"status": 502, "processed": True},
    "503 with a wait": {"status": 503, "processed": True, "headers": {"Retry-After": "30"}},
    "504": {"status": 504, "processed": True},
    "408": {"status": 408, "processed": True},
    "HTML with 200": {"status": 200, "processed": True, "body": "html"},
    "HTML with 400": {"status": 400, "processed": True, "body": "html"},
    "nothing": {"body": "empty"},
    "blanks": {"body_text": " \r\n "},
    "JSON": {"body_text": '{"status": "send"}'},
    "truncated": {"body": "truncated"},
    "truncated in windows-1251": {"body": "truncated", "encoding": "windows-1251", "declared": "nowhere"},
    "entities": {"body": "dtd"},
    "entity bomb": {"body": "bomb"},
    "another root": {"body_text": "<answer><information number_sms='1' id_sms='5'>send</information></answer>"},
    "answer to a state request": {"body_text": "<response><state id_sms='1'>deliver</state></response>"},
    "no entry at all": {"body_text": "<response/>"},
    "two answers in one": {"body_text": "<response></response><response></response>"},
    "megabytes of noise": {"body": "noise", "megabytes": 3},
    "broken compression": {"headers": {"Content-Encoding": "gzip"}},
    "later than the read timeout": {"delay": 2},
    "a drip": {"drip_bytes": 1, "drip_seconds": 0.05},
}
REFUSED_FOR_NOW: dict[str, Fault] = {
    "429 with a wait": {"status": 429, "headers": {"Retry-After": "30"}},
    "429 without": {"status": 429},
    "429 after the charge": {"status": 429, "processed": True},
    "an identical document within a minute": {"error": "identical"},
    "flood": {"error": "flood"},
    "flood in codes": {"error": "Error_Flood_SMS"},
    "the body was lost": {"error": "no_body"},
    "the body was lost, in Russian": {"error": "no_body", "language": "ru"},
}

IN_DOUBT = [
    *(pytest.param(fault, id=f"{name}, before the charge") for name, fault in BEFORE_THE_CHARGE.items()),
    *(pytest.param(fault, id=f"{name}, after the charge") for name, fault in AFTER_THE_CHARGE.items()),
]


@pytest.mark.parametrize("fault", IN_DOUBT)
def test_answer_that_got_lost_is_asked_for_again_under_the_same_keys(fault: Fault, sqlite_url: str) -> None:
    quick = {"connect_timeout_seconds": 0.3, "read_timeout_seconds": 0.5}
    with mailing(sqlite_url, [{"requests": [1], **fault}], settings=quick) as work:
        assert work.work_until_ended() == {"accepted": 25}
        assert charged(work) == 25
        work.check_truth()
        work.check_evidence()
        first, *others = work.attempts()
        assert (first.outcome, first.number) == ("in_doubt", 1)
        assert {attempt.outcome for attempt in others} == {"answered"}
        assert sorted(row.attempts for row in work.rows()) == [1] * 15 + [2] * 10
        assert sum(batch.doubt_count for batch in work.batches()) == 1
        assert work.events("account_paused") == []


@pytest.mark.parametrize("fault", REFUSED_FOR_NOW.values(), ids=REFUSED_FOR_NOW)
def test_refusal_for_now_waits_and_burns_no_attempt(fault: Fault, sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"requests": [1], **fault}], settings={"max_attempts": 1}) as work:
        assert work.work_until_ended() == {"accepted": 25}
        assert charged(work) == 25
        work.check_truth()
        assert sum(batch.doubt_count for batch in work.batches()) == 0
        assert work.attempts()[0].outcome in ("throttled", "refused")


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([{"every": 2, "cut": "after"}], id="every other answer lost"),
        pytest.param([{"every": 2, "status": 502, "processed": True}], id="every other answer a page"),
        pytest.param([{"probability": 0.4, "seed": 5, "lines": list(range(1, 8)), "entries": "missing"}], id="holes"),
        pytest.param([{"probability": 0.5, "seed": 3, "status": 503}], id="half of the time closed"),
        pytest.param([{"first": 2, "cut": "half"}, {"requests": [3], "body": "noise", "megabytes": 0.1}], id="mixed"),
        pytest.param([{"requests": [1], "cut": "after"}, {"keys": "repeated", "text": "already_sent"}], id="repeats"),
    ],
)
def test_provider_that_keeps_failing_charges_everybody_once(faults: Faults, database_url: str) -> None:
    with mailing(database_url, faults, count=60) as work:
        assert work.work_until_ended() == {"accepted": 60}
        assert charged(work) == 60
        work.check_truth()
        work.check_evidence()


def test_answer_that_never_comes_ends_unknown_after_as_many_doubts_as_are_allowed(database_url: str) -> None:
    with mailing(database_url, [{"cut": "after"}], count=20, settings={"max_attempts": 3}) as work:
        assert work.work_until_ended() == {"unknown": 20}
        assert charged(work) == 20
        work.check_truth()
        assert work.attempt_outcomes() == {"in_doubt": 6}
        reasons = {row.reason for row in work.rows()}
        assert reasons == {"no readable answer to 3 attempts that may have carried it"}
        assert len(work.events("breaker_opened")) == 1


def test_unreadable_answers_and_what_they_answered_are_kept(sqlite_url: str) -> None:
    quick = {"secrets": {"LOGIN": "shop", "PASSWORD": "pa55word"}}
    faults: Faults = [{"requests": [1], "status": 200, "processed": True, "body_text": "<html>busy</html>"}]
    with mailing(sqlite_url, faults, settings=quick, password="pa55word") as work:
        assert work.work_until_ended() == {"accepted": 25}
        first = work.attempts()[0]
        assert (first.http_status, first.reply_bytes) == (200, b"<html>busy</html>")
        assert first.request_bytes is not None
        assert b'<login value="***"/><password value="***"/>' in first.request_bytes
        assert first.request_bytes.count(b"<abonent ") == 10
        work.check_evidence()


def test_wait_that_the_provider_asks_for_is_kept(sqlite_url: str) -> None:
    faults: Faults = [{"requests": [1], "status": 503, "headers": {"Retry-After": "600"}}]
    with mailing(sqlite_url, faults, count=10) as work:
        work.work_until_ended()
        first, second = work.attempts()
        assert 600 <= (second.opened_at - first.opened_at).total_seconds() < 1000
