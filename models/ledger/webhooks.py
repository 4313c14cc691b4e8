"""Webhooks themselves: added, looked at, disabled, removed, told again; and what is wrong with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..errors import LedgerError
from ..session import Clock, database_clock
from ..webhook import Webhook, WebhookMessage
from .health import Ailment
from .locks import find_account, write_event
from .moves import changed_rows
from .outbox import KEPT_TRYING, KINDS

KEPT = timedelta(days=30)
"""How long messages are kept, for a replay."""
MOST_SWEPT = 1_000
FAILING_SINCE = 3
"""Failures in a row that a doctor speaks of."""
LONGEST_NAME = 64


class WebhookRefused(LedgerError):
    """Raised for a webhook that is not there, or cannot be made as it is asked for."""


@dataclass(frozen=True, slots=True)
class WebhookState:
    """A webhook, and how far it is."""

    name: str
    url: str
    account: str | None
    events: list[str]
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    waiting: int
    given_up: int
    failures: int
    try_at: datetime | None
    last_problem: str | None


def add_webhook(
    session: Session,
    name: str,
    url: str,
    *,
    actor: str,
    account: str | None = None,
    kinds: Sequence[str] = KINDS,
    clock: Clock = database_clock,
) -> Webhook:
    """Make a webhook; whatever happens from its commit on is told.

    Raises:
        WebhookRefused: the name is taken or none, or an event is not one of ours.
        UnknownAccount: there is no such account.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise WebhookRefused(f"a webhook's name has 1 to {LONGEST_NAME} characters, this one has {len(name):,}")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise WebhookRefused(f'no event is called "{unknown[0]}": there are {", ".join(KINDS)}')
    if session.execute(select(Webhook.id).where(Webhook.name == name)).first() is not None:
        raise WebhookRefused(f'there is a webhook "{name}" already: choose another name, or remove that one')
    account_id = None if account is None else find_account(session, account).id
    now = clock(session)
    webhook = Webhook(
        name=name, url=url, account_id=account_id, kinds=sorted(set(kinds), key=KINDS.index), created_at=now,
        created_by=actor[:64],
    )  # fmt: skip
    session.add(webhook)
    write_event(session, now, actor, "webhook_added", account_id=account_id, facts={"webhook": name})
    session.flush()
    return webhook


def find_webhook(session: Session, name: str) -> Webhook:
    """Return the webhook called `name`, locked.

    Raises:
        WebhookRefused: there is none; the message names those that exist.
    """
    statement = select(Webhook).where(Webhook.name == name).with_for_update(key_share=True)
    webhook = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if webhook is None:
        known = session.execute(select(Webhook.name).order_by(Webhook.name)).scalars().all()
        raise WebhookRefused(f'no webhook "{name}": there is {", ".join(known) or "none"}')
    return webhook


def list_webhooks(session: Session) -> list[WebhookState]:
    """Return every webhook by name, with its messages counted."""
    rows = session.execute(
        select(Webhook, Account.name).outerjoin(Account, Account.id == Webhook.account_id).order_by(Webhook.name)
    ).all()
    return [_state(session, webhook, account) for webhook, account in rows]


def disable_webhook(session: Session, name: str, *, actor: str, clock: Clock = database_clock) -> None:
    """Tell a webhook nothing more, and write nothing down for it."""
    webhook = find_webhook(session, name)
    if webhook.disabled_at is not None:
        raise WebhookRefused(f'webhook "{name}" is disabled already: {webhook.disabled_reason}')
    now = clock(session)
    webhook.disabled_at, webhook.disabled_reason = now, f"disabled by {actor}"[:500]
    write_event(session, now, actor, "webhook_disabled", account_id=webhook.account_id, facts={"webhook": name})


def enable_webhook(session: Session, name: str, *, actor: str, clock: Clock = database_clock) -> None:
    """Tell a disabled webhook again what happens, and what waits."""
    webhook = find_webhook(session, name)
    if webhook.disabled_at is None:
        raise WebhookRefused(f'webhook "{name}" is not disabled')
    webhook.disabled_at = webhook.disabled_reason = webhook.try_at = None
    webhook.failure_count = 0
    write_event(
        session, clock(session), actor, "webhook_enabled", account_id=webhook.account_id, facts={"webhook": name}
    )


