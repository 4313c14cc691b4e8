"""Schedules: campaigns that are made again and again, and the saved lists that they may be sent to."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant


class Schedule(Base):
    """What to make a campaign of, and at which moments."""

    __tablename__ = PREFIX + "schedules"
    __table_args__ = (
        CheckConstraint("missed IN ('skip', 'once')", name="missed"),
        CheckConstraint("status IN ('active', 'paused', 'ended')", name="status"),
        CheckConstraint("(recipients_file IS NULL) <> (list_id IS NULL)", name="one_source"),
        Index(
            "ix_bulkpost_schedules_next",
            "next_at",
            postgresql_where=text("status = 'active'"),
            sqlite_where=text("status = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(150), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(PREFIX + "accounts.id"))
    cron: Mapped[str] = mapped_column(String(100))
    time_zone: Mapped[str] = mapped_column(String(64))
    missed: Mapped[str] = mapped_column(String(8), default="skip")
    """What becomes of occurrences that nobody was there for: none of them, or one campaign for all."""
    kind: Mapped[str] = mapped_column(String(16))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    campaign_options: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What else each campaign gets: priority, window, latest, columns of the list; plain JSON values by name."""
    recipients_file: Mapped[str | None] = mapped_column(Text)
    """Read anew for each occurrence, on the host whose scheduler makes it."""
    list_id: Mapped[int | None] = mapped_column(ForeignKey(PREFIX + "lists.id"))

    status: Mapped[str] = mapped_column(String(16), default="active")
    status_since: Mapped[datetime] = mapped_column(Instant)
    status_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    """The next occurrence that no campaign was made for."""
    making_at: Mapped[datetime | None] = mapped_column(Instant)
    """When somebody took up the occurrence `next_at`; it may have died since."""
    making_until: Mapped[datetime | None] = mapped_column(Instant)
    """Nobody else takes it up before; after a problem, when it is tried again."""
    tried_count: Mapped[int] = mapped_column(Integer, default=0)
    """How often the occurrence `next_at` was taken up."""
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    last_problem: Mapped[str | None] = mapped_column(Text)
    """Why the last occurrence made no campaign."""


class SavedList(Base):
    """Recipients that were read once and are sent to by many campaigns."""

    __tablename__ = PREFIX + "lists"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(150), unique=True)
    column_names: Mapped[list[str]] = mapped_column(JSON)
    total_count: Mapped[int] = mapped_column(Integer, default=0)
    saving_at: Mapped[datetime] = mapped_column(Instant)
    saved_at: Mapped[datetime | None] = mapped_column(Instant)
    """NULL until the last row is in: such a list is used by nobody."""
    saved_by: Mapped[str] = mapped_column(String(64))


class SavedRow(Base):
    """One row of a saved list."""

    __tablename__ = PREFIX + "list_rows"
    __table_args__ = ({"sqlite_with_rowid": False},)

    list_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    msisdn: Mapped[str | None] = mapped_column(String(14))
    ref: Mapped[str | None] = mapped_column(String(200))
    values_json: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)
