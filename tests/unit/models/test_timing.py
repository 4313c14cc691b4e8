"""When a message is sent and until when it is valid."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.errors import BadTimes, ContentError, MissingValue
from models.timing import (
    Moments,
    Timing,
    check_timing,
    from_json,
    read_duration,
    read_exact_moment,
    read_moment,
    to_json,
    too_late,
    upcoming,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-12-01 10:00", "2026-12-01T07:00:00+00:00"),
        ("2026-12-01T10:00:30", "2026-12-01T07:00:30+00:00"),
        ("01.12.2026 10:00", "2026-12-01T07:00:00+00:00"),
        ("1.12.2026 10:00", "2026-12-01T07:00:00+00:00"),
        ("2026-12-01 10:00+05:00", "2026-12-01T05:00:00+00:00"),
    ],
)
def test_moment_is_read_as_people_write_it(written: str, expected: str) -> None:
    assert read_moment(written, MOSCOW).isoformat() == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "tomorrow",
        "2026-12-01",
        "31.02.2026 10:00",
        "2026-12-01 25:00",
        "9999-12-31 23:59",
        "0001-01-01 00:00+14:00",
    ],
)
def test_what_is_no_moment_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        read_moment(written, MOSCOW)


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        (Timing(time_send=NOW - HOUR), "time_send 2026-11-22 11:00 +0000 is in the past"),
        (Timing(validity_period=NOW), "validity_period 2026-11-22 12:00 +0000 is in the past"),
        (Timing(time_send=NOW + HOUR, validity_period_viber=NOW + HOUR), "is not after time_send"),
        (Timing(time_send="soon"), 'time_send "soon" is neither a moment nor a column'),
        (Timing(time_send=datetime(2030, 1, 1)), "has no time zone"),  # noqa: DTZ001
    ],
)
def test_timing_that_the_provider_could_misunderstand_is_refused(timing: Timing, said: str) -> None:
    with pytest.raises(ContentError, match=said.replace("+", r"\+")):
        check_timing(timing, NOW)


def test_moments_come_from_the_campaign_or_from_a_column() -> None:
    timing = Timing(time_send="{when}", validity_period=NOW + HOUR)
    assert timing.column_names == ("when",)
    moments = timing.resolve({"when": "2026-11-22 12:30+00:00"})
    assert moments == Moments(NOW + HOUR / 2, NOW + HOUR, None)
    with pytest.raises(MissingValue):
        timing.resolve({"when": " "})


def test_stored_timing_comes_back_the_same() -> None:
    timing = Timing(time_send="{when}", validity_period=NOW + HOUR)
    assert from_json(to_json(timing)) == timing
    assert to_json(Timing()) is None
    assert from_json(None) == Timing()


def test_message_whose_end_has_passed_is_too_late_and_a_passed_beginning_means_at_once() -> None:
    assert too_late(Moments(validity_period=NOW), NOW) == "too late: its validity_period has passed"
    assert too_late(Moments(time_send=NOW + HOUR, validity_period=NOW + HOUR), NOW) is not None
    assert too_late(Moments(time_send=NOW - HOUR, validity_period=NOW + HOUR), NOW) is None
    assert upcoming(Moments(time_send=NOW), NOW) == Moments()
    assert upcoming(Moments(time_send=NOW + HOUR), NOW) == Moments(time_send=NOW + HOUR)


@pytest.mark.parametrize(
    ("written", "zone", "said"),
    [
        ("2026-03-29 02:30", "Europe/Berlin", "its clocks go forward: did you mean 03:30?"),
        ("2026-10-25 02:30", "Europe/Berlin", "write 2026-10-25 02:30+02:00 or 2026-10-25 02:30+01:00"),
        ("2026-03-08 02:15", "America/New_York", "its clocks go forward: did you mean 03:15?"),
        ("2026-11-01 01:15", "America/New_York", "write 2026-11-01 01:15-04:00 or 2026-11-01 01:15-05:00"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "its clocks go forward: did you mean 02:45?"),
    ],
)
def test_no_hour_is_guessed_on_the_nights_that_change_the_clocks(written: str, zone: str, said: str) -> None:
    with pytest.raises(BadTimes) as refused:
        read_exact_moment(written, ZoneInfo(zone))
    assert said in str(refused.value)


def test_the_hour_before_and_after_and_one_with_an_offset_are_clear() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    written = ("2026-03-29 01:59", "2026-03-29 03:00", "2026-10-25 03:00", "2026-10-25 02:30+01:00")
    found = [read_exact_moment(one, berlin).strftime("%H:%M") for one in written]
    assert found == ["00:59", "01:00", "02:00", "01:30"]


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("15m", 900), (" 2 h", 7200), ("3D", 259_200), ("2", None), ("-2h", None)]
)
def test_a_length_of_time_is_read_with_its_unit(written: str, seconds: int | None) -> None:
    assert read_duration(written) == (None if seconds is None else timedelta(seconds=seconds))
