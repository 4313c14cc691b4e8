"""Moments, windows and limits of a request, as the command line reads them too."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from models.errors import BadTimes
from models.rules import Rules
from models.timing import Timing, When, column_of, read_duration, read_exact_moment
from models.window import read_holidays, read_zone
from web.problems import refuse, split_sentence
from web.shapes import CampaignShape
from worker.clock import utc_now

JUST_NOW = timedelta(minutes=1)

G = TypeVar("G")
R = TypeVar("R")


def read_zone_of(asked: CampaignShape, installation: str) -> ZoneInfo:
    """Return the zone of a campaign's times."""
    return _read("time_zone", asked.time_zone or installation, read_zone)


def read_start(written: str | None, zone: ZoneInfo) -> datetime | None:
    """Return when to start, None for now.

    Raises:
        Problem: it is no moment, or in the past.
    """
    moment = None if written is None else read_moment("at", written, zone)
    now = utc_now()
    if moment is not None and moment <= now - JUST_NOW:
        raise refuse("at", "is in the past", "leave it out to send at once", written)
    return moment if moment is None or moment > now else None


def read_rules(asked: CampaignShape, start_at: datetime | None, zone: ZoneInfo) -> Rules:
    """Return what limits the campaign."""
    if asked.holidays and asked.window is None:
        raise refuse("holidays", "keep a window closed, and there is none", "give a window as well")
    needs_zone = asked.window is not None or asked.latest is not None or asked.time_zone is not None
    return Rules(
        latest_at=read_latest(asked.latest, start_at, zone),
        window=asked.window,
        time_zone=zone.key if needs_zone else None,
        holidays=_read("holidays", asked.holidays or [], lambda lines: read_holidays(lines, "holidays")),
        max_segments=asked.max_segments,
        canary_count=asked.canary,
        canary_share=asked.canary_errors,
    )


def read_latest(written: str | None, start_at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment from which on nothing is posted; a length of time counts from the start."""
    if written is None:
        return None
    duration = read_duration(written)
    try:
        if duration is not None:
            return (start_at or utc_now()) + duration
    except OverflowError:
        raise refuse("latest", "is too far away", "give a nearer one", written) from None
    return read_moment("latest", written, zone)


def read_timing(asked: CampaignShape, zone: ZoneInfo) -> Timing:
    """Return when the provider delivers."""

    def when(field: str, written: str | None) -> When:
        if written is not None and column_of(written) is not None:
            return written.strip()
        return None if written is None else read_moment(field, written, zone)

    return Timing(
        when("time_send", asked.time_send),
        when("validity_period", asked.validity_period),
        when("validity_period_viber", asked.validity_period_viber),
    )


def read_moment(field: str, written: str, zone: ZoneInfo) -> datetime:
    """Return one moment, on the nights that change the clocks only where it is no guess."""
    try:
        return _read(field, written, lambda given: read_exact_moment(given, zone))
    except (ValueError, OverflowError):
        raise refuse(field, "is no moment", "write it like 2026-12-01 10:00", written) from None


def _read(field: str, given: G, read: Callable[[G], R]) -> R:
    try:
        return read(given)
    except BadTimes as error:
        problem, mend = split_sentence(str(error))
        raise refuse(field, problem, mend or "give another one", given) from None
