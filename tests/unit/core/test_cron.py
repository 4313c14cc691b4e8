"""Cron lines on the nights that change the clocks, those that never fire, and what is made of missed occurrences."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadTimes
from worker.core.cron import MOST_COUNTED, Choice, Missed, choose, read_cron
from worker.errors import ConfigurationError

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Europe/Moscow", "UTC")
LINES = ("30 2 * * *", "30 1 * * *", "0 0 * * *", "*/15 1-3 * * *", "0 * * * *", "*/20 * * * *", "0 */2 * * 1-5")

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def fired(line: str, zone: str, since: str, count: int) -> list[str]:
    cron = read_cron(line, zone)
    return [f"{one.astimezone(cron.zone):%d %H:%M %Z}" for one in cron.several_after(at(since), count)]


@pytest.mark.parametrize(
    ("line", "zone", "since", "expected"),
    [
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00-05:00", ["08 03:00 EDT", "09 02:30 EDT"]),
        ("*/15 2 * * *", "America/New_York", "2026-03-07T12:00-05:00", ["08 03:00 EDT", "09 02:00 EDT"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00-04:00", ["01 01:30 EDT", "02 01:30 EST"]),
        ("*/30 1 * * *", "America/New_York", "2026-11-01T01:10-04:00", ["01 01:30 EDT", "02 01:00 EST"]),
        ("0 * * * *", "America/New_York", "2026-11-01T00:30-04:00", ["01 01:00 EDT", "01 01:00 EST", "01 02:00 EST"]),
        ("30 0-23 * * *", "America/New_York", "2026-11-01T00:40-04:00", ["01 01:30 EDT", "01 01:30 EST"]),
        ("0 * * * *", "America/New_York", "2026-03-08T00:30-05:00", ["08 01:00 EST", "08 03:00 EDT"]),
        ("0 9 * * *", "America/New_York", "2026-03-07T12:00-05:00", ["08 09:00 EDT", "09 09:00 EDT"]),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+01:00", ["29 03:00 CEST", "30 02:30 CEST"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+02:00", ["25 02:30 CEST", "26 02:30 CET"]),
        ("0 */2 * * *", "Europe/Berlin", "2026-10-25T01:00+02:00", ["25 02:00 CEST", "25 04:00 CET"]),
        ("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", ["04 02:30 +11", "05 02:10 +11"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00+11:00", ["05 01:45 +11", "06 01:45 +1030"]),
        ("0 0 * * *", "America/Havana", "2026-03-07T12:00-05:00", ["08 01:00 CDT", "09 00:00 CDT"]),
        ("0 0 * * *", "America/Havana", "2026-10-31T12:00-04:00", ["01 00:00 CDT", "02 00:00 CST"]),
        ("0 10 1 * *", "Europe/Moscow", "2026-11-22T12:00+03:00", ["01 10:00 MSK", "01 10:00 MSK"]),
        ("0 10 L * *", "Europe/Moscow", "2026-11-22T12:00+03:00", ["30 10:00 MSK", "31 10:00 MSK"]),
    ],
)  # fmt: skip
def test_on_the_nights_that_change_the_clocks_each_occurrence_is_one(
    line: str, zone: str, since: str, expected: list[str]
) -> None:
    assert fired(line, zone, since, len(expected)) == expected


@given(
    st.sampled_from(LINES),
    st.sampled_from(ZONES),
    st.integers(0, 365 * 24 * 60),
)
def test_whoever_asks_between_two_occurrences_is_told_the_same(line: str, zone: str, minute: int) -> None:
    cron = read_cron(line, zone)
    moment = NEW_YEAR + timedelta(minutes=minute)
    first, second = cron.several_after(moment, 2)
    assert moment < first < second
    assert cron.after(first) == cron.after(second - timedelta(microseconds=1)) == second
    assert cron.after(moment + (first - moment) / 2) == first
    assert cron.last_between(first, second) == second
    assert cron.last_between(first, second - timedelta(seconds=1)) == first


@given(st.sampled_from(LINES[:4]), st.sampled_from(ZONES), st.integers(1, 363))
def test_a_time_on_the_wall_comes_once_whatever_the_clocks_do(line: str, zone: str, day: int) -> None:
    cron = read_cron(line, zone)
    noon = (NEW_YEAR + timedelta(days=day)).replace(hour=12, tzinfo=cron.zone)
    walls = []
    occurrence = cron.after(noon - timedelta(days=1))
    while occurrence is not None and occurrence <= noon:
        walls.append(occurrence.astimezone(cron.zone).replace(tzinfo=None))
        occurrence = cron.after(occurrence)
    assert walls
    assert len(walls) == len(set(walls))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0 31 2 *", 'cron "0 0 31 2 *" never fires'),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 * 4 mon#9", "the day-of-week cannot be read"),
        ("61 * * * *", "the minute cannot be read"),
        ("0 25 * * *", "the hour cannot be read"),
        ("0 10 32 * *", "the day-of-month cannot be read"),
        ("0 10 1 13 *", "the month cannot be read"),
        ("0 10 * * someday", "the day-of-week cannot be read"),
        ("@daily", "has 1 fields instead of five"),
        ("0 0 10 1 * *", "has 6 fields instead of five"),
        ("", "has 0 fields instead of five"),
    ],
)
def test_a_cron_that_is_none_is_refused_with_the_mend(line: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match="10:00 on the first of each month") as refused:
        read_cron(line, "Europe/Moscow")
    assert says in str(refused.value)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadTimes, match="did you mean Europe/Moscow"):
        read_cron("0 10 1 * *", "Europe/Moskow")


def test_a_leap_day_fires_though_it_is_years_away() -> None:
    assert read_cron("0 0 29 2 *", "UTC").after(at("2026-01-01T00:00Z")) == at("2028-02-29T00:00Z")


HOURLY = read_cron("0 * * * *", "UTC")
TEN, ELEVEN, NOON = (at(f"2026-03-01T{hour}:00Z") for hour in (10, 11, 12))
GRACE = timedelta(minutes=5)


def test_an_occurrence_within_the_grace_is_made() -> None:
    now = TEN + timedelta(minutes=4)
    assert choose(HOURLY, TEN, now, now - GRACE, merge=False) == Choice(TEN, None, None)


def test_those_before_the_grace_are_left_out_and_told() -> None:
    now = NOON + timedelta(minutes=4)
    assert choose(HOURLY, TEN, now, now - GRACE, merge=False) == Choice(NOON, None, Missed(TEN, ELEVEN, 2))


def test_where_all_are_too_late_nothing_is_made_and_the_next_one_comes() -> None:
    now = ELEVEN + timedelta(minutes=40)
    assert choose(HOURLY, TEN, now, now - GRACE, merge=False) == Choice(None, NOON, Missed(TEN, ELEVEN, 2))


def test_merged_the_last_one_stands_for_all() -> None:
    now = NOON + timedelta(minutes=40)
    assert choose(HOURLY, TEN, now, now - GRACE, merge=True) == Choice(NOON, None, Missed(TEN, ELEVEN, 2))


def test_years_of_missed_minutes_are_counted_to_an_end() -> None:
    minutely = read_cron("* * * * *", "UTC")
    chosen = choose(minutely, TEN, TEN + timedelta(days=900), TEN, merge=True)
    assert chosen.occurrence == TEN + timedelta(days=900)
    assert chosen.missed is not None
    assert chosen.missed.count == MOST_COUNTED
