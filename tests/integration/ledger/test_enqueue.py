"""Enqueue: a campaign exists exactly if its caller commits, and says clearly what it refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from threading import Event as Signal
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, func, select, update
from sqlalchemy.orm import Session

from models.campaign import Campaign
from models.content import FlashSms, Sms
from models.errors import ContentError, EmptyList, KeyConflict, LedgerError, UnknownAccount, WrongDatabase
from models.installation import Installation
from models.ledger.claim import claim
from models.ledger.edit import Changes, edit_campaign
from models.ledger.enqueue import Recipient, enqueue_campaign
from models.ledger.keys import send_key
from models.ledger.owed import read_owed
from models.ledger.plan import start_due
from models.outcome import Outcome
from models.recipient import Recipient as Row
from models.session import reading, transaction
from models.states import CampaignStatus
from models.work import Lease
from tests.support.ledger import CLAIMING, NOON, PLAIN, Ledger, accepted, numbers, together

GREETING = Sms(sender="Shop", text="Hello {name}")


def rows(ledger: Ledger) -> list[str | None]:
    return ledger.all(select(Row.msisdn).order_by(Row.campaign_id, Row.position))


def test_a_campaign_exists_exactly_if_its_caller_commits(ledger: Ledger) -> None:
    with ledger.sessions() as session:
        enqueue_campaign(session, content=PLAIN, recipients=numbers(3), clock=ledger.clock)
        session.rollback()
    assert ledger.all(select(Campaign.id)) == []
    assert rows(ledger) == []
    campaign_id = ledger.a_draft(3)
    assert ledger.campaign(campaign_id).status is CampaignStatus.SCHEDULED


def test_an_application_with_the_plain_driver_can_roll_back_too(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with Session(engine) as session:
        enqueue_campaign(session, content=PLAIN, recipients=numbers(3), key="order-1")
        session.rollback()
    with Session(engine) as session:
        assert session.execute(select(Campaign.id)).all() == []
        assert session.execute(select(Row.position)).all() == []
        enqueue_campaign(session, content=PLAIN, recipients=numbers(3), key="order-1")
        session.commit()
    with Session(engine) as session:
        assert session.execute(select(Campaign.total_count)).scalars().all() == [3]


def test_every_row_of_the_list_has_a_position_also_what_is_skipped(ledger: Ledger) -> None:
    people = [
        Recipient("79030000001", {"name": "Anna"}, ref="a"),
        Recipient("8 903 000", {"name": "Boris"}),
        Recipient("79030000002", {"name": "  "}),
        Recipient("79030000001", {"name": "Anna again"}),
        Recipient("79030000003", {}, ref="d"),
        Recipient("79030000004", {"name": "Eva"}, ref="r" * 201),
        Recipient("79030000005", {"name": "Fedor"}),
    ]
    campaign_id = ledger.a_draft(content=GREETING, recipients=people)
    campaign = ledger.campaign(campaign_id)
    assert (campaign.total_count, campaign.skipped_count) == (7, 5)
    assert {position: one.reason for position, one in sorted(ledger.outcomes(campaign_id).items())} == {
        2: "not a phone number of 8 to 14 digits",
        3: "no value for {name}",
        4: "the same number as row 1",
        5: "no value for {name}",
        6: "the reference is longer than 200 characters",
    }


@pytest.mark.parametrize(
    "phone", ["", "1234567", "123456789012345", "+79030000001", "09030000001", "٧٩٠٣٠٠٠٠٠٠١", "7903\n"]
)
def test_what_is_not_8_to_14_digits_is_skipped(sqlite_ledger: Ledger, phone: str) -> None:
    campaign_id = sqlite_ledger.a_draft(recipients=[Recipient("79030000001"), Recipient(phone)])
    assert sqlite_ledger.statuses(campaign_id) == {2: "skipped"}
    assert rows(sqlite_ledger) == ["79030000001", None]


def test_a_number_whose_first_row_is_skipped_is_sent_by_its_next_row(ledger: Ledger) -> None:
    people = [Recipient("79030000001", {}), Recipient("79030000001", {"name": "Anna"})]
    campaign_id = ledger.a_draft(content=GREETING, recipients=people)
    assert ledger.statuses(campaign_id) == {1: "skipped"}


def test_values_and_references_come_back_to_the_letter(ledger: Ledger) -> None:
    strange = "Анна \\N \\t \t \"quote\" 'x' \\ {y}\r\n😀"
    ledger.a_campaign(content=GREETING, recipients=[Recipient("79030000001", {"name": strange, "more": "x"}, strange)])
    lease = ledger.a_lease()
    with reading(ledger.sessions) as session:
        (owed,) = read_owed(session, lease)
    assert (owed.values, owed.msisdn) == ({"name": strange}, "79030000001")
    assert owed.send_key == send_key(lease.key_prefix, 1)
    assert ledger.all(select(Row.ref)) == [strange]


@pytest.mark.parametrize("unstorable", ["a\x00b", "a\ud800b"])
def test_a_text_that_no_database_holds_costs_its_recipient_and_nobody_else(ledger: Ledger, unstorable: str) -> None:
    people = [
        Recipient("79030000001", {"name": unstorable}),
        Recipient("79030000002", {"name": "Boris"}, ref=unstorable),
        Recipient("79030000003", {"name": "Eva"}),
    ]
    campaign_id = ledger.a_draft(content=GREETING, recipients=people)
    assert ledger.statuses(campaign_id) == {1: "skipped", 2: "skipped"}


def test_a_list_of_nobody_is_refused(ledger: Ledger) -> None:
    with pytest.raises(EmptyList, match="of 2 rows every one was refused"):
        ledger.a_draft(recipients=[Recipient("1"), Recipient("2")])
    with pytest.raises(EmptyList):
        ledger.a_draft(recipients=iter(()), total=0)
    assert ledger.all(select(Campaign.id)) == []


def test_a_caller_who_goes_on_after_a_refusal_commits_nothing_half_done(ledger: Ledger) -> None:
    def failing() -> Iterator[Recipient]:
        yield Recipient("79030000001")
        raise ValueError("the caller's own")

    with ledger.transaction() as session:
        with pytest.raises(EmptyList):
            enqueue_campaign(session, content=PLAIN, recipients=[Recipient("1")], key="k", clock=ledger.clock)
        with pytest.raises(ValueError, match="own"):
            enqueue_campaign(session, content=PLAIN, recipients=failing(), key="k", clock=ledger.clock)
    assert ledger.all(select(Campaign.id)) == []
    assert ledger.all(select(Outcome.position)) == []
    assert rows(ledger) == []
    assert ledger.campaign(ledger.a_draft(1, key="k")).external_key == "k"


def test_the_same_key_returns_the_first_campaign_and_writes_nothing(ledger: Ledger) -> None:
    first = ledger.a_draft(2, key="order-1")
    assert ledger.a_draft(3, key="order-1") == first
    assert len(rows(ledger)) == 2


def test_the_same_key_in_another_account_is_another_campaign(ledger: Ledger) -> None:
    ledger.an_account("other")
    assert ledger.a_draft(1, key="order-1") != ledger.a_draft(1, key="order-1", account="other")


def test_the_same_key_with_other_words_is_refused_and_names_what_differs(ledger: Ledger) -> None:
    ledger.a_draft(1, key="order-1")
    with pytest.raises(KeyConflict, match=r'"order-1" belongs to campaign 1.*\(text\)'):
        ledger.a_draft(1, key="order-1", content=Sms(sender="Shop", text="Other"))


def test_the_same_key_at_once_makes_one_campaign(ledger: Ledger) -> None:
    found = together([lambda: ledger.a_draft(20, key="order-1")] * 6)
    assert len(set(found)) == 1
    assert len(rows(ledger)) == 20


def test_a_key_whose_first_caller_rolls_back_is_free(postgres_ledger: Ledger) -> None:
    inserted, looked = Signal(), Signal()

    def first() -> int:
        with postgres_ledger.sessions() as session:
            found = enqueue_campaign(
                session, content=PLAIN, recipients=numbers(1), key="k", clock=postgres_ledger.clock
            )
            inserted.set()
            looked.wait(1)
            session.rollback()
        return found

    def second() -> int:
        assert inserted.wait(10)
        looked.set()
        return postgres_ledger.a_draft(2, key="k")

    rolled_back, committed = together([first, second])
    assert postgres_ledger.all(select(Campaign.id)) == [committed]
    assert rolled_back != committed


def test_an_open_enqueue_of_another_application_blocks_no_claim(postgres_ledger: Ledger) -> None:
    postgres_ledger.a_campaign(1)
    with postgres_ledger.sessions() as other:
        enqueue_campaign(other, content=PLAIN, recipients=numbers(5), clock=postgres_ledger.clock)
        with transaction(postgres_ledger.sessions) as session:
            session.connection().exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            lease = claim(session, 1, clock=postgres_ledger.clock, **CLAIMING)
        assert isinstance(lease, Lease)
        postgres_ledger.record(lease, accepted(lease))
        other.commit()
    assert postgres_ledger.do(start_due) == 1


def test_a_generator_of_fifty_thousand_is_streamed(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(50_000)
    campaign = ledger.campaign(campaign_id)
    assert (campaign.total_count, campaign.skipped_count, len(campaign.key_prefix or "")) == (50_000, 0, 11)
    assert ledger.all(select(func.max(Row.msisdn))) == ["79030050000"]


def test_a_campaign_for_later_waits(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(1, at=NOON + timedelta(days=1))
    assert ledger.campaign(campaign_id).start_at == NOON + timedelta(days=1)


def test_what_the_provider_would_refuse_is_refused_here(ledger: Ledger) -> None:
    with pytest.raises(ContentError):
        ledger.a_draft(1, content=Sms(sender="", text="Hello"))


def test_an_unknown_account_names_those_that_exist(ledger: Ledger) -> None:
    with pytest.raises(UnknownAccount, match='no account "shop": there is default'):
        ledger.a_draft(1, account="shop")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"priority": 10}, "priority 10"),
        ({"key": "k" * 201}, "key"),
        ({"key": ""}, "key"),
        ({"at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        # Stored by an application whose database session is in UTC, it could be read by no session east of it.
        ({"at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "no year from 1900 to 2999"),
        ({"latest": datetime(3000, 1, 1, tzinfo=UTC)}, "no year from 1900 to 2999"),
        ({"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "no year from 1900 to 2999"),
        ({"time_zone": "Nowhere"}, 'no time zone "Nowhere"'),
        ({"key": "a\x00b"}, "key 'a.x00b' has a character that cannot be stored"),
        ({"key": "\ud800"}, "key .* has a character that cannot be stored"),
        ({"name": "\x00"}, "name .* has a character that cannot be stored"),
        ({"account": "\x00"}, "account .* has a character that cannot be stored"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_in_one_clear_line(
    ledger: Ledger, named: dict[str, object], words: str
) -> None:
    with pytest.raises(LedgerError, match=words) as refused:
        ledger.a_draft(1, **named)
    assert "\n" not in str(refused.value)


def test_a_database_of_another_contract_is_left_alone(ledger: Ledger) -> None:
    with ledger.transaction() as session:
        session.execute(update(Installation).values(contract_version=99))
    with pytest.raises(WrongDatabase, match="contract version 99, this package writes 1"):
        ledger.a_draft(1)
    assert rows(ledger) == []


def test_a_database_without_our_tables_is_refused_and_the_callers_transaction_goes_on(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with Session(engine) as session:
        with pytest.raises(WrongDatabase, match="no Bulkpost tables: run bulkpost db upgrade"):
            enqueue_campaign(session, content=PLAIN, recipients=numbers(1))
        assert session.execute(select(1)).scalar_one() == 1


def test_the_same_key_with_a_list_of_another_length_is_a_conflict(ledger: Ledger) -> None:
    campaign_id = ledger.a_draft(recipients=list(numbers(2)), key="order-1")
    assert ledger.a_draft(recipients=list(numbers(2)), key="order-1") == campaign_id
    with pytest.raises(KeyConflict, match=r"\(recipients: 2, now 3\)"):
        ledger.a_draft(recipients=list(numbers(3)), key="order-1")


def test_the_same_key_for_another_time_is_a_conflict(ledger: Ledger) -> None:
    later = NOON + timedelta(days=1)
    campaign_id = ledger.a_draft(1, key="order-1", at=later)
    assert ledger.a_draft(1, key="order-1", at=later) == campaign_id
    with pytest.raises(KeyConflict, match=r"\(at\)"):
        ledger.a_draft(1, key="order-1", at=later + timedelta(days=1))


def test_the_same_key_with_another_kind_is_a_conflict(ledger: Ledger) -> None:
    ledger.a_draft(1, key="order-1")
    with pytest.raises(KeyConflict, match=r"\(kind: sms, now flashsms\)"):
        ledger.a_draft(1, key="order-1", content=FlashSms("Shop", "Hello"))


def test_whoever_repeats_what_was_said_first_is_not_held_up_by_what_a_person_edited(ledger: Ledger) -> None:
    later = NOON + timedelta(days=1)
    campaign_id = ledger.a_draft(1, key="order-1", at=later)
    changes = Changes(fields={"text": "Hello there"}, at=later + timedelta(hours=1))
    ledger.do(edit_campaign, campaign_id, changes, actor="anna")
    assert ledger.a_draft(1, key="order-1", at=later) == campaign_id
    with pytest.raises(KeyConflict, match=r"\(sender\)"):
        ledger.a_draft(1, key="order-1", at=later, content=Sms("Store", "Hello"))


def test_a_hundred_at_once_with_one_key_make_one_campaign(postgres_ledger: Ledger) -> None:
    found = together([lambda: postgres_ledger.a_draft(3, key="order-1")] * 100)
    assert len(set(found)) == 1
    assert len(rows(postgres_ledger)) == 3


def test_what_limits_a_campaign_comes_with_it(ledger: Ledger) -> None:
    named = {"latest": NOON + timedelta(days=2), "window": "09:00-21:00", "time_zone": "Europe/Moscow"}
    campaign = ledger.campaign(ledger.a_draft(1, max_segments=5, **named))
    assert (campaign.latest_at, campaign.send_window, campaign.time_zone) == tuple(named.values())
    assert (campaign.max_segments, campaign.opens_at is not None) == (5, True)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"window": "09:00-21:00"}, 'pass time_zone="Europe/Moscow"'),
        ({"window": "nine to five", "time_zone": "UTC"}, "nine to five"),
        ({"window": "09:00-21:00", "time_zone": "Mars/Base"}, "Mars/Base"),
        ({"latest": NOON - timedelta(days=1)}, "not after the start"),
        ({"max_segments": 0}, "max_segments is 0"),
    ],
)
def test_limits_that_cannot_be_are_refused(sqlite_ledger: Ledger, named: dict[str, object], words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        sqlite_ledger.a_draft(1, **named)


@pytest.mark.parametrize("broken", [{"phone": 79030000001}, {"ref": 17}, {"variables": {"name": 5}}, {"client_key": 5}])
def test_what_is_no_text_costs_its_recipient_and_nobody_else(ledger: Ledger, broken: dict[str, Any]) -> None:
    one = Recipient(**{"phone": "79030000001", "variables": {"name": "Anna"}, **broken})
    campaign_id = ledger.a_draft(content=GREETING, recipients=[one, Recipient("79030000002", {"name": "Boris"})])
    assert ledger.statuses(campaign_id) == {1: "skipped"}
