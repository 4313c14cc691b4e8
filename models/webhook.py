"""Webhooks: who wants to be told of what, and what is still to be told (an outbox)."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant

_OPEN = text("delivered_at IS NULL AND given_up_at IS NULL")


class Webhook(Base):
    """An address of another application. Its secret is not here: it is derived from one in the environment."""

    __tablename__ = PREFIX + "webhooks"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(BigId)
    """NULL: every account."""
    kinds: Mapped[list[str]] = mapped_column(JSON)
    """Kinds of events, of `models.ledger.outbox.KINDS`."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(64))
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    failure_count: Mapped[int] = mapped_column(Integer, default=0)
    """Deliveries in a row that failed."""
    try_at: Mapped[datetime | None] = mapped_column(Instant)
    """After a failure: when something may be told again at the earliest."""
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    """While somebody tells it something; nobody else does until then."""


class WebhookMessage(Base):
    """One thing to tell, written in the transaction of the fact; told at least once.

    `webhook_id` is no foreign key: removing a webhook must not fail whoever is writing a fact for it.
    """

    __tablename__ = PREFIX + "webhook_messages"
    __table_args__ = (
        Index(
            "ix_bulkpost_webhook_messages_open",
            "webhook_id",
            "next_at",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index("ix_bulkpost_webhook_messages_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(BigId)
    kind: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What to tell, without phones and texts: of results the campaign and the positions, read when told."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    next_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    """When a failure is the last one."""
    attempt_count: Mapped[int] = mapped_column(Integer, default=0)
    """Also the fence: a sender that lost its lease must not put off what another one is telling."""
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)
    given_up_at: Mapped[datetime | None] = mapped_column(Instant)
    last_problem: Mapped[str | None] = mapped_column(Text)
