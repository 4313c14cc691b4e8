"""What limits one campaign beside its account: until when, in which hours, at what cost, and who is tried first."""

from dataclasses import dataclass
from datetime import date, datetime

from .errors import BadTimes, LedgerError
from .window import Stretch, next_opening, read_window, read_zone

CANARY_SHARE = 0.05
LARGEST_NUMBER = 2**31 - 1
"""What a column of the tables holds."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is None limits nothing.

    `window` is written as `models.window` reads it, and means the hours of `time_zone`. `canary_share` (0..1) is the
    largest part of the first `canary_count` that may fail.
    """

    latest_at: datetime | None = None
    window: str | None = None
    time_zone: str | None = None
    holidays: tuple[date, ...] = ()
    max_segments: int | None = None
    canary_count: int | None = None
    canary_share: float = CANARY_SHARE


NO_RULES = Rules()


def check_rules(rules: Rules, start_at: datetime, now: datetime) -> Stretch | None:
    """Refuse rules under which nothing could be sent; return the window's opening from the start on, in UTC.

    Raises:
        BadTimes: an end before the start, a window that cannot be read or does not open between the two.
        LedgerError: a number out of its range.
    """
    for name, number in (("max_segments", rules.max_segments), ("canary", rules.canary_count)):
        if number is not None and not 1 <= number <= LARGEST_NUMBER:
            raise LedgerError(f"{name} is {number:,}: give 1 to {LARGEST_NUMBER:,}, or leave it out")
    if not 0 <= rules.canary_share <= 1:
        raise LedgerError(f"canary_share is {rules.canary_share:g}: it is a part, from 0 to 1")
    if rules.latest_at is not None and rules.latest_at.tzinfo is None:
        raise BadTimes(f"latest {rules.latest_at} has no time zone: add its offset")
    begin = max(start_at, now)
    if rules.latest_at is not None and rules.latest_at <= begin:
        raise BadTimes(
            f"latest {_shown(rules.latest_at, rules)} is not after the start, {_shown(begin, rules)}: nobody would be "
            "sent anything; give a later one"
        )
    if rules.window is None:
        return None
    zone = read_zone(rules.time_zone or "UTC")
    opening = next_opening(read_window(rules.window), zone, rules.holidays, begin)
    if rules.latest_at is not None and opening[0] >= rules.latest_at:
        raise BadTimes(
            f'window "{rules.window}" opens at {_shown(opening[0], rules)} for the first time, and latest is '
            f"{_shown(rules.latest_at, rules)}: give a later one, or another window"
        )
    return opening


def _shown(moment: datetime, rules: Rules) -> str:
    return moment.astimezone(read_zone(rules.time_zone or "UTC")).strftime("%Y-%m-%d %H:%M %z")
