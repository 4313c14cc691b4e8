"""Campaigns that are asked for by name: validated, made once by key, and a clear line where they are wrong."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery.exceptions import Reject
from sqlalchemy import make_url, select

from models.campaign import Campaign
from models.errors import ContentError, KeyConflict, LedgerError, UnknownAccount
from models.recipient import Recipient
from tests.support.driving import quick_settings
from tests.support.ledger import Ledger, open_ledger, together
from worker import tasks
from worker.asked import BadRequest, enqueue_asked
from worker.runtime import open_runtime, use_runtime

GREETING = {"sender": "Shop", "text": "Hello {name}"}


def a_request(**changes: Any) -> dict[str, Any]:
    people = [{"phone": "8 903 123-45-67", "variables": {"name": "Anna"}, "ref": "order 17", "client_key": "17"}]
    return {"key": "order-1", "content": GREETING, "recipients": people, **changes}


def test_a_request_becomes_a_campaign_once(database_url: str) -> None:
    with open_ledger(database_url) as ledger:
        asked = a_request(name="Order", at="2030-12-01T10:00:00+03:00", priority=7, recipients=[
            *a_request()["recipients"], {"phone": 79031234568, "variables": {"name": 5, "more": None}}, {"phone": "no"},
        ])  # fmt: skip
        found = together([lambda: enqueue_asked(ledger.sessions, "RU", asked)] * 4)
        assert len(set(found)) == 1
        campaign = ledger.campaign(found[0])
        assert (campaign.name, campaign.priority, campaign.total_count, campaign.external_key) == (
            "Order",
            7,
            3,
            "order-1",
        )
        assert campaign.start_at.isoformat() == "2030-12-01T07:00:00+00:00"
        assert ledger.all(select(Recipient.msisdn).order_by(Recipient.position)) == ["79031234567", "79031234568", None]
        assert ledger.all(select(Recipient.send_key).order_by(Recipient.position)) == ["17", None, None]


@pytest.fixture
def empty(sqlite_url: str) -> Iterator[Ledger]:
    """A ledger in which nothing may be made."""
    with open_ledger(sqlite_url) as ledger:
        yield ledger
        assert ledger.all(select(Campaign.id)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": None}, "key is wrong: Input should be a valid string"),
        ({"key": ""}, "key is wrong: String should have at least 1 character"),
        ({"texd": "Hello"}, "texd is no field of a campaign"),
        ({"recipients": "79031234567"}, "recipients is wrong: Input should be a valid list"),
        ({"recipients": [{"fone": "79031234567"}]}, "recipients.0.phone is missing (and 1 more)"),
        ({"recipients": [{"phone": ["79031234567"]}]}, "recipients.0.phone.str is wrong"),
        ({"priority": "high"}, "priority is wrong: Input should be a valid integer"),
        ({"at": "tomorrow"}, 'at "tomorrow" is no moment: write it like 2026-12-01T10:00:00+03:00'),
        ({"at": "2030-12-01T10:00:00"}, 'at "2030-12-01T10:00:00" has no offset'),
        ({"at": "2030-03-31 02:30", "time_zone": "Europe/Berlin"}, "at: 2030-03-31 02:30 does not exist"),
    ],
)
def test_what_cannot_be_understood_is_one_line_without_a_number(
    empty: Ledger, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        enqueue_asked(empty.sessions, "RU", a_request(**changes))
    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)
    assert "79031234567" not in str(refused.value)


def test_a_request_without_a_key_is_refused_because_messages_come_twice(empty: Ledger) -> None:
    asked = a_request()
    del asked["key"]
    with pytest.raises(BadRequest, match=r"^key is missing$"):
        enqueue_asked(empty.sessions, "RU", asked)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"content": {"sender": "Shop"}}, ContentError),
        ({"kind": "email"}, ContentError),
        ({"account": "nobody"}, UnknownAccount),
        ({"priority": 10}, LedgerError),
        ({"window": "09:00-21:00"}, LedgerError),
    ],
)
def test_what_the_ledger_refuses_is_refused(empty: Ledger, changes: dict[str, Any], error: type[LedgerError]) -> None:
    with pytest.raises(error):
        enqueue_asked(empty.sessions, "RU", a_request(**changes))


def test_the_same_key_with_other_words_is_a_conflict(database_url: str) -> None:
    with open_ledger(database_url) as ledger:
        enqueue_asked(ledger.sessions, "RU", a_request())
        with pytest.raises(KeyConflict, match=r"\(text\)"):
            enqueue_asked(ledger.sessions, "RU", a_request(content={"sender": "Shop", "text": "Other {name}"}))


def test_a_request_stays_in_the_queue_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    nowhere = open_runtime(quick_settings(make_url(postgres_url).set(database="gone").render_as_string(False)))
    monkeypatch.setattr(tasks, "INSISTS_SECONDS", 0.0)
    use_runtime(nowhere)
    try:
        with pytest.raises(Reject) as put_back:
            tasks.enqueue_campaign(**a_request())
        assert put_back.value.requeue
    finally:
        nowhere.close()
