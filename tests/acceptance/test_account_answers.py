"""P6 and P10: what the provider says of the account stops the account once, burns no attempt and says why."""

import pytest

from models.states import RecipientStatus
from tests.acceptance.answering import Faults, Mailing, charged, mailing
from tests.support.lines import kept_lines
from worker.simulator.texts import worded

# Each text in both languages, with and without its final stop.
ACCOUNT_TEXTS = [
    ("provider_out_of_sms", "en", True),
    ("provider_out_of_sms", "ru", False),
    ("out_of_sms", "en", False),
    ("out_of_sms", "ru", True),
    ("account_blocked", "en", True),
    ("account_blocked", "ru", False),
]
DOCUMENT_TEXTS = [
    ("account_locked", "en", 400),
    ("account_locked", "ru", 200),
    ("account_blocked", "ru", 500),
    ("out_of_sms", "en", 200),
    ("out_of_sms", "ru", 400),
    ("Error_Not_Enough_Credits", "en", 400),
    ("bad_credentials", "en", 500),
    ("bad_credentials", "ru", 200),
]


def paused_once(work: Mailing, reason: str) -> None:
    """One event, one reason that names what was said and what to do, nobody closed, no attempt counted."""
    (event,) = work.events("account_paused")
    assert event.reason == reason and event.actor == "system"
    assert len(reason.splitlines()) == 1 and len(reason) < 400 and "resume" in reason
    assert sum(batch.doubt_count + batch.retry_count for batch in work.batches()) == 0
    assert reason in (work.shown()["waiting_for"] or "")


@pytest.mark.parametrize(("name", "language", "final_stop"), ACCOUNT_TEXTS)
def test_account_text_from_the_middle_of_a_document_puts_the_rest_back(
    name: str, language: str, final_stop: bool, sqlite_url: str
) -> None:
    faults: Faults = [{"after_charged": 14, "text": name, "language": language, "final_stop": final_stop}]
    with mailing(sqlite_url, faults, settings={"max_attempts": 1}) as work:
        reason = work.work_until_paused()
        assert f'"{worded(name, language, final_stop)}"' in reason
        paused_once(work, reason)
        assert (charged(work), work.shown()["counts"]["accepted"]) == (14, 14)
        work.check_truth()
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 25}
        assert (charged(work), work.provider.ledger()["repeats"]) == (25, 0)
        work.check_truth()
        work.check_evidence()


@pytest.mark.parametrize(("error", "language", "status"), DOCUMENT_TEXTS)
def test_account_error_over_a_document_is_understood_whatever_the_status(
    error: str, language: str, status: int, sqlite_url: str
) -> None:
    said = worded(error, language)
    body = f"<?xml version='1.0' encoding='utf-8'?>\n<response>\n<error>{said}</error></response>"
    with mailing(sqlite_url, [{"status": status, "body_text": body, "processed": False}], count=15) as work:
        reason = work.work_until_paused()
        assert said in reason
        paused_once(work, reason)
        assert work.attempt_outcomes()["refused"] == len(work.attempts())
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 15}
        work.check_truth()


def test_pause_is_one_error_in_the_log_that_shows_no_secret(sqlite_url: str) -> None:
    with kept_lines() as lines, mailing(sqlite_url, [{"text": "out_of_sms"}], count=30) as work:
        reason = work.work_until_paused()
        errors = [line for line in lines if line["log_level"] in ("error", "critical")]
        assert [(line["event"], line["account"], line["reason"]) for line in errors] == [
            ("account_paused", "default", reason)
        ]
        assert "7903" not in str(lines) and "Name " not in str(lines)


def test_account_that_is_resumed_too_early_is_paused_again_and_nobody_pays_for_it(database_url: str) -> None:
    faults: Faults = [{"text": "out_of_sms"}]
    with mailing(database_url, faults, count=30, settings={"max_attempts": 1}) as work:
        for round_count in (1, 2, 3):
            work.work_until_paused()
            assert len(work.events("account_paused")) == round_count
            work.resume()
        work.provider.set_faults([])
        assert work.work_until_ended() == {"accepted": 30}
        assert charged(work) == 30
        assert sum(batch.doubt_count for batch in work.batches()) == 0
        work.check_truth()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_wrong_password_pauses_at_the_first_document_and_names_no_secret(language: str, database_url: str) -> None:
    wrong: dict[str, object] = {"secrets": {"LOGIN": "shop", "PASSWORD": "wrong-pa55word"}}
    with mailing(database_url, [], language=language, settings=wrong, password="pa55word") as work:
        reason = work.work_until_paused()
        assert "login and password" in reason and "pa55" not in reason
        paused_once(work, reason)
        assert (charged(work), work.attempt_outcomes()) == (0, {"refused": 1})
        assert work.shown()["counts"]["pending"] == 25
        work.check_evidence()


