"""Accounts: one provider login each. The secret is not here: it comes from the environment by the account's name."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, Float, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant, by_value
from .states import AccountStatus

LARGEST_BATCH = 10_000
MOST_PARALLEL = 64


class Account(Base):
    """One provider login: where it posts, how fast, and whether it may."""

    __tablename__ = PREFIX + "accounts"
    __table_args__ = (
        CheckConstraint(f"batch_size BETWEEN 1 AND {LARGEST_BATCH}", name="batch_size"),
        CheckConstraint(f"max_parallel BETWEEN 1 AND {MOST_PARALLEL}", name="max_parallel"),
        CheckConstraint("per_second IS NULL OR per_second > 0", name="per_second"),
        CheckConstraint("(status = 'paused') = (status_reason IS NOT NULL)", name="paused_reason"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    gateway_url: Mapped[str] = mapped_column(Text)
    batch_size: Mapped[int] = mapped_column(Integer, default=100)
    max_parallel: Mapped[int] = mapped_column(Integer, default=2)
    per_second: Mapped[float | None] = mapped_column(Float)
    time_offset_minutes: Mapped[int | None] = mapped_column(Integer)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """Zone of the account's day and window; NULL means the installation's."""
    per_day: Mapped[int | None] = mapped_column(Integer)
    """Recipients a day that were never posted before."""
    segments_per_day: Mapped[int | None] = mapped_column(Integer)
    send_window: Mapped[str | None] = mapped_column(Text)
    """As `models.window` reads it; NULL means at any time."""
    holidays: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Dates (ISO 8601) on which the window stays closed."""
    created_at: Mapped[datetime] = mapped_column(Instant)

    status: Mapped[AccountStatus] = mapped_column(by_value(AccountStatus, "status"), default=AccountStatus.ACTIVE)
    status_reason: Mapped[str | None] = mapped_column(Text)
    status_since: Mapped[datetime] = mapped_column(Instant)
    status_by: Mapped[str] = mapped_column(String(64))
    resumed_at: Mapped[datetime | None] = mapped_column(Instant)
    try_again_at: Mapped[datetime | None] = mapped_column(Instant)
    """While the system has paused the account for a cause that may pass: when one batch may try whether it has. NULL
    while paused: only a person resumes it."""

    rate_due_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the next recipient may be claimed at the earliest (GCRA)."""
    transport_failures: Mapped[int] = mapped_column(Integer, default=0)
    """POSTs in a row that brought no answer; five open the breaker."""
    probe_due_at: Mapped[datetime | None] = mapped_column(Instant)
    """While the breaker is open: when the next single batch may try."""
    timed_out_documents: Mapped[int] = mapped_column(Integer, default=0)
    """Documents in a row that the gateway did not answer in time; three halve the batch size."""
    refused_documents: Mapped[int] = mapped_column(Integer, default=0)
    """Documents in a row that were refused whole, with nothing accepted between."""
    hinted_at: Mapped[datetime | None] = mapped_column(Instant)
    """When hints were published that no lane has taken up yet."""

    day: Mapped[str | None] = mapped_column(String(10))
    """The day (ISO 8601, in the account's zone) that the two counters below are of."""
    day_message_count: Mapped[int] = mapped_column(Integer, default=0)
    day_segment_count: Mapped[int] = mapped_column(Integer, default=0)
    opens_at: Mapped[datetime | None] = mapped_column(Instant)
    """The window's current or next opening, kept by the tick; NULL where there is no window."""
    closes_at: Mapped[datetime | None] = mapped_column(Instant)
    """The end of that opening; once it has passed and nobody has moved it on, the window counts as closed."""
