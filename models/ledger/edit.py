"""Editing a campaign: name, priority and hours until it has ended, its start before it starts, what it says before the
first attempt."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Select, and_, delete, func, literal, select, update
from sqlalchemy.orm import Session

from ..campaign import Campaign
from ..content import Content, check, from_json, to_json, variable_names
from ..errors import ContentError, IllegalMove, LedgerError
from ..outcome import Outcome
from ..recipient import Recipient
from ..rules import Rules, check_rules
from ..session import Clock, database_clock
from ..states import CampaignStatus, RecipientStatus
from ..timing import from_json as timing_from_json
from .locks import lock_with_account, write_event
from .moves import changed_rows
from .outcomes import count_outcomes
from .repeats import content_hash
from .scratch import IN_HAND, JUDGED, chosen, drop, keep

_ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
_SHOWN = ("name", "priority", "start_at", "latest_at", "send_window", "time_zone", "holidays")
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change; None leaves it. `fields` are single fields of the content, `content` stands for all of them.

    `at_once`: start now, whatever `at` says. `window` "" means at any time; with a window come its `time_zone` and its
    `holidays`.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, object] | None = None
    name: str | None = None
    priority: int | None = None
    at: datetime | None = None
    at_once: bool = False
    latest_at: datetime | None = None
    window: str | None = None
    time_zone: str | None = None
    holidays: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """What was changed, by name. `unskipped_count`: skipped at import for a value that the new text does not name."""

    changed: tuple[str, ...]
    unskipped_count: int = 0


def edit_campaign(
    session: Session, campaign_id: int, changes: Changes, *, actor: str, clock: Clock = database_clock
) -> Edited:
    """Change a campaign, all or nothing. Where everything is as asked already nothing is written.

    Raises:
        UnknownCampaign: there is none, or it is still being imported.
        ContentError: the provider would refuse the new content, or it names a value that was not stored.
        IllegalMove: it is too late for one of the changes; the message says why.
        LedgerError: a value is out of its range.
    """
    campaign = lock_with_account(session, campaign_id)
    now = clock(session)
    values: dict[str, Any] = {}
    content = _new_content(campaign, changes)
    if content is not None:
        values |= {"content": to_json(content), "content_hash": content_hash(content)}
    if changes.name is not None and changes.name != campaign.name:
        values["name"] = _name(changes.name)
    if changes.priority is not None and changes.priority != campaign.priority:
        values["priority"] = _priority(changes.priority)
    at = now if changes.at_once else changes.at
    if at is not None and at != campaign.start_at:
        values["start_at"] = _start(campaign, at, changes.latest_at or campaign.latest_at, now)
    values |= _hours(campaign, changes, values.get("start_at", campaign.start_at), now)
    if not values:
        return Edited(())
    unskipped = 0 if content is None else _unskip(session, campaign, content)
    before = {name: _plain(getattr(campaign, name)) for name in _SHOWN if name in values}
    changed = _changed(campaign, content, values)
    session.execute(
        update(Campaign).where(Campaign.id == campaign_id).values(values).execution_options(synchronize_session=False)
    )
    write_event(
        session,
        now,
        actor,
        "campaign_edited",
        account_id=campaign.account_id,
        campaign_id=campaign_id,
        facts={"changed": list(changed), "before": before, "unskipped": unskipped},
    )
    session.refresh(campaign)
    return Edited(changed, unskipped)


def _new_content(campaign: Campaign, changes: Changes) -> Content | None:
    """Return what the campaign is to say from now on, None where that is what it says."""
    if changes.content is None and not changes.fields:
        return None
    stored = campaign.content if changes.content is None else changes.content
    content = from_json(campaign.kind, {**stored, **changes.fields})
    if to_json(content) == campaign.content:
        return None
    if campaign.attempted_at is not None:
        raise IllegalMove(
            f"campaign {campaign.id} was first posted on {campaign.attempted_at:%Y-%m-%d %H:%M} UTC: what it says is "
            "fixed, because to a key that it knows the provider answers with the old message's id and sends nothing; "
            f"cancel it and create another, or bulkpost campaign resend {campaign.id}"
        )
    if campaign.status in _ENDED:
        raise IllegalMove(f"campaign {campaign.id} is {campaign.status}: it says nothing any more")
    check(content)
    _check_names(campaign, content)
    return content


def _check_names(campaign: Campaign, content: Content) -> None:
    for name in variable_names(content):
        if name in campaign.column_names:
            continue
        near = get_close_matches(name, campaign.column_names, 1)
        hint = f"; did you mean {{{near[0]}}}?" if near else ""
        stored = ", ".join(campaign.column_names) or "no values"
        raise ContentError(
            f"the text names {{{name}}}, which was not stored with campaign {campaign.id}: it has {stored}{hint}"
        )


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise LedgerError(f"a name has 1 to {LONGEST_NAME} characters, this one has {len(name.strip())}")
    return name.strip()


def _priority(priority: int) -> int:
    if not 0 <= priority <= 9:
        raise LedgerError(f"priority {priority} is not between 0 and 9")
    return priority


def _hours(campaign: Campaign, changes: Changes, start_at: datetime, now: datetime) -> dict[str, Any]:
    """Return what changes of when it may be sent.

    Raises:
        BadTimes: nothing could be sent then.
        IllegalMove: it has ended.
    """
    if changes.latest_at is None and changes.window is None:
        return {}
    if campaign.status in _ENDED:
        raise IllegalMove(f"campaign {campaign.id} is {campaign.status}: its hours matter no more")
    new: dict[str, Any] = {"latest_at": changes.latest_at or campaign.latest_at}
    if changes.window is not None:
        days = [day.isoformat() for day in changes.holidays] if changes.window else []
        new |= {"send_window": changes.window or None, "time_zone": changes.time_zone, "holidays": days or None}
    values = {name: value for name, value in new.items() if value != getattr(campaign, name)}
    if not values:
        return {}
    window, zone, days = (
        values.get(name, getattr(campaign, name)) for name in ("send_window", "time_zone", "holidays")
    )
    rules = Rules(new["latest_at"], window, zone, tuple(date.fromisoformat(day) for day in days or ()))
    opens_at, closes_at = check_rules(rules, start_at, now) or (None, None)
    return {**values, "opens_at": opens_at, "closes_at": closes_at}


def _start(campaign: Campaign, at: datetime, latest_at: datetime | None, now: datetime) -> datetime:
    if campaign.started_at is not None or campaign.status in _ENDED:
        since = f"started on {campaign.started_at:%Y-%m-%d %H:%M} UTC" if campaign.started_at else "was cancelled"
        raise IllegalMove(f"campaign {campaign.id} {since}: its start cannot be moved; pause it instead")
    if at < now:
        raise LedgerError(f"{at:%Y-%m-%d %H:%M %z} is in the past: to start at once say --now")
    if latest_at is not None and at >= latest_at:
        raise LedgerError(f"{at:%Y-%m-%d %H:%M %z} is not before its latest moment, {latest_at:%Y-%m-%d %H:%M %z}")
    return at


def _unskip(session: Session, campaign: Campaign, content: Content) -> int:
    """Let those be sent to who were skipped at import only for a value that nothing needs any more; count them.

    Whoever lacks another value is skipped when the batch is rendered, as is whoever lacks one that the new text needs.
    Where times come from a column the rows that were skipped have not been read to their end: they stay skipped.
    """
    timing = timing_from_json(campaign.timing)
    if timing.column_names:
        return 0
    needed = set(variable_names(content))
    reasons = [f"no value for {{{name}}}" for name in campaign.column_names if name not in needed]
    skipped = select(Outcome.position).where(
        Outcome.campaign_id == campaign.id,
        Outcome.status == RecipientStatus.SKIPPED,
        Outcome.attempt_number == 0,
        Outcome.reason.in_(reasons),
    )
    _keep_first_of_their_number(session, campaign.id, skipped)
    wanted = select(chosen().c.position)
    statement = delete(Outcome).where(Outcome.campaign_id == campaign.id, Outcome.position.in_(wanted))
    count = changed_rows(session.execute(statement.execution_options(synchronize_session=False)))
    count_outcomes(campaign, session, Counter({RecipientStatus.SKIPPED: -count}))
    for table in (JUDGED, IN_HAND):
        drop(session, table)
    return count


def _keep_first_of_their_number(session: Session, campaign_id: int, skipped: Select[int]) -> None:
    """Fill `JUDGED` with the first of these positions of each number that nobody else of the campaign is sent to."""
    same = and_(Outcome.campaign_id == Recipient.campaign_id, Outcome.position == Recipient.position)
    rows = select(Recipient.msisdn).where(Recipient.campaign_id == campaign_id, Recipient.msisdn.is_not(None))
    keep(session, IN_HAND, rows.outerjoin(Outcome, same).where(Outcome.position.is_(None)).distinct())
    first = (
        select(func.min(Recipient.position).label("position"))
        .outerjoin(IN_HAND, IN_HAND.c.msisdn == Recipient.msisdn)
        .where(
            Recipient.campaign_id == campaign_id,
            Recipient.msisdn.is_not(None),
            IN_HAND.c.msisdn.is_(None),
            Recipient.position.in_(skipped),
        )
        .group_by(Recipient.msisdn)
    ).subquery("first")
    nothing = [literal(0).label(name) for name in ("attempt_number", "doubtful", "fence")]
    status = literal(RecipientStatus.SKIPPED.value).label("status")
    keep(session, JUDGED, select(first.c.position, status, *nothing))


def _changed(campaign: Campaign, content: Content | None, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what is different: fields of the content by their names, never by what they say."""
    names = [name for name in _SHOWN if name in values]
    if content is not None:
        new = to_json(content)
        names += sorted(
            f"content.{name}" for name in {*new, *campaign.content} if new.get(name) != campaign.content.get(name)
        )
    return tuple(names)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
