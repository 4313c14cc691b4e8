"""The moments of a schedule: a cron line in one zone, and which of its occurrences are made when some were missed.

A cron that names its hours means the clock on the wall: an hour that summer time skips fires when the skipped time
ends, an hour that happens twice fires the first time only. A cron of every hour means every hour that passes. The
alternative, a mass mailing that goes out twice, is the worst of all (stack.md section 3).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from models.window import read_zone
from worker.errors import ConfigurationError

FIELDS = "minute hour day-of-month month day-of-week"
MOST_COUNTED = 1_000
"""Missed occurrences that are counted one by one."""

_ANY_MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line that fires, in a zone that exists. Moments go in with any zone and come out in UTC."""

    line: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence later than `moment`, or None where there is none for fifty years."""
        fire = self._real_time if _is_hourly(self.line) else self._wall_time
        return fire(moment.astimezone(UTC))

    def several_after(self, moment: datetime, count: int) -> list[datetime]:
        """Return the next `count` occurrences."""
        found: list[datetime] = []
        while len(found) < count and (occurrence := self.after(found[-1] if found else moment)) is not None:
            found.append(occurrence)
        return found

    def last_between(self, first: datetime, until: datetime) -> datetime:
        """Return the last occurrence that is not later than `until`; `first` is one."""
        back = _MINUTE
        while True:
            found, occurrence = None, self.after(max(first, until - back))
            while occurrence is not None and occurrence <= until:
                found, occurrence = occurrence, self.after(occurrence)
            if found is not None or until - back <= first:
                return found or first
            back *= 2

    def shown(self, occurrence: datetime) -> str:
        """Write an occurrence as the clock on the wall shows it."""
        return occurrence.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def _wall_time(self, moment: datetime) -> datetime | None:
        walls = CronSim(self.line, moment.astimezone(self.zone).replace(tzinfo=None))
        # In the second pass of an hour that happens twice, the rest of that hour is over already.
        return next((found for found in map(self._first_real, walls) if found > moment), None)

    def _first_real(self, wall: datetime) -> datetime:
        """Return the first moment at which the clock on the wall shows `wall`, or has just passed it by a jump."""
        moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        while moment.astimezone(self.zone).replace(tzinfo=None) != wall:
            wall += _MINUTE
            moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        return moment

    def _real_time(self, moment: datetime) -> datetime | None:
        minute, _, *days = self.line.split()
        hourly = CronSim(" ".join((minute, "*", *days)), moment.astimezone(self.zone))
        return next((found.astimezone(UTC) for found in hourly), None)


@dataclass(frozen=True, slots=True)
class Missed:
    """Occurrences that no campaign is made for; `count` is at most `MOST_COUNTED`."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What is made now, if anything, and what is left out. Without an occurrence, `next_at` is what comes."""

    occurrence: datetime | None
    next_at: datetime | None
    missed: Missed | None


def choose(cron: Cron, first: datetime, now: datetime, not_before: datetime, *, merge: bool) -> Choice:
    """Choose among the occurrences from `first` on that are due.

    `merge`: one for all of them, the last. Otherwise those earlier than `not_before` are left out.
    """
    if merge:
        chosen = cron.last_between(first, now)
    elif first >= not_before:
        chosen = first
    else:
        found = cron.after(not_before - timedelta(microseconds=1))
        if found is None or found > now:
            return Choice(None, found, _missed(cron, first, cron.last_between(first, now)))
        chosen = found
    if chosen == first:
        return Choice(chosen, None, None)
    return Choice(chosen, None, _missed(cron, first, cron.last_between(first, chosen - timedelta(microseconds=1))))


def read_cron(line: str, zone: str) -> Cron:
    """Read a cron line of five fields and a zone's name.

    Raises:
        ConfigurationError: it cannot be read, or never fires.
        BadTimes: the zone does not exist.
    """
    line = " ".join(line.split())
    cron = Cron(line, read_zone(zone))
    mend = f'its fields are {FIELDS}, such as "0 10 1 * *" for 10:00 on the first of each month'
    if len(line.split()) != len(FIELDS.split()):
        raise ConfigurationError(f'cron "{line}" has {len(line.split())} fields instead of five: {mend}')
    never = ConfigurationError(f'cron "{line}" never fires: no such day comes; {mend}')
    try:
        CronSim(line, _ANY_MOMENT)
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ").lower()
        if wrong == "day-of-month" and _is_readable(_with_any_month(line)):
            raise never from None
        raise ConfigurationError(f'cron "{line}": the {wrong} cannot be read; {mend}') from None
    if cron.after(_ANY_MOMENT) is None:
        raise never
    return cron


def _with_any_month(line: str) -> str:
    fields = line.split()
    return " ".join((*fields[:3], "*", fields[4]))


def _is_readable(line: str) -> bool:
    try:
        CronSim(line, _ANY_MOMENT)
    except CronSimError:
        return False
    return True


def _is_hourly(line: str) -> bool:
    return CronSim(line, _ANY_MOMENT).hours == set(range(24))


def _missed(cron: Cron, first: datetime, last: datetime) -> Missed:
    count, occurrence = 1, cron.after(first)
    while occurrence is not None and occurrence <= last and count < MOST_COUNTED:
        count, occurrence = count + 1, cron.after(occurrence)
    return Missed(first, last, count)
