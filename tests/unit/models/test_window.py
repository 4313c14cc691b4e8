"""Windows: what people write, and when it is open, also on the nights that change the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadTimes
from models.window import Window, next_opening, read_holidays, read_window, read_zone

MOSCOW = ZoneInfo("Europe/Moscow")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca")
DAILY = ((540, 1260),)


def opening(written: str, zone: str, now: str, *holidays: str) -> tuple[str, str]:
    """Return the opening in the zone's own time."""
    place = ZoneInfo(zone)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = next_opening(read_window(written), place, [date.fromisoformat(day) for day in holidays], moment)
    opens, closes = (f"{one.astimezone(place):%a %d %H:%M}" for one in found)
    return opens, closes


@pytest.mark.parametrize(
    ("written", "week"),
    [
        ("09:00-21:00", (DAILY,) * 7),
        ("9-21", (DAILY,) * 7),
        ("09:00-21:00 mon-sat", (*(DAILY,) * 6, ())),
        ("09:00-21:00 MON - sat", (*(DAILY,) * 6, ())),
        ("09:00-21:00 sat-mon", (DAILY, (), (), (), (), DAILY, DAILY)),
        ("09:00-21:00 monday, wed", (DAILY, (), DAILY, (), (), (), ())),
        ("09:00-12:00 mon; 11:00-13:00 mon", (((540, 780),), (), (), (), (), (), ())),
        ("22:00-06:00 sun", (((0, 360),), (), (), (), (), (), ((1320, 1440),))),
        ("22:00-00:00", (((1320, 1440),),) * 7),
        ("00:00-24:00", (((0, 1440),),) * 7),
    ],
)
def test_a_window_is_read_as_people_write_it(written: str, week: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    assert read_window(written) == Window(week)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "never opens: write it like"),
        (" , ", "never opens: write it like"),
        ("09:00-09:00 mon", "never opens: 09:00-09:00 ends when it begins"),
        ("25:00-26:00", '"25:00-26:00" is no time of a day'),
        ("09:70-10:00", "is no time of a day"),
        ("24:00-06:00", "is no time of a day"),
        ("09:00-24:01", "is no time of a day"),
        ("09:00-21:00 mon-foo", '"foo" is no day of the week'),
        ("mon-fri", '"mon-fri" has no hours'),
        ("09:00", '"09:00" has no hours'),
        ("09:00-12:00, 14:00-18:00 mon-fri", "names days for some of its hours only"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_the_mend(written: str, said: str) -> None:
    with pytest.raises(BadTimes) as refused:
        read_window(written)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "Europe", "../etc/passwd", "europe moscow"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(BadTimes, match="there is no time zone"):
        read_zone(name)


def test_a_misspelled_zone_is_told_its_name() -> None:
    with pytest.raises(BadTimes, match=r"did you mean Europe/Moscow\?"):
        read_zone("Europe/Moskow")


def test_holidays_are_dates_a_line_with_comments() -> None:
    lines = ["\ufeff# 2027", "2027-01-01  # New Year", "", "07.01.2027", "2027-01-01"]
    assert read_holidays(lines, "days.txt") == (date(2027, 1, 1), date(2027, 1, 7))
    with pytest.raises(BadTimes, match=r'days\.txt line 2: "2027-02-30" is no date'):
        read_holidays(["2027-01-01", "2027-02-30"], "days.txt")


@pytest.mark.parametrize(
    ("written", "now", "holidays", "expected"),
    [
        # 2026-11-22 is a Sunday; Moscow is three hours ahead.
        ("09:00-21:00 mon-sat", "2026-11-22T12:00", [], ("Mon 23 09:00", "Mon 23 21:00")),
        ("09:00-21:00 mon-sat", "2026-11-23T06:00", [], ("Mon 23 09:00", "Mon 23 21:00")),
        ("09:00-21:00 mon-sat", "2026-11-23T17:59", [], ("Mon 23 09:00", "Mon 23 21:00")),
        ("09:00-21:00 mon-sat", "2026-11-23T18:00", [], ("Tue 24 09:00", "Tue 24 21:00")),
        ("09:00-21:00 mon-sat", "2026-11-22T12:00", ["2026-11-23", "2026-11-24"], ("Wed 25 09:00", "Wed 25 21:00")),
        ("22:00-06:00 fri", "2026-11-27T22:00", [], ("Fri 27 22:00", "Sat 28 06:00")),
        ("22:00-06:00 fri", "2026-11-27T22:00", ["2026-11-27"], ("Sat 28 00:00", "Sat 28 06:00")),
        ("22:00-06:00", "2026-11-22T22:00", ["2026-11-23"], ("Tue 24 00:00", "Tue 24 06:00")),
        ("12:00-13:00 mon, 18:00-19:00 mon", "2026-11-23T10:00", [], ("Mon 23 18:00", "Mon 23 19:00")),
    ],
)
def test_the_opening_that_lasts_or_else_the_next(
    written: str, now: str, holidays: list[str], expected: tuple[str, str]
) -> None:
    assert opening(written, "Europe/Moscow", now, *holidays) == expected


def test_a_year_of_holidays_only_puts_the_opening_off() -> None:
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    opens, _ = next_opening(read_window("09:00-21:00"), MOSCOW, days, datetime(2027, 1, 1, tzinfo=UTC))
    assert opens == datetime(2028, 1, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "written", "expected"),
    [
        # The clocks go forward: what is skipped is not made up for.
        ("Europe/Berlin", "2026-03-28T23:00", "02:30-04:00", ("Sun 29 03:00", "Sun 29 04:00")),
        ("Europe/Berlin", "2026-03-29T00:30", "01:00-02:30", ("Sun 29 01:00", "Sun 29 03:00")),
        ("Europe/Berlin", "2026-03-28T23:00", "02:10-02:50", ("Mon 30 02:10", "Mon 30 02:50")),
        ("America/New_York", "2026-03-08T05:00", "02:30-04:00", ("Sun 08 03:00", "Sun 08 04:00")),
        ("Australia/Lord_Howe", "2026-10-03T14:00", "02:10-02:40", ("Sun 04 02:30", "Sun 04 02:40")),
        # The clocks go back: the hour that happens twice is open twice.
        ("Europe/Berlin", "2026-10-25T00:15", "02:00-02:30", ("Sun 25 02:00", "Sun 25 02:30")),
        ("Europe/Berlin", "2026-10-25T00:45", "02:00-02:30", ("Sun 25 02:00", "Sun 25 02:30")),
        ("Europe/Berlin", "2026-10-25T01:45", "02:00-02:30", ("Mon 26 02:00", "Mon 26 02:30")),
        ("America/New_York", "2026-11-01T04:00", "00:00-06:00", ("Sun 01 00:00", "Sun 01 06:00")),
        ("Australia/Lord_Howe", "2026-04-04T14:00", "01:45-03:00", ("Sun 05 01:45", "Sun 05 01:30")),
    ],
)
def test_the_nights_that_change_the_clocks(zone: str, now: str, written: str, expected: tuple[str, str]) -> None:
    assert opening(written, zone, now) == expected


