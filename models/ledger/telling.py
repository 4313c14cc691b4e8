"""Telling webhooks: one message of a webhook is leased at a time, told outside of any transaction, and closed.

At least once: who is killed between the answer and the commit leaves a lease that runs out, and the message is told
again under the same id. Messages of one webhook are told about in their order, without a promise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ..account import Account
from ..attempt import fold_positions, unfold_positions
from ..campaign import Campaign
from ..outcome import Outcome
from ..recipient import Recipient
from ..session import Clock, database_clock
from ..states import RecipientStatus
from ..webhook import Webhook, WebhookMessage
from .keys import send_key
from .locks import SYSTEM, write_event
from .moves import changed_rows
from .outbox import MOST_RESULTS, RESULTS

LEASE_SECONDS = 45.0
"""How long a sender may be silent: three times what one delivery takes at most."""
MOST_AT_ONCE = 1
"""Deliveries at the same time, of all workers together: a receiver that hangs takes one slot of the pool, no more."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
"""How long a webhook rests after failures in a row."""
FIRST_RETRY_SECONDS = 20.0
LONGEST_RETRY_SECONDS = 3600.0
"""How long one message waits after its own failures, so that others are told meanwhile."""
LONGEST_PROBLEM = 500
_MOST_MERGED = 50


@dataclass(frozen=True, slots=True)
class Telling:
    """One leased message, to be told before `leased_until`; `attempt_count` and `leased_until` are the fences."""

    id: int
    kind: str
    facts: dict[str, Any]
    created_at: datetime
    attempt_count: int
    webhook_id: int
    webhook_name: str
    webhook_created_at: datetime
    url: str
    leased_at: datetime
    leased_until: datetime

    @property
    def message_id(self) -> str:
        """The same at every attempt and at a replay; differs from any other, also after a database was restored."""
        return f"msg_{self.id}_{int(self.created_at.timestamp() * 1_000_000)}"


def is_anything_to_tell(session: Session, *, clock: Clock = database_clock) -> bool:
    """Say whether a sender would find something now, and may be at it."""
    now = clock(session)
    if _busy_count(session, now) >= MOST_AT_ONCE:
        return False
    return session.execute(select(Webhook.id).where(_may_be_told(now), _has_due(now)).limit(1)).first() is not None


def is_telling(session: Session, *, clock: Clock = database_clock) -> bool:
    """Say whether something is being told, or would be told now."""
    now = clock(session)
    found = select(Webhook.id).where(or_(Webhook.leased_until > now, and_(_may_be_told(now), _has_due(now))))
    return session.execute(found.limit(1)).first() is not None


def lease_message(session: Session, *, clock: Clock = database_clock) -> Telling | None:
    """Take the message that has waited longest, of a webhook that nobody tells anything now; None where there is none.

    Results of one campaign that were never tried are merged first: from its first attempt on a message stays as it is.
    """
    # They are few. Locked all, in order, two senders cannot go beyond MOST_AT_ONCE together.
    session.execute(select(Webhook.id).order_by(Webhook.id).with_for_update(key_share=True)).all()
    now = clock(session)
    if _busy_count(session, now) >= MOST_AT_ONCE:
        return None
    oldest = select(func.min(WebhookMessage.next_at)).where(_open_of_webhook()).correlate(Webhook).scalar_subquery()
    statement = select(Webhook).where(_may_be_told(now), _has_due(now)).order_by(oldest, Webhook.id).limit(1)
    webhook = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if webhook is None:
        return None
    due = select(WebhookMessage).where(
        WebhookMessage.webhook_id == webhook.id, _is_open(), WebhookMessage.next_at <= now
    )
    due = due.order_by(WebhookMessage.next_at, WebhookMessage.id).limit(_MOST_MERGED)
    first, *others = session.execute(due.with_for_update(key_share=True)).scalars().all()
    _merge(session, first, others)
    first.attempt_count += 1
    webhook.leased_until = now + timedelta(seconds=LEASE_SECONDS)
    return Telling(
        first.id, first.kind, first.facts, first.created_at, first.attempt_count, webhook.id, webhook.name,
        webhook.created_at, webhook.url, now, webhook.leased_until,
    )  # fmt: skip


