"""Options that say when a campaign may be sent, until when, at what cost, and who is tried first."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from models.errors import BadTimes
from models.rules import CANARY_SHARE, LARGEST_NUMBER, Rules
from models.timing import read_duration, read_exact_moment
from models.window import read_holidays, read_zone
from worker.clock import utc_now
from worker.errors import ConfigurationError
from worker.settings import Settings

At = Annotated[str | None, typer.Option(help="When to start, 2026-12-01 10:00 (with offset, or in --time-zone).")]
Now = Annotated[bool, typer.Option("--now", help="Start at once, whatever time it is.")]
Latest = Annotated[
    str | None, typer.Option(help="Claim nothing from then on: a time, or how long after the start, like 2h.")
]
WindowOption = Annotated[
    str | None, typer.Option(help='Hours in which it may be sent, "09:00-21:00 mon-sat"; several by commas.')
]
Holidays = Annotated[Path | None, typer.Option(help="File of dates, one a line, on which the window stays closed.")]
Zone = Annotated[str | None, typer.Option("--time-zone", help="Zone of the times given here, like Europe/Moscow.")]
Canary = Annotated[
    int | None, typer.Option(min=1, max=LARGEST_NUMBER, help="Send so many first; go on only if enough are accepted.")
]
CanaryErrors = Annotated[str, typer.Option(help="How many of the canary may fail, like 5%.")]
MaxSegments = Annotated[
    int | None, typer.Option(min=1, max=LARGEST_NUMBER, help="Stop when so many segments are billed.")
]

CANARY_ERRORS = f"{CANARY_SHARE:.0%}"
JUST_NOW = timedelta(minutes=1)
"""A start given to the minute is not in the past as long as the minute lasts."""


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The options as they were typed."""

    latest: str | None = None
    window: str | None = None
    holidays: Path | None = None
    time_zone: str | None = None
    canary: int | None = None
    canary_errors: str = CANARY_ERRORS
    max_segments: int | None = None


def read_rules(options: RuleOptions, start_at: datetime | None, settings: Settings) -> Rules:
    """Return the rules that the options say; `start_at` None means now.

    Raises:
        BadTimes, ConfigurationError: one of them cannot be understood; the message names it.
    """
    zone = zone_of(options.time_zone, settings)
    if options.holidays is not None and options.window is None:
        raise ConfigurationError("--holidays keeps a --window closed: give that as well")
    if options.canary is None and options.canary_errors != CANARY_ERRORS:
        raise ConfigurationError("--canary-errors is about a --canary: give that as well")
    needs_zone = options.window is not None or options.latest is not None or options.time_zone is not None
    return Rules(
        latest_at=read_latest(options.latest, start_at, zone),
        window=options.window,
        time_zone=zone.key if needs_zone else None,
        holidays=days_of(options.holidays),
        max_segments=options.max_segments,
        canary_count=options.canary,
        canary_share=_share(options.canary_errors),
    )


def zone_of(name: str | None, settings: Settings) -> ZoneInfo:
    """Return the zone of the times in a command: its own, or the installation's."""
    return read_zone(name if name is not None else settings.time_zone)


def read_start(written: str | None, zone: ZoneInfo, *, at_once: bool = False) -> datetime | None:
    """Return when to start, or None for now.

    Raises:
        ConfigurationError: it is in the past, or no moment.
    """
    if written is not None and at_once:
        raise ConfigurationError("--at and --now say different things: give one of them")
    moment = read_time("--at", written, zone)
    now = utc_now()
    if moment is not None and moment <= now - JUST_NOW:
        raise ConfigurationError(f'--at "{written}" is in the past: to send now, say --now instead')
    return moment if moment is None or moment > now else None


def read_latest(written: str | None, start_at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment from which on nothing is claimed; a length of time counts from the start."""
    duration = None if written is None else read_duration(written)
    if duration is not None:
        return (start_at or utc_now()) + duration
    return read_time("--latest", written, zone)


def read_time(option: str, written: str | None, zone: ZoneInfo) -> datetime | None:
    """Return one moment, on the nights that change the clocks only where it is no guess."""
    if written is None:
        return None
    try:
        return read_exact_moment(written, zone)
    except BadTimes as error:
        raise BadTimes(f"{option} {error}") from None
    except (ValueError, OverflowError):
        raise ConfigurationError(f'{option} "{written}" is no moment: write it like 2026-12-01 10:00') from None


def days_of(path: Path | None) -> tuple[date, ...]:
    """Read the dates of a file; none where there is no file."""
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"--holidays {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"--holidays {path}: is no text: write a date a line, like 2027-01-01") from None
    return read_holidays(lines, f"--holidays {path}")


def _share(written: str) -> float:
    found = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", written)
    share = float(found[1]) / 100 if found else 2.0
    if share > 1:
        raise ConfigurationError(f'--canary-errors "{written}" is no percentage: write it like 5%')
    return share
