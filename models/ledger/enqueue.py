"""Enqueue: a campaign and its recipients come in, inside the caller's own transaction.

The campaign exists exactly if their commit does. A list too long for one transaction comes in by the steps of
`models.ledger.importing` instead.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..base import CONTRACT_VERSION
from ..content import Content, check, variable_names
from ..errors import BadTimes, LedgerError, WrongDatabase
from ..installation import Installation
from ..rules import Rules
from ..session import Clock, database_clock
from ..timing import NO_TIMING, Timing, is_usual
from ..window import read_zone
from .argument_types import check_types
from .duplicates import skip_duplicates
from .importing import add_rows, finish_import, insert_draft
from .locks import SYSTEM
from .repeats import find_by_key
from .rescue import remove_campaign, remove_rows
from .rows import ROWS_AT_ONCE, NewRow

LONGEST_REF = 200
_MSISDN = re.compile(r"[1-9][0-9]{7,13}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to send to. `phone` is 8 to 14 digits, country code first, no plus; `ref` is the caller's own note.

    `client_key` becomes the message's `client_id_sms`: 1 to 15 digits without a zero in front, once in the account for
    all time. Without it the message gets a key of ours.
    """

    phone: str
    variables: Mapping[str, str] = field(default_factory=dict)
    ref: str | None = None
    client_key: str | None = None


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
    latest: datetime | None = None,
    window: str | None = None,
    time_zone: str | None = None,
    max_segments: int | None = None,
    timing: Timing = NO_TIMING,
    actor: str = SYSTEM,
    clock: Clock = database_clock,
) -> int:
    """Put a campaign into the caller's transaction and return its id.

    Recipients are streamed: a generator of a million costs bounded memory. One that cannot be sent to (no number, a
    number twice, no value for a name in the text, a `client_key` that is illegal or used) is skipped with its reason;
    the others are sent. `at` is an aware moment; None means as soon as the caller has committed. `priority` is 0 to 9,
    the highest first. `timing` is what the provider is told about delivery; `rules` say until when and in which hours
    the campaign is sent, and at what cost.

    The same `key` with the same content returns the first campaign's id and writes nothing, whoever asks and however
    often at once. Recipients are counted for that where they have a length; a generator is not read.

    Raises:
        BadTimes: by its rules nothing could be sent, or there is no such moment or zone.
        ContentError: the provider would refuse this content.
        EmptyList: not one recipient can be sent to.
        KeyConflict: `key` exists with other content, another start or another number of recipients.
        LedgerError: an argument is out of its range.
        UnknownAccount: there is no such account.
        WrongDatabase: no Bulkpost tables here, or those of another contract version.
    """
    check_types(
        content=content, recipients=recipients, key=key, account=account, at=at, name=name, priority=priority,
        latest=latest, window=window, time_zone=time_zone, max_segments=max_segments, timing=timing, actor=actor,
    )  # fmt: skip
    check_contract(session)
    check(content)
    _check_arguments(key, at, latest, priority)
    _check_texts(account=account, key=key, name=name, actor=actor)
    rules = _rules(latest, window, time_zone, max_segments)
    total = len(recipients) if isinstance(recipients, Sized) else None
    if key is not None:
        known = find_by_key(session, account, key, content, at=at, total_count=total)
        if known is not None:
            return known
    names = tuple(dict.fromkeys(variable_names(content) + timing.column_names))
    campaign_id = insert_draft(
        session,
        content=content,
        account=account,
        name=name,
        column_names=names,
        at=at,
        priority=priority,
        timing=timing,
        rules=rules,
        external_key=key,
        actor=actor,
        clock=clock,
    )
    if campaign_id is None:
        # Somebody with the same key has committed since we looked.
        known = find_by_key(session, account, key or "", content, at=at, total_count=total)
        assert known is not None, "only an equal key keeps a draft from being inserted"
        return known
    try:
        rows = (_row(recipient, names, timing.column_names) for recipient in recipients)
        _fill(session, campaign_id, rows, clock)
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


def _check_arguments(key: str | None, at: datetime | None, latest: datetime | None, priority: int) -> None:
    if key is not None and not 1 <= len(key) <= LONGEST_REF:
        raise LedgerError(f"a campaign key has 1 to {LONGEST_REF} characters, this one has {len(key)}")
    if at is not None and at.tzinfo is None:
        raise LedgerError(f"{at} has no time zone: pass an aware moment, such as datetime.now(timezone.utc)")
    for field_name, moment in (("at", at), ("latest", latest)):
        if moment is not None and not is_usual(moment):
            raise BadTimes(f"{field_name} {moment} is in no year from 1900 to 2999: give another moment")
    if not 0 <= priority <= 9:
        raise LedgerError(f"priority {priority} is not between 0 and 9")


