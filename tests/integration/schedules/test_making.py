"""Occurrences become campaigns: each once, the missed ones as chosen, and a problem ends no schedule."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.campaign import Campaign
from models.content import Sms
from models.ledger.occurrences import MAKER_LEASE_SECONDS, MOST_AT_ONCE, MOST_TRIES, RETRY_SECONDS, find_due
from models.ledger.schedules import end_schedule, pause_schedule, resume_schedule, show_schedule
from models.recipient import Recipient
from models.schedule import Schedule
from models.session import reading, transaction
from models.states import CampaignStatus
from tests.support.ledger import together
from tests.support.recurring import DAY, TEN, Recurring
from worker.core.cron import read_cron


def notes(recurring: Recurring, name: str = "daily") -> list[str]:
    with reading(recurring.ledger.sessions) as session:
        return [note["reason"] for note in show_schedule(session, name)["notes"]]


def test_an_occurrence_is_a_campaign_of_its_own(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule(name="Bonus", options={"priority": 8}, time_zone="Europe/Moscow")
    recurring.at(TEN - timedelta(hours=3) + timedelta(seconds=3))
    assert recurring.make(schedule_id) is None  # the first one after ten in UTC is tomorrow's
    recurring.at(TEN + DAY - timedelta(hours=3) + timedelta(seconds=3))
    campaign_id = recurring.make(schedule_id)
    (campaign,) = recurring.campaigns()
    assert campaign.id == campaign_id
    assert (campaign.name, campaign.priority, campaign.status) == (
        "Bonus 2026-03-02 10:00",
        8,
        CampaignStatus.SCHEDULED,
    )
    assert campaign.start_at == campaign.occurrence_at == TEN + DAY - timedelta(hours=3)
    assert (campaign.schedule_id, campaign.total_count) == (schedule_id, 2)
    assert recurring.schedule(schedule_id).next_at == TEN + 2 * DAY - timedelta(hours=3)
    assert recurring.make(schedule_id) is None


def test_nothing_is_made_before_its_time(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN - timedelta(seconds=1))
    assert recurring.ledger.read(find_due) == []
    assert recurring.make(schedule_id) is None
    recurring.at(TEN)
    assert recurring.ledger.read(find_due) == [schedule_id]


def test_the_file_is_read_anew_for_each_occurrence(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule(content=Sms(sender="Shop", text="Hello {name}"))
    for day in range(2):
        recurring.write_list(f"7903325660{day},Ivan")
        recurring.at(TEN + day * DAY)
        recurring.make(schedule_id)
    numbers = recurring.ledger.all(select(Recipient.msisdn).order_by(Recipient.campaign_id))
    assert numbers == ["79033256600", "79033256601"]


def test_refused_rows_are_skipped_with_their_reason_and_write_no_file(recurring: Recurring) -> None:
    recurring.write_list("79033256699,Ivan", "no number,Olga", "79033256699,Ivan again")
    recurring.at(TEN)
    campaign_id = recurring.make(recurring.a_schedule())
    assert campaign_id is not None
    assert sorted(recurring.ledger.statuses(campaign_id)) == [2, 3]
    assert [path.name for path in recurring.folder.glob("*.csv")] == ["people.csv"]


def test_what_was_missed_is_skipped_and_told(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN + 3 * DAY + timedelta(minutes=4))
    assert recurring.make(schedule_id) is not None
    assert [campaign.occurrence_at for campaign in recurring.campaigns()] == [TEN + 3 * DAY]
    assert notes(recurring) == [
        "3 occurrences from 2026-03-01 10:00 to 2026-03-03 10:00 were left out: nobody was there to make them in time"
    ]


def test_an_occurrence_that_is_too_late_is_not_made_at_all(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN + timedelta(minutes=6))
    assert recurring.make(schedule_id) is None
    assert recurring.campaigns() == []
    assert recurring.schedule(schedule_id).next_at == TEN + DAY
    assert notes(recurring) == [
        "the occurrence of 2026-03-01 10:00 was left out: nobody was there to make them in time"
    ]


def test_missed_occurrences_are_one_campaign_where_once_was_chosen(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule(missed="once")
    recurring.at(TEN + 3 * DAY + timedelta(hours=5))
    assert recurring.make(schedule_id) is not None
    assert recurring.make(schedule_id) is None
    assert [campaign.occurrence_at for campaign in recurring.campaigns()] == [TEN + 3 * DAY]
    assert notes(recurring) == [
        "3 occurrences from 2026-03-01 10:00 to 2026-03-03 10:00 were left out: the one of 2026-03-04 10:00 stands "
        "for them"
    ]
    assert recurring.schedule(schedule_id).next_at == TEN + 4 * DAY


def test_a_pause_leaves_its_occurrences_out(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    ledger = recurring.ledger
    ledger.do(pause_schedule, "daily", actor="anna")
    recurring.at(TEN + 2 * DAY)
    assert ledger.read(find_due) == []
    assert recurring.make(schedule_id) is None
    ledger.do(
        resume_schedule, "daily", actor="anna", next_after=lambda s, now: read_cron(s.cron, s.time_zone).after(now)
    )
    assert recurring.schedule(schedule_id).next_at == TEN + 3 * DAY
    assert notes(recurring) == []


def test_an_ended_schedule_gives_its_name_back_and_makes_nothing(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.ledger.do(end_schedule, "daily", actor="anna")
    recurring.at(TEN)
    assert recurring.make(schedule_id) is None
    assert recurring.make(recurring.a_schedule()) is not None


def test_a_file_that_is_gone_is_tried_again_then_told_and_the_schedule_goes_on(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.list_path.rename(recurring.folder / "elsewhere.csv")
    recurring.at(TEN)
    for _ in range(MOST_TRIES):
        assert recurring.ledger.read(find_due) == [schedule_id]
        assert recurring.make(schedule_id) is None
        recurring.ledger.clock.jump(RETRY_SECONDS)
    schedule = recurring.schedule(schedule_id)
    assert (schedule.next_at, schedule.tried_count, schedule.status) == (TEN + DAY, 0, "active")
    assert schedule.last_problem == f"there is no file {recurring.list_path}: check the name"
    assert notes(recurring) == [schedule.last_problem]
    (recurring.folder / "elsewhere.csv").rename(recurring.list_path)
    recurring.at(TEN + DAY)
    assert recurring.make(schedule_id) is not None
    assert recurring.schedule(schedule_id).last_problem is None
    assert recurring.drafts() == []


def test_a_file_that_comes_back_in_time_is_sent(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.list_path.rename(recurring.folder / "elsewhere.csv")
    recurring.at(TEN)
    assert recurring.make(schedule_id) is None
    assert recurring.ledger.read(find_due) == []  # not at once
    (recurring.folder / "elsewhere.csv").rename(recurring.list_path)
    recurring.ledger.clock.jump(RETRY_SECONDS)
    assert recurring.make(schedule_id) is not None
    assert notes(recurring) == []


def test_a_list_in_which_nobody_can_be_sent_to_names_itself(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.write_list()
    recurring.at(TEN)
    assert recurring.make(schedule_id) is None
    problem = recurring.schedule(schedule_id).last_problem
    assert problem == f"{recurring.list_path}: nobody can be sent to: the list has a header and no rows"
    assert recurring.drafts() == []


def test_a_maker_that_died_is_followed_by_another_after_a_while(recurring: Recurring) -> None:
    class Killed(BaseException):
        """What nobody catches."""

    def die(step: str) -> None:
        if step == "finishing":
            raise Killed

    schedule_id = recurring.a_schedule()
    recurring.at(TEN + timedelta(minutes=4))
    with pytest.raises(Killed):
        recurring.maker(die).make(schedule_id)
    assert recurring.campaigns() == []
    assert recurring.make(schedule_id) is None
    recurring.ledger.clock.jump(MAKER_LEASE_SECONDS)
    assert recurring.make(schedule_id) is not None
    assert len(recurring.campaigns()) == 1
    assert notes(recurring) == []


def test_a_list_that_kills_its_maker_does_so_a_few_times_only(recurring: Recurring) -> None:
    class Killed(BaseException):
        """What nobody catches."""

    def die(step: str) -> None:
        if step == "added":
            raise Killed

    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            recurring.maker(die).make(schedule_id)
        recurring.ledger.clock.jump(MAKER_LEASE_SECONDS)
    assert recurring.maker(die).make(schedule_id) is None
    assert recurring.schedule(schedule_id).next_at == TEN + DAY
    assert "begun 4 times" in notes(recurring)[0]


def test_a_maker_that_was_taken_for_dead_takes_its_draft_back(recurring: Recurring) -> None:
    others: list[int | None] = []

    def be_slow(step: str) -> None:
        if step == "added":
            recurring.ledger.clock.jump(MAKER_LEASE_SECONDS)
            others.append(recurring.maker().make(schedule_id))

    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    assert recurring.maker(be_slow).make(schedule_id) is None
    assert others == [recurring.campaigns()[0].id]
    assert len(recurring.campaigns()) == 1
    assert recurring.drafts() == []


def test_pausing_stops_what_is_being_made(recurring: Recurring) -> None:
    def pause(step: str) -> None:
        if step == "added":
            with transaction(recurring.ledger.sessions) as session:
                pause_schedule(session, "daily", actor="anna", clock=recurring.ledger.clock)

    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    assert recurring.maker(pause).make(schedule_id) is None
    assert recurring.campaigns() == recurring.drafts() == []


def test_a_process_that_stops_leaves_the_occurrence_to_another_at_once(recurring: Recurring) -> None:
    stopping: list[bool] = []
    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    maker = recurring.maker(stopping=lambda: bool(stopping), at=lambda step: stopping.append(True))
    assert maker.make(schedule_id) is None
    assert recurring.drafts() == []
    assert recurring.make(schedule_id) is not None


def test_from_a_restored_database_nothing_is_made(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    assert recurring.maker(confirm=lambda: "restored from a backup").make(schedule_id) is None
    assert recurring.schedule(schedule_id).tried_count == 0


def test_two_makers_at_the_same_moment_make_one_campaign(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    for day in range(5):
        recurring.at(TEN + day * DAY)
        made = together([lambda: recurring.maker().make(schedule_id)] * 4)
        assert len([one for one in made if one is not None]) == 1
    assert [campaign.occurrence_at for campaign in recurring.campaigns()] == [TEN + day * DAY for day in range(5)]
    assert recurring.drafts() == []


def test_the_database_itself_refuses_a_second_campaign_of_an_occurrence(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    recurring.make(schedule_id)
    with transaction(recurring.ledger.sessions) as session:
        session.get_one(Schedule, schedule_id).next_at = TEN
    with pytest.raises(Exception, match=r"(?i)unique"):
        recurring.maker().make(schedule_id)
    assert len(recurring.campaigns()) == 1


def test_long_lists_leave_room_for_the_lanes(recurring: Recurring) -> None:
    ids = [recurring.a_schedule(name=f"daily {number}") for number in range(MOST_AT_ONCE + 2)]
    recurring.at(TEN)
    asked: list[list[int]] = []

    def look(step: str) -> None:
        if step == "begun":
            asked.append(recurring.ledger.read(find_due))

    assert recurring.ledger.read(find_due) == ids[:MOST_AT_ONCE]
    recurring.maker(look).make(ids[0])
    assert asked == [ids[1:MOST_AT_ONCE]]


def test_the_campaign_knows_its_schedule_and_the_schedule_its_campaigns(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule()
    recurring.at(TEN)
    campaign_id = recurring.make(schedule_id)
    with reading(recurring.ledger.sessions) as session:
        shown = show_schedule(session, str(schedule_id))
        assert session.get_one(Campaign, campaign_id).schedule_id == schedule_id
    assert [one["id"] for one in shown["campaigns"]] == [campaign_id]
    assert "occurrence_made" in recurring.ledger.events()


def test_a_column_that_is_gone_is_a_problem_of_that_occurrence(recurring: Recurring) -> None:
    schedule_id = recurring.a_schedule(content=Sms(sender="Shop", text="Hello {name}"))
    recurring.list_path.write_text("phone\n79033256699\n")
    recurring.at(TEN)
    assert recurring.make(schedule_id) is None
    assert "{name}" in (recurring.schedule(schedule_id).last_problem or "")
