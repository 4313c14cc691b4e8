"""P7 for schedules: whatever is killed, and however many schedulers there are, an occurrence is one campaign."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.campaign import Campaign
from models.content import Sms
from models.ledger.control import set_account
from models.ledger.occurrences import MAKER_LEASE_SECONDS
from models.ledger.schedules import Recipe, create_schedule
from models.recipient import Recipient
from models.session import database_clock, reading, transaction
from tests.support import crash_child
from tests.support.crash_child import run_until_killed_at
from tests.support.crash_deeds import make_occurrences
from tests.support.driving import JumpingClock, quick_settings, repository
from tests.support.programs import bulkpost, environment
from worker.runtime import Runtime, open_runtime
from worker.scheduler import Scheduler
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(180)

STEPS = ("taking", "taken", "begun", "adding:1", "added:2", "finishing", "finished")
PEOPLE = 25
SCHEDULERS = 4
DAY_SECONDS = 86_400.0


@contextmanager
def an_installation(database_url: str, folder: Path) -> Iterator[Runtime]:
    """Open an installation with a schedule whose occurrence came ten seconds ago; the next one is years away."""
    people = folder / "people.csv"
    people.write_text("".join(f"{79030000001 + row}\n" for row in range(PEOPLE)))
    content = Sms(sender="Shop", text="Hello")
    recipe = Recipe(
        name="rare", account="default", cron="0 0 29 2 *", time_zone="UTC", content=content, recipients_file=str(people)
    )
    runtime = open_runtime(quick_settings(database_url))
    with transaction(runtime.sessions) as session:
        create_schedule(session, recipe, next_at=database_clock(session) - timedelta(seconds=10), actor="test")
    yield runtime
    runtime.close()


def campaigns(runtime: Runtime, *, announced: bool = True) -> list[int]:
    """Return how many recipients each campaign has."""
    with reading(runtime.sessions) as session:
        condition = Campaign.imported_at.is_not(None) if announced else Campaign.imported_at.is_(None)
        found = session.execute(select(Campaign.id).where(condition)).scalars().all()
        count = select(func.count()).select_from(Recipient)
        return [session.execute(count.where(Recipient.campaign_id == one)).scalar_one() for one in found]


@pytest.mark.parametrize("step", STEPS)
def test_a_maker_killed_at_any_step_leaves_an_occurrence_that_is_made_once(
    step: str, database_url: str, tmp_path: Path
) -> None:
    with an_installation(database_url, tmp_path) as runtime:
        run_until_killed_at(step, make_occurrences, database_url, tmp_path)
        clock = JumpingClock()
        scheduler = Scheduler(runtime.settings, runtime.sessions, clock=clock)
        for seconds in (0, MAKER_LEASE_SECONDS):
            clock.jump(seconds)
            for schedule_id in scheduler.occurrences():
                replace(runtime.maker(), clock=clock).make(schedule_id)
        assert campaigns(runtime) == [PEOPLE]
        clock.jump(DAY_SECONDS)
        for _ in range(3):
            scheduler.tick()
        assert scheduler.occurrences() == campaigns(runtime, announced=False) == []


def test_schedulers_in_processes_of_their_own_make_one_campaign(postgres_url: str, tmp_path: Path) -> None:
    arguments = [make_occurrences.__name__, postgres_url, str(tmp_path), "no step"]
    with an_installation(postgres_url, tmp_path) as runtime:
        command = [sys.executable, "-m", crash_child.__name__, *arguments]
        children = [subprocess.Popen(command, cwd=repository()) for _ in range(SCHEDULERS)]
        assert [child.wait(120) for child in children] == [0] * SCHEDULERS
        assert campaigns(runtime) == [PEOPLE]
        assert campaigns(runtime, announced=False) == []


def test_a_due_occurrence_is_made_and_sent_before_the_process_calls_itself_idle(
    database_url: str, tmp_path: Path
) -> None:
    with running_simulator() as simulator, an_installation(database_url, tmp_path) as runtime:
        with transaction(runtime.sessions) as session:
            set_account(session, "default", {"gateway_url": simulator.url}, actor="test")
        done = bulkpost(environment(database_url), "up", "--until-idle", timeout=120)
        assert done.returncode == 0, done.stderr
        assert campaigns(runtime) == [PEOPLE]
        assert simulator.ledger()["charged"] == PEOPLE
