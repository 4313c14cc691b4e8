"""P6: a refusal closes whom it is about, and nobody else; the provider's text is kept word for word."""

import pytest
from sqlalchemy import update

from models.recipient import Recipient
from models.session import transaction
from tests.acceptance.answering import Faults, charged, mailing
from worker.simulator.texts import worded

BY_CLASS = {
    "recipient": ("no_phone", "stop_list", "closed_for_you", "closed", "long_phone"),
    "message": (
        "moderator", "no_sender", "long_sender", "no_text", "no_link", "no_contact", "unknown_sender",
        "unmoderated_sender",
    ),
}  # fmt: skip
LINE_TEXTS = [(name, error_class) for error_class, names in BY_CLASS.items() for name in names]
FROM_SIBLINGS = [
    ("Не введен номер телефона.", "recipient"),
    ("Error_Destination_Address_Blocked", "recipient"),
    ("Имена отправителей не обнаружены", "message"),
    ("Error_SMS_Declined", "message"),
    ("ERROR:  this\u00a0destination  is closed.", "recipient"),
    ("Отправитель не прошёл модерацию", "message"),
    ("Некорректный формат даты", "request"),
]
POISON = "79030000013"


@pytest.mark.parametrize(("language", "final_stop"), [("en", False), ("en", True), ("ru", True), ("ru", False)])
def test_each_documented_refusal_closes_its_recipient_with_its_class(
    language: str, final_stop: bool, sqlite_url: str
) -> None:
    faults: Faults = [
        {"phone": str(79030000001 + index), "text": name, "language": language, "final_stop": final_stop}
        for index, (name, _) in enumerate(LINE_TEXTS)
    ]
    with mailing(sqlite_url, faults, count=20) as work:
        assert work.work_until_ended() == {"accepted": 20 - len(LINE_TEXTS), "rejected": len(LINE_TEXTS)}
        rows = work.rows()[: len(LINE_TEXTS)]
        assert [row.error_class for row in rows] == [error_class for _, error_class in LINE_TEXTS]
        assert len({row.provider_text for row in rows}) == len(LINE_TEXTS)
        assert {(row.provider_text or "").endswith(".") for row in rows} == {final_stop}
        assert {row.id_sms for row in rows} == {None} and {row.attempts for row in rows} == {1}
        assert charged(work) == 20 - len(LINE_TEXTS)
        assert work.events("account_paused") == work.events("campaign_paused") == []
        work.check_truth()
        work.check_evidence()


def test_refusals_known_from_siblings_close_their_recipients(sqlite_url: str) -> None:
    faults: Faults = [
        {"phone": str(79030000001 + index), "text": text} for index, (text, _) in enumerate(FROM_SIBLINGS)
    ]
    with mailing(sqlite_url, faults, count=20) as work:
        assert work.work_until_ended()["rejected"] == len(FROM_SIBLINGS)
        assert [(row.provider_text, row.error_class) for row in work.rows()[: len(FROM_SIBLINGS)]] == FROM_SIBLINGS
        work.check_truth()


@pytest.mark.parametrize("name", BY_CLASS["message"])
def test_refusal_of_text_or_sender_over_a_whole_document_pauses_the_campaign(name: str, sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"text": name}], count=60, batch_size=20, max_parallel=1) as work:
        reason = work.work_until_paused()
        assert "mend text or sender" in reason
        (event,) = work.events("campaign_paused")
        assert (event.reason, event.actor) == (reason, "system")
        assert work.events("account_paused") == []
        shown = work.shown()
        assert (shown["status"], shown["counts"]["rejected"], shown["counts"]["pending"]) == ("paused", 20, 40)
        assert reason in shown["waiting_for"]
        assert {row.error_class for row in work.rows() if row.status == "rejected"} == {"message"}
        work.provider.set_faults([])
        work.resume()
        assert work.work_until_ended() == {"accepted": 40, "rejected": 20}
        assert charged(work) == 40
        work.check_truth()


