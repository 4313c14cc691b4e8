"""Campaigns: what to say, to whom, when, and how far it is."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant, by_value
from .states import CampaignStatus

LARGEST_CAMPAIGN = 9_999_999
"""Recipients of one campaign: the key gives a position at most seven digits."""

_ACTIVE = text("status IN ('draft', 'scheduled', 'running')")
"""What the tick looks at; its cost must not grow with finished campaigns."""


class Campaign(Base):
    """One mailing. Its counters change in the transaction that writes the outcomes they count (P5)."""

    __tablename__ = PREFIX + "campaigns"
    __table_args__ = (
        UniqueConstraint("account_id", "external_key"),
        CheckConstraint(f"total_count BETWEEN 0 AND {LARGEST_CAMPAIGN}", name="total_count"),
        CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
        CheckConstraint(
            "accepted_count >= 0 AND rejected_count >= 0 AND unknown_count >= 0 AND cancelled_count >= 0 "
            "AND skipped_count >= 0 AND accepted_count + rejected_count + unknown_count + cancelled_count "
            "+ skipped_count <= total_count",
            name="counts_add_up",
        ),
        CheckConstraint("status = 'draft' OR status = 'cancelled' OR imported_at IS NOT NULL", name="imported"),
        CheckConstraint("imported_at IS NULL OR key_prefix IS NOT NULL", name="has_keys"),
        CheckConstraint("(status = 'paused') = (status_reason IS NOT NULL)", name="paused_reason"),
        CheckConstraint("(status IN ('finished', 'cancelled')) = (finished_at IS NOT NULL)", name="ended"),
        CheckConstraint("planned_through BETWEEN 0 AND total_count", name="planned_through"),
        Index("uq_bulkpost_campaigns_occurrence", "schedule_id", "occurrence_at", unique=True),
        Index("ix_bulkpost_campaigns_active", "account_id", "priority", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(PREFIX + "accounts.id"))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    content_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of kind and content: equal content is how a command run twice is noticed."""
    column_names: Mapped[list[str]] = mapped_column(JSON)
    """Names of the values that each recipient carries, in the order of `recipients.values_json`."""
    timing: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    """When messages are delivered and until when, as `models.timing` stores it."""
    priority: Mapped[int] = mapped_column(Integer, default=5)
    external_key: Mapped[str | None] = mapped_column(String(200))
    key_prefix: Mapped[str | None] = mapped_column(String(15), unique=True)
    schedule_id: Mapped[int | None] = mapped_column(BigId)
    occurrence_at: Mapped[datetime | None] = mapped_column(Instant)
    """The moment of the schedule that made this campaign: one campaign for each."""
    resend_of: Mapped[int | None] = mapped_column(BigId)
    """The campaign some of whose recipients get a new message by this one."""

    status: Mapped[CampaignStatus] = mapped_column(by_value(CampaignStatus, "status"), default=CampaignStatus.DRAFT)
    status_reason: Mapped[str | None] = mapped_column(Text)
    status_since: Mapped[datetime] = mapped_column(Instant)
    status_by: Mapped[str] = mapped_column(String(64))

    created_at: Mapped[datetime] = mapped_column(Instant)
    importing_at: Mapped[datetime] = mapped_column(Instant)
    """The last sign of life of the import; an import that fell silent is swept away."""
    upload_token: Mapped[str | None] = mapped_column(String(64))
    """Empty while a draft waits for the upload of its list, then whose upload it is; NULL where no list is uploaded."""
    imported_at: Mapped[datetime | None] = mapped_column(Instant)
    """NULL until the import's last transaction: such a draft is listed and planned by nobody."""
    start_at: Mapped[datetime] = mapped_column(Instant)
    latest_at: Mapped[datetime | None] = mapped_column(Instant)
    """From here on nothing is claimed: what is left waits, as late, for a person to decide."""
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """Zone of the window; NULL means the installation's."""
    send_window: Mapped[str | None] = mapped_column(Text)
    """As `models.window` reads it; NULL means at any time."""
    holidays: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Dates (ISO 8601) on which the window stays closed."""
    opens_at: Mapped[datetime | None] = mapped_column(Instant)
    """The window's current or next opening, kept by the tick; NULL where there is no window."""
    closes_at: Mapped[datetime | None] = mapped_column(Instant)
    """The end of that opening; once it has passed and nobody has moved it on, the window counts as closed."""
    max_segments: Mapped[int | None] = mapped_column(Integer)
    """Billed segments that pause the campaign."""
    canary_count: Mapped[int | None] = mapped_column(Integer)
    """Positions that are sent first; the others wait for what becomes of them."""
    canary_share: Mapped[float | None] = mapped_column(Float)
    """The largest share of them (0..1) that may fail."""
    canary_passed_at: Mapped[datetime | None] = mapped_column(Instant)
    purged_at: Mapped[datetime | None] = mapped_column(Instant)
    """When phones, texts and raw replies were taken out; keys and counts stay."""
    purged_through: Mapped[int] = mapped_column(Integer, default=0)
    """Positions up to this one were purged."""
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    attempted_at: Mapped[datetime | None] = mapped_column(Instant)
    """The first claim: from here on the content is frozen."""
    last_claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    """Fair share: among equal priorities the campaign that waited longest is claimed next."""
    planned_through: Mapped[int] = mapped_column(Integer, default=0)
    """Positions up to this one were given to batches."""

    total_count: Mapped[int] = mapped_column(Integer, default=0)
    accepted_count: Mapped[int] = mapped_column(Integer, default=0)
    rejected_count: Mapped[int] = mapped_column(Integer, default=0)
    unknown_count: Mapped[int] = mapped_column(Integer, default=0)
    cancelled_count: Mapped[int] = mapped_column(Integer, default=0)
    skipped_count: Mapped[int] = mapped_column(Integer, default=0)
    segment_count: Mapped[int] = mapped_column(Integer, default=0)
    """Segments that the provider billed for accepted recipients."""
    expected_segment_count: Mapped[int] = mapped_column(Integer, default=0)
    """Segments that we had counted for them."""

    @property
    def pending_count(self) -> int:
        """Recipients without an outcome."""
        return self.total_count - (
            self.accepted_count + self.rejected_count + self.unknown_count + self.cancelled_count + self.skipped_count
        )