def remove_webhook(session: Session, name: str, *, actor: str, clock: Clock = database_clock) -> None:
    """Forget a webhook, and what was written down for it."""
    webhook = find_webhook(session, name)
    # What another transaction is writing for it at this moment is never told, and swept when it is old.
    session.execute(delete(WebhookMessage).where(WebhookMessage.webhook_id == webhook.id))
    session.delete(webhook)
    write_event(
        session, clock(session), actor, "webhook_removed", account_id=webhook.account_id, facts={"webhook": name}
    )


def replay_messages(
    session: Session, since: datetime, name: str | None = None, *, actor: str, clock: Clock = database_clock
) -> int:
    """Let everything since a moment be told again under the ids that it had; return how much that is.

    Raises:
        WebhookRefused: there is no such webhook.
    """
    named = None if name is None else find_webhook(session, name)
    enabled = select(Webhook).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)
    webhooks = [named] if named else session.execute(enabled.with_for_update(key_share=True)).scalars().all()
    if named and named.disabled_at is not None:
        raise WebhookRefused(f'webhook "{name}" is disabled: bulkpost webhooks enable {name}')
    now = clock(session)
    again = (
        update(WebhookMessage)
        .where(
            WebhookMessage.created_at >= since,
            WebhookMessage.webhook_id.in_([webhook.id for webhook in webhooks]),
        )
        .values(delivered_at=None, given_up_at=None, next_at=now, expires_at=now + KEPT_TRYING)
        .execution_options(synchronize_session=False)
    )
    count = changed_rows(session.execute(again))
    for webhook in webhooks:
        webhook.try_at = None
    facts: dict[str, Any] = {"messages": count, "since": since.isoformat(), "webhook": name}
    write_event(session, now, actor, "webhooks_replayed", facts=facts)
    return count


def sweep_messages(session: Session, *, clock: Clock = database_clock) -> int:
    """Delete a bounded number of messages that are old; return how many."""
    old = select(WebhookMessage.id).where(WebhookMessage.created_at < clock(session) - KEPT)
    old = old.order_by(WebhookMessage.created_at).limit(MOST_SWEPT)
    return changed_rows(session.execute(delete(WebhookMessage).where(WebhookMessage.id.in_(old))))


def find_webhook_ailments(session: Session, *, clock: Clock = database_clock) -> Iterator[Ailment]:
    """Yield the webhooks that are not told what they want to know."""
    for state in list_webhooks(session):
        said = f'webhook "{state.name}"'
        if state.disabled_reason is not None and not state.disabled_reason.startswith("disabled by "):
            mend = f"mend its receiver, then bulkpost webhooks enable {state.name}"
            yield Ailment(f"{said} was disabled: {state.disabled_reason}", mend)
        elif state.given_up:
            mend = f"mend its receiver, then bulkpost webhooks replay {state.name} --since MOMENT"
            yield Ailment(f"{said}: {state.given_up} messages were given up: {state.last_problem}", mend)
        elif state.failures >= FAILING_SINCE and state.disabled_at is None:
            said += (
                f": {state.failures} deliveries in a row failed, {state.waiting} messages wait: {state.last_problem}"
            )
            yield Ailment(said, f"look at {state.url}; it is tried again by itself")


def is_any_webhook(session: Session) -> bool:
    """Say whether somebody wants to be told something."""
    return bool(session.execute(select(exists().where(Webhook.disabled_at.is_(None)))).scalar_one())


def _state(session: Session, webhook: Webhook, account: str | None) -> WebhookState:
    given_up = WebhookMessage.given_up_at.is_not(None)
    waiting = and_(WebhookMessage.given_up_at.is_(None), WebhookMessage.delivered_at.is_(None))
    counted = session.execute(
        select(
            func.coalesce(func.sum(case((waiting, 1), else_=0)), 0).label("waiting"),
            func.coalesce(func.sum(case((given_up, 1), else_=0)), 0).label("given_up"),
        ).where(WebhookMessage.webhook_id == webhook.id)
    ).one()
    problem = select(WebhookMessage.last_problem).where(
        WebhookMessage.webhook_id == webhook.id, WebhookMessage.last_problem.is_not(None)
    )
    return WebhookState(
        webhook.name, webhook.url, account, webhook.kinds, webhook.created_at, webhook.disabled_at,
        webhook.disabled_reason, int(counted.waiting), int(counted.given_up), webhook.failure_count, webhook.try_at,
        session.execute(problem.order_by(WebhookMessage.id.desc()).limit(1)).scalar_one_or_none(),
    )  # fmt: skip
