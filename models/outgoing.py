"""The inbox: rows that other applications INSERT in a transaction of their own, in any language."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant

_WAITING = text("taken_at IS NULL AND refused_at IS NULL")


class Outgoing(Base):
    """One message that an application wants sent. Rows of one account and key become one campaign.

    What the row says is checked by the scheduler, not by the table: whoever inserts is never refused by us.
    """

    __tablename__ = PREFIX + "outgoing"
    __table_args__ = (Index("ix_bulkpost_outgoing_waiting", "id", postgresql_where=_WAITING, sqlite_where=_WAITING),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_key: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text, server_default="default")
    kind: Mapped[str] = mapped_column(Text, server_default="sms")
    sender: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Everything that the kind needs, in place of sender and text."""
    phone: Mapped[str] = mapped_column(Text)
    ref: Mapped[str | None] = mapped_column(Text)
    client_key: Mapped[str | None] = mapped_column(Text)
    variables: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    send_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.current_timestamp())

    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    campaign_id: Mapped[int | None] = mapped_column(BigId)
    position: Mapped[int | None] = mapped_column(Integer)
    """Where the row went: with `campaign_id` the key of its result."""
    refused_at: Mapped[datetime | None] = mapped_column(Instant)
    refusal: Mapped[str | None] = mapped_column(Text)


class Gathering(Base):
    """A campaign that rows of the inbox are still gathered for: a draft that nobody sees, and that no sweep removes."""

    __tablename__ = PREFIX + "gatherings"

    campaign_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    send_at: Mapped[datetime | None] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)
    """When the last row came to it."""
