"""Adopting a database that is older than what was sent from it: restored from a backup, or copied elsewhere.

Such a database believes pending what its old copy may have posted since. Nothing is claimed from it until a person
adopts it; then that is asked again under its old keys, before anything new of the same priority.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import Attempt
from ..batch import Batch
from ..campaign import Campaign
from ..errors import IllegalMove
from ..installation import Installation
from ..schedule import Schedule
from ..session import Clock, database_clock
from ..states import READY_BATCH, CampaignStatus
from .install import new_installation_id
from .locks import lock_accounts, write_event
from .moves import changed_rows, move_campaign
from .plan import add_ranges

OLDER_SECONDS = 60.0
"""How much older than its witness a database must be to count as restored; a failover may lose less than that."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The latest attempt that somebody knows of."""

    attempt_id: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Which database this is, the latest attempt in it, and why nothing is sent from it, if that is so."""

    installation_id: str
    latest: Sighting | None
    restore_reason: str | None


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting did. `held` are the ids of the campaigns that now wait for a person."""

    installation_id: str
    held: tuple[int, ...]
    in_doubt_count: int
    paused_schedules: tuple[str, ...]


def read_standing(session: Session) -> Standing:
    """Return where this database stands; two lookups by key."""
    installation = session.execute(select(Installation)).scalar_one()
    latest = session.execute(select(Attempt.id, Attempt.opened_at).order_by(Attempt.id.desc()).limit(1)).one_or_none()
    reason = None
    if installation.restored_at is not None:
        reason = installation.restore_reason or "this database was restored from a backup: run bulkpost adopt"
    return Standing(installation.installation_id, None if latest is None else Sighting(*latest), reason)


def is_restored(latest: Sighting | None, witnessed: Sighting) -> bool:
    """Say whether a database whose latest attempt is `latest` lacks attempts that a witness outside of it saw.

    By the numbers first, so that a clock that was set back makes no backup of a database.
    """
    if latest is None:
        return True
    older = witnessed.opened_at - latest.opened_at > timedelta(seconds=OLDER_SECONDS)
    return latest.attempt_id < witnessed.attempt_id and older


def note_restored(session: Session, witnessed: Sighting, *, clock: Clock = database_clock) -> str | None:
    """Let nothing be claimed until somebody adopts this database, if it lacks the witnessed attempt; return why.

    Looks again behind the accounts' locks: whoever was claiming has committed.
    """
    lock_accounts(session)
    standing = read_standing(session)
    if standing.restore_reason is not None:
        return standing.restore_reason
    if not is_restored(standing.latest, witnessed):
        return None
    newest = "it holds no attempt" if standing.latest is None else f"its latest is of {_shown(standing.latest)}"
    reason = (
        f"this database is older than what was sent from it: the latest attempt was made at {_shown(witnessed)}, "
        f"{newest}; nothing is sent until you run bulkpost adopt"
    )
    installation = session.execute(select(Installation)).scalar_one()
    installation.restored_at, installation.restore_reason = clock(session), reason
    write_event(session, clock(session), "system", "restore_noticed", reason=reason)
    return reason


def adopt(
    session: Session, *, environment: str, actor: str, restored: bool = False, clock: Clock = database_clock
) -> Adopted:
    """Make this database the one that sends, in `environment`.

    Campaigns that were due are paused, with everybody pending in doubt; schedules that were due are paused. A database
    of another environment has all its campaigns and schedules paused. `restored`: the caller knows that it comes from a
    backup though nobody noticed.

    Raises:
        IllegalMove: nothing shows that there is anything to adopt.
    """
    lock_accounts(session)
    now = clock(session)
    installation = session.execute(select(Installation)).scalar_one()
    copied = installation.environment != environment
    if not (copied or restored or installation.restored_at is not None):
        raise IllegalMove(
            "nothing shows that this database was restored or copied; if you know that it was: bulkpost adopt "
            "--restored"
        )
    latest = read_standing(session).latest
    held, in_doubt_count = [], 0
    for campaign in _open_campaigns(session, None if copied else now):
        in_doubt_count += _hold(session, campaign, latest, now, actor, clock)
        held.append(campaign.id)
    schedules = _pause_schedules(session, None if copied else now, now, actor)
    installation.installation_id = new_installation_id()
    installation.environment = environment
    installation.restored_at, installation.restore_reason, installation.adopted_at = None, None, now
    facts = {"campaigns": held, "in_doubt": in_doubt_count, "environment": environment}
    write_event(session, now, actor, "adopted", facts=facts)
    return Adopted(installation.installation_id, tuple(held), in_doubt_count, schedules)


