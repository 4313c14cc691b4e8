"""P4: entries missing, shuffled, repeated, foreign or odd: one result per recipient, matched by number alone.

Every fault here is in the reply to documents of ten that the provider has charged. One of them holds a Russian text, so
that an encoding misread shows.
"""

import pytest

from tests.acceptance.answering import Faults, charged, mailing

Fault = dict[str, object]

HARMLESS: dict[str, Fault] = {
    "shuffled": {"look": ["shuffled"]},
    "repeated and equal": {"lines": [1, 3, 5], "entries": "twice"},
    "repeated and conflicting": {"lines": [1, 2, 10], "entries": "conflicting"},
    "a foreign number": {"lines": [1, 10], "entries": "foreign"},
    "extra attributes, stray text": {"look": ["extra_attributes", "stray_text", "two_spaces", "indented"]},
    "capitals": {"look": ["capitals"]},
    "a byte order mark": {"look": ["bom"]},
    "no prolog": {"look": ["no_prolog"]},
    "PHP warnings in front": {
        "before_prolog": "\n<b>Warning</b>: mysql_connect() in /var/www/xml.php on line 3<br/>\n"
    },
    "pages of blanks in front": {"before_prolog": " \n\t" * 3000},
    "windows-1251, named": {"encoding": "windows-1251"},
    "windows-1251, in the prolog only": {"encoding": "windows-1251", "declared": "prolog"},
    "windows-1251, in the header only": {"encoding": "windows-1251", "declared": "header"},
    "windows-1251 that nobody mentions": {"encoding": "windows-1251", "declared": "nowhere"},
    "windows-1251, called utf-8": {"encoding": "windows-1251", "declared": "wrongly"},
    "utf-8 that nobody mentions": {"encoding": "utf-8", "declared": "nowhere"},
    "utf-16": {"encoding": "utf-16"},
    "utf-16, called utf-8": {"encoding": "utf-16", "declared": "wrongly"},
    "utf-16-le without a mark": {"encoding": "utf-16-le", "declared": "nowhere"},
    "utf-16-be without a mark": {"encoding": "utf-16-be", "declared": "nowhere"},
    "koi8-r, named": {"encoding": "koi8-r"},
    "koi8-r, in the prolog only": {"encoding": "koi8-r", "declared": "prolog"},
    "ids of 22 digits": {"from_line": 1, "id_digits": 22},
    "ids of 64 digits": {"from_line": 1, "id_digits": 64},
    "a drip in good time": {"drip_bytes": 200, "drip_seconds": 0.001},
    "whatever the status": {"status": 400, "processed": True},
}
STOPPED: Fault = {"phone": "79030000002", "text": "stop_list", "language": "ru"}


@pytest.mark.parametrize("fault", HARMLESS.values(), ids=HARMLESS)
def test_reply_that_looks_unusual_is_understood_at_once(fault: Fault, sqlite_url: str) -> None:
    # Of two rules about one line the first wins, and a conflict on line 2 is of a charged one.
    with mailing(sqlite_url, [STOPPED, fault]) as work:
        assert work.work_until_ended() == {"accepted": 24, "rejected": 1}
        assert (charged(work), work.attempt_outcomes()) == (24, {"answered": 3})
        assert work.provider.ledger()["repeats"] == 0
        stopped = work.row(2)
        assert (stopped.error_class, stopped.reason) == ("recipient", "on the provider's stop list")
        assert (stopped.provider_text or "").casefold() == "номер телефона присутствует в стоп-листе."
        work.check_truth()
        work.check_evidence()


def test_acceptance_wins_over_a_refusal_of_the_same_number_and_is_flagged(sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"lines": [1, 2], "entries": "conflicting"}], count=10) as work:
        assert work.work_until_ended() == {"accepted": 10}
        assert [row.reason for row in work.rows()[:3]] == [
            "the reply has 2 entries for it that contradict each other",
            "the reply has 2 entries for it that contradict each other",
            None,
        ]
        work.check_truth()


