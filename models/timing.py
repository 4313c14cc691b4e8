"""When the provider delivers a message, and until when it may: from the campaign, or from a column of the list.

Each of the three is a moment for everybody, or the name of a column in braces, such as `{when}`. Moments are kept in
UTC; the account's local time begins at the border. Source: protocol.md 4.2 and 15.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from .errors import BadTimes, ContentError, MissingValue

_COLUMN = re.compile(r"\{([^{}]+)\}")
_RUSSIAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)")

_DURATION = re.compile(r"\s*(\d+)\s*([smhdSMHD])\s*")
LONGEST_NUMBER = 5
"""Digits of a length of time."""

When = datetime | str | None
"""A moment, a column's name in braces, or nothing."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The three times that a message may carry."""

    time_send: When = None
    """When the provider begins to deliver; nothing means at once."""
    validity_period: When = None
    """After this the provider makes no further attempt; nothing means its own limit (two days for SMS)."""
    validity_period_viber: When = None
    """The same for the Viber leg (its own limit is one day)."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the columns that moments come from, each once."""
        found = (column_of(getattr(self, field.name)) for field in fields(self))
        return tuple(dict.fromkeys(name for name in found if name is not None))

    @property
    def is_given(self) -> bool:
        """Say whether any of the three is given."""
        return not (self.time_send is self.validity_period is self.validity_period_viber is None)

    def resolve(self, values: Mapping[str, str]) -> "Moments":
        """Return one recipient's moments.

        Raises:
            MissingValue: the recipient has none in the column.
        """
        return Moments(*(_resolve(getattr(self, field.name), values) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of one recipient, in UTC."""

    time_send: datetime | None = None
    validity_period: datetime | None = None
    validity_period_viber: datetime | None = None


NO_TIMING = Timing()


def column_of(when: When) -> str | None:
    """Return the column's name where `when` is one in braces."""
    found = _COLUMN.fullmatch(when.strip()) if isinstance(when, str) else None
    return found.group(1).strip() if found else None


def check_timing(timing: Timing, now: datetime) -> None:
    """Refuse what the provider could only misunderstand.

    Raises:
        ContentError: a naive moment, a text that is no column, an end that is over or before the beginning.
    """
    for field in fields(timing):
        when = getattr(timing, field.name)
        if isinstance(when, str) and column_of(when) is None:
            raise ContentError(f'{field.name} "{when}" is neither a moment nor a column: write it like {{when}}')
        if isinstance(when, datetime) and when.tzinfo is None:
            raise ContentError(f"{field.name} {when} has no time zone: add its offset")
    start = timing.time_send if isinstance(timing.time_send, datetime) else None
    if start is not None and start <= now:
        raise ContentError(f"time_send {_shown(start)} is in the past: leave it out to send at once")
    for name in ("validity_period", "validity_period_viber"):
        end = getattr(timing, name)
        if not isinstance(end, datetime):
            continue
        if end <= now:
            raise ContentError(f"{name} {_shown(end)} is in the past: nobody would be sent anything")
        if start is not None and end <= start:
            raise ContentError(f"{name} {_shown(end)} is not after time_send {_shown(start)}")


def too_late(moments: Moments, now: datetime) -> str | None:
    """Return why a message is not to be posted any more, or None."""
    for name in ("validity_period", "validity_period_viber"):
        end = getattr(moments, name)
        if end is None:
            continue
        if end <= now:
            return f"too late: its {name} has passed"
        if moments.time_send is not None and end <= moments.time_send:
            return f"its {name} is not after its time_send"
    return None


def upcoming(moments: Moments, now: datetime) -> Moments:
    """Leave out a beginning that has passed: the provider is told to send at once. Source: protocol.md 18."""
    if moments.time_send is not None and moments.time_send <= now:
        return replace(moments, time_send=None)
    return moments


def read_moment(written: str, zone: tzinfo) -> datetime:
    """Read a moment as people write it, `2026-12-01 10:00` or `01.12.2026 10:00`, with or without seconds and offset.

    Raises:
        ValueError: it is none.
    """
    moment = _parsed(written)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def read_exact_moment(written: str, zone: ZoneInfo) -> datetime:
    """Read a moment as `read_moment` does, but guess nothing on the nights that change the clocks.

    Raises:
        ValueError: it is none.
        BadTimes: summer time skips this local time, or it happens twice; the message says what to write.
    """
    moment = _parsed(written)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    written = written.strip()
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        after = first.astimezone(UTC).astimezone(zone)
        raise BadTimes(f"{written} does not exist in {zone.key}, its clocks go forward: did you mean {after:%H:%M}?")
    early, late = (f"{one:%z}"[:3] + ":" + f"{one:%z}"[3:] for one in (first, second))
    raise BadTimes(f"{written} happens twice in {zone.key}: write {written}{early} or {written}{late}")


def read_duration(written: str) -> timedelta | None:
    """Read a length of time such as 90m, 2h or 3d; None where it is none."""
    found = _DURATION.fullmatch(written)
    if found is None or len(found[1]) > LONGEST_NUMBER:
        return None
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2].lower()]
    return timedelta(**{unit: int(found[1])})


def _parsed(written: str) -> datetime:
    """Return what is written, naive where it says no offset."""
    written = written.strip()
    if russian := _RUSSIAN.fullmatch(written):
        day, month, year, rest = russian.groups()
        written = f"{year}-{int(month):02d}-{int(day):02d}{rest}"
    if len(written) <= len("2026-12-01"):
        raise ValueError("a moment has a time of day")
    moment = datetime.fromisoformat(written)
    if not is_usual(moment):
        raise ValueError("a moment is of a year that every database and zone can show")
    return moment


def is_usual(moment: datetime) -> bool:
    """Say whether a moment can be read back in every time zone: a database shows some of year 9999 in year 10000."""
    return 1900 <= moment.year < 3000


def to_json(timing: Timing) -> dict[str, str] | None:
    """Return what is stored: moments in ISO 8601, columns in braces, or None where nothing is given."""
    stored = {field.name: _stored(getattr(timing, field.name)) for field in fields(timing)}
    return {name: when for name, when in stored.items() if when is not None} or None


def from_json(stored: Mapping[str, str] | None) -> Timing:
    """Return the timing that `to_json` stored."""
    return Timing(**{name: _loaded(when) for name, when in (stored or {}).items()})


def _stored(when: When) -> str | None:
    return when.astimezone(UTC).isoformat() if isinstance(when, datetime) else when


def _loaded(stored: str) -> When:
    return stored if column_of(stored) is not None else datetime.fromisoformat(stored)


def _resolve(when: When, values: Mapping[str, str]) -> datetime | None:
    name = column_of(when)
    if name is None:
        return when if isinstance(when, datetime) else None
    value = values.get(name, "").strip()
    if not value:
        raise MissingValue(name)
    return read_moment(value, UTC)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M %z")
