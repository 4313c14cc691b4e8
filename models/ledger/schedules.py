"""Schedules as people make and control them. What becomes of their occurrences is in `occurrences`.

Moments are computed outside: this room reads no cron. A schedule's row is locked after everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..content import Content, check, from_json, to_json
from ..errors import IllegalMove, LedgerError
from ..event import Event
from ..schedule import SavedList, Schedule
from ..session import Clock, database_clock
from .lists import find_list
from .locks import find_account, write_event

NextAfter = Callable[[Schedule, datetime], datetime | None]
"""Returns the first occurrence of a schedule that is later than a moment."""

MOST_SHOWN = 5
_EVENTS_READ = 500
_ENDED = " (ended {})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make again and again. Either `recipients_file` or `list_name` is given."""

    name: str
    account: str
    cron: str
    time_zone: str
    content: Content
    recipients_file: str | None = None
    list_name: str | None = None
    missed: Literal["skip", "once"] = "skip"
    options: dict[str, Any] = field(default_factory=dict)


def create_schedule(
    session: Session, recipe: Recipe, *, next_at: datetime, actor: str, clock: Clock = database_clock
) -> int:
    """Put a schedule in and return its id.

    Raises:
        ContentError: the provider would refuse this content.
        LedgerError: its name is taken.
        UnknownAccount, UnknownList: there is no such account or list.
    """
    check(recipe.content)
    now = clock(session)
    account = find_account(session, recipe.account)
    if session.execute(select(Schedule.id).where(Schedule.name == recipe.name)).first() is not None:
        raise LedgerError(
            f'there is a schedule "{recipe.name}": give this one another name, or end that one with '
            "bulkpost schedule end"
        )
    schedule = Schedule(
        name=recipe.name,
        account_id=account.id,
        cron=recipe.cron,
        time_zone=recipe.time_zone,
        missed=recipe.missed,
        kind=recipe.content.kind,
        content=to_json(recipe.content),
        campaign_options=recipe.options,
        recipients_file=recipe.recipients_file,
        list_id=None if recipe.list_name is None else find_list(session, recipe.list_name).id,
        status="active",
        status_since=now,
        status_by=actor[:64],
        created_at=now,
        next_at=next_at,
        tried_count=0,
    )
    session.add(schedule)
    session.flush()
    tell(session, schedule, now, actor, "schedule_created")
    return schedule.id


def pause_schedule(session: Session, called: str, *, actor: str, clock: Clock = database_clock) -> Schedule:
    """Make no campaigns until it is resumed, also none that is being made now.

    Raises:
        IllegalMove: it is not active.
        UnknownSchedule: there is none.
    """
    return _move(session, called, {"active"}, "paused", actor, clock)


def resume_schedule(
    session: Session, called: str, *, next_after: NextAfter, actor: str, clock: Clock = database_clock
) -> Schedule:
    """Go on with the first occurrence from now on; those of the pause are left out.

    Raises:
        IllegalMove: it is not paused.
        UnknownSchedule: there is none.
    """
    schedule = _move(session, called, {"paused"}, "active", actor, clock)
    schedule.next_at = next_after(schedule, schedule.status_since)
    return schedule


def end_schedule(session: Session, called: str, *, actor: str, clock: Clock = database_clock) -> Schedule:
    """Make no campaigns any more. Those that were made stay as they are; the name and the list are free again.

    Raises:
        IllegalMove: it has ended.
        UnknownSchedule: there is none.
    """
    schedule = _move(session, called, {"active", "paused"}, "ended", actor, clock)
    schedule.next_at = None
    if schedule.list_id is not None:
        schedule.recipients_file, schedule.list_id = f"list {_list_name(session, schedule)}", None
    mark = _ENDED.format(schedule.id)
    schedule.name = schedule.name[: 150 - len(mark)] + mark
    return schedule


def find_schedule(session: Session, called: str) -> Schedule:
    """Return the schedule of a name, or of an id.

    Raises:
        UnknownSchedule: there is none; the message names those that go on.
    """
    schedule = session.execute(select(Schedule).where(Schedule.name == called)).scalar_one_or_none()
    if schedule is None and called.isascii() and called.isdigit() and len(called) < 19:
        schedule = session.get(Schedule, int(called))
    if schedule is None:
        raise UnknownSchedule(session, called)
    return schedule


def read_recipe(session: Session, schedule: Schedule) -> Recipe:
    """Return what a schedule makes, as it is now."""
    return Recipe(
        name=schedule.name,
        account=session.execute(select(Account.name).where(Account.id == schedule.account_id)).scalar_one(),
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        content=from_json(schedule.kind, schedule.content),
        recipients_file=schedule.recipients_file,
        list_name=_list_name(session, schedule),
        missed="once" if schedule.missed == "once" else "skip",
        options=schedule.campaign_options,
    )


