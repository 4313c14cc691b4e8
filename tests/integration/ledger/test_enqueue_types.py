"""What a caller without a type checker passes is refused in one line, and leaves their transaction as it was."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from models.campaign import Campaign
from models.content import Sms
from models.errors import LedgerError
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.session import transaction
from models.timing import Timing
from tests.support.ledger import PLAIN, Ledger, numbers

ANYTHING: Any = None
WRONG_CONTENT = Sms(sender=ANYTHING, text=ANYTHING)
TIMES: list[Any] = [5, "x", "{}", "{a", date(2026, 11, 23), datetime(2026, 11, 23), []]  # noqa: DTZ001
WRONG_TIMINGS = [Timing(when) for when in TIMES]
NONSENSE: list[Any] = [
    None, True, 5, -1, 1.5, float("nan"), 10**30, "x", "", "5", b"x", [], ["x"], [None], [5], {}, {"a": 1}, object(),
    date(2026, 11, 23), Sms, WRONG_CONTENT, Recipient, [Recipient], [{"phone": "79030000001"}], Timing, *WRONG_TIMINGS,
    range(3), iter([None]), lambda: None,
]  # fmt: skip
ARGUMENTS = [
    "content", "recipients", "key", "account", "at", "name", "priority", "latest", "window", "time_zone",
    "max_segments", "timing", "actor",
]  # fmt: skip


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_nonsense_in_an_argument_is_taken_or_refused_in_one_line(ledger: Ledger, argument: str) -> None:
    ledger.an_account(time_offset_minutes=180)
    given: dict[str, Any] = {"content": PLAIN, "recipients": numbers(2), "clock": ledger.clock}
    taken = 0
    for value in NONSENSE:
        with transaction(ledger.sessions) as session:
            try:
                enqueue_campaign(session, **{**given, argument: value})
            except LedgerError as error:
                assert "\n" not in str(error)
            else:
                taken += 1
    assert len(ledger.all(select(Campaign.id))) == taken


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": None}, {"phone": 79030000001}, {"phone": []}, {"variables": None}, {"variables": []},
        {"variables": {"name": 5}}, {"variables": {"name": None}}, {"variables": "name"}, {"ref": 5}, {"ref": []},
        {"client_key": 5}, {"client_key": []}, {"client_key": {}}, {"phone": None, "variables": None, "ref": []},
    ],
)  # fmt: skip
def test_a_recipient_of_wrong_types_costs_itself_alone(ledger: Ledger, changes: dict[str, Any]) -> None:
    bad: Any = {"phone": "79030000001", "variables": {"name": "Anna"}, **changes}
    people = [Recipient(**bad), Recipient("79030000002", {"name": "Boris"})]
    campaign_id = ledger.a_draft(content=Sms(sender="Shop", text="Hello {name}"), recipients=people)
    assert ledger.statuses(campaign_id) == {1: "skipped"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"priority": "5"}, "priority is of type str: pass a whole number from 0 to 9"),
        ({"content": "x"}, 'content is of type str: pass a content such as Sms(sender="Shop", text="Hello")'),
        ({"recipients": None}, "recipients is None: pass a list of Recipient, or anything that yields them"),
        ({"recipients": ["x"]}, "a recipient is str: pass Recipient(phone=...), and others like it"),
    ],
)
def test_a_wrong_type_is_told_with_the_right_one(sqlite_ledger: Ledger, changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"content": PLAIN, "recipients": numbers(2), **changes}
    with transaction(sqlite_ledger.sessions) as session, pytest.raises(LedgerError) as told:
        enqueue_campaign(session, **given)
    assert str(told.value) == said
