"""The table of the peers: a row for each message, as an ORM makes it."""

from itertools import islice

from sqlalchemy import Engine, create_engine, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from worker.bench.lists import phones

ROWS_AT_ONCE = 10_000
NEW = "new"


class Base(DeclarativeBase):
    """The peers' own tables."""


class Message(Base):
    """One message and what became of it. No index on the status: that would cost them more."""

    __tablename__ = "peer_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str]
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default=NEW)
    provider_id: Mapped[str | None]
    parts: Mapped[int | None]


def fill(url: str, count: int) -> None:
    """Make the table and write the list."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    people = enumerate(phones(count), 1)
    with engine.begin() as connection:
        while chunk := [{"id": n, "phone": p, "name": name} for n, (p, name) in islice(people, ROWS_AT_ONCE)]:
            connection.execute(insert(Message), chunk)
    engine.dispose()


def count_sent(engine: Engine) -> dict[str, int]:
    """Return how many are sent, and how many different ids they have."""
    statement = select(func.count(), func.count(Message.provider_id.distinct())).where(Message.status == "send")
    with engine.connect() as connection:
        sent, ids = connection.execute(statement).one()
    return {"accepted": sent, "ids": ids}