def test_a_doubled_hour_makes_an_opening_longer_and_a_skipped_one_shorter() -> None:
    window, berlin = read_window("01:00-04:00"), ZoneInfo("Europe/Berlin")
    spring = next_opening(window, berlin, [], datetime(2026, 3, 29, tzinfo=UTC))
    autumn = next_opening(window, berlin, [], datetime(2026, 10, 25, tzinfo=UTC))
    assert [closes - opens for opens, closes in (spring, autumn)] == [timedelta(hours=2), timedelta(hours=4)]


intervals = st.tuples(st.integers(0, 1439), st.integers(1, 1440), st.sets(st.integers(0, 6), min_size=1)).filter(
    lambda one: one[0] != one[1]
)


def written_of(parts: list[tuple[int, int, set[int]]]) -> str:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    spelled = (
        f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02} {' '.join(days[day] for day in sorted(on))}"
        for first, last, on in parts
    )
    return ", ".join(spelled)


def stands_open(window: Window, zone: ZoneInfo, holidays: list[date], moment: datetime) -> bool:
    wall = moment.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    open_now = any(first <= minute < last for first, last in window.week[wall.weekday()])
    return open_now and wall.date() not in holidays


@given(
    parts=st.lists(intervals, min_size=1, max_size=3),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    now=st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    off=st.lists(st.integers(0, 9), max_size=4),
)
def test_a_window_is_open_exactly_when_the_clock_on_the_wall_says_so(
    parts: list[tuple[int, int, set[int]]], zone: ZoneInfo, now: datetime, off: list[int]
) -> None:
    window = read_window(written_of(parts))
    holidays = [now.astimezone(zone).date() + timedelta(days=days) for days in off]
    opens, closes = next_opening(window, zone, holidays, now)
    assert opens < closes
    assert now < closes
    moment = now
    while moment < min(closes + timedelta(hours=1), now + timedelta(days=3)):
        inside = opens <= moment < closes
        after = moment >= closes
        assert after or stands_open(window, zone, holidays, moment) == inside, moment
        moment += timedelta(minutes=7)
    assert stands_open(window, zone, holidays, closes) is False or closes - now > timedelta(days=30)
