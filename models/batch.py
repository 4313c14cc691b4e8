"""Batches: a range of positions of one campaign, leased and posted as one document."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant, by_value
from .states import BatchStatus

_OPEN = text("status IN ('available', 'running', 'retryable')")
_WAITING_IN_DOUBT = text("doubt_since IS NOT NULL AND status IN ('available', 'retryable')")


class Batch(Base):
    """The work of the pending recipients of a range. At most one open batch covers a position."""

    __tablename__ = PREFIX + "batches"
    __table_args__ = (
        CheckConstraint("first_position >= 1 AND last_position >= first_position", name="range"),
        CheckConstraint("(status = 'running') = (leased_until IS NOT NULL)", name="lease"),
        Index(
            "ix_bulkpost_batches_open",
            "campaign_id",
            "available_at",
            "first_position",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index(
            "ix_bulkpost_batches_running",
            "account_id",
            "leased_until",
            postgresql_where=text("status = 'running'"),
            sqlite_where=text("status = 'running'"),
        ),
        Index(
            "ix_bulkpost_batches_doubt",
            "doubt_since",
            postgresql_where=_WAITING_IN_DOUBT,
            sqlite_where=_WAITING_IN_DOUBT,
        ),
        Index("ix_bulkpost_batches_range", "campaign_id", "first_position"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey(PREFIX + "campaigns.id"))
    account_id: Mapped[int] = mapped_column(BigId)
    first_position: Mapped[int] = mapped_column(Integer)
    last_position: Mapped[int] = mapped_column(Integer)
    status: Mapped[BatchStatus] = mapped_column(by_value(BatchStatus, "status"), default=BatchStatus.AVAILABLE)
    available_at: Mapped[datetime] = mapped_column(Instant)
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    attempt_number: Mapped[int] = mapped_column(Integer, default=0)
    """The fence: only the attempt of this number may record."""
    retry_count: Mapped[int] = mapped_column(Integer, default=0)
    doubt_count: Mapped[int] = mapped_column(Integer, default=0)
    unseen_count: Mapped[int] = mapped_column(Integer, default=0)
    doubt_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when an attempt may have carried whoever is pending here; a later refusal does not clear it."""
    counted_on: Mapped[str | None] = mapped_column(String(10))
    """The account's day whose limit its recipients were counted against; NULL: not yet."""
    created_at: Mapped[datetime] = mapped_column(Instant)
