"""The forecast: when windows and limits let a campaign end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from models.forecast import Opening, Pace, forecast_end
from models.window import next_opening, read_window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
HOUR = timedelta(hours=1)


def pace(per_second: float | None = None, per_day: int | None = None, left_today: int | None = None) -> Pace:
    return Pace(per_second, per_day, per_day if left_today is None else left_today, ZONE)


def window(written: str) -> Opening:
    return lambda moment: next_opening(read_window(written), ZONE, [], moment)


def test_without_a_rate_and_a_daily_limit_nobody_knows() -> None:
    assert forecast_end(100, NOW, pace(), ()) is None
    assert forecast_end(0, NOW, pace(10), ()) is None


def test_the_rate_alone_tells_the_end() -> None:
    assert forecast_end(36_000, NOW, pace(10), ()) == NOW + HOUR


def test_a_closed_window_puts_the_end_off() -> None:
    assert forecast_end(36_000, NOW, pace(10), (window("15:00-20:00"),)) == NOW + 4 * HOUR
    assert forecast_end(36_000, NOW, pace(10), (window("12:00-12:30"),)) == NOW + 24 * HOUR + HOUR / 2


def test_both_windows_must_be_open() -> None:
    both = (window("10:00-14:00"), window("13:00-18:00"))
    assert forecast_end(36_000, NOW, pace(10), both) == NOW + 2 * HOUR
    never_together = (window("10:00-11:00"), window("12:00-13:00"))
    assert forecast_end(1, NOW, pace(10), never_together) is None


def test_the_day_s_limit_takes_as_many_days_as_it_needs() -> None:
    midnight = NOW + 12 * HOUR
    assert forecast_end(1000, NOW, pace(per_day=1000, left_today=400), ()) == midnight
    assert forecast_end(2000, NOW, pace(per_day=1000, left_today=0), ()) == midnight + 24 * HOUR
    end = forecast_end(1500, NOW, pace(per_second=1, per_day=1000, left_today=400), (window("09:00-21:00"),))
    assert end == midnight + 33 * HOUR + timedelta(seconds=100)


def test_what_would_take_years_is_not_forecast() -> None:
    assert forecast_end(1_000_000, NOW, pace(per_day=1), ()) is None


@given(
    remaining=st.integers(1, 5000),
    per_second=st.sampled_from((0.5, 3.0, 50.0)),
    per_day=st.one_of(st.none(), st.integers(100, 3000)),
    opens=st.integers(0, 22),
)
def test_a_larger_limit_or_a_smaller_rest_never_ends_later(
    remaining: int, per_second: float, per_day: int | None, opens: int
) -> None:
    hours = (window(f"{opens:02}:00-{opens + 1:02}:00"),)
    end = forecast_end(remaining, NOW, pace(per_second, per_day), hours)
    assert end is not None
    assert NOW < end
    more = None if per_day is None else per_day * 2
    for other in (
        forecast_end(remaining, NOW, pace(per_second * 2, per_day), hours),
        forecast_end(remaining, NOW, pace(per_second, more), hours),
        forecast_end(max(1, remaining - 1), NOW, pace(per_second, per_day), hours),
        forecast_end(remaining, NOW, pace(per_second, per_day), ()),
    ):
        assert other is not None
        assert other <= end