@pytest.mark.parametrize("entries", ["missing", "renumbered", "unnumbered"])
@pytest.mark.parametrize("is_charged", [True, False])
def test_recipient_without_an_entry_is_asked_for_again_alone(entries: str, is_charged: bool, database_url: str) -> None:
    faults: Faults = [{"requests": [1, 2], "lines": [1, 4, 10], "entries": entries, "charged": is_charged}]
    with mailing(database_url, faults, count=20) as work:
        assert work.work_until_ended() == {"accepted": 20}
        ledger = work.provider.ledger()
        assert (ledger["charged"], ledger["repeats"]) == (20, 6 if is_charged else 0)
        assert sorted(attempt.positions or "" for attempt in work.attempts()) == ["1,4,10", "1-10", "11,14,20", "11-20"]
        work.check_truth()
        work.check_evidence()


@pytest.mark.parametrize("entries", ["renumbered", "unnumbered"])
def test_only_entry_for_the_only_recipient_is_his_whatever_its_number(entries: str, sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"lines": [1], "entries": entries}], batch_size=1, count=3) as work:
        assert work.work_until_ended() == {"accepted": 3}
        assert work.provider.ledger()["repeats"] == 0
        work.check_truth()


def test_acceptance_without_an_id_is_accepted_and_says_so(database_url: str) -> None:
    with mailing(database_url, [{"lines": [1, 10], "with_id": False}], count=20) as work:
        assert work.work_until_ended() == {"accepted": 20}
        assert {(row.position, row.reason) for row in work.rows() if row.id_sms is None} == {
            (position, "accepted without an id") for position in (1, 10, 11, 20)
        }
        assert charged(work) == 20
        work.check_truth()


def test_text_decides_where_an_error_comes_with_an_id(database_url: str) -> None:
    with mailing(database_url, [{"lines": [3], "text": "closed", "with_id": True}], count=20) as work:
        assert work.work_until_ended() == {"accepted": 18, "rejected": 2}
        closed = work.row(3)
        assert (closed.status, closed.error_class) == ("rejected", "recipient")
        assert closed.provider_text == "This destination is closed"
        assert closed.id_sms is not None
        work.check_truth()


def test_undocumented_text_with_an_id_counts_as_accepted_and_is_kept(database_url: str) -> None:
    faults: Faults = [{"lines": [1], "text": "Принято к исполнению", "with_id": True, "charged": True}]
    with mailing(database_url, faults, count=20) as work:
        assert work.work_until_ended() == {"accepted": 20}
        assert (work.row(1).provider_text, work.row(1).reason) == (
            "Принято к исполнению",
            "an undocumented text with an id: counted as accepted",
        )
        work.check_truth()


def test_entries_count_first_and_an_error_beside_them_is_for_the_rest(sqlite_url: str) -> None:
    faults: Faults = [
        {"requests": [1], "lines": [2, 7], "entries": "missing", "charged": False},
        {"requests": [1], "error": "bad_document", "processed": True},
    ]
    with mailing(sqlite_url, faults, count=10) as work:
        assert work.work_until_ended() == {"accepted": 10}
        assert charged(work) == 10
        assert [attempt.positions for attempt in work.attempts()] == ["1-10", "2", "7"]
        work.check_truth()


def test_ids_are_kept_as_text_whatever_their_length(database_url: str) -> None:
    with mailing(database_url, [{"lines": [2], "id_digits": 22}, {"lines": [3], "id_digits": 64}], count=10) as work:
        assert work.work_until_ended() == {"accepted": 10}
        assert [len(row.id_sms or "") for row in work.rows()[1:3]] == [22, 64]
        work.check_truth()


def test_repeat_that_is_answered_without_an_id_is_accepted_with_the_id_unknown(database_url: str) -> None:
    faults: Faults = [{"requests": [1], "cut": "after"}, {"keys": "repeated", "text": "already_sent"}]
    with mailing(database_url, faults, count=20) as work:
        assert work.work_until_ended() == {"accepted": 20}
        ledger = work.provider.ledger()
        assert (ledger["charged"], ledger["repeats"]) == (20, 10)
        repeated = [row for row in work.rows() if row.attempts == 2]
        assert {(row.id_sms, row.reason) for row in repeated} == {(None, "already sent earlier, id not told")}
        assert {row.provider_text for row in repeated} == {"Данное сообщение уже было отправлено."}
        work.check_truth()
