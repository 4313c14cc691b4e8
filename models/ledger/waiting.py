"""What a campaign waits for, until when, and when it will end: what `campaign show` tells beside the counts."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..account import Account
from ..batch import Batch
from ..campaign import Campaign
from ..content import from_json
from ..errors import BadTimes, ContentError
from ..forecast import Pace, forecast_end
from ..installation import Installation
from ..states import OPEN_BATCH, AccountStatus, BatchStatus, CampaignStatus
from .canary import awaits_canary
from .claim import BREAKER_AFTER
from .late import is_late, shown_latest
from .limits import day_ends_at, day_room, rate_wait_seconds, segments_each
from .windows import opening_of

ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)


class Wait(NamedTuple):
    """Why nothing is posted for a campaign, in one line, and until when; no reason: something is, or it has ended."""

    reason: str | None = None
    until: datetime | None = None


NO_WAIT = Wait()


def find_wait(session: Session, campaign: Campaign, account: Account, now: datetime) -> Wait:
    """Say what a campaign waits for."""
    if campaign.status in ENDED:
        return NO_WAIT
    if campaign.status is CampaignStatus.DRAFT:
        return Wait(f"a draft: bulkpost campaign start {campaign.id}")
    if campaign.status is CampaignStatus.PAUSED:
        return Wait(f"paused by {campaign.status_by}: {campaign.status_reason}")
    return (
        _stopped(session)
        or _held_by_account(account, now)
        or _held_by_time(campaign, account, now)
        or _held_by_batches(session, campaign, account, now)
    )


def forecast(campaign: Campaign, account: Account, now: datetime) -> datetime | None:
    """Return when the campaign will end by windows and limits, or None where nothing tells, or a person must act."""
    stopped = campaign.status in (*ENDED, CampaignStatus.DRAFT, CampaignStatus.PAUSED)
    if stopped or account.status is AccountStatus.PAUSED:
        return None
    each = _segments_each(campaign)
    days = [account.per_day, account.segments_per_day and account.segments_per_day // each]
    per_day = min((limit for limit in days if limit is not None), default=None)
    zone = ZoneInfo(account.time_zone or "UTC")
    pace = Pace(account.per_second, per_day, day_room(account, each, now), zone)
    begin = max(now, campaign.start_at)
    try:
        openings = tuple(
            lambda moment, row=row: opening_of(row, moment)
            for row in (campaign, account)
            if row.send_window is not None
        )
        return forecast_end(campaign.pending_count, begin, pace, openings)
    except BadTimes:
        return None


def _stopped(session: Session) -> Wait | None:
    row = session.execute(select(Installation)).scalar_one()
    if row.stopped_at is not None:
        return Wait(f"everything is stopped by {row.stopped_by}: {row.stop_reason}; bulkpost start ends it")
    if row.restored_at is not None:
        return Wait(f"the database was restored from a backup: {row.restore_reason}; bulkpost adopt")
    return None


def _held_by_account(account: Account, now: datetime) -> Wait | None:
    if account.status is AccountStatus.PAUSED and (account.try_again_at is None or account.try_again_at > now):
        tries = "; then one batch tries again" if account.try_again_at is not None else ""
        said = f"account {account.name} is paused by {account.status_by}: {account.status_reason}{tries}"
        return Wait(said, account.try_again_at)
    return None


def _held_by_time(campaign: Campaign, account: Account, now: datetime) -> Wait | None:
    if is_late(campaign, now):
        return Wait(f"late: its latest, {shown_latest(campaign)}, has passed")
    if campaign.start_at > now:
        return Wait(f"its time, {campaign.start_at:%Y-%m-%d %H:%M:%S} UTC", campaign.start_at)
    for whose, row in (("its window", campaign), (f"the window of account {account.name}", account)):
        if row.send_window is None or (row.opens_at and row.closes_at and row.opens_at <= now < row.closes_at):
            continue
        try:
            opening = opening_of(row, now)
        except BadTimes as error:
            return Wait(str(error))
        if opening is not None and opening[0] > now:
            zone = ZoneInfo(row.time_zone or "UTC")
            shown = f"{opening[0].astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
            return Wait(f"{whose}, {row.send_window}, opens {shown}", opening[0])
    if account.transport_failures >= BREAKER_AFTER:
        said = (
            f"the gateway of account {account.name}: {account.transport_failures} attempts in a row brought no answer"
        )
        return Wait(said, account.probe_due_at)
    return None


def _held_by_batches(session: Session, campaign: Campaign, account: Account, now: datetime) -> Wait:
    open_batches = select(
        Batch.status,
        func.min(Batch.available_at).label("due"),
        func.count().label("batches"),
        func.count(Batch.doubt_since).label("doubtful"),
    ).where(Batch.campaign_id == campaign.id, Batch.status.in_(OPEN_BATCH))
    rows = {row.status: row for row in session.execute(open_batches.group_by(Batch.status)).all()}
    if BatchStatus.RUNNING in rows:
        return NO_WAIT
    dues = [row.due for row in rows.values()]
    if not dues and awaits_canary(campaign):
        return Wait(f"its canary: what became of the first {campaign.canary_count:,} decides about the rest")
    if dues and min(dues) > now:
        said = f"{sum(row.batches for row in rows.values())} batches to be asked again from {min(dues):%H:%M:%S} UTC"
        return Wait(said, min(dues))
    fresh = not dues or any(row.batches > row.doubtful for row in rows.values())
    if campaign.pending_count and fresh and day_room(account, _segments_each(campaign), now) == 0:
        until = day_ends_at(account, now)
        return Wait(f"the day of account {account.name}: its limit is used up until midnight", until)
    if dues and (wait := rate_wait_seconds(account, now)) > 0:
        said = f"the rate of account {account.name}, {account.per_second:g} a second"
        return Wait(said, now + timedelta(seconds=wait))
    return Wait("a worker") if dues or campaign.pending_count else NO_WAIT


def _segments_each(campaign: Campaign) -> int:
    try:
        content = from_json(campaign.kind, campaign.content)
        return max(1, segments_each(content, campaign.segment_count, campaign.accepted_count))
    except ContentError:
        return 1