@pytest.mark.parametrize(
    ("status", "mend"),
    [(301, "redirected"), (302, "redirected"), (401, "credentials"), (403, "forbids"), (404, "nothing at this"),
     (405, "takes no documents"), (415, "no XML")],
)  # fmt: skip
def test_address_that_takes_no_documents_pauses_the_account(status: int, mend: str, sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"status": status}]) as work:
        reason = work.work_until_paused()
        assert mend in reason and "gateway_url" in reason and f"HTTP {status}" in reason
        paused_once(work, reason)
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 25}
        work.check_truth()


def test_what_is_held_until_top_up_is_accepted_and_never_posted_again(database_url: str) -> None:
    faults: Faults = [{"from_line": 4, "requests": [1], "text": "held", "charged": True}]
    with mailing(database_url, faults, count=30) as work:
        reason = work.work_until_paused()
        assert "top up" in reason and "held messages go out by themselves" in reason
        counts = work.shown()["counts"]
        assert (counts["accepted"], counts["pending"]) == (10, 20)
        work.resume()
        assert work.work_until_ended() == {"accepted": 30}
        ledger = work.provider.ledger()
        assert (ledger["charged"], ledger["repeats"]) == (30, 0)
        held = [row for row in work.rows() if row.reason == "held until top-up"]
        assert [row.position for row in held] == list(range(4, 11))
        assert all("пополните счет" in (row.provider_text or "") for row in held)
        work.check_truth()


def test_two_keys_of_one_document_with_one_id_pause_the_account(database_url: str) -> None:
    with mailing(database_url, [{"requests": [1], "lines": [2, 3], "same_id": True}], count=30) as work:
        reason = work.work_until_paused()
        assert "another program" in reason and "client_id_sms" in reason
        (event,) = work.events("account_paused")
        assert event.reason == reason
        collided = [row for row in work.rows() if row.error_class == "collision"]
        assert [(row.position, row.status) for row in collided] == [
            (2, RecipientStatus.UNKNOWN),
            (3, RecipientStatus.UNKNOWN),
        ]
        assert len({row.id_sms for row in collided}) == 1
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 28, "unknown": 2}
        # The provider took the third key for the second's: one of the two was charged, and nobody says which.
        assert charged(work) == 29
        work.check_truth(conflicts=1)


def test_two_keys_of_two_documents_with_one_id_pause_the_account(database_url: str) -> None:
    with mailing(database_url, [{"lines": [5], "same_id": True}], count=30, max_parallel=1) as work:
        assert "another program" in work.work_until_paused()
        assert [row.position for row in work.rows() if row.error_class == "collision"] == [15]
        assert len(work.events("account_paused")) == 1
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 29, "unknown": 1}
        work.check_truth(conflicts=1)


@pytest.mark.parametrize("text", ["Mercury is retrograde", "Ретроградный Меркурий.", "Account blocked by partner"])
def test_text_that_nobody_knows_for_one_is_asked_twice_more_and_kept_word_for_word(
    text: str, database_url: str
) -> None:
    with mailing(database_url, [{"phone": "79030000007", "text": text}], count=30) as work:
        assert work.work_until_ended() == {"accepted": 29, "unknown": 1}
        row = work.row(7)
        assert (row.provider_text, row.error_class, row.attempts) == (text, "unseen", 3)
        assert row.reason == "an undocumented text, also when asked again 2 times"
        assert work.events("account_paused") == []
        assert (charged(work), work.provider.ledger()["repeats"]) == (29, 0)
        work.check_truth()


def test_text_that_nobody_knows_and_that_passes_leaves_no_trace(sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"phone": "79030000007", "text": "Hiccup", "times": 2}], count=30) as work:
        assert work.work_until_ended() == {"accepted": 30}
        work.check_truth()


@pytest.mark.parametrize("as_error", [False, True])
def test_text_that_nobody_knows_for_everybody_pauses_the_account_until_a_person_has_asked(
    as_error: bool, database_url: str
) -> None:
    faults: Faults = [{"error" if as_error else "text": "Ретроградный Меркурий"}]
    with mailing(database_url, faults, count=50, batch_size=25, max_parallel=1) as work:
        reason = work.work_until_paused()
        assert "Ретроградный Меркурий" in reason and "ask the provider" in reason
        (event,) = work.events("account_paused")
        assert event.reason == reason
        assert work.shown()["counts"]["pending"] == 50
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 50}
        assert charged(work) == 50
        work.check_truth()


def test_unknown_text_with_a_phone_in_it_shows_the_phone_nowhere_but_in_the_results(sqlite_url: str) -> None:
    text = "Number 79030000007 is odd"
    with mailing(sqlite_url, [{"text": text}], count=25, batch_size=25) as work:
        assert "7903" not in work.work_until_paused()
        work.resume()
        work.work_until_paused()
        work.resume()
        work.work_until_paused()
        assert {row.provider_text for row in work.rows()} == {text}
        work.check_evidence()
