"""Rows of the inbox become campaigns: grouped by key, once, refused with a sentence where they cannot be sent."""

import json
from datetime import UTC, datetime
from threading import Event as Signal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from models.content import Sms, ViberSms, from_json
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.gathering import LARGE, LONGEST_SECONDS, QUIET_SECONDS, find_complete
from models.ledger.inbox import KEPT_DAYS, ROWS_AT_ONCE
from models.ledger.rescue import SILENT_IMPORT_SECONDS, sweep_silent_import
from models.ledger.stops import add_stops
from models.outgoing import Gathering, Outgoing
from models.recipient import Recipient as Row
from models.session import transaction
from models.states import CampaignStatus
from tests.support.driving import quick_settings
from tests.support.inbox import AnInbox
from tests.support.ledger import PLAIN, numbers, together
from worker.scheduler import Scheduler


def test_rows_of_one_key_become_one_campaign(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(3))
    (campaign,) = inbox.make()
    assert (campaign.external_key, campaign.total_count, campaign.status) == ("k", 3, CampaignStatus.SCHEDULED)
    assert from_json(campaign.kind, campaign.content) == Sms("Shop", "Hello")
    assert inbox.rows() == [(campaign.id, position, None) for position in (1, 2, 3)]


def test_the_tick_takes_rows_in_and_starts_what_they_make(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1))
    scheduler = Scheduler(quick_settings("sqlite://"), inbox.ledger.sessions, clock=inbox.ledger.clock)
    assert scheduler.tick() == {}
    inbox.ledger.clock.jump(QUIET_SECONDS + 1)
    assert set(scheduler.tick()) == {1}


def test_rows_of_two_keys_and_of_two_accounts_become_campaigns_of_their_own(inbox: AnInbox) -> None:
    inbox.ledger.an_account("other")
    inbox.insert(*inbox.letters(2), *inbox.letters(2, campaign_key="j"), *inbox.letters(2, account="other"))
    assert [campaign.total_count for campaign in inbox.make()] == [2, 2, 2]


def test_a_campaign_is_announced_when_no_more_rows_came_for_a_moment(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1))
    assert inbox.take_in() == 0
    inbox.ledger.clock.jump(QUIET_SECONDS - 0.5)
    inbox.insert({**inbox.letters(1)[0], "phone": "79035550000"})
    assert inbox.take_in() == 0
    inbox.ledger.clock.jump(QUIET_SECONDS - 0.5)
    assert inbox.take_in() == 0
    inbox.ledger.clock.jump(1)
    assert inbox.take_in() == 1
    assert inbox.campaigns()[0].total_count == 2


def test_whoever_writes_row_after_row_does_not_keep_a_campaign_open_for_ever(inbox: AnInbox) -> None:
    made = 0
    for number in range(int(LONGEST_SECONDS) + 3):
        inbox.insert({**inbox.letters(1)[0], "phone": str(79030000000 + number)})
        made += inbox.take_in()
        inbox.ledger.clock.jump(1)
    assert made == 1


def test_a_campaign_waits_for_rows_that_were_written_before_it_was_quiet(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1))
    inbox.take_in()
    inbox.ledger.clock.jump(QUIET_SECONDS + 1)
    inbox.insert(*inbox.letters(1, campaign_key="j"))  # by its own clock written before
    with transaction(inbox.ledger.sessions) as session:
        assert find_complete(session, clock=inbox.ledger.clock) == []


def test_every_spelling_of_a_number_is_read(inbox: AnInbox) -> None:
    inbox.insert(*[{**inbox.letters(1)[0], "phone": phone} for phone in ("8 (903) 325-66-99", "+7 903 3256698")])
    inbox.make()
    assert inbox.ledger.all(select(Row.msisdn).order_by(Row.position)) == ["79033256699", "79033256698"]


def test_content_refs_keys_and_variables_arrive(inbox: AnInbox) -> None:
    said = {"sender_viber": "Shop", "text_viber": "Hi {name}", "sender": "Shop", "text": "Hello {name}, {sum}"}
    inbox.insert(
        {
            "campaign_key": "k",
            "kind": "viber-sms",
            "content": json.dumps(said),
            "phone": "79030000001",
            "ref": "order 17",
            "client_key": "17",
            "variables": '{"name": "Анна \\ud83d\\ude00", "sum": 12345678901234567890.10, "other": null}',
        }
    )
    (campaign,) = inbox.make()
    assert from_json(campaign.kind, campaign.content) == ViberSms(**said)
    (row,) = inbox.ledger.all(select(Row))
    assert (row.ref, row.send_key, json.loads(row.values_json)) == (
        "order 17", "17", ["Анна 😀", "12345678901234567890.10"],
    )  # fmt: skip


