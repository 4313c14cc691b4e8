"""Send windows: the hours of a week in which something may be posted, in one zone, but for holidays.

A window is open exactly when the clock on the wall of its zone says so. So an hour that summer time skips is not made
up for, and an hour that happens twice is open twice. Knows nothing of SQL and reads no clock.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from .errors import BadTimes

Interval = tuple[int, int]
"""Minutes of a day, 0..1440; the second one is closed already."""
Stretch = tuple[datetime, datetime]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL_DAY = 24 * 60
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?(?=\s|$)")
_LONGEST_OPENING = timedelta(days=31)
"""An opening that goes on for longer is told in pieces of this length."""
_SOME_DAYS = timedelta(days=15)
"""Within so many days without a holiday every window opens: a week, and one more where summer time skips its hour."""
_LOOK_EVERY = timedelta(hours=4)
"""No zone changes its offset twice in so short a time."""


@dataclass(frozen=True, slots=True)
class Window:
    """The open intervals of each day of the week, from Monday on, in order and apart from each other."""

    week: tuple[tuple[Interval, ...], ...]


def read_window(written: str) -> Window:
    """Read a window such as `09:00-21:00 mon-sat` or `09:00-18:00 mon-fri, 22:00-02:00 sat`.

    Intervals are separated by commas or semicolons; days are words or ranges, which may go over the end of the week;
    no days at all means every day. An interval that ends before it begins goes on into the next day.

    Raises:
        BadTimes: it cannot be understood, or would never open.
    """
    parts: list[tuple[Interval, frozenset[int]]] = []
    for part in filter(None, (piece.strip().lower() for piece in re.split("[,;]", written))):
        hours = _HOURS.match(part)
        if hours is None and (not parts or not parts[-1][1] or re.search(r"\d", part)):
            raise BadTimes(f'window "{written}": "{part}" has no hours: write it like 09:00-21:00 mon-sat')
        days = _read_days(written, part[hours.end() :] if hours else part)
        if hours is not None:
            parts.append((_read_hours(written, hours), days))
        else:  # "09:00-18:00 mon, wed"
            parts[-1] = (parts[-1][0], parts[-1][1] | days)
    if not parts:
        raise BadTimes(f'window "{written}" never opens: write it like 09:00-21:00 mon-sat, or leave it out')
    if any(days for _, days in parts) and not all(days for _, days in parts):
        raise BadTimes(f'window "{written}" names days for some of its hours only: name them for all, mon-sun is daily')
    return Window(tuple(_merged(_intervals_of(day, parts)) for day in range(7)))


def read_zone(name: str) -> ZoneInfo:
    """Return the zone of a name such as Europe/Moscow.

    Raises:
        BadTimes: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), 1)
        mend = f"did you mean {near[0]}?" if near else "use a name such as Europe/Moscow"
        raise BadTimes(f'there is no time zone "{name}": {mend}') from None


def read_holidays(lines: Iterable[str], source: str) -> tuple[date, ...]:
    """Read dates, one a line, 2027-01-01 or 01.01.2027; what follows a # is a comment. `source` names the lines.

    Raises:
        BadTimes: a line is no date; the message names the source, the line and the value.
    """
    found = set()
    for number, line in enumerate(lines, 1):
        written = line.partition("#")[0].strip().removeprefix("\ufeff")
        if not written:
            continue
        russian = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", written)
        spelled = f"{russian[3]}-{russian[2]:>02}-{russian[1]:>02}" if russian else written
        try:
            found.add(date.fromisoformat(spelled))
        except ValueError:
            raise BadTimes(f'{source} line {number}: "{written}" is no date: write it like 2027-01-01') from None
    return tuple(sorted(found))