def read_payload(session: Session, telling: Telling) -> dict[str, Any] | None:
    """Return what is told, as it is now: phones and results are in no message. None where the campaign is gone."""
    facts = dict(telling.facts)
    about: dict[str, Any] = {}
    if (campaign_id := facts.get("campaign_id")) is not None:
        statement = select(Campaign.name, Campaign.external_key, Campaign.key_prefix, Account.name.label("account"))
        statement = statement.join(Account, Account.id == Campaign.account_id).where(Campaign.id == campaign_id)
        found = session.execute(statement).one_or_none()
        if found is None:
            return None
        about = {"campaign_key": found.external_key, "name": found.name, "account": found.account}
        if telling.kind == RESULTS:
            positions = unfold_positions(facts.pop("positions"))
            about["results"] = _results(session, campaign_id, found.key_prefix, positions)
    elif (account_id := facts.pop("account_id", None)) is not None:
        about["account"] = session.execute(select(Account.name).where(Account.id == account_id)).scalar_one_or_none()
    return {"type": telling.kind, "timestamp": _moment(telling.created_at), "data": {**facts, **about}}


def close_delivered(session: Session, telling: Telling, *, clock: Clock = database_clock) -> None:
    """Note that the receiver took a message: a fact, also after a lost lease."""
    webhook = _lock_webhook(session, telling)
    session.execute(
        update(WebhookMessage)
        .where(WebhookMessage.id == telling.id, WebhookMessage.delivered_at.is_(None))
        .values(delivered_at=clock(session), given_up_at=None, last_problem=None)
        .execution_options(synchronize_session=False)
    )
    if webhook is not None:
        webhook.failure_count, webhook.try_at = 0, None


def close_failed(
    session: Session,
    telling: Telling,
    problem: str,
    *,
    spread: float,
    gone: bool = False,
    clock: Clock = database_clock,
) -> int:
    """Put a message off, and its webhook too; return how many messages of it were given up, being too old.

    `spread` (1..1.5) keeps retries apart. `gone`: the receiver wants nothing more (410), and the webhook is disabled.
    """
    webhook = _lock_webhook(session, telling)
    now = clock(session)
    wait = min(FIRST_RETRY_SECONDS * 2 ** min(telling.attempt_count - 1, 20), LONGEST_RETRY_SECONDS)
    session.execute(
        update(WebhookMessage)
        .where(
            WebhookMessage.id == telling.id,
            WebhookMessage.attempt_count == telling.attempt_count,
            WebhookMessage.delivered_at.is_(None),
        )
        .values(next_at=now + timedelta(seconds=wait * spread), last_problem=problem[:LONGEST_PROBLEM])
        .execution_options(synchronize_session=False)
    )
    if webhook is None:
        return 0
    webhook.failure_count += 1
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(webhook.failure_count - 1, 20), LONGEST_PAUSE_SECONDS)
    webhook.try_at = now + timedelta(seconds=pause * spread)
    if gone:
        webhook.disabled_at, webhook.disabled_reason = now, problem[:LONGEST_PROBLEM]
        facts = {"webhook": webhook.name}
        write_event(
            session, now, SYSTEM, "webhook_disabled", account_id=webhook.account_id, reason=problem, facts=facts
        )
    return _give_up(session, webhook, problem, now)


def drop_message(session: Session, telling: Telling) -> None:
    """Forget a message about what is not there any more."""
    _lock_webhook(session, telling)
    session.execute(delete(WebhookMessage).where(WebhookMessage.id == telling.id))