def test_a_time_to_send_at_is_kept(inbox: AnInbox) -> None:
    at = datetime(2030, 12, 1, 10, 0, 0, tzinfo=UTC)
    inbox.insert(*inbox.letters(2, send_at="2030-12-01 13:00:00+03:00"))
    (campaign,) = inbox.make()
    assert (campaign.start_at, campaign.status, campaign.total_count) == (at, CampaignStatus.SCHEDULED, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": "12"}, "too few digits for a phone number"),
        ({"phone": ""}, "no phone number"),
        ({"send_at": "9999-12-31 23:59:00+00:00"}, "its send_at is no moment like"),
        ({"campaign_key": " "}, "it has no campaign_key"),
        ({"campaign_key": "k" * 201}, "its campaign_key has more than 200 characters"),
        ({"account": "shop"}, 'no account "shop": there is default'),
        ({"kind": "email"}, 'there is no kind "email"'),
        ({"sender": None}, "sender is missing"),
        ({"text": " "}, "text is empty"),
        ({"text": "x" * 10_001}, "its text has more than 10,000 characters"),
        ({"text": "Hello {name"}, "text has a brace without its partner"),
        ({"text": "Hello {name}"}, "no value for {name}"),
        ({"text": "Hello {name}", "variables": "[1]"}, "its variables are no JSON object"),
        ({"text": "Hello {name}", "variables": '{"name": {"first": "A"}}'}, "its variables are no JSON object"),
        ({"text": "Hello {name}", "variables": '{"name": "a\\u0000b"}'}, "its variables are no JSON object"),
        ({"text": "Hello {name}", "variables": '{"name": "\\ud800"}'}, "its variables are no JSON object"),
        ({"content": '{"text": "Other"}'}, "its text stands in a column of its own and differently in content"),
        ({"content": '"Hello"'}, "its content is no JSON object"),
        ({"content": '{"texd": "Hello"}'}, 'a sms message has no field "texd" (did you mean "text"?)'),
        ({"ref": "r" * 201}, "its ref has more than 200 characters"),
        ({"client_key": "017"}, "its own key is not 1 to 15 digits"),
    ],
)
def test_a_row_that_cannot_be_sent_is_refused_with_one_sentence(
    inbox: AnInbox, changes: dict[str, Any], words: str
) -> None:
    inbox.insert({**inbox.letters(1)[0], **changes}, *inbox.letters(1, campaign_key="good"))
    (campaign,) = inbox.make()
    refusal = inbox.refusals()[0]
    assert refusal is not None
    assert refusal.startswith(words)
    assert "\n" not in refusal
    assert campaign.external_key == "good"


def test_a_bad_row_costs_nobody_else(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1), {**inbox.letters(1)[0], "phone": "nobody"}, *inbox.letters(1, phone="79035550000"))
    (campaign,) = inbox.make()
    assert inbox.rows() == [(campaign.id, 1, None), (None, None, "not a phone number"), (campaign.id, 2, None)]


def test_where_every_row_is_refused_there_is_no_campaign(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1, client_key="5"))
    inbox.make()
    inbox.insert(*inbox.letters(1, campaign_key="j", client_key="5"))
    assert len(inbox.make()) == 1
    assert inbox.refusals()[1] == "its own key is already used in campaign 1"
    assert inbox.ledger.all(select(Gathering.campaign_id)) == []


def test_rows_of_one_key_that_say_something_else_are_refused(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1), *inbox.letters(1, text="Other"), *inbox.letters(1, send_at="2030-01-01 00:00:00Z"))
    (campaign,) = inbox.make()
    taken, other, later = inbox.refusals()
    assert (taken, campaign.total_count) == (None, 1)
    assert other is not None
    assert later is not None
    assert "(text)" in other
    assert "(at)" in later


def test_a_number_twice_is_sent_to_once(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1), *inbox.letters(1))
    (campaign,) = inbox.make()
    assert inbox.ledger.outcomes(campaign.id)[2].reason == "the same number as row 1"


