"""P1, P2, P5 after a power cut of PostgreSQL's machine: an answer may be lost with it, and is asked for again."""

import os
from collections.abc import Iterator
from contextlib import closing
from signal import SIGKILL

import psycopg
import pytest
from sqlalchemy import make_url, select, text

from models.attempt import Attempt
from models.batch import Batch
from models.session import reading
from models.states import BatchStatus
from tests.support.databases import migrate, postgres_database
from tests.support.driving import a_runtime, create, work_until_ended
from tests.support.servers import required
from tests.support.trouble import plain
from worker.dispatcher import Dispatcher
from worker.private_servers import PrivatePostgres, private_postgres
from worker.proof import prove
from worker.runtime import Runtime
from worker.scheduler import Scheduler
from worker.simulator.running import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(60)

SIZE = 20


@pytest.fixture(scope="module")
def forgetful() -> Iterator[PrivatePostgres]:
    """A server that writes what nobody waits for after ten seconds only."""
    with required(private_postgres({"wal_writer_delay": "10s"})) as running:
        yield running


@pytest.fixture
def campaign(forgetful: PrivatePostgres) -> Iterator[tuple[Runtime, RunningSimulator]]:
    """Plan a campaign of two documents."""
    forgetful.start()
    with (
        postgres_database(forgetful.url) as url,
        running_simulator() as simulator,
    ):
        migrate(url)
        with a_runtime(url, simulator.url, batch_size=SIZE) as runtime:
            create(runtime, 2 * SIZE)
            Scheduler(runtime.settings, runtime.sessions).tick()
            yield runtime, simulator


class PowerCut(Exception):
    """Raised where a process ends with its machine."""


def claim_only(runtime: Runtime) -> None:
    def cut(step: str) -> None:
        if step == "claimed":
            raise PowerCut

    with pytest.raises(PowerCut):
        Dispatcher(runtime.settings, runtime.sessions, runtime.gateway, at=cut).dispatch(1)


def cut_the_power(runtime: Runtime, server: PrivatePostgres) -> None:
    server.kill()
    runtime.engine.dispose()
    server.start()


def statuses(runtime: Runtime) -> list[BatchStatus]:
    with reading(runtime.sessions) as session:
        return list(session.execute(select(Batch.status).order_by(Batch.first_position)).scalars())


def test_lost_answer_is_asked_for_again_under_the_same_keys(
    campaign: tuple[Runtime, RunningSimulator], forgetful: PrivatePostgres
) -> None:
    runtime, simulator = campaign
    runtime.dispatcher().dispatch(1)
    assert statuses(runtime) == [BatchStatus.COMPLETED, BatchStatus.AVAILABLE]
    cut_the_power(runtime, forgetful)
    assert statuses(runtime) == [BatchStatus.RUNNING, BatchStatus.AVAILABLE]
    assert work_until_ended(runtime, 1)["accepted"] == 2 * SIZE
    assert (simulator.ledger()["charged"], simulator.ledger()["repeats"]) == (2 * SIZE, SIZE)
    with reading(runtime.sessions) as session:
        ends = session.execute(select(Attempt.number, Attempt.outcome).order_by(Attempt.first_position, Attempt.number))
        assert [(number, str(outcome)) for number, outcome in ends] == [(1, "lost"), (2, "answered"), (1, "answered")]
    assert prove(runtime.sessions).breaches == ()


def test_next_claim_takes_the_answer_before_it_along(
    campaign: tuple[Runtime, RunningSimulator], forgetful: PrivatePostgres
) -> None:
    runtime, simulator = campaign
    runtime.dispatcher().dispatch(1)

    claim_only(runtime)
    cut_the_power(runtime, forgetful)
    assert statuses(runtime) == [BatchStatus.COMPLETED, BatchStatus.RUNNING]
    assert work_until_ended(runtime, 1)["accepted"] == 2 * SIZE
    assert (simulator.ledger()["charged"], simulator.ledger()["repeats"]) == (2 * SIZE, 0)
    assert prove(runtime.sessions).breaches == ()


def test_claim_outlives_a_power_cut_whatever_the_database_prefers(
    campaign: tuple[Runtime, RunningSimulator], forgetful: PrivatePostgres
) -> None:
    runtime, _simulator = campaign
    name = make_url(runtime.settings.database_url).database
    with runtime.engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        connection.commit()
    runtime.engine.dispose()
    claim_only(runtime)
    cut_the_power(runtime, forgetful)
    assert statuses(runtime) == [BatchStatus.RUNNING, BatchStatus.AVAILABLE]


def test_kill_of_one_backend_takes_an_answer_with_it_as_a_power_cut_does(
    campaign: tuple[Runtime, RunningSimulator], forgetful: PrivatePostgres
) -> None:
    runtime, simulator = campaign
    runtime.dispatcher().dispatch(1)
    url = plain(runtime.settings.database_url)
    with closing(psycopg.connect(url)) as victim, closing(psycopg.connect(url)) as bystander:
        os.kill(victim.info.backend_pid, SIGKILL)
        with pytest.raises(psycopg.OperationalError):  # all of them share one memory, and end with it
            bystander.execute("SELECT pg_sleep(30)")
    runtime.engine.dispose()
    forgetful.restart()
    assert statuses(runtime) == [BatchStatus.RUNNING, BatchStatus.AVAILABLE]
    assert work_until_ended(runtime, 1)["accepted"] == 2 * SIZE
    assert simulator.ledger()["charged"] == 2 * SIZE
    assert prove(runtime.sessions).breaches == ()
