"""Outcomes: what became of a recipient. No row means pending."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant, by_value
from .states import ErrorClass, RecipientStatus


class Outcome(Base):
    """The result of one recipient, apart from the recipient because it is written in bulk and read by range."""

    __tablename__ = PREFIX + "outcomes"
    __table_args__ = (
        CheckConstraint("status <> 'pending'", name="never_pending"),
        CheckConstraint(
            "status NOT IN ('cancelled', 'skipped') OR reason IS NOT NULL",
            name="says_why",
        ),
        Index(
            "uq_bulkpost_outcomes_provider_message_id",
            "provider_message_id",
            "id_space",
            unique=True,
            postgresql_where=text("provider_message_id IS NOT NULL"),
            sqlite_where=text("provider_message_id IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    campaign_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[RecipientStatus] = mapped_column(by_value(RecipientStatus, "status"))
    provider_message_id: Mapped[str | None] = mapped_column(Text)
    """Text: ids beyond 64 bits have been seen. Source: protocol.md 5."""
    id_space: Mapped[int | None] = mapped_column(Integer)
    """Whose id it is (`ledger.id_spaces`): there only one recipient is accepted under it (P10). NULL holds no id."""
    segments: Mapped[int | None] = mapped_column(Integer)
    provider_text: Mapped[str | None] = mapped_column(Text)
    error_class: Mapped[ErrorClass | None] = mapped_column(by_value(ErrorClass, "error_class"))
    reason: Mapped[str | None] = mapped_column(Text)
    after_doubt: Mapped[bool] = mapped_column(Boolean(create_constraint=False), default=False)
    """An earlier attempt may have been accepted: no resend under a new key may touch this recipient."""
    attempt_id: Mapped[int | None] = mapped_column(BigId)
    attempt_number: Mapped[int] = mapped_column(Integer, default=0)
    updated_at: Mapped[datetime] = mapped_column(Instant)
