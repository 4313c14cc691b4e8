"""Occurrences of schedules: found when due, taken up by one maker, sealed with their campaign in one transaction.

`next_at` moves only in the transaction that finishes the import, so a maker may be killed anywhere: its lease runs out,
the next one makes the occurrence again, and the draft that was left is swept away. Who seals late is told so and takes
its draft back; the unique index on (schedule, occurrence) says the same a second time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..errors import LedgerError
from ..schedule import Schedule
from ..session import Clock, database_clock
from .locks import SYSTEM
from .moves import changed_rows
from .schedules import Recipe, lock_schedule, read_recipe, tell

MAKER_LEASE_SECONDS = 300.0
"""How long a maker may be silent before another one takes over."""
RETRY_SECONDS = 60.0
MOST_TRIES = 4
"""How often an occurrence is taken up before it is given up: a list that kills its maker must not do so for ever."""
MOST_AT_ONCE = 2
"""Occurrences made at the same time, so that long lists leave room for the lanes."""


class OccurrenceLost(LedgerError):
    """Raised when a maker was so slow, or a person so quick, that the occurrence is not its own any more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An occurrence that somebody makes now; `making_at` is the fence."""

    schedule_id: int
    recipe: Recipe
    occurrence: datetime
    making_at: datetime
    tried_count: int


def find_due(session: Session, *, clock: Clock = database_clock) -> list[int]:
    """Return the ids of schedules whose occurrence somebody should make now, as many as there is room for."""
    now = clock(session)
    making = session.execute(
        select(func.count()).where(
            Schedule.status == "active", Schedule.making_at.is_not(None), Schedule.making_until > now
        )
    ).scalar_one()
    statement = (
        select(Schedule.id)
        .where(
            Schedule.status == "active",
            Schedule.next_at <= now,
            or_(Schedule.making_until.is_(None), Schedule.making_until <= now),
        )
        .order_by(Schedule.next_at, Schedule.id)
        .limit(max(0, MOST_AT_ONCE - making))
    )
    return list(session.execute(statement).scalars())


def is_any_due(session: Session, *, clock: Clock = database_clock) -> bool:
    """Say whether an occurrence has come that no campaign was made for, whoever is at it."""
    due = select(Schedule.id).where(Schedule.status == "active", Schedule.next_at <= clock(session)).limit(1)
    return session.execute(due).first() is not None


def lock_due(session: Session, schedule_id: int, *, clock: Clock = database_clock) -> tuple[Schedule, datetime] | None:
    """Lock a schedule whose occurrence is due and made by nobody; return it and the time, or None."""
    schedule = lock_schedule(session, schedule_id, skip_locked=True)
    now = clock(session)
    if schedule is None or schedule.status != "active" or schedule.next_at is None or schedule.next_at > now:
        return None
    if schedule.making_until is not None and schedule.making_until > now:
        return None
    return schedule, now


def take(session: Session, schedule: Schedule, occurrence: datetime, now: datetime) -> Taken:
    """Take up an occurrence of a locked schedule."""
    schedule.tried_count = schedule.tried_count + 1 if occurrence == schedule.next_at else 1
    schedule.next_at, schedule.making_at = occurrence, now
    schedule.making_until = now + timedelta(seconds=MAKER_LEASE_SECONDS)
    return Taken(schedule.id, read_recipe(session, schedule), occurrence, now, schedule.tried_count)


def note_missed(session: Session, schedule: Schedule, now: datetime, reason: str, count: int) -> None:
    """Tell of occurrences of a locked schedule that no campaign is made for."""
    schedule.last_problem = reason
    tell(session, schedule, now, SYSTEM, "occurrences_missed", reason=reason, count=count)


def move_on(schedule: Schedule, next_at: datetime | None) -> None:
    """Let a locked schedule wait for its next occurrence."""
    schedule.next_at = next_at
    schedule.making_at = schedule.making_until = None
    schedule.tried_count = 0


def stay_alive(session: Session, taken: Taken, *, clock: Clock = database_clock) -> None:
    """Keep an occurrence a maker's own for another while.

    Raises:
        OccurrenceLost: it is not its own any more.
    """
    until = clock(session) + timedelta(seconds=MAKER_LEASE_SECONDS)
    statement = (
        update(Schedule)
        .where(Schedule.id == taken.schedule_id, Schedule.making_at == taken.making_at, Schedule.status == "active")
        .values(making_until=until)
        .execution_options(synchronize_session=False)
    )
    if changed_rows(session.execute(statement)) != 1:
        raise _lost(taken)


def seal(
    session: Session, taken: Taken, campaign_id: int, next_at: datetime | None, *, clock: Clock = database_clock
) -> None:
    """Make a campaign that was just imported the one of its occurrence, and let the schedule move on.

    Part of the transaction that finishes the import: there is both, or neither.

    Raises:
        OccurrenceLost: it is not its own any more.
    """
    schedule = _lock_own(session, taken)
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(schedule_id=taken.schedule_id, occurrence_at=taken.occurrence)
        .execution_options(synchronize_session=False)
    )
    schedule.last_at, schedule.last_problem = taken.occurrence, None
    move_on(schedule, next_at)
    now = clock(session)
    tell(
        session, schedule, now, SYSTEM, "occurrence_made", campaign_id=campaign_id,
        occurrence=taken.occurrence.isoformat(),
    )  # fmt: skip


def give_back(session: Session, taken: Taken) -> None:
    """Let somebody else make the occurrence at once: this process is stopping."""
    schedule = _lock_own(session, taken)
    schedule.making_at = schedule.making_until = None
    schedule.tried_count -= 1


def put_off(session: Session, taken: Taken, problem: str, *, clock: Clock = database_clock) -> None:
    """Try an occurrence again a little later."""
    schedule = _lock_own(session, taken)
    schedule.last_problem = problem
    schedule.making_at, schedule.making_until = None, clock(session) + timedelta(seconds=RETRY_SECONDS)


def give_up(
    session: Session, schedule: Schedule, problem: str, next_at: datetime | None, *, clock: Clock = database_clock
) -> None:
    """Make no campaign of the occurrence of a locked schedule, tell why, and go on with the next one."""
    assert schedule.next_at is not None, "only what is due is given up"
    schedule.last_problem = problem
    tell(
        session, schedule, clock(session), SYSTEM, "occurrence_failed", reason=problem,
        occurrence=schedule.next_at.isoformat(),
    )  # fmt: skip
    move_on(schedule, next_at)


def give_up_own(
    session: Session, taken: Taken, problem: str, next_at: datetime | None, *, clock: Clock = database_clock
) -> None:
    """As `give_up`, by its maker."""
    give_up(session, _lock_own(session, taken), problem, next_at, clock=clock)


def _lock_own(session: Session, taken: Taken) -> Schedule:
    schedule = lock_schedule(session, taken.schedule_id)
    if schedule is None or schedule.status != "active" or schedule.making_at != taken.making_at:
        raise _lost(taken)
    return schedule


def _lost(taken: Taken) -> OccurrenceLost:
    return OccurrenceLost(f'schedule "{taken.recipe.name}": somebody else has its occurrence now, or it was paused')