def test_small_campaign_that_is_refused_whole_ends_with_the_texts(database_url: str) -> None:
    with mailing(database_url, [{"text": "moderator", "language": "ru"}], count=15) as work:
        assert work.work_until_ended() == {"rejected": 15}
        assert {row.provider_text for row in work.rows()} == {"Текст SMS отклонен модератором."}
        assert charged(work) == 0
        work.check_truth()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("bad_document", 400),
        ("bad_document", 200),
        ("The wrong format of an XML document.", 500),
        ("Error_Invalid_XML", 200),
        ("Неправильный формат XML документа.", 400),
        ("closed", 400),
    ],
)
def test_bad_recipient_that_sinks_its_document_is_halved_out_and_its_neighbours_are_sent(
    error: str, status: int, sqlite_url: str
) -> None:
    ours: dict[str, object] = {"secrets": {"LOGIN": "shop", "PASSWORD": "pa55word"}}
    body = f"<response><error>{worded(error)}</error></response>"
    faults: Faults = [{"phone": POISON, "status": status, "processed": False, "body_text": body}]
    with mailing(sqlite_url, faults, count=30, settings=ours, password="pa55word") as work:
        assert work.work_until_ended() == {"accepted": 29, "rejected": 1}
        poisoned = work.row(13)
        assert poisoned.status == "rejected" and poisoned.reason == "its document was refused"
        assert poisoned.provider_text == worded(error)
        assert poisoned.error_class == ("recipient" if error == "closed" else "request")
        assert charged(work) == 29
        refused = [attempt for attempt in work.attempts() if attempt.outcome == "refused"]
        assert len(refused) in (4, 5)  # 10, 5, 2 or 3, (2,) 1
        for attempt in refused:
            assert attempt.http_status == status and attempt.reply_bytes and b"<error>" in attempt.reply_bytes
            assert attempt.request_bytes and POISON.encode() in attempt.request_bytes
            assert b'<login value="***"/><password value="***"/>' in attempt.request_bytes
        assert work.events("account_paused") == []
        work.check_truth()
        work.check_evidence()


def test_two_bad_recipients_of_one_document_are_both_found(database_url: str) -> None:
    faults: Faults = [{"phones": ["79030000003", "79030000008"], "error": "bad_document"}]
    with mailing(database_url, faults, count=20) as work:
        assert work.work_until_ended() == {"accepted": 18, "rejected": 2}
        assert [row.position for row in work.rows() if row.status == "rejected"] == [3, 8]
        assert charged(work) == 18
        work.check_truth()


def test_refused_document_after_a_lost_answer_calls_nobody_rejected_who_may_have_been_sent(database_url: str) -> None:
    faults: Faults = [{"requests": [1], "cut": "after"}, {"phone": "79030000002", "error": "bad_document", "after": 1}]
    with mailing(database_url, faults, count=10) as work:
        assert work.work_until_ended() == {"accepted": 9, "unknown": 1}
        assert (work.row(2).status, work.row(2).error_class) == ("unknown", "request")
        assert charged(work) == 10
        work.check_truth()


def test_documents_that_are_all_refused_pause_the_account_after_twenty(database_url: str) -> None:
    with mailing(database_url, [{"error": "bad_document"}], count=40) as work:
        reason = work.work_until_paused()
        assert "20 documents in a row were refused" in reason and "Incorrect XML document format" in reason
        (event,) = work.events("account_paused")
        assert event.reason == reason
        assert charged(work) == 0
        work.provider.set_faults([])
        work.resume()
        counts = work.work_until_ended()
        assert counts["accepted"] == charged(work) >= 25
        work.check_truth()


def test_document_that_is_too_large_is_halved_and_the_next_ones_are_smaller(database_url: str) -> None:
    faults: Faults = [{"status": 413, "more_lines_than": 6}]
    with mailing(database_url, faults, count=60, batch_size=20) as work:
        assert work.work_until_ended() == {"accepted": 60}
        assert (charged(work), work.account.batch_size) == (60, 5)
        sizes = [visit["lines"] for visit in work.provider.requests()]
        assert max(sizes) == 20 and all(size <= 6 for size in sizes[2:])
        (first, second) = work.events("batch_size_reduced")
        assert (first.facts, second.facts) == ({"batch_size": 10}, {"batch_size": 5})
        assert sum(batch.doubt_count for batch in work.batches()) == 0
        assert work.events("account_paused") == []
        work.check_truth()


def test_single_recipient_whose_document_is_too_large_ends_rejected(sqlite_url: str) -> None:
    with mailing(sqlite_url, [{"status": 413, "phone": "79030000002"}], count=8, batch_size=4) as work:
        assert work.work_until_ended() == {"accepted": 7, "rejected": 1}
        assert (work.row(2).error_class, work.row(2).reason) == ("request", "its document was refused")
        work.check_truth()


@pytest.mark.parametrize("spoilt", ["+7903325669", "7903 32566", "", "٧٩٠٣"])
def test_number_that_another_application_has_spoilt_keeps_nobody_else_from_being_sent(
    spoilt: str, database_url: str
) -> None:
    with mailing(database_url, [], count=20) as work:
        with transaction(work.runtime.sessions) as session:
            session.execute(update(Recipient).where(Recipient.position == 4).values(msisdn=spoilt))
        assert work.work_until_ended() == {"accepted": 19, "skipped": 1}
        assert (work.row(4).status, work.row(4).reason) == ("skipped", "its number is not 1 to 14 digits")
        work.check_truth()