def next_opening(window: Window, zone: tzinfo, holidays: Sequence[date], now: datetime) -> Stretch:
    """Return the opening that lasts at `now`, or else the next one, in UTC: (opens, closes).

    A holiday closes its own day, from midnight to midnight.
    """
    opening: Stretch | None = None
    for opens, closes in _stretches(window, zone, frozenset(holidays), now):
        if opening is None or opens > opening[1]:
            if opening is not None and opening[1] > now:
                break
            opening = (opens, closes)
        else:
            opening = (opening[0], closes)
        if opening[1] - now >= _LONGEST_OPENING:
            break
    assert opening is not None, "a window opens within two weeks after the last holiday"
    return opening


def _stretches(window: Window, zone: tzinfo, holidays: frozenset[date], now: datetime) -> Iterator[Stretch]:
    """Yield the open stretches from about a day before `now` on, in order."""
    day = now.astimezone(zone).date() - timedelta(days=1)
    last = max([day, *holidays]) + max(_SOME_DAYS, _LONGEST_OPENING + timedelta(days=2))
    held: list[Stretch] = []
    while day <= last:
        fresh = [] if day in holidays else _open_on(day, window.week[day.weekday()], zone)
        # Clocks that go back over midnight show the end of one day after the beginning of the next.
        newest = max(held, default=None)
        held = sorted(held + fresh)
        while newest is not None and held[0] <= newest:
            yield held.pop(0)
            if not held:
                break
        day += timedelta(days=1)
    yield from held


def _open_on(day: date, intervals: tuple[Interval, ...], zone: tzinfo) -> list[Stretch]:
    """Return the moments of one day at which the wall's clock stands within the intervals, in any order."""
    midnight = datetime.combine(day, time(), UTC)
    found = []
    for begins, ends, offset in _even_offsets(midnight, zone) if intervals else ():
        for opens, closes in intervals:
            first = max(begins, midnight + timedelta(minutes=opens) - offset)
            last = min(ends, midnight + timedelta(minutes=closes) - offset)
            if first < last:
                found.append((first, last))
    return found


def _even_offsets(midnight: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Yield the stretches around a day in which the zone's offset stays the same: (begins, ends, offset)."""
    begins = midnight - timedelta(hours=26)
    end = midnight + timedelta(hours=50)
    while begins < end:
        offset = _offset(begins, zone)
        ends = begins
        while ends < end and _offset(ends, zone) == offset:
            ends += _LOOK_EVERY
        if ends < end:
            ends = _change(ends - _LOOK_EVERY, ends, zone)
        yield begins, ends, offset
        begins = ends


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the second at which the offset changes between two moments."""
    offset = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=1) // 2)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None, "a zone has an offset at every moment"
    return offset


def _read_hours(window: str, hours: "re.Match[str]") -> Interval:
    first, last = (int(hours[group]) * 60 + int(hours[group + 1] or 0) for group in (1, 3))
    minutes = (int(hours[2] or 0), int(hours[4] or 0))
    if first >= _ALL_DAY or last > _ALL_DAY or max(minutes) > 59:
        raise BadTimes(f'window "{window}": "{hours[0]}" is no time of a day: write it like 09:00-21:00')
    if first == last:
        raise BadTimes(f'window "{window}" never opens: {hours[0]} ends when it begins; 00:00-24:00 is all day')
    return first, last


def _read_days(window: str, written: str) -> frozenset[int]:
    days: set[int] = set()
    for word in re.sub(r"\s*[-–]\s*", "-", written).split():
        first, _, last = word.partition("-")
        begin = _read_day(window, first)
        end = _read_day(window, last) if last else begin
        days.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(days)


def _read_day(window: str, word: str) -> int:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for names in (_DAYS, full):
        if word in names:
            return names.index(word)
    raise BadTimes(f'window "{window}": "{word}" is no day of the week: use {", ".join(_DAYS)}')


def _intervals_of(day: int, parts: list[tuple[Interval, frozenset[int]]]) -> Iterator[Interval]:
    for (first, last), days in parts:
        over_midnight = last < first
        if not days or day in days:
            yield first, _ALL_DAY if over_midnight else last
        if over_midnight and last > 0 and (not days or (day - 1) % 7 in days):
            yield 0, last


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
