"""Enqueue: a campaign and its recipients come in.

`enqueue_campaign` does it inside the caller's own transaction: the campaign exists exactly if their commit does. A long
import does it in pieces instead (`begin_import`, `add_rows`, `mark_duplicates`, `finish_import`), each in a transaction
of its own, into a draft that nobody lists or plans until the last one.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..base import CONTRACT_VERSION
from ..campaign import LARGEST_CAMPAIGN, Campaign
from ..content import Content, check, to_json, variable_names
from ..errors import EmptyList, KeyConflict, LedgerError, WrongDatabase
from ..installation import Installation
from ..outcome import Outcome
from ..recipient import Recipient as RecipientRow
from ..session import Clock, database_clock
from ..states import CampaignStatus, RecipientStatus
from ..work import RecipientOutcome
from .keys import new_prefix
from .locks import SYSTEM, find_account, lock_campaign, write_event
from .outcomes import write_outcomes
from .rescue import remove_campaign, remove_rows
from .rows import NewRow, insert_rows

ROWS_AT_ONCE = 5_000
LONGEST_REF = 200
_MSISDN = re.compile(r"[1-9][0-9]{7,13}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to send to. `phone` is 8 to 14 digits, country code first, no plus; `ref` is the caller's own note."""

    phone: str
    variables: Mapping[str, str] = field(default_factory=dict)
    ref: str | None = None