def _give_up(session: Session, webhook: Webhook, problem: str, now: datetime) -> int:
    old = (
        update(WebhookMessage)
        .where(WebhookMessage.webhook_id == webhook.id, _is_open(), WebhookMessage.expires_at <= now)
        .values(given_up_at=now, last_problem=func.coalesce(WebhookMessage.last_problem, problem[:LONGEST_PROBLEM]))
        .execution_options(synchronize_session=False)
    )
    count = changed_rows(session.execute(old))
    if count:
        _note(session, webhook, now, "webhook_gave_up", problem, {"webhook": webhook.name, "messages": count})
    return count


def _note(session: Session, webhook: Webhook, now: datetime, kind: str, problem: str, facts: dict[str, Any]) -> None:
    write_event(session, now, SYSTEM, kind, account_id=webhook.account_id, reason=problem, facts=facts)


def _lock_webhook(session: Session, telling: Telling) -> Webhook | None:
    """End the lease; return the webhook, or None where somebody else has leased or removed it since."""
    statement = select(Webhook).where(Webhook.id == telling.webhook_id).with_for_update(key_share=True)
    webhook = session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()
    if webhook is None or webhook.leased_until != telling.leased_until:
        return None
    webhook.leased_until = None
    return webhook


def _merge(session: Session, first: WebhookMessage, others: Sequence[WebhookMessage]) -> None:
    if first.kind != RESULTS or first.attempt_count:
        return
    positions = set(unfold_positions(first.facts["positions"]))
    merged = []
    for other in others:
        same = other.kind == RESULTS and other.facts["campaign_id"] == first.facts["campaign_id"]
        if not same or other.attempt_count:
            continue
        together = positions | set(unfold_positions(other.facts["positions"]))
        if len(together) <= MOST_RESULTS:
            positions = together
            merged.append(other.id)
    if merged:
        first.facts = {**first.facts, "positions": fold_positions(sorted(positions))}
        session.execute(delete(WebhookMessage).where(WebhookMessage.id.in_(merged)))


def _results(session: Session, campaign_id: int, prefix: str | None, positions: list[int]) -> list[dict[str, Any]]:
    """Return results in the words of the view bulkpost_results."""
    rows = session.execute(
        select(Recipient, Outcome)
        .outerjoin(Outcome, (Outcome.campaign_id == Recipient.campaign_id) & (Outcome.position == Recipient.position))
        .where(Recipient.campaign_id == campaign_id, Recipient.position.in_(positions))
        .order_by(Recipient.position)
    ).all()
    return [_result(row.Recipient, row.Outcome, prefix) for row in rows]


def _result(recipient: Recipient, outcome: Outcome | None, prefix: str | None) -> dict[str, Any]:
    key = recipient.send_key or (send_key(prefix, recipient.position) if prefix else None)
    told: dict[str, Any] = {
        "position": recipient.position,
        "phone": recipient.msisdn,
        "ref": recipient.ref,
        "client_key": key,
        "status": (RecipientStatus.PENDING if outcome is None else outcome.status).value,
    }
    if outcome is not None:
        told |= {
            "message_id": outcome.provider_message_id,
            "segments": outcome.segments,
            "provider_text": outcome.provider_text,
            "error_class": outcome.error_class.value if outcome.error_class else None,
            "reason": outcome.reason,
            "updated_at": _moment(outcome.updated_at),
        }
    return told


def _busy_count(session: Session, now: datetime) -> int:
    return session.execute(select(func.count()).where(Webhook.leased_until > now)).scalar_one()


def _may_be_told(now: datetime) -> ColumnElement[bool]:
    return and_(
        Webhook.disabled_at.is_(None),
        or_(Webhook.try_at.is_(None), Webhook.try_at <= now),
        or_(Webhook.leased_until.is_(None), Webhook.leased_until <= now),
    )


def _has_due(now: datetime) -> ColumnElement[bool]:
    return exists().where(_open_of_webhook(), WebhookMessage.next_at <= now).correlate(Webhook)


def _open_of_webhook() -> ColumnElement[bool]:
    return and_(WebhookMessage.webhook_id == Webhook.id, _is_open())


def _is_open() -> ColumnElement[bool]:
    return and_(WebhookMessage.delivered_at.is_(None), WebhookMessage.given_up_at.is_(None))


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