def _open_campaigns(session: Session, due_until: datetime | None) -> list[Campaign]:
    statement = select(Campaign).where(
        Campaign.imported_at.is_not(None),
        Campaign.status.in_((CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)),
    )
    if due_until is not None:
        statement = statement.where(or_(Campaign.start_at <= due_until, Campaign.started_at.is_not(None)))
    locked = statement.order_by(Campaign.id).with_for_update(key_share=True)
    return list(session.execute(locked, execution_options={"populate_existing": True}).scalars())


def _hold(
    session: Session, campaign: Campaign, latest: Sighting | None, now: datetime, actor: str, clock: Clock
) -> int:
    """Pause a locked campaign, and put everybody of it who may have been posted since in doubt; return how many."""
    due = campaign.start_at <= now or campaign.started_at is not None
    in_doubt_count = campaign.pending_count if due else 0
    if due:
        _doubt_everybody(session, campaign, latest, clock)
    reason = (
        f"adopted: its old copy may have sent what is pending here; bulkpost campaign resume {campaign.id} asks for it "
        "again under the old keys"
        if due
        else f"adopted from another environment; bulkpost campaign resume {campaign.id}, or cancel it"
    )
    if campaign.status is not CampaignStatus.PAUSED:
        move_campaign(session, campaign, CampaignStatus.PAUSED, now, actor, reason=reason)
    if due:
        # As if it had begun: resumed, it runs; among equals it is the next to be claimed.
        campaign.started_at, campaign.last_claimed_at = campaign.started_at or now, None
    write_event(
        session,
        now,
        actor,
        "campaign_held",
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        reason=reason,
        facts={"in_doubt": in_doubt_count},
    )
    return in_doubt_count


def _doubt_everybody(session: Session, campaign: Campaign, latest: Sighting | None, clock: Clock) -> None:
    """Plan what is not planned yet, and let every open batch be in doubt since the old copy may have posted it."""
    if campaign.planned_through < campaign.total_count:
        size = session.execute(select(Account.batch_size).where(Account.id == campaign.account_id)).scalar_one()
        add_ranges(session, campaign, campaign.planned_through + 1, campaign.total_count, size, clock=clock)
        session.execute(update(Campaign).where(Campaign.id == campaign.id).values(planned_through=Campaign.total_count))
    since = campaign.start_at if latest is None else max(campaign.start_at, latest.opened_at)
    session.execute(
        update(Batch)
        .where(Batch.campaign_id == campaign.id, Batch.status.in_(READY_BATCH), Batch.doubt_since.is_(None))
        .values(doubt_since=since)
        .execution_options(synchronize_session=False)
    )


def _pause_schedules(session: Session, due_until: datetime | None, now: datetime, actor: str) -> tuple[str, ...]:
    statement = select(Schedule).where(Schedule.status == "active")
    if due_until is not None:
        statement = statement.where(Schedule.next_at <= due_until)
    names = []
    for schedule in session.execute(statement.order_by(Schedule.id)).scalars():
        paused = (
            update(Schedule)
            .where(Schedule.id == schedule.id, Schedule.status == "active")
            .values(status="paused", status_since=now, status_by=actor[:64])
            .execution_options(synchronize_session=False)
        )
        if changed_rows(session.execute(paused)):
            reason = f"its old copy may have made the campaigns of schedule {schedule.name}"
            write_event(session, now, actor, "schedule_paused", account_id=schedule.account_id, reason=reason)
            names.append(schedule.name)
    return tuple(names)


def _shown(sighting: Sighting) -> str:
    return f"{sighting.opened_at:%Y-%m-%d %H:%M:%S} UTC"