def enqueue_campaign(
    session: Session,
    *,
    content: Content,
    recipients: Iterable[Recipient],
    key: str | None = None,
    account: str = "default",
    at: datetime | None = None,
    name: str | None = None,
    priority: int = 5,
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> int:
    """Put a campaign into the caller's transaction and return its id.

    Recipients are streamed: a generator of a million costs bounded memory. One that cannot be sent to (no number, a
    number twice, no value for a name in the text) is skipped with its reason; the others are sent. `at` is an aware
    moment; None means as soon as the caller has committed. The same `key` with the same content returns the first
    campaign's id and writes nothing.

    Raises:
        ContentError: the provider would refuse this content.
        EmptyList: not one recipient can be sent to.
        KeyConflict: `key` exists with other content.
        LedgerError: an argument is out of its range.
        UnknownAccount: there is no such account.
        WrongDatabase: no Bulkpost tables here, or those of another contract version.
    """
    check_contract(session)
    check(content)
    _check_arguments(key, at, priority)
    if key is not None:
        known = find_by_key(session, account, key, content)
        if known is not None:
            return known
    names = variable_names(content)
    campaign_id = _insert_draft(
        session,
        content=content,
        account=account,
        name=name,
        column_names=names,
        at=at,
        priority=priority,
        external_key=key,
        actor=actor,
        clock=clock,
    )
    if campaign_id is None:
        # Somebody with the same key has committed since we looked.
        known = find_by_key(session, account, key or "", content)
        assert known is not None, "only an equal key keeps a draft from being inserted"
        return known
    try:
        _fill(session, campaign_id, recipients, names, clock)
        finish_import(session, campaign_id, actor=actor, clock=clock)
    except SQLAlchemyError:
        raise  # the caller's transaction is over
    except Exception:
        # The caller may go on and commit: nothing half done, and the key is free.
        while remove_rows(session, campaign_id):
            pass
        remove_campaign(session, campaign_id)
        raise
    return campaign_id


def _check_arguments(key: str | None, at: datetime | None, priority: int) -> None:
    if key is not None and not 1 <= len(key) <= LONGEST_REF:
        raise LedgerError(f"a campaign key has 1 to {LONGEST_REF} characters, this one has {len(key)}")
    if at is not None and at.tzinfo is None:
        raise LedgerError(f"{at} has no time zone: pass an aware moment, such as datetime.now(timezone.utc)")
    if not 0 <= priority <= 9:
        raise LedgerError(f"priority {priority} is not between 0 and 9")


def _fill(
    session: Session, campaign_id: int, recipients: Iterable[Recipient], names: Sequence[str], clock: Clock
) -> None:
    total = 0
    rows = (_row(recipient, names) for recipient in recipients)
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        add_rows(session, campaign_id, total + 1, chunk, clock=clock)
        total += len(chunk)
    mark_duplicates(session, campaign_id, find_duplicates(session, campaign_id), clock=clock)


def check_contract(session: Session) -> None:
    """Refuse to write to a database whose tables mean something else.

    Raises:
        WrongDatabase: the database is of another contract version.
    """
    version = session.execute(select(Installation.contract_version)).scalar_one_or_none()
    if version != CONTRACT_VERSION:
        raise WrongDatabase(
            f"this database has contract version {version}, this package writes {CONTRACT_VERSION}: install the "
            "package that belongs to it, or upgrade the database with bulkpost db upgrade"
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
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> int:
    """Make the draft that an import fills, and return its id. Nobody lists or plans it before `finish_import`.

    Raises:
        ContentError: the provider would refuse this content.
        UnknownAccount: there is no such account.
    """
    check(content)
    campaign_id = _insert_draft(
        session,
        content=content,
        account=account,
        name=name,
        column_names=column_names,
        at=at,
        priority=priority,
        external_key=None,
        actor=actor,
        clock=clock,
    )
    assert campaign_id is not None, "nothing but an equal key keeps a draft from being inserted"
    return campaign_id


def _insert_draft(
    session: Session,
    *,
    content: Content,
    account: str,
    column_names: Sequence[str],
    name: str | None,
    at: datetime | None,
    priority: int,
    external_key: str | None,
    actor: str,
    clock: Clock,
) -> int | None:
    """Insert a draft, and return its id, or None where the account has a campaign with this key.

    One statement, no savepoint: the plain SQLite driver of other applications commits when it releases one.
    """
    now = clock(session)
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = (
        insert(Campaign)
        .values(
            account_id=find_account(session, account).id,
            name=(name or f"{content.kind} {now:%Y-%m-%d %H:%M}")[:200],
            kind=content.kind,
            content=to_json(content),
            content_hash=content_hash(content),
            column_names=list(column_names),
            priority=priority,
            external_key=external_key,
            status=CampaignStatus.DRAFT,
            status_since=now,
            status_by=actor[:64],
            created_at=now,
            importing_at=now,
            start_at=at or now,
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
) -> None:
    """Insert the next rows of an import, and the outcome of those that will not be sent.

    Raises:
        LedgerError: the list is longer than a campaign can be; or the import was swept away meanwhile.
    """
    if first_position + len(rows) - 1 > LARGEST_CAMPAIGN:
        raise LedgerError(f"a campaign has at most {LARGEST_CAMPAIGN:,} recipients: split the list")
    account_id = session.execute(
        select(Campaign.account_id).where(Campaign.id == campaign_id, Campaign.imported_at.is_(None))
    ).scalar_one_or_none()
    if account_id is None:
        raise _swept_away(campaign_id)
    now = clock(session)
    insert_rows(session, campaign_id, account_id, first_position, rows)
    skipped = [
        RecipientOutcome(position, RecipientStatus.SKIPPED, reason=row.problem)
        for position, row in enumerate(rows, first_position)
        if row.problem is not None
    ]
    write_outcomes(session, campaign_id, skipped, now)
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(importing_at=now, total_count=first_position + len(rows) - 1)
        .execution_options(synchronize_session=False)
    )


def find_duplicates(session: Session, campaign_id: int) -> list[tuple[int, int]]:
    """Return (position, position of the first) for every further row of a number in one campaign.

    Decided by the database, so that a million rows cost the importing process no memory. Only reads.
    """
    first = func.min(RecipientRow.position).over(partition_by=RecipientRow.msisdn).label("first")
    numbered = (
        select(RecipientRow.position, first)
        .where(
            RecipientRow.campaign_id == campaign_id,
            RecipientRow.msisdn.is_not(None),
            ~select(Outcome.position)
            .where(Outcome.campaign_id == campaign_id, Outcome.position == RecipientRow.position)
            .exists(),
        )
        .subquery()
    )
    statement = select(numbered).where(numbered.c.position > numbered.c.first).order_by(numbered.c.position)
    return [(row.position, row.first) for row in session.execute(statement)]


def mark_duplicates(
    session: Session,
    campaign_id: int,
    duplicates: Iterable[tuple[int, int]],
    *,
    first_name: str = "row",
    clock: Clock = database_clock,
) -> None:
    """Skip further rows of a number; (position, what to call the first row's place) pairs. The first row wins."""
    now = clock(session)
    pairs: Iterator[tuple[int, int]] = iter(duplicates)
    while chunk := list(islice(pairs, ROWS_AT_ONCE)):
        outcomes = [
            RecipientOutcome(position, RecipientStatus.SKIPPED, reason=f"the same number as {first_name} {first}")
            for position, first in chunk
        ]
        write_outcomes(session, campaign_id, outcomes, now)


def finish_import(
    session: Session,
    campaign_id: int,
    *,
    external_key: str | None = None,
    start: bool = True,
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> Campaign:
    """End an import: fix the keys and the counts, and schedule the campaign unless `start` is False.

    Raises:
        EmptyList: not one of the rows can be sent to; the caller rolls back or discards the draft.
        LedgerError: the import has ended, or it was silent for so long that its rows were swept away.
    """
    campaign = lock_campaign(session, campaign_id)
    now = clock(session)
    rows = session.execute(
        select(func.count()).select_from(RecipientRow).where(RecipientRow.campaign_id == campaign_id)
    ).scalar_one()
    if rows != campaign.total_count or campaign.imported_at is not None:
        raise _swept_away(campaign_id)
    skipped = session.execute(
        select(func.count()).select_from(Outcome).where(Outcome.campaign_id == campaign_id)
    ).scalar_one()
    if skipped >= campaign.total_count:
        raise EmptyList(f"nobody can be sent to: of {campaign.total_count:,} rows every one was refused")
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


def find_by_key(session: Session, account: str, key: str, content: Content) -> int | None:
    """Return the id of the account's campaign with this external key, or None.

    Raises:
        KeyConflict: it exists with other content; the message names the fields that differ.
    """
    account_id = find_account(session, account).id
    row = session.execute(
        select(Campaign.id, Campaign.kind, Campaign.content, Campaign.content_hash).where(
            Campaign.account_id == account_id, Campaign.external_key == key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.content_hash != content_hash(content):
        new = to_json(content)
        differing = sorted(name for name in {*new, *row.content} if new.get(name) != row.content.get(name))
        raise KeyConflict(
            f'campaign key "{key}" belongs to campaign {row.id}, which says something else '
            f"({', '.join(differing) or 'another kind'}): use a new key for a new campaign"
        )
    found: int = row.id
    return found


def content_hash(content: Content) -> str:
    """Return the SHA-256 of kind and content, in hexadecimal."""
    spelled = json.dumps([content.kind, to_json(content)], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(spelled.encode()).hexdigest()


def missing_value(names: Sequence[str], values: Mapping[str, str]) -> str | None:
    """Return why a recipient with these values cannot be rendered, or None."""
    for name in names:
        if not values.get(name, "").strip():
            return f"no value for {{{name}}}"
    return None


def _row(recipient: Recipient, names: Sequence[str]) -> NewRow:
    known = _MSISDN.fullmatch(recipient.phone) is not None
    problem = _unfit(recipient, names) if known else "not a phone number of 8 to 14 digits"
    values = [recipient.variables.get(name, "") for name in names]
    ref = recipient.ref
    if problem is not None:
        values = [_UNSTORABLE.sub("?", value) for value in values]
        ref = None if ref is None else _UNSTORABLE.sub("?", ref)[:LONGEST_REF]
    values_json = json.dumps(values, ensure_ascii=False) if names else None
    return NewRow(recipient.phone if known else None, ref, values_json, problem)


def _unfit(recipient: Recipient, names: Sequence[str]) -> str | None:
    if recipient.ref is not None and len(recipient.ref) > LONGEST_REF:
        return f"the reference is longer than {LONGEST_REF} characters"
    if recipient.ref is not None and _UNSTORABLE.search(recipient.ref):
        return "the reference has a character that cannot be stored"
    for name in names:
        if _UNSTORABLE.search(recipient.variables.get(name, "")):
            return f"the value for {{{name}}} has a character that cannot be stored"
    return missing_value(names, recipient.variables)
