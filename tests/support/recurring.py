"""Schedules in few words: a ledger, a folder with a list, and makers on the test's clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models.campaign import Campaign
from models.ledger.schedules import Recipe, create_schedule
from models.schedule import Schedule
from models.session import transaction
from tests.support.driving import quick_settings
from tests.support.ledger import PLAIN, Ledger
from worker.core.cron import read_cron
from worker.schedules import Maker

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Recurring:
    """A ledger whose schedules fire daily at 10:00 UTC, and a list of two people."""

    ledger: Ledger
    folder: Path

    @property
    def list_path(self) -> Path:
        """The list that schedules send to."""
        return self.folder / "people.csv"

    def write_list(self, *lines: str) -> None:
        """Write the list arecipe."""
        self.list_path.write_text("\n".join(("phone,name", *lines, "")), encoding="utf-8")

    def a_schedule(self, name: str = "daily", **changes: Any) -> int:
        """Make a schedule whose first occurrence is at ten; return its id."""
        source = {} if "list_name" in changes else {"recipients_file": str(self.list_path)}
        named: dict[str, Any] = {"cron": "0 10 * * *", "time_zone": "UTC", "content": PLAIN, **source, **changes}
        with transaction(self.ledger.sessions) as session:
            recipe = Recipe(name=name, account="default", **named)
            first = read_cron(recipe.cron, recipe.time_zone).after(TEN - timedelta(seconds=1))
            assert first is not None
            return create_schedule(session, recipe, next_at=first, actor="anna", clock=self.ledger.clock)

    def maker(self, at: Callable[[str], None] = lambda step: None, **named: Any) -> Maker:
        """Return a maker on the test's clock."""
        return Maker(quick_settings("sqlite://"), self.ledger.sessions, clock=self.ledger.clock, at=at, **named)

    def at(self, moment: datetime) -> None:
        """Set the clock."""
        self.ledger.clock.now = moment

    def make(self, schedule_id: int) -> int | None:
        """Make what is due, and prove the data."""
        made = self.maker().make(schedule_id)
        self.ledger.prove()
        return made

    def schedule(self, schedule_id: int) -> Schedule:
        """Return the schedule as it is now."""
        (found,) = self.ledger.all(select(Schedule).where(Schedule.id == schedule_id))
        assert isinstance(found, Schedule)
        return found

    def campaigns(self) -> list[Campaign]:
        """Return all campaigns that were announced, oldest first."""
        return self.ledger.all(select(Campaign).where(Campaign.imported_at.is_not(None)).order_by(Campaign.id))

    def drafts(self) -> list[Campaign]:
        """Return what makers have left behind."""
        return self.ledger.all(select(Campaign).where(Campaign.imported_at.is_(None)))
