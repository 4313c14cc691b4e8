"""The inbox from end to end: the example with psql, and a tick that is killed at every step."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.campaign import Campaign
from models.ledger.stops import add_stops
from models.outgoing import Outgoing
from models.session import reading, transaction
from tests.support.crash_child import Crash, open_nursery
from tests.support.crash_deeds import WAITING, take_the_inbox_in, write_into_the_inbox
from tests.support.driving import JumpingClock, a_runtime, work_once, work_until_ended
from tests.support.psql import psql
from worker.proof import prove
from worker.runtime import Runtime
from worker.simulator.running import running_simulator

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """Lets a process die at a step."""
    with open_nursery() as crash:
        yield crash


def campaign_ids(runtime: Runtime) -> list[int]:
    with reading(runtime.sessions) as session:
        statement = select(Campaign.id).where(Campaign.imported_at.is_not(None)).order_by(Campaign.id)
        return list(session.execute(statement).scalars())


def take_in(runtime: Runtime) -> list[int]:
    clock = JumpingClock()
    for _ in range(3):
        work_once(runtime, clock)
        clock.jump(60)
    return campaign_ids(runtime)


def test_the_example_with_psql_sends_what_it_says(postgres_url: str) -> None:
    with running_simulator() as simulator, a_runtime(postgres_url, simulator.url) as runtime:
        first = psql(postgres_url, "examples/inbox.sql")
        assert (first.returncode, first.stdout) == (0, ""), first.stderr
        (campaign_id,) = take_in(runtime)
        assert work_until_ended(runtime, campaign_id)["accepted"] == 2
        again = psql(postgres_url, "examples/inbox.sql")
        messages = {message["client_id_sms"]: message for message in simulator.ledger()["messages"]}
        assert messages["1001"]["text"] == "Hello Anna, order 1001 is here"
        assert messages["1002"]["text"] == "Hello Борис, order 1002 is here"
        assert again.stdout.splitlines() == [
            "order 1003|too few digits for a phone number",
            f"order 1001|1001|accepted|{messages['1001']['id_sms']}|1|",
            f"order 1002|1002|accepted|{messages['1002']['id_sms']}|1|",
        ]


def test_a_mailing_of_which_everybody_is_stopped_ends(database_url: str, tmp_path: Path) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url) as runtime:
        with transaction(runtime.sessions) as session:
            stopped = [str(79030000000 + number) for number in range(1, WAITING + 1)]
            add_stops(session, stopped, reason="asked", actor="test")
        write_into_the_inbox(runtime, tmp_path, lambda step: None)
        (campaign_id,) = take_in(runtime)
        assert work_until_ended(runtime, campaign_id)["skipped"] == WAITING
        assert simulator.ledger()["charged"] == 0


@pytest.mark.parametrize("step", ["taking_in", "taken_in", "taking_in:2", "taken_in:3", "gathering", "gathered"])
def test_kill_at_any_step_takes_every_row_once(crash: Crash, step: str, database_url: str, tmp_path: Path) -> None:
    with running_simulator() as simulator, a_runtime(database_url, simulator.url) as runtime:
        write_into_the_inbox(runtime, tmp_path, lambda step: None)
        crash(step, take_the_inbox_in, database_url, tmp_path)
        (campaign_id,) = take_in(runtime)
        assert work_until_ended(runtime, campaign_id)["accepted"] == WAITING
        assert simulator.ledger()["charged"] == WAITING
        assert prove(runtime.sessions).breaches == ()
        with reading(runtime.sessions) as session:
            places = session.execute(select(func.count(Outgoing.position.distinct()))).scalar_one()
        assert places == WAITING