def _check_texts(**texts: str | None) -> None:
    for name, written in texts.items():
        if written is not None and _UNSTORABLE.search(written):
            raise LedgerError(
                f"{name} {written[:40]!a} has a character that cannot be stored: leave out NUL and half surrogate pairs"
            )


def _rules(latest: datetime | None, window: str | None, time_zone: str | None, max_segments: int | None) -> Rules:
    if window is not None and time_zone is None:
        raise LedgerError(f'window "{window}" means the hours of a zone: pass time_zone="Europe/Moscow", say')
    if time_zone is not None:
        read_zone(time_zone)
    return Rules(latest_at=latest, window=window, time_zone=time_zone, max_segments=max_segments)


def _fill(session: Session, campaign_id: int, rows: Iterator[NewRow], clock: Clock) -> None:
    total = 0
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        add_rows(session, campaign_id, total + 1, chunk, clock=clock)
        total += len(chunk)
    skip_duplicates(session, campaign_id, clock=clock)


def check_contract(session: Session) -> None:
    """Refuse to write to a database whose tables mean something else.

    Raises:
        WrongDatabase: there are no tables of ours, or those of another contract version; nothing was written.
    """
    # Asked first: a statement that fails would end the caller's transaction.
    if not inspect(session.connection()).has_table(Installation.__tablename__):
        raise WrongDatabase(
            "this database has no Bulkpost tables: run bulkpost db upgrade on it, or connect to the one that has them"
        )
    version = session.execute(select(Installation.contract_version)).scalar_one_or_none()
    if version != CONTRACT_VERSION:
        raise WrongDatabase(
            f"this database has contract version {version}, this package writes {CONTRACT_VERSION}: install the "
            "package that belongs to it, or upgrade the database with bulkpost db upgrade"
        )


def missing_value(names: Sequence[str], values: Mapping[str, str]) -> str | None:
    """Return why a recipient with these values cannot be rendered, or None."""
    for name in names:
        if not values.get(name, "").strip():
            return f"no value for {{{name}}}"
    return None


def _no_moment(names: Sequence[str], values: Mapping[str, str]) -> str | None:
    """Return why the moments of a recipient cannot be used, or None. An application says what zone it means."""
    for name in names:
        try:
            aware = datetime.fromisoformat(values[name].strip()).tzinfo is not None
        except ValueError:
            aware = False
        if not aware:
            return f"{{{name}}} is no moment in ISO 8601 with an offset"
    return None


def _row(recipient: Recipient, names: Sequence[str], moments: Sequence[str]) -> NewRow:
    if not isinstance(recipient, Recipient):
        raise LedgerError(f"a recipient is {type(recipient).__name__}: pass Recipient(phone=...), and others like it")
    problem: str | None
    if type(recipient.variables) is not dict and not isinstance(recipient.variables, Mapping):  # the first is quick
        return NewRow(None, None, _as_json([""] * len(names)), "its variables are no mapping")
    known = isinstance(recipient.phone, str) and _MSISDN.fullmatch(recipient.phone) is not None
    problem = "not a phone number of 8 to 14 digits"
    if known:
        problem = _unfit(recipient, names) or _no_moment(moments, recipient.variables)
    values = [recipient.variables.get(name, "") for name in names]
    ref = recipient.ref
    if problem is not None:
        values = [_UNSTORABLE.sub("?", str(value)) for value in values]
        ref = None if ref is None else _UNSTORABLE.sub("?", str(ref))[:LONGEST_REF]
    values_json = _as_json(values)
    key = recipient.client_key if problem is None else None
    return NewRow(recipient.phone if known else None, ref, values_json, problem, key)


def _as_json(values: Sequence[str]) -> str | None:
    return json.dumps(values, ensure_ascii=False) if values else None


def _unfit(recipient: Recipient, names: Sequence[str]) -> str | None:
    texts = [recipient.variables.get(name, "") for name in names]
    if not all(isinstance(text, str) for text in ("" if recipient.ref is None else recipient.ref, *texts)):
        return "its reference, or a value, is no text"
    if recipient.ref is not None and len(recipient.ref) > LONGEST_REF:
        return f"the reference is longer than {LONGEST_REF} characters"
    if recipient.ref is not None and _UNSTORABLE.search(recipient.ref):
        return "the reference has a character that cannot be stored"
    for name in names:
        if _UNSTORABLE.search(recipient.variables.get(name, "")):
            return f"the value for {{{name}}} has a character that cannot be stored"
    return missing_value(names, recipient.variables)