def lock_schedule(session: Session, schedule_id: int, *, skip_locked: bool = False) -> Schedule | None:
    """Lock a schedule's row and return it as it is now; None where there is none, or somebody else holds it."""
    statement = (
        select(Schedule).where(Schedule.id == schedule_id).with_for_update(key_share=True, skip_locked=skip_locked)
    )
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def list_schedules(session: Session, *, ended: bool = False) -> list[dict[str, Any]]:
    """Return the schedules by id, as `schedule list --json` prints them; `ended` shows those too that are over."""
    statement = select(Schedule).order_by(Schedule.id)
    if not ended:
        statement = statement.where(Schedule.status != "ended")
    return [_plain(session, schedule) for schedule in session.execute(statement).scalars().all()]


def show_schedule(session: Session, called: str) -> dict[str, Any]:
    """Return one schedule with its newest campaigns, and what was told of its occurrences.

    Raises:
        UnknownSchedule: there is none.
    """
    schedule = find_schedule(session, called)
    return {**_plain(session, schedule), "campaigns": _campaigns(session, schedule), "notes": _notes(session, schedule)}


class UnknownSchedule(LedgerError):
    """Raised when a schedule is not in the database."""

    def __init__(self, session: Session, called: str) -> None:
        names = session.execute(
            select(Schedule.name).where(Schedule.status != "ended").order_by(Schedule.name).limit(10)
        ).scalars()
        known = ", ".join(f'"{name}"' for name in names) or "none"
        super().__init__(f'no schedule "{called}": there is {known}')


def tell(
    session: Session,
    schedule: Schedule,
    now: datetime,
    actor: str,
    kind: str,
    *,
    reason: str | None = None,
    campaign_id: int | None = None,
    **facts: Any,
) -> None:
    """Write an event of a schedule."""
    write_event(
        session, now, actor, kind, account_id=schedule.account_id, campaign_id=campaign_id, reason=reason,
        facts={"schedule": schedule.id, "name": schedule.name, **facts},
    )  # fmt: skip


def _move(session: Session, called: str, sources: set[str], target: str, actor: str, clock: Clock) -> Schedule:
    schedule = lock_schedule(session, find_schedule(session, called).id)
    assert schedule is not None, "a schedule is never deleted"
    if schedule.status not in sources:
        raise IllegalMove(f'schedule "{schedule.name}" is {schedule.status}: it cannot become {target}')
    now = clock(session)
    tell(session, schedule, now, actor, f"schedule_{'resumed' if target == 'active' else target}")
    schedule.status, schedule.status_since, schedule.status_by = target, now, actor[:64]
    schedule.making_at = schedule.making_until = None
    schedule.tried_count = 0
    return schedule


def _plain(session: Session, schedule: Schedule) -> dict[str, Any]:
    recipe = read_recipe(session, schedule)
    return {
        "id": schedule.id,
        "name": schedule.name,
        "account": recipe.account,
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "missed": schedule.missed,
        "kind": schedule.kind,
        "content": schedule.content,
        "recipients": schedule.recipients_file,
        "list": recipe.list_name,
        "options": schedule.campaign_options,
        "status": schedule.status,
        "status_since": schedule.status_since,
        "status_by": schedule.status_by,
        "next_at": schedule.next_at if schedule.status == "active" else None,
        "making_since": schedule.making_at,
        "last_at": schedule.last_at,
        "last_problem": schedule.last_problem,
    }


def _list_name(session: Session, schedule: Schedule) -> str | None:
    if schedule.list_id is None:
        return None
    return session.execute(select(SavedList.name).where(SavedList.id == schedule.list_id)).scalar_one()


def _campaigns(session: Session, schedule: Schedule) -> list[dict[str, Any]]:
    newest = session.execute(
        select(Campaign.id, Campaign.name, Campaign.status, Campaign.occurrence_at)
        .where(Campaign.schedule_id == schedule.id)
        .order_by(Campaign.occurrence_at.desc())
        .limit(MOST_SHOWN)
    )
    return [
        {"id": row.id, "name": row.name, "status": row.status.value, "occurrence_at": row.occurrence_at}
        for row in newest
    ]


def _notes(session: Session, schedule: Schedule) -> list[dict[str, Any]]:
    newest = session.execute(
        select(Event)
        .where(Event.campaign_id.is_(None), Event.kind.in_(("occurrences_missed", "occurrence_failed")))
        .order_by(Event.id.desc())
        .limit(_EVENTS_READ)
    ).scalars()
    ours = [one for one in newest if (one.facts or {}).get("schedule") == schedule.id]
    return [{"at": one.happened_at, "kind": one.kind, "reason": one.reason} for one in ours[:MOST_SHOWN]]
