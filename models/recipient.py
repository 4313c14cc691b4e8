"""Recipients: one message owed each, in import order. A row never changes after the import."""

from sqlalchemy import CheckConstraint, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import PREFIX, Base, BigId


class Recipient(Base):
    """One data row of the caller's list, also one that is skipped.

    No foreign key to the campaign: checking it costs a third of a bulk import, and only `ledger.enqueue` writes here.
    """

    __tablename__ = PREFIX + "recipients"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("(send_key IS NULL) = (key_account_id IS NULL)", name="send_key"),
        Index(
            "uq_bulkpost_recipients_send_key",
            "key_account_id",
            "send_key",
            unique=True,
            postgresql_where=text("send_key IS NOT NULL"),
            sqlite_where=text("send_key IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    campaign_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    msisdn: Mapped[str | None] = mapped_column(String(14))
    """E.164 digits; NULL where the row had no number that can be sent to (its outcome says why)."""
    ref: Mapped[str | None] = mapped_column(String(200))
    """The caller's own reference."""
    values_json: Mapped[str | None] = mapped_column(Text)
    """A JSON array of texts, one for each of `campaigns.column_names`."""
    send_key: Mapped[str | None] = mapped_column(String(15))
    """The caller's own key, 1 to 15 digits; NULL means campaign prefix + position."""
    key_account_id: Mapped[int | None] = mapped_column(BigId)
