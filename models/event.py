"""Events: who did what to a campaign or an account, when and why. Written in the transaction of the deed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant


class Event(Base):
    """One deed of a person or of the system. Holds no phone, no text of a message, no secret."""

    __tablename__ = PREFIX + "events"
    __table_args__ = (Index("ix_bulkpost_events_campaign_id", "campaign_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(64))
    """An OS user, an API key's name, or `system`."""
    kind: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[int | None] = mapped_column(BigId)
    campaign_id: Mapped[int | None] = mapped_column(BigId)
    reason: Mapped[str | None] = mapped_column(Text)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
