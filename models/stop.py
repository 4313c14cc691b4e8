"""The stop list: numbers that nothing is sent to any more."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, Instant


class Stop(Base):
    """One number that asked, or was found, to be left alone; for every account."""

    __tablename__ = PREFIX + "stops"
    __table_args__ = ({"sqlite_with_rowid": False},)

    msisdn: Mapped[str] = mapped_column(String(14), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(String(64))
    """A person, or `provider` where the gateway said so."""