def test_rows_that_come_again_belong_to_the_campaign_that_was_made(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(2))
    (campaign,) = inbox.make()
    inbox.insert(*inbox.letters(3))
    assert len(inbox.make()) == 1
    assert inbox.rows()[2:] == [
        (campaign.id, 1, None),
        (campaign.id, 2, None),
        (None, None, "campaign 1 was already made from this key, without this number: use a new key"),
    ]
    assert inbox.ledger.campaign(campaign.id).total_count == 2


def test_a_key_that_another_door_has_used_is_the_same_key(inbox: AnInbox) -> None:
    campaign_id = inbox.ledger.a_draft(2, key="k", content=PLAIN)
    inbox.insert(*inbox.letters(3))
    inbox.make()
    assert [row[:2] for row in inbox.rows()] == [(campaign_id, 1), (campaign_id, 2), (None, None)]


def test_stopped_numbers_are_skipped_also_where_nobody_else_is_left(inbox: AnInbox) -> None:
    inbox.ledger.do(add_stops, ["79030000001"], reason="asked", actor="anna")
    inbox.insert(*inbox.letters(1))
    (campaign,) = inbox.make()
    assert inbox.ledger.statuses(campaign.id) == {1: "skipped"}


def test_pieces_of_a_large_group_come_together(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(4_500))
    (campaign,) = inbox.make()
    assert (campaign.total_count, campaign.skipped_count) == (4_500, 0)
    assert inbox.ledger.all(select(func.count()).where(Outgoing.taken_at.is_not(None))) == [4_500]
    assert inbox.ledger.all(select(func.max(Row.msisdn))) == ["79030004500"]


