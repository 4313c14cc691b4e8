"""When a campaign will end, as far as windows and limits tell: what is left, at the account's pace, in open hours.

As if the campaign had the account to itself and everybody were accepted at the first attempt. Reads no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from .window import Stretch

MOST_STEPS = 1000
"""Openings and days that are looked through; what takes longer is not forecast."""

Opening = Callable[[datetime], Stretch | None]
"""Tells the opening that lasts at a moment, or the next one; None where there is no window."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an account may send. `left_today` and `per_day` are recipients of its own day, None without a limit."""

    per_second: float | None
    per_day: int | None
    left_today: int | None
    zone: ZoneInfo


def forecast_end(remaining: int, begin: datetime, pace: Pace, openings: tuple[Opening, ...]) -> datetime | None:
    """Return when `remaining` recipients will have been posted, or None where nothing tells.

    Without a rate the day's limit alone says how long it takes.
    """
    if remaining <= 0 or (pace.per_second is None and pace.per_day is None):
        return None
    moment, today = begin, _midnight_after(begin, pace.zone)
    day_ends, room = today, pace.left_today
    for _ in range(MOST_STEPS):
        if moment >= day_ends:
            day_ends, room = _midnight_after(moment, pace.zone), pace.per_day
        opens, closes = _overlap(moment, day_ends, openings)
        if opens < closes and (room is None or room > 0):
            possible = _possible(opens, closes, pace.per_second, room, remaining)
            if possible >= remaining:
                taken = remaining / pace.per_second if pace.per_second else 0.0
                return opens + timedelta(seconds=taken)
            remaining -= possible
            room = None if room is None else room - possible
        moment = day_ends if room == 0 else max(closes, moment + timedelta(seconds=1))
    return None


def _overlap(moment: datetime, day_ends: datetime, openings: tuple[Opening, ...]) -> Stretch:
    """Return what is open of this day for all windows from `moment` on; where nothing is, until when to skip."""
    opens, closes = moment, day_ends
    for opening in openings:
        if (found := opening(moment)) is not None:
            opens, closes = max(opens, found[0]), min(closes, found[1])
    return (opens, closes) if opens < closes else (opens, min(opens, day_ends))


def _possible(opens: datetime, closes: datetime, per_second: float | None, room: int | None, remaining: int) -> int:
    by_rate = remaining if per_second is None else int((closes - opens).total_seconds() * per_second)
    return min(remaining, by_rate if room is None else min(by_rate, room))


def _midnight_after(moment: datetime, zone: ZoneInfo) -> datetime:
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(moment.tzinfo)
