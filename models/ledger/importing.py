"""Importing in steps: a draft, its rows in pieces, its duplicates, its end. Each step in a transaction of the caller's.

Nobody lists or plans a draft before `finish_import`, so that a long import may commit after every piece.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from ..campaign import LARGEST_CAMPAIGN, Campaign
from ..content import Content, check, from_json, to_json
from ..errors import ContentError, EmptyList, LedgerError
from ..outcome import Outcome
from ..recipient import Recipient as RecipientRow
from ..rules import NO_RULES, Rules, check_rules
from ..session import Clock, database_clock
from ..states import CampaignStatus, RecipientStatus
from ..stop import Stop
from ..timing import NO_TIMING, Timing, check_timing
from ..timing import to_json as timing_to_json
from ..work import RecipientOutcome
from .canary import nth_sendable
from .client_keys import insert_rows_and_keys
from .cost import check_cost, known_segments
from .keys import new_prefix
from .locks import SYSTEM, find_account, lock_campaign, write_event
from .outcomes import write_outcomes
from .repeats import content_hash
from .rows import Meanwhile, NewRow, nothing
from .stops import skip_stopped

# First of a piece: what may be swept away is locked, and one statement says all that the piece must know.
_GROW = (
    update(Campaign)
    .where(Campaign.id == bindparam("grown_id"), Campaign.imported_at.is_(None))
    .values(importing_at=bindparam("now"), total_count=bindparam("last_position"))
    .returning(Campaign.account_id, exists(select(Stop.msisdn)).label("some_stopped"))
)


def begin_import(
    session: Session,
    *,
    content: Content,
    account: str,
    column_names: Sequence[str],
    name: str | None = None,
    at: datetime | None = None,
    priority: int = 5,
    timing: Timing = NO_TIMING,
    rules: Rules = NO_RULES,
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> int:
    """Make the draft that an import fills, and return its id. Nobody lists or plans it before `finish_import`.

    Raises:
        BadTimes: by its rules nothing could be sent.
        ContentError: the provider would refuse this content.
        UnknownAccount: there is no such account.
    """
    check(content)
    campaign_id = insert_draft(
        session,
        content=content,
        account=account,
        name=name,
        column_names=column_names,
        at=at,
        priority=priority,
        timing=timing,
        rules=rules,
        external_key=None,
        actor=actor,
        clock=clock,
    )
    assert campaign_id is not None, "nothing but an equal key keeps a draft from being inserted"
    return campaign_id


def insert_draft(
    session: Session,
    *,
    content: Content,
    account: str,
    column_names: Sequence[str],
    name: str | None,
    at: datetime | None,
    priority: int,
    timing: Timing,
    external_key: str | None,
    actor: str,
    clock: Clock,
    rules: Rules = NO_RULES,
) -> int | None:
    """Insert a draft, and return its id, or None where the account has a campaign with this key.

    One statement, no savepoint: the plain SQLite driver of other applications commits when it releases one.
    """
    now = clock(session)
    owner = find_account(session, account)
    check_timing(timing, now)
    opens_at, closes_at = check_rules(rules, at or now, now) or (None, None)
    if timing.is_given and owner.time_offset_minutes is None:
        raise ContentError(no_offset(account))
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = (
        insert(Campaign)
        .values(
            account_id=owner.id,
            name=(name or f"{content.kind} {now:%Y-%m-%d %H:%M}")[:200],
            kind=content.kind,
            content=to_json(content),
            content_hash=content_hash(content),
            column_names=list(column_names),
            priority=priority,
            timing=timing_to_json(timing),
            external_key=external_key,
            status=CampaignStatus.DRAFT,
            status_since=now,
            status_by=actor[:64],
            created_at=now,
            importing_at=now,
            start_at=at or now,
            latest_at=rules.latest_at,
            time_zone=rules.time_zone,
            send_window=rules.window,
            holidays=[day.isoformat() for day in rules.holidays] or None,
            opens_at=opens_at,
            closes_at=closes_at,
            max_segments=rules.max_segments,
            canary_count=rules.canary_count,
            canary_share=rules.canary_share if rules.canary_count else None,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "external_key"])
        .returning(Campaign.id)
    )
    return session.execute(statement).scalar_one_or_none()


def add_rows(
    session: Session,
    campaign_id: int,
    first_position: int,
    rows: Sequence[NewRow],
    *,
    clock: Clock = database_clock,
    meanwhile: Meanwhile = nothing,
) -> list[int]:
    """Insert the next rows of an import, and the outcome of those that will not be sent.

    Returns the positions that were skipped because their numbers are on the stop list. `meanwhile` is called now and
    then while a server is at work on the rows; not at all where nobody works beside this process.

    Raises:
        LedgerError: the list is longer than a campaign can be; or the import was swept away meanwhile.
    """
    if first_position + len(rows) - 1 > LARGEST_CAMPAIGN:
        raise LedgerError(f"a campaign has at most {LARGEST_CAMPAIGN:,} recipients: split the list")
    now, last_position = clock(session), first_position + len(rows) - 1
    growing = {"grown_id": campaign_id, "now": now, "last_position": last_position}
    grown = session.execute(_GROW, growing, execution_options={"synchronize_session": False}).one_or_none()
    if grown is None:
        raise _swept_away(campaign_id)
    written = insert_rows_and_keys(session, campaign_id, grown.account_id, first_position, rows, meanwhile)
    skipped = [
        RecipientOutcome(position, RecipientStatus.SKIPPED, reason=problem)
        for position, problem in enumerate(written.problems, first_position)
        if problem is not None
    ]
    write_outcomes(session, campaign_id, skipped, now)
    return skip_stopped(session, campaign_id, first_position, last_position, now) if grown.some_stopped else []


def finish_import(
    session: Session,
    campaign_id: int,
    *,
    external_key: str | None = None,
    start: bool = True,
    may_be_empty: bool = False,
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> Campaign:
    """End an import: fix the keys and the counts, and schedule the campaign unless `start` is False.

    With `may_be_empty` it is a campaign also where everybody is skipped.

    Raises:
        EmptyList: not one of the rows can be sent to; the caller rolls back or discards the draft.
        LedgerError: the import has ended, or it was silent for so long that its rows were swept away.
        TooCostly: one text for everybody, which would be billed for more than the campaign may.
    """
    campaign = lock_campaign(session, campaign_id)
    now = clock(session)
    counts = [
        select(func.count()).where(table.campaign_id == campaign_id).scalar_subquery()
        for table in (RecipientRow, Outcome)
    ]
    rows, skipped = session.execute(select(*counts)).one()
    if rows != campaign.total_count or campaign.imported_at is not None:
        raise _swept_away(campaign_id)
    if skipped >= campaign.total_count and not may_be_empty:
        raise EmptyList(f"nobody can be sent to: of {campaign.total_count:,} rows every one was refused")
    if campaign.max_segments is not None:
        known = known_segments(from_json(campaign.kind, campaign.content), campaign.total_count - skipped)
        check_cost(known or 0, campaign.max_segments)
    status = CampaignStatus.SCHEDULED if start else CampaignStatus.DRAFT
    values = {
        "key_prefix": _unused_prefix(session, campaign.total_count),
        "skipped_count": skipped,
        "imported_at": now,
        "status": status,
        "status_since": now,
    }
    if external_key is not None:
        values["external_key"] = external_key
    if campaign.canary_count is not None:
        values["canary_count"] = nth_sendable(session, campaign, campaign.canary_count)
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.status == CampaignStatus.DRAFT, Campaign.imported_at.is_(None))
        .values(values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(campaign)
    write_event(
        session,
        now,
        actor,
        "campaign_created",
        account_id=campaign.account_id,
        campaign_id=campaign_id,
        facts={"total": campaign.total_count, "skipped": skipped},
    )
    return campaign


def _swept_away(campaign_id: int) -> LedgerError:
    return LedgerError(
        f"import {campaign_id} has ended, or was swept away after an hour of silence: import the list again"
    )


def _unused_prefix(session: Session, total_count: int) -> str:
    """Return a prefix that no campaign has. The UNIQUE constraint decides between two that draw at once."""
    while True:
        prefix = new_prefix(total_count)
        if session.execute(select(Campaign.id).where(Campaign.key_prefix == prefix)).first() is None:
            return prefix


def no_offset(account: str) -> str:
    """Return why messages with times cannot be sent from this account, and the mend."""
    return (
        f"account {account} has no time offset, so the provider's idea of a time is unknown: "
        f"bulkpost account set {account} --time-offset +03:00, or bulkpost account measure-time {account}"
    )
