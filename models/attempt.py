"""Attempts: one POST each, with the evidence."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId, Instant, by_value


class AttemptOutcome(StrEnum):
    """How an attempt ended. No value means that its process is at work, or died: then rescue closes it as lost."""

    ANSWERED = "answered"  # a reply named recipients
    REFUSED = "refused"  # the document was refused whole; nobody was processed
    THROTTLED = "throttled"  # told to come later; by a status alone that leaves a doubt
    NOT_SENT = "not_sent"  # not one byte reached the provider
    NOT_POSTED = "not_posted"  # given back, or nobody was left to post
    IN_DOUBT = "in_doubt"  # may have been processed; no readable answer
    LOST = "lost"  # the lease ran out; may have been processed


class Attempt(Base):
    """One lease of a batch and the POST made under it. Opened by claim, closed by record or rescue."""

    __tablename__ = PREFIX + "attempts"
    __table_args__ = (
        UniqueConstraint("batch_id", "number"),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed"),
        Index("ix_bulkpost_attempts_range", "campaign_id", "first_position"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey(PREFIX + "batches.id"))
    number: Mapped[int] = mapped_column(Integer)
    campaign_id: Mapped[int] = mapped_column(BigId)
    account_id: Mapped[int] = mapped_column(BigId)
    first_position: Mapped[int] = mapped_column(Integer)
    last_position: Mapped[int] = mapped_column(Integer)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[AttemptOutcome | None] = mapped_column(by_value(AttemptOutcome, "outcome"))
    explanation: Mapped[str | None] = mapped_column(Text)
    positions: Mapped[str | None] = mapped_column(Text)
    """Positions in line order, runs folded: "1-50,52". NULL while open and where the process died."""
    http_status: Mapped[int | None] = mapped_column(Integer)
    request_size: Mapped[int | None] = mapped_column(Integer)
    request_hash: Mapped[str | None] = mapped_column(String(64))
    request_bytes: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Credentials cut; kept only where the reply was refused or unreadable."""
    reply_bytes: Mapped[bytes | None] = mapped_column(LargeBinary)


def fold_positions(positions: Iterable[int]) -> str:
    """Write positions in their order with runs folded: [1, 2, 3, 5] -> "1-3,5"."""
    positions = list(positions)
    if len(positions) > 1 and positions == list(range(positions[0], positions[0] + len(positions))):
        return f"{positions[0]}-{positions[-1]}"  # nearly always
    parts: list[str] = []
    first = last = None
    for position in positions:
        if last is not None and position == last + 1:
            last = position
            continue
        if first is not None:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = position
    if first is not None:
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)


def unfold_positions(folded: str) -> list[int]:
    """Read what `fold_positions` wrote, in the same order."""
    positions: list[int] = []
    for part in filter(None, folded.split(",")):
        first, _, last = part.partition("-")
        positions.extend(range(int(first), int(last or first) + 1))
    return positions