def crowd(inbox: AnInbox, small: int) -> None:
    """Write a large group and a small one behind it, and let tick after tick take a piece until the one is large."""
    with transaction(inbox.ledger.sessions) as session:
        written = text("INSERT INTO bulkpost_outgoing (campaign_key, sender, text, phone) VALUES (:k, 'S', 'T', :p)")
        for key, count in (("large", LARGE + 3 * ROWS_AT_ONCE), ("small", small)):
            session.execute(written, [{"k": key, "p": str(79030000000 + number)} for number in range(count)])
    for _ in range(LARGE // ROWS_AT_ONCE):
        assert inbox.taker().take_in(0.0) == 0


def test_a_small_group_does_not_wait_for_a_large_one_before_it(inbox: AnInbox) -> None:
    crowd(inbox, 2)
    inbox.ledger.clock.jump(QUIET_SECONDS + 0.1)
    assert inbox.taker().take_in(0.0) == 1
    assert [(one.external_key, one.total_count) for one in inbox.campaigns()] == [("small", 2)]
    large = inbox.make()[0]
    assert (large.external_key, large.total_count) == ("large", LARGE + 3 * ROWS_AT_ONCE)
    assert inbox.ledger.all(select(Row.msisdn).where(Row.campaign_id == large.id).order_by(Row.position)) == [
        str(79030000000 + number) for number in range(large.total_count)
    ]


def test_a_group_behind_a_large_one_is_not_made_before_its_last_row_is_in(inbox: AnInbox) -> None:
    crowd(inbox, ROWS_AT_ONCE + 2)
    inbox.ledger.clock.jump(QUIET_SECONDS + 0.1)
    with transaction(inbox.ledger.sessions) as session:
        assert find_complete(session, clock=inbox.ledger.clock) == []
    assert inbox.taker().take_in(0.0) == 0
    inbox.ledger.clock.jump(QUIET_SECONDS + 0.1)
    assert inbox.taker().take_in(0.0) == 1
    assert [one.total_count for one in inbox.campaigns()] == [ROWS_AT_ONCE + 2]


def test_no_sweep_takes_a_campaign_away_that_is_still_gathered_for(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(2))
    inbox.take_in()
    inbox.ledger.clock.jump(SILENT_IMPORT_SECONDS + 60)
    assert not inbox.ledger.do(sweep_silent_import)
    assert inbox.take_in() == 1
    assert inbox.campaigns()[0].total_count == 2


def test_rows_that_are_done_with_are_forgotten_and_those_that_wait_are_not(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(2), *inbox.letters(1, phone="12"))
    inbox.make()
    assert inbox.taker().forget() == 0
    inbox.ledger.clock.jump(KEPT_DAYS * 86_400)
    inbox.insert(*inbox.letters(1, campaign_key="new"))
    assert inbox.taker().forget() == 3
    assert inbox.rows() == [(None, None, None)]


def test_another_applications_open_transaction_blocks_nothing(postgres_inbox: AnInbox) -> None:
    inbox = postgres_inbox
    with inbox.ledger.sessions() as other:
        inbox.insert(*inbox.letters(3, campaign_key="open"), session=other)
        inbox.insert(*inbox.letters(2))
        assert [campaign.external_key for campaign in inbox.make()] == ["k"]
        other.commit()
    assert [campaign.external_key for campaign in inbox.make()] == ["k", "open"]


def test_keys_that_an_open_transaction_holds_are_not_waited_for(postgres_inbox: AnInbox) -> None:
    inbox = postgres_inbox
    with inbox.ledger.sessions() as other:
        enqueue_campaign(other, content=PLAIN, recipients=numbers(1), key="k", clock=inbox.ledger.clock)
        enqueue_campaign(other, content=PLAIN, recipients=[Recipient("79035550000", client_key="5")])
        inbox.insert(*inbox.letters(2), *inbox.letters(2, campaign_key="j"))
        inbox.insert(*inbox.letters(1, campaign_key="j", phone="79036660000", client_key="5"))
        (campaign,) = inbox.make()
        other.rollback()
    assert (campaign.external_key, campaign.total_count) == ("j", 2)
    refusals = inbox.refusals()
    assert refusals[2:4] == [None, None]
    assert [str(one).partition(" at this moment")[0] for one in (*refusals[:2], refusals[4])] == [
        "another transaction is making a campaign of this campaign_key",
        "another transaction is making a campaign of this campaign_key",
        "another transaction is using this client_key",
    ]


def test_two_ticks_at_once_take_every_row_once(postgres_inbox: AnInbox) -> None:
    inbox = postgres_inbox
    inbox.insert(*inbox.letters(5_000), *inbox.letters(50, campaign_key="j"))
    inside, looked = Signal(), Signal()

    def first() -> int:
        def wait(step: str) -> None:
            if step == "taking_in":
                inside.set()
                assert looked.wait(30)

        return inbox.taker(wait).take_in(60.0)

    def second() -> int:
        assert inside.wait(30)
        made = inbox.taker().take_in(60.0)
        looked.set()
        return made

    together([first, second])
    assert [campaign.total_count for campaign in inbox.make()] == [5_000, 50]
    assert {row[2] for row in inbox.rows()} == {None}


def test_a_row_from_the_future_or_the_past_holds_up_nobody(inbox: AnInbox) -> None:
    inbox.insert(*inbox.letters(1, campaign_key="future", created_at="2999-01-01 00:00:00"))
    inbox.insert(*inbox.letters(1, campaign_key="past", created_at="1970-01-01 00:00:00"))
    assert len(inbox.make()) == 2


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC"])
def test_moments_that_python_cannot_hold_are_refused(postgres_inbox: AnInbox, moment: str) -> None:
    with transaction(postgres_inbox.ledger.sessions) as session:
        session.execute(
            text(
                "INSERT INTO bulkpost_outgoing (campaign_key, sender, text, phone, send_at, created_at) "
                "SELECT 'k', 'Shop', 'Hello', '79030000001', given, given "
                "FROM (SELECT CAST(:moment AS timestamptz) AS given) AS moments"
            ),
            {"moment": moment},
        )
    assert postgres_inbox.make() == []
    assert postgres_inbox.refusals() == ["its send_at is no moment like 2026-12-01 10:00:00+03:00"]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("phone", "X'ff00'"),
        ("campaign_key", "X'ff'"),
        ("text", "CAST(X'c328' AS TEXT)"),
        ("variables", "5"),
        ("content", "X'00'"),
        ("send_at", "1790000000"),
        ("send_at", "'yesterday'"),
        ("created_at", "'yesterday'"),
        ("created_at", "X'ff'"),
        ("client_key", "1.5"),
        ("account", "X''"),
    ],
)
def test_sqlite_keeps_anything_in_any_column_and_the_tick_goes_on(
    sqlite_inbox: AnInbox, column: str, written: str
) -> None:
    row = {"campaign_key": "'odd'", "sender": "'Shop'", "text": "'Hello'", "phone": "'79030000001'", column: written}
    with transaction(sqlite_inbox.ledger.sessions) as session:
        names, values = ", ".join(row), ", ".join(row.values())
        session.execute(text(f"INSERT INTO bulkpost_outgoing ({names}) VALUES ({values})"))
    sqlite_inbox.insert(*sqlite_inbox.letters(1))
    made = {campaign.external_key for campaign in sqlite_inbox.make()}
    assert made == ({"k", "odd"} if column == "created_at" else {"k"})
