"""API keys: who may use the HTTP interface; and the requests that were answered once and are not done twice."""

from datetime import datetime

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant


class ApiKey(Base):
    """Who may use the HTTP interface, and for what. The key itself is not here: only its hash."""

    __tablename__ = PREFIX + "api_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the key, which is 32 random bytes: nothing to guess, nothing to salt."""
    account_id: Mapped[int | None] = mapped_column(BigId)
    """NULL: every account."""
    allowed: Mapped[list[str]] = mapped_column(JSON)
    """Of `read`, `send`, `control`."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(64))
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    """To the minute."""
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_by: Mapped[str | None] = mapped_column(String(64))


class HttpRequest(Base):
    """An answered request with an `Idempotency-Key`, so that its repeat gets the same answer."""

    __tablename__ = PREFIX + "http_requests"
    __table_args__ = (Index("ix_bulkpost_http_requests_created_at", "created_at"),)

    api_key_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of method, path and body."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    campaign_id: Mapped[int | None] = mapped_column(BigId)
    status: Mapped[int | None] = mapped_column(Integer)
    """NULL while the first request is at work."""
    answer: Mapped[str | None] = mapped_column(Text)
