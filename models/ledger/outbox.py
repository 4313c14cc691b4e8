"""The outbox: what other applications are to be told, written in the transaction of the fact.

Where nobody wants to be told, this costs one small query, and only where something happened that can be told.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, insert, or_, select
from sqlalchemy.orm import Session

from ..attempt import fold_positions
from ..base import BigId
from ..campaign import Campaign
from ..outcome import Outcome
from ..states import RecipientStatus
from ..webhook import Webhook, WebhookMessage

RESULTS = "recipients.results"
KINDS = (
    "campaign.started",
    "campaign.paused",
    "campaign.finished",
    "campaign.cancelled",
    RESULTS,
    "account.paused",
)
"""Everything that a webhook can be told."""

MOST_RESULTS = 500
"""Recipients that one message tells of."""
KEPT_TRYING = timedelta(days=1)
"""How long a message is tried before it is given up."""

_TOLD = {
    "campaign_started": "campaign.started",
    "campaign_paused": "campaign.paused",
    "campaign_late": "campaign.paused",
    "campaign_held": "campaign.paused",
    "canary_failed": "campaign.paused",
    "campaign_finished": "campaign.finished",
    "campaign_cancelled": "campaign.cancelled",
    "account_paused": "account.paused",
}
"""Kinds of events that are told, by the words that they are told in."""


def tell_event(
    session: Session,
    now: datetime,
    event_kind: str,
    *,
    account_id: int | None,
    campaign_id: int | None,
    reason: str | None,
) -> None:
    """Let every webhook that wants to know of an event be told. A campaign's counts are those of this transaction."""
    kind = _TOLD.get(event_kind)
    if kind is None:
        return
    webhooks = _subscribed(session, campaign_id, account_id)
    wanting = _wanting(webhooks, kind)
    if wanting and campaign_id is None:
        _write(session, wanting, kind, [{"account_id": account_id, "reason": reason}], now)
    elif wanting:
        assert campaign_id is not None
        counts = _count(session, campaign_id)
        _write(session, wanting, kind, [{"campaign_id": campaign_id, "reason": reason, "counts": counts}], now)
    if kind == "campaign.started" and campaign_id is not None and (wanting := _wanting(webhooks, RESULTS)):
        # Whom the import has skipped is told now: before this the campaign did not count, and may have been edited.
        skipped = select(Outcome.position).where(Outcome.campaign_id == campaign_id).order_by(Outcome.position)
        _write(session, wanting, RESULTS, _pieces(campaign_id, session.execute(skipped).scalars().all()), now)


def tell_results(session: Session, campaign_id: int, positions: Iterable[int], now: datetime) -> None:
    """Let every webhook that wants to know of results be told what became of these positions."""
    wanting = _wanting(_subscribed(session, campaign_id, None), RESULTS)
    if wanting:
        _write(session, wanting, RESULTS, _pieces(campaign_id, sorted(positions)), now)


def tell_range(session: Session, campaign_id: int, first_position: int, last_position: int, now: datetime) -> None:
    """Let every webhook that wants to know of results be told who of a range got an outcome at `now`."""
    wanting = _wanting(_subscribed(session, campaign_id, None), RESULTS)
    if wanting:
        ended = select(Outcome.position).where(
            Outcome.campaign_id == campaign_id,
            Outcome.position.between(first_position, last_position),
            Outcome.updated_at == now,
        )
        positions = session.execute(ended.order_by(Outcome.position)).scalars().all()
        _write(session, wanting, RESULTS, _pieces(campaign_id, positions), now)


def _subscribed(session: Session, campaign_id: int | None, account_id: int | None) -> Sequence[Any]:
    """Return the webhooks of an account, or of the account of a campaign."""
    if campaign_id is not None:
        return session.execute(_OF_CAMPAIGN, {"id": campaign_id}).all()
    return session.execute(_OF_ACCOUNT, {"id": account_id}).all()


def _of(account: ColumnElement[Any]) -> Select[int, list[str]]:
    return select(Webhook.id, Webhook.kinds).where(
        Webhook.disabled_at.is_(None), or_(Webhook.account_id.is_(None), Webhook.account_id == account)
    )


# Made once: every batch asks for them.
_OF_ACCOUNT = _of(bindparam("id", type_=BigId))
_OF_CAMPAIGN = _of(select(Campaign.account_id).where(Campaign.id == bindparam("id")).scalar_subquery())


def _wanting(webhooks: Sequence[Any], kind: str) -> list[int]:
    return [row.id for row in webhooks if kind in row.kinds]


def _count(session: Session, campaign_id: int) -> dict[str, int]:
    session.flush()
    campaign = session.execute(
        select(Campaign).where(Campaign.id == campaign_id), execution_options={"populate_existing": True}
    ).scalar_one()
    names = ("total", "pending", *(status for status in RecipientStatus if status is not RecipientStatus.PENDING))
    return {str(name): getattr(campaign, f"{name}_count") for name in names}


def _pieces(campaign_id: int, positions: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"campaign_id": campaign_id, "positions": fold_positions(positions[first : first + MOST_RESULTS])}
        for first in range(0, len(positions), MOST_RESULTS)
    ]


def _write(
    session: Session, webhook_ids: Sequence[int], kind: str, every: Sequence[dict[str, Any]], now: datetime
) -> None:
    rows = [
        {
            "webhook_id": webhook_id,
            "kind": kind,
            "facts": facts,
            "created_at": now,
            "next_at": now,
            "expires_at": now + KEPT_TRYING,
            "attempt_count": 0,
        }
        for facts in every
        for webhook_id in webhook_ids
    ]
    if rows:
        session.execute(insert(WebhookMessage), rows)
