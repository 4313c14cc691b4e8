"""Gathering: rows of the inbox with one account and one key become one campaign, piece by piece.

Its draft has the key from the first piece on, and is announced when no more rows came for a moment. A piece and the
marks on its rows are one transaction: whoever is killed leaves nothing to repair, and the next tick goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from ..account import Account
from ..campaign import Campaign
from ..content import Content, variable_names
from ..errors import KeyConflict, LedgerError
from ..outgoing import Gathering
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..timing import NO_TIMING
from .client_keys import refuse_keys
from .duplicates import skip_duplicates
from .importing import add_rows, finish_import, insert_draft
from .inbox import Group, front_created_at
from .locks import find_account, lock_campaign
from .repeats import find_by_key
from .rescue import remove_campaign
from .rows import NewRow

ACTOR = "inbox"
QUIET_SECONDS = 2.0
"""A campaign is complete when no row has come to it for so long."""
LONGEST_SECONDS = 60.0
"""And at the latest so long after its first row: whoever writes row after row under one key must not wait for ever."""
MOST_FINISHED = 200
LARGE = 10_000
"""Rows of a campaign that is still gathered for, from which on the others need not wait for the rest of it."""
MOST_LARGE = 50


@dataclass(frozen=True, slots=True)
class Letter:
    """What rows of one account and key say, apart from their recipients."""

    account: str
    key: str
    content: Content
    send_at: datetime | None


@dataclass(frozen=True, slots=True)
class Placed:
    """Where rows went: the campaign, and for each row its position, or one sentence why it is refused."""

    campaign_id: int
    places: tuple[int | str, ...]


def begin_gathering(session: Session, letter: Letter, *, clock: Clock = database_clock) -> Campaign:
    """Lock the campaign of a key and return it; where there is none, begin it.

    Waits for another application's transaction that is making a campaign of this key.

    Raises:
        ContentError, UnknownAccount, LedgerError: there can be no such campaign.
    """
    account_id = find_account(session, letter.account).id
    return _lock(session, account_id, letter.key) or _begin(session, account_id, letter, clock)


def gather(session: Session, letter: Letter, rows: Sequence[NewRow], *, clock: Clock = database_clock) -> Placed:
    """Put the next rows of a key into its campaign.

    Where the campaign was made already, rows that repeat one of it are in it, and others are refused. Waits for another
    application's transaction that uses one of the rows' own keys.

    Raises:
        KeyConflict: the campaign of this key says something else.
        ContentError, UnknownAccount, LedgerError: there can be no such campaign.
    """
    campaign = begin_gathering(session, letter, clock=clock)
    find_by_key(session, letter.account, letter.key, letter.content, at=letter.send_at)  # or it says what differs
    gathering = session.get(Gathering, campaign.id, populate_existing=True)
    if gathering is None:
        return _repeat(session, campaign.id, rows)
    if gathering.send_at != letter.send_at:
        raise KeyConflict(f'other rows of campaign key "{letter.key}" have another send_at: give all of them one')
    first = campaign.total_count + 1
    judged = refuse_keys(session, campaign.account_id, campaign.id, first, rows)
    fit = [row for row in judged if row.problem is None]
    if fit:
        add_rows(session, campaign.id, first, fit, clock=clock)
        gathering.last_at = clock(session)
    session.flush()
    positions = iter(range(first, first + len(fit)))
    return Placed(campaign.id, tuple(row.problem or next(positions) for row in judged))


def find_large(session: Session) -> dict[int, Group]:
    """Return by their ids the campaigns that many rows have come to already, a bounded number. Only reads."""
    statement = (
        select(Gathering.campaign_id, Account.name, Campaign.external_key)
        .join(Campaign, Campaign.id == Gathering.campaign_id)
        .join(Account, Account.id == Campaign.account_id)
        .where(Campaign.total_count >= LARGE)
    )
    found = session.execute(statement.order_by(Gathering.campaign_id).limit(MOST_LARGE)).all()
    return {campaign_id: Group(account, key or "") for campaign_id, account, key in found}


def find_complete(session: Session, *, clock: Clock = database_clock) -> list[int]:
    """Return the ids of campaigns that no more rows will come to, a bounded number. Only reads.

    Whatever was written before is in: a campaign's rows are taken in the order of their ids, and the one that has
    waited longest was written after the campaign had its last. The rows of large campaigns say nothing of the others.
    """
    now = clock(session)
    large = find_large(session)
    since = front_created_at(session, now) or now
    complete = _is_complete(since)
    if large:
        since_others = front_created_at(session, now, list(large.values())) or now
        complete = or_(complete, and_(Campaign.id.not_in(large), _is_complete(since_others)))
    statement = select(Gathering.campaign_id).join(Campaign, Campaign.id == Gathering.campaign_id).where(complete)
    return list(session.execute(statement.order_by(Gathering.campaign_id).limit(MOST_FINISHED)).scalars())


def _is_complete(since: datetime) -> ColumnElement[bool]:
    return or_(
        Gathering.last_at < since - timedelta(seconds=QUIET_SECONDS),
        Campaign.created_at < since - timedelta(seconds=LONGEST_SECONDS),
    )


def finish_gathering(session: Session, campaign_id: int, *, clock: Clock = database_clock) -> bool:
    """Announce a campaign that is complete; say whether there is one that nobody else has announced."""
    campaign = lock_campaign(session, campaign_id)
    gathering = session.get(Gathering, campaign_id, populate_existing=True)
    if gathering is None:
        return False
    session.delete(gathering)
    if campaign.total_count == 0:  # every row was refused
        remove_campaign(session, campaign_id)
        return False
    skip_duplicates(session, campaign_id, clock=clock)
    finish_import(session, campaign_id, may_be_empty=True, actor=ACTOR, clock=clock)
    return True


def _lock(session: Session, account_id: int, key: str) -> Campaign | None:
    found = session.execute(
        select(Campaign.id).where(Campaign.account_id == account_id, Campaign.external_key == key)
    ).scalar_one_or_none()
    return None if found is None else lock_campaign(session, found)


def _begin(session: Session, account_id: int, letter: Letter, clock: Clock) -> Campaign:
    campaign_id = insert_draft(
        session,
        content=letter.content,
        account=letter.account,
        name=letter.key,
        column_names=variable_names(letter.content),
        at=letter.send_at,
        priority=5,
        timing=NO_TIMING,
        external_key=letter.key,
        actor=ACTOR,
        clock=clock,
    )
    if campaign_id is None:
        campaign = _lock(session, account_id, letter.key)
        if campaign is None:
            raise LedgerError(
                f'campaign key "{letter.key}" was taken and given back at this moment: insert the row again'
            )
        return campaign
    session.add(Gathering(campaign_id=campaign_id, send_at=letter.send_at, last_at=clock(session)))
    session.flush()
    return lock_campaign(session, campaign_id)


def _repeat(session: Session, campaign_id: int, rows: Sequence[NewRow]) -> Placed:
    """Find out who of these is in a campaign that was made already."""
    known = dict(
        session.execute(
            select(Recipient.msisdn, func.min(Recipient.position))
            .where(Recipient.campaign_id == campaign_id, Recipient.msisdn.in_([row.msisdn for row in rows]))
            .group_by(Recipient.msisdn)
        ).all()
    )
    late = f"campaign {campaign_id} was already made from this key, without this number: use a new key"
    return Placed(campaign_id, tuple(known.get(row.msisdn, late) for row in rows))
