"""The inbox in few words: rows as another application INSERTs them, and what the tick makes of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.campaign import Campaign
from models.ledger.gathering import QUIET_SECONDS
from models.outgoing import Outgoing
from models.session import transaction
from tests.support.ledger import Ledger, SetClock, open_ledger
from worker.inbox import Inbox

GREETING = {"campaign_key": "k", "sender": "Shop", "text": "Hello"}


@dataclass
class AnInbox:
    """A ledger into whose inbox others write. Its clock is ahead of what they write by themselves."""

    ledger: Ledger

    def insert(self, *rows: dict[str, Any], session: Session | None = None) -> None:
        """Write rows as they are given, in one transaction; what is not given takes the table's default."""
        if session is None:
            with transaction(self.ledger.sessions) as session:
                self.insert(*rows, session=session)
            return
        for row in rows:
            names = ", ".join(row)
            marks = ", ".join(f":{name}" for name in row)
            session.execute(text(f"INSERT INTO bulkpost_outgoing ({names}) VALUES ({marks})"), row)

    def letters(self, count: int = 3, **changes: Any) -> list[dict[str, Any]]:
        """Return rows for numbers 79030000001 and so on."""
        return [{**GREETING, "phone": str(79030000000 + n), **changes} for n in range(1, count + 1)]

    def taker(self, at: Callable[[str], None] = lambda step: None) -> Inbox:
        """Return what takes rows in, on the test's clock."""
        return Inbox(self.ledger.sessions, "RU", self.ledger.clock, at)

    def take_in(self) -> int:
        """Take in what waits; return how many campaigns were made, and prove the data."""
        made = self.taker().take_in(60.0)
        self.ledger.prove()
        return made

    def make(self) -> list[Campaign]:
        """Take in what waits, let the moment pass in which more might come, and return all campaigns."""
        self.take_in()
        self.ledger.clock.jump(QUIET_SECONDS + 0.1)
        self.take_in()
        return self.campaigns()

    def campaigns(self) -> list[Campaign]:
        """Return what was announced, oldest first."""
        return self.ledger.all(select(Campaign).where(Campaign.imported_at.is_not(None)).order_by(Campaign.id))

    def rows(self) -> list[Any]:
        """Return what stands in the inbox about what became of its rows."""
        columns = (Outgoing.campaign_id, Outgoing.position, Outgoing.refusal)
        with transaction(self.ledger.sessions) as session:
            return [tuple(row) for row in session.execute(select(*columns).order_by(Outgoing.id))]

    def refusals(self) -> list[str | None]:
        """Return why each row was refused."""
        return [row[2] for row in self.rows()]


@contextmanager
def open_inbox(database_url: str) -> Iterator[AnInbox]:
    """Open the inbox of a migrated database."""
    with open_ledger(database_url, SetClock(datetime.now(UTC).replace(microsecond=0))) as ledger:
        ledger.clock.jump(3600)
        yield AnInbox(ledger)
